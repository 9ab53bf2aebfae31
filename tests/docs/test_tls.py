"""Every snippet of docs/tls.md and docs/response-extensions.md runs, and prints what its comments say."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.proxy_scripts import ESTABLISHED, play_origin
from tests.client.servers import Conversation, Server
from tests.network.lines import Trust

DOCS = Path(__file__).parents[2] / "docs"
PATHS = [DOCS / "tls.md", DOCS / "response-extensions.md"]

FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = [
    pytest.param(path, code, id=f"{path.stem}-{number}")
    for path in PATHS
    for number, code in enumerate(FENCE.findall(path.read_text(encoding="utf-8")))
]
EXPECTED_LINE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)
FINGERPRINT = re.compile(r'"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}"')


@pytest.fixture
def fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The fingerprint of an origin that is www.example.org, whatever it is asked for; the environment leads to it."""
    trust = Trust()
    certificate = trust.issue("www.example.org")
    context = trust.server_context(certificate)
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = ssl.CERT_OPTIONAL
    trust.authority.configure_trust(context)
    trust.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = trust.issue("ann@example.org", common_name="ann")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    server = Server(make_script(context))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", server.url())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.chdir(tmp_path)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    yield hashlib.sha256(der).digest().hex(":").upper()
    server.close()


def make_script(context: ssl.SSLContext) -> Any:
    """Return the script of a proxy behind which every host is the same, and tells whose certificate it was shown."""

    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(ESTABLISHED)
        play_origin(conversation, answer, context)

    def answer(conversation: Conversation) -> None:
        certificate: Any = conversation.channel.ssl.getpeercert()  # type: ignore[attr-defined]  # under TLS there is one
        subject = dict(pair for pairs in (certificate or {}).get("subject", ()) for pair in pairs)
        body = subject.get("commonName", "nobody").encode()
        while True:
            conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    return script


@pytest.mark.parametrize(("path", "code"), SNIPPETS)
def test_snippet_prints_what_it_says(
    path: Path, code: str, fingerprint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = FINGERPRINT.sub(f'"{fingerprint}"', code)
    exec(compile(code, str(path), "exec"), {"__name__": "__main__"})
    expected = EXPECTED_LINE.findall(code)
    assert expected, "the snippet shows nothing"
    assert capsys.readouterr().out.splitlines() == expected


def test_snippets_are_found() -> None:
    assert len(SNIPPETS) >= 8
