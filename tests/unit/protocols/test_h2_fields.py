"""Fields of requests as HTTP/2 has them, fields of responses as a server may have them, and the blocks they come in."""

from __future__ import annotations

import re

import pytest
from hyperframe.frame import ContinuationFrame, HeadersFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from httpx._exceptions import LocalProtocolError
from httpx._protocols.h2.errors import ConnectionFault, ErrorCode, StreamFault
from httpx._protocols.h2.field_blocks import MAX_BLOCK_SIZE, MAX_CONTINUATIONS, BlockGatherer, FieldBlock
from httpx._protocols.h2.frames import FrameReader
from httpx._protocols.h2.request_fields import MAX_KNOWN_FIELDS, RequestHead, _known, make_request_head, make_trailers
from httpx._protocols.h2.response_fields import check_fields, parse_head

HOST = (b"Host", b"a.example")

# Requests.


def make_head(
    *fields: tuple[bytes, bytes], method: bytes = b"GET", target: bytes = b"/", protocol: bytes | None = None
) -> RequestHead:
    return make_request_head(method, b"https", target, list(fields), protocol=protocol)


def kept(*fields: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Return what is left of fields, without the pseudo-fields."""
    return [field for field in make_head(HOST, *fields).fields if not field[0].startswith(b":")]


def test_pseudo_fields_come_first_and_names_are_in_lower_case() -> None:
    head = make_head((b"Accept", b"*/*"), HOST, (b"X-UPPER", b"Value"), target=b"/a?b=c")
    assert head.fields == [
        *((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/a?b=c")),
        *((b"accept", b"*/*"), (b"x-upper", b"Value")),
    ]
    assert head.content_length is None


def test_fields_that_are_repeated_stay_so() -> None:
    fields = [(b"cookie", b"a=1"), (b"x-a", b"1"), (b"cookie", b"b=2"), (b"x-a", b"2")]
    assert kept(*fields) == fields


def test_fields_of_an_http1_connection_are_dropped() -> None:
    dropped = [
        *((b"Connection", b"keep-alive"), (b"Keep-Alive", b"timeout=5"), (b"Proxy-Connection", b"close")),
        *((b"Transfer-Encoding", b"chunked"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAABk")),
    ]
    assert kept(*dropped, (b"x-a", b"1")) == [(b"x-a", b"1")]


def test_what_connection_names_is_dropped() -> None:
    fields = [(b"X-Hop", b"1"), (b"Connection", b"close, X-HOP ,\tx-other"), (b"x-other", b"2"), (b"x-a", b"3")]
    assert kept(*fields, (b"connection", b"x-third"), (b"X-Third", b"4")) == [(b"x-a", b"3")]


def test_te_says_trailers_or_nothing() -> None:
    assert kept((b"TE", b"Trailers")) == [(b"te", b"Trailers")]
    assert kept((b"TE", b"gzip")) == kept((b"TE", b"trailers, gzip")) == []


def test_te_is_kept_though_connection_names_it() -> None:
    # RFC 9110 10.1.4: in HTTP/1.1 it must be named there. RFC 9113 8.2.2 excepts it from what is dropped.
    assert kept((b"Connection", b"TE"), (b"TE", b"trailers")) == [(b"te", b"trailers")]
    assert kept((b"Connection", b"TE"), (b"TE", b"gzip")) == []


def test_connect_has_an_authority_alone() -> None:
    head = make_head(HOST, (b"x-a", b"1"), method=b"CONNECT", target=b"b.example:443")
    assert head.fields == [(b":method", b"CONNECT"), (b":authority", b"b.example:443"), (b"x-a", b"1")]


def test_extended_connect_has_all_pseudo_fields() -> None:
    # RFC 8441 4
    head = make_head(HOST, method=b"CONNECT", target=b"/chat", protocol=b"websocket")
    assert head.fields == [
        *((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https")),
        *((b":authority", b"a.example"), (b":path", b"/chat")),
    ]


@pytest.mark.parametrize(
    ("method", "protocol"),
    [(b"GET", b"websocket"), (b"CONNECT", b"web\nsocket"), (b"CONNECT", b""), (b"CONNECT", b"a/")],
)
def test_a_protocol_is_a_token_and_of_connect(method: bytes, protocol: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="protocol"):
        make_head(HOST, method=method, target=b"/chat", protocol=protocol)


@pytest.mark.parametrize("length", [0, 5, 10**12])
def test_the_length_is_read(length: int) -> None:
    head = make_head(HOST, (b"Content-Length", b"%d" % length))
    assert head.content_length == length
    assert head.fields[-1] == (b"content-length", b"%d" % length)


REFUSED_REQUESTS = {
    "no Host": ([], "Missing mandatory Host"),
    "two Hosts": ([HOST, HOST], "multiple Host"),
    "an empty name": ([HOST, (b"", b"1")], "name"),
    "a pseudo-field": ([HOST, (b":path", b"/b")], "name"),
    "a name with a space": ([HOST, (b"x a", b"1")], "name"),
    "a value with a LF": ([HOST, (b"x-a", b"1\n2")], "value"),
    "a value with a NUL": ([HOST, (b"x-a", b"1\x002")], "value"),
    "a value with a space before": ([HOST, (b"x-a", b" 1")], "value"),
    "a Host with a LF": ([(b"host", b"a\nb")], "value"),
    "differing lengths": ([HOST, (b"content-length", b"1"), (b"content-length", b"2")], "Content-Length"),
    "a length with a sign": ([HOST, (b"content-length", b"+1")], "Content-Length"),
}


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
def test_requests_outside_the_grammar(name: str) -> None:
    fields, reason = REFUSED_REQUESTS[name]
    with pytest.raises(LocalProtocolError, match=f"(?i){reason}"):
        make_head(*fields)


@pytest.mark.parametrize("method", [b"", b"G ET", b"GET\n", b"G\xc3\xa9T", b"G:ET"])
def test_methods_outside_the_grammar(method: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="method"):
        make_head(HOST, method=method)


@pytest.mark.parametrize("target", [b"", b"/a b", b"/a\n", b"/\xc3\xa9", b"/\x00", b"/\x7f"])
def test_targets_outside_the_grammar(target: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="target"):
        make_head(HOST, target=target)


def test_heads_are_kept_if_they_are_no_secret() -> None:
    _known.clear()
    public = [HOST, (b"accept", b"*/*")]
    assert make_head(*public).fields is not make_head(*public).fields
    for secret in (b"authorization", b"cookie", b"x-token"):
        make_head(*public, (secret, b"1"))
    assert list(_known) == [tuple(public)]
    for number in range(2 * MAX_KNOWN_FIELDS):
        make_head((b"host", b"%d.example" % number))
    assert len(_known) <= MAX_KNOWN_FIELDS


def test_trailers_of_requests() -> None:
    expected = [(b"x-checksum", b"1"), (b"x-b", b"2")]
    assert make_trailers({"X-Checksum": "1", "X-B": "2"}) == expected
    assert make_trailers([(b"X-Checksum", b"1"), (b"x-b", b"2")]) == expected


@pytest.mark.parametrize(
    "name", ["Content-Length", "host", "Transfer-Encoding", "Connection", "TE", "Trailer", "Cookie", "Authorization"]
)
def test_what_cannot_be_a_trailer(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="trailer section"):
        make_trailers({name: "1"})


@pytest.mark.parametrize(("name", "value"), [("x a", "1"), (":path", "/"), ("x-a", "1\r\n"), ("x-a", "ü"), ("ü", "1")])
def test_trailers_outside_the_grammar(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError):
        make_trailers({name: value})


# Responses.

TOKENS = st.text("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10).map(str.encode)
TEXTS = st.binary(max_size=10).filter(lambda value: not re.search(rb"[\x00\r\n]|^[ \t]|[ \t]\Z", value))
CONNECTION_FIELDS = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}


@given(st.integers(100, 999), st.lists(st.tuples(TOKENS, TEXTS), max_size=5))
def test_heads_are_taken_apart(status_code: int, fields: list[tuple[bytes, bytes]]) -> None:
    fields = [field for field in fields if field[0] not in CONNECTION_FIELDS]
    decoded = [(b":status", b"%d" % status_code), *fields]
    assert parse_head(decoded) == (status_code, fields)
    # It is shared with the decoder's cache.
    assert decoded == [(b":status", b"%d" % status_code), *fields]


def is_well_formed(name: bytes, value: bytes) -> bool:
    """Tell it in the words of RFC 9113 8.2.1 and 8.2.2, byte by byte."""
    token = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
    return (
        len(name) > 0
        and token.issuperset(name)
        and not {0, 10, 13}.intersection(value)
        and value.strip(b" \t") == value
        and name not in CONNECTION_FIELDS
    )


PIECES = st.sampled_from([b"\0", b"\n", b"\r", b" ", b"\t", b":", b"a", b"A", b"upgrade", b"\xff", b""])
MESSY = st.lists(PIECES, max_size=3).map(b"".join)


@given(st.lists(st.tuples(MESSY, MESSY), max_size=4))
def test_fields_are_checked_as_one_and_each(fields: list[tuple[bytes, bytes]]) -> None:
    """No LF or NUL makes of the fields other ones than they are."""
    if all(is_well_formed(name, value) for name, value in fields):
        check_fields(fields)
    else:
        with pytest.raises(StreamFault) as caught:
            check_fields(fields)
        assert caught.value.code is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "status", [b"", b"0", b"20", b"099", b"2000", b"+20", b"2 0", b" 200", b"200 ", "٢٠٠".encode()]
)
def test_status_codes_have_three_digits(status: bytes) -> None:
    with pytest.raises(StreamFault):
        parse_head([(b":status", status)])


# Field blocks.


def gather(*received: HeadersFrame | ContinuationFrame) -> list[FieldBlock]:
    gatherer = BlockGatherer()
    blocks = []
    data = b"".join(frame.serialize() for frame in (SettingsFrame(0), *received))
    for frame_type, flags, stream_id, payload in list(FrameReader().receive(data))[1:]:
        if gatherer.stream_id:
            block = gatherer.go_on(frame_type, flags, stream_id, payload)
        else:
            block = gatherer.begin(flags, stream_id, payload)
        if block is not None:
            blocks.append(block)
    return blocks


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.booleans(), st.booleans(), st.integers(-1, 20))
def test_blocks_are_put_together(parts: list[bytes], is_last: bool, has_priority: bool, pad_size: int) -> None:
    first = HeadersFrame(5, parts[0], depends_on=1, stream_weight=7)
    others = [ContinuationFrame(5, part) for part in parts[1:]]
    if is_last:
        first.flags.add("END_STREAM")
    if has_priority:
        first.flags.add("PRIORITY")
    if pad_size >= 0:
        first.flags.add("PADDED")
        first.pad_length = pad_size
    (others[-1] if others else first).flags.add("END_HEADERS")
    second = HeadersFrame(7, b"next", flags=["END_HEADERS"])
    one, two = gather(first, *others, second)
    assert (one.stream_id, one.data, one.is_last) == (5, b"".join(parts), is_last)
    assert (two.stream_id, two.data, two.is_last) == (7, b"next", False)


def test_a_block_is_bounded_in_size_and_in_frames() -> None:
    count = MAX_BLOCK_SIZE // 16384
    full = [ContinuationFrame(1, bytes(16384)) for _ in range(count)]
    with pytest.raises(ConnectionFault) as by_size:
        gather(HeadersFrame(1, b"x"), *full)
    empty = [ContinuationFrame(1) for _ in range(MAX_CONTINUATIONS)]
    with pytest.raises(ConnectionFault) as by_count:
        gather(HeadersFrame(1), *empty)
    assert by_size.value.code is by_count.value.code is ErrorCode.ENHANCE_YOUR_CALM
    # One less is taken.
    full[-2].flags.add("END_HEADERS")
    empty[-2].flags.add("END_HEADERS")
    assert len(gather(HeadersFrame(1, b"x"), *full[:-1])[0].data) == MAX_BLOCK_SIZE - 16384 + 1
    assert gather(HeadersFrame(1), *empty[:-1])[0].data == b""
