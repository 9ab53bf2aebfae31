"""Every Python snippet of the README runs, and prints what its comments say.

The snippets name https://www.example.org; here the local origin takes its place.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.origin import Origin

README = Path(__file__).parents[2] / "README.md"
EXAMPLE_HOST = "https://www.example.org"

# A fenced block of Python, and the heading above it.
BLOCK = re.compile(r"^## (?P<heading>.+?)$|^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
# `print(...)  # what it prints`
EXPECTED_LINE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def read_snippets() -> list[object]:
    """Return the snippets as test parameters, named after their headings."""
    snippets: list[object] = []
    heading = ""
    for match in BLOCK.finditer(README.read_text(encoding="utf-8")):
        if match["code"] is None:
            heading = match["heading"]
        else:
            snippets.append(pytest.param(match["code"], id=heading))
    return snippets


@pytest.mark.parametrize("code", read_snippets())
def test_snippet_prints_what_it_says(code: str, origin: Origin, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code.replace(EXAMPLE_HOST, origin.url()), str(README), "exec"), {"__name__": "__main__"})
    expected = EXPECTED_LINE.findall(code)
    assert expected, "the snippet shows nothing"
    assert capsys.readouterr().out.splitlines() == expected


def test_async_snippets_stand_beside_sync_ones() -> None:
    text = README.read_text(encoding="utf-8")
    for heading in ("A client", "Many at once", "Streaming", "Timeouts"):
        section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
        codes = [match["code"] for match in BLOCK.finditer(section) if match["code"]]
        assert [("async def main" in code) for code in codes[:2]] == [False, True], heading


def test_links_lead_to_files_of_the_repository() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (README.parent / target).exists()] == []
