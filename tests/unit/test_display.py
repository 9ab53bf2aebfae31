"""What the command line makes of bodies, certificates and option names, without a request."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import httpx
from httpx._display import Display, describe_tls, find_lexer, lay_out_json, render_help


@pytest.mark.parametrize(
    ("content_type", "lexer"),
    [
        ("application/json", "json"),
        ("Application/JSON; charset=utf-8", "json"),
        ("application/problem+json", "json"),
        ("image/svg+xml", "xml"),
        ("application/xml", "xml"),
        ("text/html; charset=utf-8", "html"),
        ("text/css", "css"),
        ("text/plain", "text"),
        ("text/event-stream", "text"),
        ("text/", "text"),
        ("application/octet-stream", None),
        ("image/png", None),
        ("made/up", None),
        (";;;", None),
        ("", None),
    ],
)
def test_media_type_tells_what_is_text_and_of_which_language(content_type: str, lexer: str | None) -> None:
    assert find_lexer(content_type) == lexer


def test_json_is_laid_out_with_one_value_a_line() -> None:
    text = '{"a":[1,{"b":null}],"c":{},"d":[ ],"e":"x, [y]: \\"{z}\\""}'
    assert lay_out_json(text.encode()) == json.dumps(json.loads(text), indent=4)


@pytest.mark.parametrize("text", ["1.10", "12345678901234567890.5", "1E400", '"\\u00e9"', '"é"', "true"])
def test_json_keeps_its_values_as_they_are_written(text: str) -> None:
    assert lay_out_json(text.encode()) == text
    assert lay_out_json(f'{{"a": {text}, "a": 1}}'.encode()) == f'{{\n    "a": {text},\n    "a": 1\n}}'


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1,]", b"words", b'"\xff"', b'"\xed\xa0\x80"', b"[" * 100_000, b'"a\nb"']
)
def test_what_is_no_json_is_not_laid_out(content: bytes) -> None:
    assert lay_out_json(content) is None


def test_json_in_another_unicode_encoding_is_laid_out() -> None:
    assert lay_out_json('{"é":1}'.encode("utf-16")) == '{\n    "é": 1\n}'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_any_json_is_laid_out_as_python_would(value: Any, indent: int | None, is_ascii: bool) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    text = lay_out_json(content)
    try:
        content.decode()
    except UnicodeDecodeError:
        assert text is None
    else:
        assert text == json.dumps(value, indent=4, ensure_ascii=is_ascii)


class TLSFacts:
    """In place of an `ssl.SSLObject`."""

    def __init__(self, certificate: dict[str, Any], protocol: str | None) -> None:
        self._certificate = certificate
        self._protocol = protocol

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> tuple[str, str, int]:
        return "TLS_AES_256_GCM_SHA384", "TLSv1.3", 256

    def selected_alpn_protocol(self) -> str | None:
        return self._protocol

    def getpeercert(self) -> dict[str, Any]:
        return self._certificate


def test_tls_is_described_with_every_entry_of_the_certificate() -> None:
    certificate = {
        "subject": ((("commonName", "a.example"),), (("organizationName", "A"), ("organizationName", "B"))),
        "version": 3,
        "notAfter": "Jan  1 00:00:00 2000 GMT",
        "subjectAltName": (("DNS", "a.example"), ("IP Address", "127.0.0.1")),
        "OCSP": ("http://ocsp.example",),
    }
    assert list(describe_tls(TLSFacts(certificate, "h2"))) == [
        "SSL established using 'TLSv1.3' / 'TLS_AES_256_GCM_SHA384'",
        "Selected ALPN protocol: 'h2'",
        "Server certificate:",
        "  subject:",
        "    commonName: 'a.example'",
        "    organizationName: 'A'",
        "    organizationName: 'B'",
        "  version: 3",
        "  notAfter: 'Jan  1 00:00:00 2000 GMT'",
        "  subjectAltName:",
        "    DNS: 'a.example'",
        "    IP Address: '127.0.0.1'",
        "  OCSP:",
        "    'http://ocsp.example'",
    ]


def test_tls_without_protocol_and_verification_says_so() -> None:
    lines = list(describe_tls(TLSFacts({}, None)))
    assert lines[1:] == ["No ALPN protocol selected", "Server certificate: not verified"]


class StreamFacts:
    """In place of a stream of the network."""

    def __init__(self, address: tuple[Any, ...] | None) -> None:
        self._address = address

    def get_extra_info(self, name: str) -> Any:
        return self._address if name == "server_addr" else None


@pytest.mark.parametrize(
    ("address", "line"), [(("::1", 80, 0, 0), "* Connected to '::1' on port 80\n"), (None, "")], ids=["IPv6", "gone"]
)
def test_connection_is_shown_with_its_address(
    address: tuple[Any, ...] | None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Display().trace("connection.connect_tcp.complete", {"return_value": StreamFacts(address)})
    assert capsys.readouterr() == (line, "")


def test_request_over_http2_is_shown_as_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    request = httpx.Request("GET", "https://a.example/b?c", headers={"X-Mixed": "Case"})
    Display().trace("http2.send_request_headers.started", {"request": request})
    assert capsys.readouterr().out == "GET /b?c HTTP/2\nhost: a.example\nx-mixed: Case\n\n"


def test_steps_that_nobody_asked_for_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Display().trace("http11.receive_response_body.started", {})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("message", ["", "two\nlines", "control \x1b[31m", "surrogate \udcff"])
def test_failure_is_one_line_without_control_characters(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Display().show_failure("ReadError", message)
    error = capsys.readouterr().err
    assert error.startswith("ReadError")
    assert error.count("\n") == 1
    assert error.strip().isprintable()


OPTIONS = [("-m, --method", "METHOD", "Words that say what it does, and some more."), ("--help", "", "Help.")]


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 160])
def test_help_fits_every_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = render_help(OPTIONS).splitlines()
    assert max(len(line) for line in lines) <= width
    words = " ".join(" ".join(lines).split())
    for option in OPTIONS:
        assert option[0] in words
    # Below 60 columns one is above the other.
    assert any("--method METHOD  Words" in line for line in lines) is (width >= 60)
    assert "more." in words
