"""What docs/compatibility.md says about names is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")

# The first column of the table.
GONE = re.findall(r"^\| `([\w.]+)` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("path", GONE)
def test_name_that_is_said_to_be_gone_is_gone(path: str) -> None:
    with pytest.raises(AttributeError):
        resolve_name(f"httpx.{path}")


def test_names_that_take_their_place_are_there() -> None:
    assert len(GONE) > 10
    for path in ("_models.headers.SENSITIVE_FIELDS", "_client.Client._build_redirect_request", "_client.Client.send"):
        assert resolve_name(f"httpx.{path}")


def test_files_that_are_named_exist() -> None:
    paths = re.findall(r"`(tests/[\w/.]+)`", TEXT)
    assert len(paths) >= 3
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
def test_snippet_prints_what_it_says(code: str) -> None:
    # In a program of its own: what these do is for all of a program.
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr == ""
    expected = re.findall(r"^ *print\(.*\)  # (.+)$", code, re.MULTILINE)
    assert expected, "the snippet shows nothing"
    assert result.stdout.splitlines() == expected
