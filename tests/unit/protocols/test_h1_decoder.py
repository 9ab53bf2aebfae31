"""HTTP/1.1 responses end where RFC 9112 6.3 says, however their bytes arrive."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from httpx._exceptions import LocalProtocolError, RemoteProtocolError
from httpx._protocols.fields import FieldList
from httpx._protocols.h1 import DecoderLimits, ResponseDecoder
from httpx._protocols.h1.head import MAX_KEPT_HEAD_SIZE, MAX_KNOWN_HEADS, KnownHeads, ResponseHead

from .h1_feeding import cut, decode, decode_in_all_cuts

# RFC 9110 3.9: the response of its example.
RFC_RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Mon, 27 Jul 2009 12:28:53 GMT\r\n"
    b"Server: Apache\r\n"
    b"Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\n"
    b'ETag: "34aa387-d-1568eb00"\r\n'
    b"Accept-Ranges: bytes\r\n"
    b"Content-Length: 51\r\n"
    b"Vary: Accept-Encoding\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"Hello World! My content includes a trailing CRLF.\r\n"
)


def test_response_from_the_rfc() -> None:
    outcome = decode_in_all_cuts(RFC_RESPONSE)
    assert outcome.status_codes == [200]
    assert (outcome.http_version, outcome.reason_phrase) == (b"HTTP/1.1", b"OK")
    assert outcome.fields[0] == (b"Date", b"Mon, 27 Jul 2009 12:28:53 GMT")
    assert outcome.fields[4] == (b"Accept-Ranges", b"bytes")
    assert len(outcome.fields) == 8
    assert outcome.body == b"Hello World! My content includes a trailing CRLF.\r\n"
    assert outcome.content_length == 51
    assert outcome.can_reuse
    assert not outcome.has_ended


@pytest.mark.parametrize(("is_head_known", "count"), [(True, 4), (False, 8)])
def test_warm_exchange_takes_few_calls(is_head_known: bool, count: int) -> None:
    decoder = ResponseDecoder()
    names: list[str] = []
    if is_head_known:
        decoder.reset("GET")
        decoder.receive_head(RFC_RESPONSE)
        decoder.take_buffered()

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    previous = sys.getprofile()
    sys.setprofile(trace)
    try:
        decoder.reset("GET")
        head = decoder.receive_head(RFC_RESPONSE)
        body = decoder.take_buffered()
    finally:
        sys.setprofile(previous)
    assert head is not None
    assert len(body) == 51
    assert decoder.is_done
    assert decoder.can_reuse
    assert len(names) <= count


def test_the_head_that_came_before_is_taken_again() -> None:
    decoder = ResponseDecoder()
    heads: list[ResponseHead] = []
    for data in (RFC_RESPONSE, RFC_RESPONSE, RFC_RESPONSE.replace(b"53 GMT", b"54 GMT"), RFC_RESPONSE):
        decoder.reset("GET")
        head = decoder.receive_head(data)
        assert head is not None
        heads.append(head)
        assert decoder.take_buffered() == RFC_RESPONSE[-51:]
        assert decoder.can_reuse
    assert heads[0] is heads[1]
    assert heads[2].fields[0] == (b"Date", b"Mon, 27 Jul 2009 12:28:54 GMT")
    assert heads[3] is heads[0]


def test_decoders_may_share_the_heads_that_they_know() -> None:
    known_heads = KnownHeads()
    heads = []
    for number in (0, 0, *range(1, MAX_KNOWN_HEADS + 1), 0):
        decoder = ResponseDecoder(known_heads=known_heads)
        decoder.reset("GET")
        heads.append(decoder.receive_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %d\r\n\r\n" % number))
        assert decoder.is_done
    assert heads[0] is heads[1]
    # Only the last ones are kept.
    assert heads[-1] is not heads[0]
    assert len(known_heads.recent) == MAX_KNOWN_HEADS


def test_a_known_head_is_framed_as_the_method_asks() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    decoder = ResponseDecoder()
    for method, body in (("GET", b"abc"), ("HEAD", b""), ("GET", b"abc"), ("CONNECT", b"")):
        decoder.reset(method)
        assert decoder.receive_head(data + body) is not None
        assert decoder.take_buffered() == body
        assert decoder.is_done
        assert decoder.is_upgraded == (method == "CONNECT")


def test_a_known_head_with_another_field_behind_it_is_another_head() -> None:
    decoder = ResponseDecoder()
    for extra in (b"", b"Content-Encoding: gzip\r\n"):
        decoder.reset("GET")
        head = decoder.receive_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + extra + b"\r\n")
        assert head is not None
        assert len(head.fields) == (2 if extra else 1)


@pytest.mark.parametrize("field", [b"Set-Cookie: session=secret", b"X: " + b"x" * MAX_KEPT_HEAD_SIZE])
def test_secrets_and_large_heads_are_not_kept(field: bytes) -> None:
    decoder = ResponseDecoder()
    heads = []
    for _ in range(2):
        decoder.reset("GET")
        heads.append(decoder.receive_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + field + b"\r\n\r\n"))
    assert heads[0] is not heads[1]


def test_one_connection_carries_many_exchanges() -> None:
    decoder = ResponseDecoder()
    for method in ("GET", "HEAD", "GET", "POST"):
        decoder.reset(method)
        assert (decoder.bytes_received, decoder.is_done) == (0, False)
        data = RFC_RESPONSE if method != "HEAD" else RFC_RESPONSE[:-51]
        assert decoder.receive_head(data) is not None
        assert decoder.take_buffered() == (b"" if method == "HEAD" else RFC_RESPONSE[-51:])
        assert decoder.is_done
        assert decoder.can_reuse
        assert decoder.bytes_received == len(data)


@pytest.mark.parametrize(
    ("line", "version", "status_code", "reason_phrase"),
    [
        (b"HTTP/1.1 200 OK", b"HTTP/1.1", 200, b"OK"),
        (b"HTTP/1.1 200 ", b"HTTP/1.1", 200, b""),
        (b"HTTP/1.1 200", b"HTTP/1.1", 200, b""),
        (b"HTTP/1.0 404 Not\tFound  here", b"HTTP/1.0", 404, b"Not\tFound  here"),
        (b"HTTP/1.1 200 \xc3\xa9", b"HTTP/1.1", 200, b"\xc3\xa9"),
        (b"HTTP/1.9 299 X", b"HTTP/1.9", 299, b"X"),
        (b"HTTP/1.1 999 Request denied", b"HTTP/1.1", 999, b"Request denied"),
    ],
)
def test_status_line(line: bytes, version: bytes, status_code: int, reason_phrase: bytes) -> None:
    outcome = decode_in_all_cuts(line + b"\r\nContent-Length: 0\r\n\r\n")
    assert outcome.http_version == version
    assert outcome.status_codes == [status_code]
    assert outcome.reason_phrase == reason_phrase


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        (b"", []),
        (b"A: b\r\n", [(b"A", b"b")]),
        (b"A:b\r\n", [(b"A", b"b")]),
        (b"A:\r\n", [(b"A", b"")]),
        (b"A: \t \r\n", [(b"A", b"")]),
        (b"a-B:\t b c\t \r\n", [(b"a-B", b"b c")]),
        (b"A: b:c\r\n", [(b"A", b"b:c")]),
        (b"A: \xff\x01\x0b\r\n", [(b"A", b"\xff\x01\x0b")]),
        (b"A: 1\r\nB: 2\r\nA: 3\r\n", [(b"A", b"1"), (b"B", b"2"), (b"A", b"3")]),
        # RFC 9112 5.2: obs-fold is a space.
        (b"A: b\r\n c\r\n", [(b"A", b"b c")]),
        (b"A: b \r\n\t c \r\n \r\nB: d\r\n", [(b"A", b"b c"), (b"B", b"d")]),
        (b"A:\r\n b\n\tc\r\n", [(b"A", b"b c")]),
        (b"A: b\r\n Content-Length: 7\r\n", [(b"A", b"b Content-Length: 7")]),
        # RFC 9112 2.2: LF alone ends a line.
        (b"A: b\nB: c\r\n", [(b"A", b"b"), (b"B", b"c")]),
        (b"A: b\n", [(b"A", b"b")]),
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_fields(block: bytes, fields: FieldList, end: bytes) -> None:
    head = b"HTTP/1.1 204 No Content\r\n" + block + end
    outcome = decode_in_all_cuts(head + b"rest")
    assert outcome.fields == fields
    assert outcome.rest == b"rest"


@pytest.mark.parametrize(
    ("method", "status_code", "block", "body", "can_reuse"),
    [
        # RFC 9112 6.3 rule 1: no body.
        ("HEAD", 200, b"Content-Length: 5\r\n", None, True),
        ("HEAD", 200, b"Transfer-Encoding: chunked\r\n", None, True),
        ("HEAD", 200, b"", None, True),
        ("GET", 204, b"", None, True),
        ("GET", 204, b"Content-Length: 5\r\n", None, True),
        ("GET", 304, b"Content-Length: 5\r\n", None, True),
        ("GET", 304, b"Transfer-Encoding: chunked\r\n", None, True),
        # Rule 3: the coding counts.
        ("GET", 200, b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"5\r\nhello\r\n0\r\n\r\n", False),
        ("GET", 200, b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", False),
        # Rule 4.
        ("GET", 200, b"transfer-encoding: Chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", True),
        ("CONNECT", 407, b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", True),
        # Rules 5 and 6.
        ("GET", 200, b"CONTENT-LENGTH: 5\r\n", b"hello", True),
        ("GET", 200, b"Content-Length: 005\r\n", b"hello", True),
        ("GET", 200, b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello", True),
        ("GET", 200, b"Content-Length: 5, 5\r\n", b"hello", True),
        ("GET", 200, b"Content-Length: \t5 \r\n", b"hello", True),
        ("CONNECT", 407, b"Content-Length: 5\r\n", b"hello", True),
        ("GET", 205, b"Content-Length: 5\r\n", b"hello", True),
    ],
)
def test_end_of_the_body(method: str, status_code: int, block: bytes, body: bytes | None, can_reuse: bool) -> None:
    response = b"HTTP/1.1 %d X\r\n%b\r\n" % (status_code, block) + (body or b"")
    outcome = decode_in_all_cuts(response, method=method)
    assert outcome.body == (b"hello" if body else b"")
    assert not outcome.has_ended
    assert outcome.can_reuse == can_reuse
    followed = decode_in_all_cuts(response + b"HTTP/1.1 200 OK\r\n", method=method)
    assert followed.body == outcome.body
    assert followed.rest == b"HTTP/1.1 200 OK\r\n"
    assert not followed.can_reuse


def test_body_that_ends_with_the_connection() -> None:
    outcome = decode_in_all_cuts(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert (outcome.body, outcome.has_ended, outcome.can_reuse) == (b"hello", True, False)
    with pytest.raises(RemoteProtocolError, match="close_notify"):
        decode([b"HTTP/1.1 200 OK\r\n\r\nhello"], is_truncated=True)


def test_empty_body_is_done_with_the_head() -> None:
    for method, head in [("GET", b"200 OK\r\nContent-Length: 0"), ("GET", b"204 X"), ("HEAD", b"200 OK")]:
        decoder = ResponseDecoder()
        decoder.reset(method)
        decoder.receive_head(b"HTTP/1.1 " + head + b"\r\n\r\n")
        assert decoder.is_done
        assert decoder.take_buffered() == b""
        assert decoder.can_reuse


def test_overridden_content_length_is_not_told() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert decode([head + b"0\r\n\r\n"]).content_length is None
    assert decode([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"], method="HEAD").content_length == 3


def test_body_by_length_is_not_copied() -> None:
    decoder = ResponseDecoder()
    decoder.reset("GET")
    decoder.receive_head(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")
    for is_last in (False, False, True):
        part = bytes(1000)
        assert decoder.receive_body(part) is part
        assert decoder.is_done == is_last


@pytest.mark.parametrize(
    ("version", "connection", "can_reuse"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"connection: foo, CLOSE\r\n", False),
        (b"1.1", b"Connection: foo\r\nConnection: close\r\n", False),
        (b"1.1", b"Connection: keep-alive, close\r\n", False),
        (b"1.1", b"Connection: closed\r\n", True),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: foo\r\n", False),
        (b"1.0", b"Connection: close, keep-alive\r\n", False),
        (b"1.0", b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", False),
    ],
)
def test_persistence(version: bytes, connection: bytes, can_reuse: bool) -> None:
    is_chunked = b"chunked" in connection
    framing, body = (b"", b"1\r\na\r\n0\r\n\r\n") if is_chunked else (b"Content-Length: 1\r\n", b"a")
    response = b"HTTP/%b 200 OK\r\n%b%b\r\n%b" % (version, connection, framing, body)
    assert decode_in_all_cuts(response).can_reuse == can_reuse


def test_next_exchange_needs_a_reusable_connection() -> None:
    decoder = ResponseDecoder()
    decoder.reset("GET")
    with pytest.raises(LocalProtocolError):
        decoder.reset("GET")
    decoder.receive_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    with pytest.raises(LocalProtocolError):
        decoder.reset("GET")


def test_bytes_after_the_end_forbid_reuse() -> None:
    decoder = ResponseDecoder()
    decoder.reset("GET")
    decoder.receive_head(RFC_RESPONSE)
    decoder.take_buffered()
    assert decoder.can_reuse
    assert decoder.receive_body(b"HTTP") == b""
    assert decoder.receive_body(b"/1.1") == b""
    assert decoder.leftover == b"HTTP/1.1"
    assert not decoder.can_reuse


def test_end_of_stream_after_the_end_forbids_reuse() -> None:
    decoder = ResponseDecoder()
    decoder.receive_end(is_truncated=True)
    assert not decoder.can_reuse
    decoder = ResponseDecoder()
    decoder.reset("GET")
    decoder.receive_head(RFC_RESPONSE)
    decoder.take_buffered()
    assert decoder.receive_body(b"") == b""
    assert decoder.is_done
    assert not decoder.can_reuse


def test_informational_responses_come_first() -> None:
    run = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n"
    outcome = decode_in_all_cuts(run + b"HTTP/1.1 102\n\n" + RFC_RESPONSE)
    assert outcome.status_codes == [100, 103, 102, 200]
    assert len(outcome.body) == 51
    assert outcome.can_reuse


def test_fields_of_an_informational_response_are_told() -> None:
    decoder = ResponseDecoder()
    decoder.reset("GET")
    head = decoder.receive_head(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + RFC_RESPONSE[:20])
    assert head is not None
    assert (head.status_code, head.fields) == (103, [(b"Link", b"</a>")])
    assert "103" in repr(head)
    assert decoder.next_head() is None
    assert not decoder.is_done
    head = decoder.receive_head(RFC_RESPONSE[20:])
    assert head is not None
    assert head.status_code == 200
    assert decoder.take_buffered() == RFC_RESPONSE[-51:]


def test_informational_responses_are_counted() -> None:
    limits = DecoderLimits(max_informational=3)
    run = b"HTTP/1.1 102 Processing\r\n\r\n"
    assert decode([run * 3 + RFC_RESPONSE], limits=limits).status_codes == [102, 102, 102, 200]
    with pytest.raises(RemoteProtocolError, match="Too many informational responses: at most 3"):
        decode([run * 4 + RFC_RESPONSE], limits=limits)
    # The count begins anew with each exchange.
    decoder = ResponseDecoder(limits=limits)
    for _ in range(3):
        decoder.reset("GET")
        assert decoder.receive_head(run) is not None
        assert decoder.receive_head(run) is not None
        assert decoder.receive_head(RFC_RESPONSE) is not None
        decoder.take_buffered()


def test_switching_protocols_hands_the_connection_over() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    outcome = decode_in_all_cuts(b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"\x81\x05hello")
    assert outcome.status_codes == [100, 101]
    assert (outcome.is_upgraded, outcome.can_reuse, outcome.has_ended) == (True, False, False)
    assert (outcome.body, outcome.rest) == (b"", b"\x81\x05hello")


@pytest.mark.parametrize(
    "block", [b"", b"Content-Length: 5\r\n", b"Content-Length: x\r\n", b"Transfer-Encoding: gzip\r\n"]
)
def test_successful_connect_hands_the_connection_over(block: bytes) -> None:
    # RFC 9110 9.3.6: whatever the fields say.
    outcome = decode_in_all_cuts(b"HTTP/1.1 200 Established\r\n" + block + b"\r\n\x16\x03\x01", method="CONNECT")
    assert (outcome.is_upgraded, outcome.can_reuse, outcome.has_ended) == (True, False, False)
    assert (outcome.body, outcome.rest) == (b"", b"\x16\x03\x01")


def test_refused_connect_is_a_usual_response() -> None:
    response = RFC_RESPONSE.replace(b"200 OK", b"407 Proxy Authentication Required")
    outcome = decode_in_all_cuts(response, method="CONNECT")
    assert (outcome.is_upgraded, outcome.can_reuse, len(outcome.body)) == (False, True, 51)


def test_head_that_comes_slowly_is_read_in_linear_time() -> None:
    # Quadratic work on 90 KiB of head takes minutes where linear work takes a tenth of a second.
    head = b"HTTP/1.1 200 OK\r\nA: " + b"a" * 90_000 + b"\r\nContent-Length: 0\r\n\r\n"
    assert decode(cut(head, 1)).can_reuse
