"""respx intercepts what this package sends, in each of its modes, with httpcore installed and without.

What is tested are the tests of its users, in `respx_users`, run in processes of their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import httpx

USERS = Path(__file__).parent / "respx_users"

# Makes httpcore as good as not installed.
HIDE_HTTPCORE = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname == "httpcore" else super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""

# pytest imports respx, as a plugin, before it has seen a test.
RUN_PYTEST = f"""
import pytest
status = pytest.main(["-q", "-c", "no.ini", "-p", "no:cacheprovider", {str(USERS / "with_pytest.py")!r}])
"""

RUN_UNITTEST = f"""
import sys, unittest
sys.path.insert(0, {str(USERS)!r})
program = unittest.main("with_unittest", argv=["unittest"], exit=False)
status = not program.result.wasSuccessful() or not program.result.testsRun
"""


def run(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False, cwd=directory
    )


@pytest.mark.parametrize("is_installed", [True, False], ids=["httpcore", "no httpcore"])
@pytest.mark.parametrize("program", [RUN_PYTEST, RUN_UNITTEST], ids=["pytest", "unittest"])
def test_tests_of_users_pass(program: str, is_installed: bool, tmp_path: Path) -> None:
    (tmp_path / "no.ini").touch()
    name = "httpcore" if is_installed else "httpx._httpcore"
    code = f"{program}\nimport sys, httpcore\nassert httpcore.__name__ == {name!r}\nsys.exit(status)"
    result = run(code if is_installed else HIDE_HTTPCORE + code, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_httpcore_is_missing_for_others(tmp_path: Path) -> None:
    code = """
import httpx, httpx._pool
import importlib.util
assert importlib.util.find_spec("httpcore") is None
try:
    import httpcore
except ModuleNotFoundError as exc:
    assert str(exc) == "No module named 'httpcore'"
else:
    raise AssertionError
assert "httpx._exceptions" in sys.modules and "respx" not in sys.modules
"""
    result = run(HIDE_HTTPCORE + code, tmp_path)
    assert result.returncode == 0, result.stderr


def test_stand_in_has_exceptions_that_mean_something_and_classes_that_do_nothing() -> None:
    from httpx import _httpcore

    for name in _httpcore._EXCEPTIONS.split():
        assert getattr(_httpcore, name) is getattr(httpx, name)
    for name in _httpcore._CLASSES.split():
        cls = getattr(_httpcore, name)
        assert getattr(_httpcore, name) is cls
        assert not isinstance(httpx.HTTPTransport(), cls)
        with pytest.raises(RuntimeError, match=rf"httpcore\.{name} cannot be used: httpcore is not installed"):
            cls("argument")
    with pytest.raises(AttributeError, match="httpcore is not installed, and what stands in for it has no 'connect'"):
        _httpcore.connect  # noqa: B018


def test_finder_is_there_once_and_last_of_those_that_were_there() -> None:
    from httpx._httpcore import HttpcoreFinder, install_finder

    finders = list(sys.meta_path)
    install_finder()
    assert sys.meta_path == finders
    assert finders.count(HttpcoreFinder) == 1
