"""HTTP/1.1 requests are encoded as RFC 9112 says, or refused before a byte is sent."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._exceptions import LocalProtocolError
from httpx._protocols.fields import FieldList
from httpx._protocols.h1 import ChunkedEncoder, LengthEncoder, ResponseDecoder, encode_head, request_framing

HOST = (b"Host", b"www.example.com")


def test_head_from_the_rfc() -> None:
    # RFC 9112 2.1 and 3.2.1, the names in the case given.
    head = encode_head(b"GET", b"/where?q=now", [HOST, (b"user-AGENT", b"curl/7.64.1"), (b"Empty", b"")])
    assert head == b"GET /where?q=now HTTP/1.1\r\nHost: www.example.com\r\nuser-AGENT: curl/7.64.1\r\nEmpty: \r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"OPTIONS", b"*"),
        (b"CONNECT", b"www.example.com:80"),
        (b"GET", b"http://www.example.org/pub"),
        (b"M-SEARCH", b"/"),
    ],
)
def test_forms_of_the_target(method: bytes, target: bytes) -> None:
    assert encode_head(method, target, [HOST]).startswith(method + b" " + target + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "method", [b"", b"GE T", b"GET ", b" GET", b"GET\r\n", b"G\0T", b"G\xc9T", b"GET /x HTTP/1.1\r\nA: b\r\n\r\nGET"]
)
def test_method_that_is_no_token_is_refused(method: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="Illegal method characters"):
        encode_head(method, b"/", [HOST])


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b" ",
        b"/a b",
        b"/ ",
        b" /",
        b"/\r\n",
        b"/\n",
        b"/\0",
        b"/\x7f",
        b"/\xe9",
        b"/\t",
        b"/ HTTP/1.1\r\nA: b\r\n\r\nGET /",
    ],
)
def test_target_outside_the_grammar_is_refused(target: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="Illegal target characters"):
        encode_head(b"GET", target, [HOST])


def test_target_is_not_shown_in_the_message() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_head(b"GET", b"/?token=hunter2 ", [HOST])
    assert "hunter2" not in str(caught.value)


def test_bad_fields_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="Illegal header value"):
        encode_head(b"GET", b"/", [HOST, (b"X", b"a\r\nEvil: 1")])
    with pytest.raises(LocalProtocolError, match="Illegal header name"):
        encode_head(b"GET", b"/", [HOST, (b"X: a\r\nEvil", b"1")])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "Missing mandatory Host: header"),
        ([(b"X-Host", b"a")], "Missing mandatory Host: header"),
        ([(b"Hosts", b"Host: a")], "Missing mandatory Host: header"),
        ([HOST, (b"hOST", b"b")], "Found multiple Host: headers"),
    ],
)
def test_exactly_one_host_is_sent(fields: FieldList, message: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_head(b"GET", b"/", fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "content_length", "is_chunked"),
    [
        ([], None, False),
        ([HOST], None, False),
        ([(b"content-LENGTH", b"0")], 0, False),
        ([(b"Content-Length", b"12345678901234567890")], 12345678901234567890, False),
        ([(b"Content-Length", b"5"), (b"content-length", b"5")], 5, False),
        ([(b"transfer-ENCODING", b"Chunked")], None, True),
    ],
)
def test_framing_of_the_request(fields: FieldList, content_length: int | None, is_chunked: bool) -> None:
    framing = request_framing(fields)
    assert (framing.content_length, framing.is_chunked) == (content_length, is_chunked)
    assert isinstance(framing.make_encoder(), ChunkedEncoder if is_chunked else LengthEncoder)


@pytest.mark.parametrize(
    "value", [b"", b"+5", b"-5", b"0x5", b"5_0", b" 5", b"5, 5", b"5,6", b"5.0", b"1" * 21, b"\xb2"]
)
def test_content_length_outside_the_grammar_is_refused(value: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="bad Content-Length"):
        request_framing([(b"Content-Length", value)])


def test_contradictory_framing_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="conflicting Content-Length headers: b'5' and b'6'"):
        request_framing([(b"Content-Length", b"5"), (b"Content-Length", b"6")])
    with pytest.raises(LocalProtocolError, match="Content-Length cannot be sent with Transfer-Encoding"):
        request_framing([(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")])


@pytest.mark.parametrize("values", [[b"gzip"], [b"gzip, chunked"], [b"identity"], [b"chunked", b"chunked"], [b""]])
def test_transfer_coding_other_than_chunked_is_refused(values: list[bytes]) -> None:
    with pytest.raises(LocalProtocolError, match="Only Transfer-Encoding: chunked is supported"):
        request_framing([(b"Transfer-Encoding", value) for value in values])


def test_body_by_length_passes_through() -> None:
    encoder = LengthEncoder(5)
    part = b"hel"
    assert encoder.encode(part) is part
    assert encoder.encode(b"") == b""
    assert encoder.encode(b"lo") == b"lo"
    assert encoder.finish() == b""


def test_body_by_length_is_held_to_its_length() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        LengthEncoder(5).encode(b"hello!")
    assert str(caught.value) == "Too much data for declared Content-Length"
    encoder = LengthEncoder(5)
    encoder.encode(b"hell")
    with pytest.raises(LocalProtocolError) as caught:
        encoder.finish()
    assert str(caught.value) == "Too little data for declared Content-Length"


def test_body_without_framing_is_empty() -> None:
    encoder = request_framing([HOST]).make_encoder()
    assert encoder.finish() == b""
    with pytest.raises(LocalProtocolError, match="Too much data"):
        encoder.encode(b"a")


def test_body_by_length_has_no_trailers() -> None:
    with pytest.raises(LocalProtocolError, match="Trailers need"):
        LengthEncoder(0).finish([(b"a", b"b")])


def test_body_in_chunks() -> None:
    encoder = ChunkedEncoder()
    assert encoder.encode(b"hello world") == b"b\r\nhello world\r\n"
    assert encoder.encode(b"") == b""
    assert encoder.finish() == b"0\r\n\r\n"
    assert encoder.finish([(b"Digest", b"x"), (b"Empty", b"")]) == b"0\r\nDigest: x\r\nEmpty: \r\n\r\n"
    with pytest.raises(LocalProtocolError, match="Illegal header value"):
        encoder.finish([(b"Digest", b"x\r\n")])


def test_large_chunk_is_not_copied() -> None:
    data = bytes(64 * 1024 + 1)
    parts = ChunkedEncoder().encode(data)
    assert isinstance(parts, tuple)
    assert parts[0] == b"10001\r\n"
    assert parts[1] is data
    assert parts[2] == b"\r\n"
    assert isinstance(ChunkedEncoder().encode(data[:-1]), bytes)


@given(st.lists(st.binary(max_size=40)))
def test_chunks_round_trip(parts: list[bytes]) -> None:
    encoder = ChunkedEncoder()
    wire = b"".join(_joined(encoder.encode(part)) for part in parts)
    decoder = ResponseDecoder()
    decoder.reset("GET")
    decoder.receive_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert decoder.receive_body(wire + encoder.finish()) == b"".join(parts)
    assert decoder.is_done


@given(
    st.sampled_from([b"GET", b"POST", b"PROPFIND"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20),
    st.lists(
        st.tuples(
            st.from_regex(rb"\AX-[!#$%&'*+\-.^_`|~0-9A-Za-z]{0,8}\Z"),
            st.from_regex(rb"\A[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]{0,10}[\x21-\x7e\x80-\xff])?\Z"),
        ),
        max_size=6,
    ),
)
def test_h11_as_server_reads_the_same(method: bytes, target: str, fields: FieldList) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(encode_head(method, target.encode(), [HOST, *fields]))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method, target.encode())
    assert request.headers.raw_items() == [HOST, *fields]


# Private from here on.


def _joined(encoded: bytes | tuple[bytes, ...]) -> bytes:
    return encoded if isinstance(encoded, bytes) else b"".join(encoded)
