"""Every snippet of docs/sse.md runs, and prints what its comments say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.servers import Server, answering

PATH = Path(__file__).parents[2] / "docs" / "sse.md"
TEXT = PATH.read_text(encoding="utf-8")
EXAMPLE_HOST = "https://www.example.org"

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXPECTED_LINE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)

BODY = b'retry: 1\nevent: add\nid: 1\ndata: {"temperature": 20}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one event."""
    server = Server(answering(STREAM, NO_CONTENT))
    yield server
    server.close()


@pytest.mark.parametrize("code", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippet_prints_what_it_says(code: str, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    code = code.replace(EXAMPLE_HOST, server.url(""))
    exec(compile(code, str(PATH), "exec"), {"__name__": "__main__"})
    expected = EXPECTED_LINE.findall(code)
    assert expected, "the snippet shows nothing"
    assert capsys.readouterr().out.splitlines() == expected
    assert server.requests[0].target == "/events"


def test_async_snippets_stand_beside_sync_ones() -> None:
    assert len(SNIPPETS) >= 6
    for heading in ("# Server-Sent Events", "## Connecting again"):
        section = TEXT.split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
        codes = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        assert [("async def main" in code) for code in codes] == [False, True], heading
