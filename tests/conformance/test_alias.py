"""`httpx.alias_httpx2()` gives programs that import httpx2 this package. Each test is a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx


def run(code: str, *, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program, with the modules of a directory before others."""
    prefix = "" if directory is None else f"import sys; sys.path.insert(0, {str(directory)!r})\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", prefix + code], capture_output=True, text=True, timeout=60, check=False
    )


def check(code: str, *, directory: Path | None = None) -> None:
    result = run(code, directory=directory)
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""


def install_real_httpx2(directory: Path) -> None:
    """Make a package that stands for a real httpx2."""
    package = directory / "httpx2"
    package.mkdir()
    (package / "__init__.py").write_text("Client = 'real'\n")
    (package / "_client.py").write_text("Client = 'real'\n")


def test_modules_are_the_very_same() -> None:
    check("""
import httpx
httpx.alias_httpx2()
import httpx2
import httpx2._client, httpx2._types
import httpx2._transports.asgi
from httpx2 import AsyncClient, HTTPStatusError
from httpx2._client import USE_CLIENT_DEFAULT
assert httpx2 is httpx
assert AsyncClient is httpx.AsyncClient
import httpx._client, httpx._types
from httpx._transports import asgi
assert httpx2._client is httpx._client
assert httpx2._types is httpx._types
assert httpx2._transports.asgi is asgi
assert USE_CLIENT_DEFAULT is httpx._client.USE_CLIENT_DEFAULT
# They keep their names and specs.
for module in (httpx._client, httpx._types, asgi):
    assert module.__name__ == module.__spec__.name
    assert module.__name__.startswith("httpx.")
""")


def test_modules_of_the_successor_that_are_not_here_are_not_found() -> None:
    check("""
import importlib.util
import httpx
httpx.alias_httpx2()
assert importlib.util.find_spec("httpx2._client").name == "httpx2._client"
assert importlib.util.find_spec("httpx2.nothing") is None
for statement in ("import httpx2.nothing", "from httpx2 import nothing", "import httpx2.nothing.at_all"):
    try:
        exec(statement)
    except ImportError as exc:
        assert "nothing" in str(exc)
    else:
        raise AssertionError(statement)
""")


def test_calling_again_and_calling_the_other_way_round_does_nothing() -> None:
    check("""
import sys
import httpx
httpx.alias_httpx2()
finders = list(sys.meta_path)
httpx.alias_httpx2()
import httpx2
httpx2.alias_httpx()
httpx2.alias_httpx2()
assert sys.meta_path == finders
assert httpx2 is httpx is sys.modules["httpx"]
""")


def test_installed_httpx2_is_not_disturbed_unless_called(tmp_path: Path) -> None:
    install_real_httpx2(tmp_path)
    check(
        """
import httpx, httpx._client
import httpx2, httpx2._client
assert httpx2.Client == httpx2._client.Client == "real"
assert httpx.Client is httpx._client.Client != "real"
""",
        directory=tmp_path,
    )


def test_alias_comes_before_an_installed_httpx2(tmp_path: Path) -> None:
    install_real_httpx2(tmp_path)
    check(
        """
import httpx
httpx.alias_httpx2()
import httpx2._client
assert httpx2._client.Client is httpx.Client
""",
        directory=tmp_path,
    )


def test_imported_httpx2_is_an_error(tmp_path: Path) -> None:
    install_real_httpx2(tmp_path)
    check(
        """
import sys
import httpx2
import httpx
try:
    httpx.alias_httpx2()
except RuntimeError as exc:
    assert str(exc) == (
        f"httpx2 is imported already, from {httpx2.__file__}. "
        "Call httpx.alias_httpx2() before the first import of httpx2, directly or by a library."
    )
else:
    raise AssertionError
assert sys.modules["httpx2"] is httpx2
""",
        directory=tmp_path,
    )


def test_importing_this_package_aliases_nothing() -> None:
    check("""
import sys
import httpx
finders = list(sys.meta_path)
httpx.Client, httpx.alias_httpx2
assert sys.meta_path == finders
assert "httpx2" not in sys.modules
try:
    import httpx2
except ModuleNotFoundError:
    pass
else:
    raise AssertionError
""")


def test_other_way_round_is_a_call_that_does_nothing() -> None:
    httpx.alias_httpx()
    assert sys.modules["httpx"] is httpx
