"""Every snippet of docs/http2.md runs, and prints what its comments say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.h2.echo import EchoServer
from tests.network.lines import Trust

PATH = Path(__file__).parents[2] / "docs" / "http2.md"
TEXT = PATH.read_text(encoding="utf-8")

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXPECTED_LINE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, EchoServer]]:
    """A server for each scheme; the environment says whom the secure one is to be trusted for."""
    trust = Trust()
    trust.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = trust.server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    servers = {"http": EchoServer(), "https": EchoServer(context)}
    yield servers
    for server in servers.values():
        server.close()


@pytest.mark.parametrize("code", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippet_prints_what_it_says(
    code: str, servers: dict[str, EchoServer], capsys: pytest.CaptureFixture[str]
) -> None:
    for scheme, server in servers.items():
        code = code.replace(f"{scheme}://www.example.org", server.url(""))
    exec(compile(code, str(PATH), "exec"), {"__name__": "__main__"})
    expected = EXPECTED_LINE.findall(code)
    assert expected, "the snippet shows nothing"
    assert capsys.readouterr().out.splitlines() == expected
