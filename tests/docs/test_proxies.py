"""Every snippet of docs/proxies.md runs, through a proxy of ours, and prints what its comments say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.proxy_scripts import always, tunnelling
from tests.client.servers import Server
from tests.network.lines import Trust

PATH = Path(__file__).parents[2] / "docs" / "proxies.md"
PROXY = "http://proxy.example:3128"

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PATH.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
EXPECTED_LINE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A proxy behind which www.example.org is, whose authority the environment names."""
    trust = Trust()
    trust.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server = Server(tunnelling(always, context=trust.server_context(trust.issue("www.example.org"))))
    yield server
    server.close()


@pytest.mark.parametrize("code", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippet_prints_what_it_says(code: str, proxy: Server, capsys: pytest.CaptureFixture[str]) -> None:
    code = code.replace(PROXY, f"http://127.0.0.1:{proxy.port}")
    exec(compile(code, str(PATH), "exec"), {"__name__": "__main__"})
    expected = EXPECTED_LINE.findall(code)
    assert expected, "the snippet shows nothing"
    assert capsys.readouterr().out.splitlines() == expected
    assert proxy.heads[0].startswith(b"CONNECT www.example.org:443 ")


def test_snippets_are_found() -> None:
    assert len(SNIPPETS) >= 4
