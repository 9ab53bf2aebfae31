"""The chunked coding is decoded in any cut, in linear time, and to the letter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._exceptions import RemoteProtocolError
from httpx._protocols.fields import FieldList
from httpx._protocols.h1 import DecoderLimits

from .h1_feeding import Outcome, cut, decode, decode_in_all_cuts

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"000\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"0005\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"B\r\nhello world\r\n0\r\n\r\n", b"hello world"),
        (b"b\r\nhello world\r\n0\r\n\r\n", b"hello world"),
        (b"1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", b"abcdef"),
        (b"4\r\n\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", b"\r\n\r\n0\r"),
        # RFC 9112 7.1.1: unrecognised extensions are ignored.
        (b'5;a\r\nhello\r\n0;b="c; d"\r\n\r\n', b"hello"),
        (b"5 \t; a = b ;c\r\nhello\r\n0;\r\n\r\n", b"hello"),
        (b"5;\xff\r\nhello\r\n0\r\n\r\n", b"hello"),
        # Outside the grammar; servers pad sizes with spaces.
        (b"5  \r\nhello\r\n0 \r\n\r\n", b"hello"),
    ],
)
def test_chunks(wire: bytes, body: bytes) -> None:
    outcome = decode_in_all_cuts(HEAD + wire)
    assert outcome.body == body
    assert outcome.can_reuse
    assert not outcome.has_ended
    assert decode_in_all_cuts(HEAD + wire + b"0\r\n").rest == b"0\r\n"


@pytest.mark.parametrize(
    ("section", "trailers"),
    [
        (b"Expires: never\r\n", [(b"Expires", b"never")]),
        (b"A: b\r\nA:\tc \r\nEmpty:\r\n", [(b"A", b"b"), (b"A", b"c"), (b"Empty", b"")]),
        (b"A: b\r\n c\r\n", [(b"A", b"b c")]),
        # They are told apart from the fields of the head, and mean nothing here.
        (b"Content-Length: 7\r\nTransfer-Encoding: x\r\n", [(b"Content-Length", b"7"), (b"Transfer-Encoding", b"x")]),
    ],
)
def test_trailers(section: bytes, trailers: FieldList) -> None:
    outcome = decode_in_all_cuts(HEAD + b"2\r\nab\r\n0\r\n" + section + b"\r\n")
    assert (outcome.body, outcome.trailers, outcome.can_reuse) == (b"ab", trailers, True)
    assert outcome.fields == [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"-0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"0_5\r\nhello\r\n0\r\n\r\n",
        b"5_\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"5h\r\nhello\r\n0\r\n\r\n",
        b"\xb25\r\nhello\r\n0\r\n\r\n",
        b"5\0\r\nhello\r\n0\r\n\r\n",
        b"5\x0b\r\nhello\r\n0\r\n\r\n",
        b"5,\r\nhello\r\n0\r\n\r\n",
        b";a=b\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello",
        b"5;a\0\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        # Missing CRLF after the data.
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n",
        b"5\r\nhello\r\r\n0\r\n\r\n",
        # LF alone.
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\r\n",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\r\nhello\r\n0\r\nA: b\n\r\n",
        b"5;a\nhello\r\n0\r\n\r\n",
        # Trailers.
        b"0\r\n A: b\r\n\r\n",
        b"0\r\nA : b\r\n\r\n",
        b"0\r\n: b\r\n\r\n",
        b"0\r\nA\r\n\r\n",
        b"0\r\nA: b\rc\r\n\r\n",
        b"0\r\nA: b\0\r\n\r\n",
    ],
)
def test_malformed_framing_is_refused(wire: bytes) -> None:
    for size in (len(HEAD + wire), 1, 2, 3):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(cut(HEAD + wire, size))
        assert "incomplete" not in str(caught.value)


def test_chunk_of_any_size_is_taken() -> None:
    with pytest.raises(RemoteProtocolError, match="incomplete chunked read"):
        decode([HEAD + b"FFFFFFFFFFFFFFFF\r\nhello"])


def test_size_line_is_bounded() -> None:
    limits = DecoderLimits(max_chunk_line_size=100)
    assert _decode(b"1;" + b"a" * 90 + b"\r\nx\r\n0\r\n\r\n", limits, 1).body == b"x"
    for size in (1, 1000):
        with pytest.raises(RemoteProtocolError, match="Chunk header too large"):
            _decode(b"1;" + b"a" * 110 + b"\r\nx\r\n0\r\n\r\n", limits, size)
        with pytest.raises(RemoteProtocolError, match="Chunk header too large"):
            _decode(b"1;" + b"a" * 110, limits, size)


def test_extensions_are_bounded_in_all() -> None:
    limits = DecoderLimits(max_chunk_extensions_size=1000)
    with pytest.raises(RemoteProtocolError, match="Chunk extensions too large"):
        _decode(b"1;abcdefghi\r\nx\r\n" * 200 + b"0\r\n\r\n", limits, 4096)
    # Not beyond the size of the data: a signature on each chunk is fine, for ever.
    outcome = _decode((b"400;" + b"s" * 80 + b"\r\n" + b"x" * 1024 + b"\r\n") * 200 + b"0\r\n\r\n", limits, 4096)
    assert len(outcome.body) == 200 * 1024


def test_trailers_are_bounded() -> None:
    limits = DecoderLimits(max_trailer_size=1000, max_fields=10)
    assert len(_decode(b"0\r\n" + b"a: b\r\n" * 10 + b"\r\n", limits, 7).trailers) == 10
    for section in (b"a: b\r\n" * 11, b"a: " + b"b" * 1000 + b"\r\n", b"a: " + b"b" * 1000):
        for size in (7, 4096):
            with pytest.raises(RemoteProtocolError, match="Trailer section too large"):
                _decode(b"0\r\n" + section + b"\r\n", limits, size)


def test_many_tiny_chunks_take_linear_time() -> None:
    size = 1024 * 1024
    wire = b"1\r\nx\r\n" * size + b"0\r\n\r\n"
    begin = time.process_time()
    outcome = decode([HEAD, *cut(wire, 128 * 1024)])
    assert len(outcome.body) == size
    # A decoder that cuts its buffer for each chunk needs minutes. The bound leaves room for slow machines.
    assert time.process_time() - begin < 10


def test_large_chunk_in_tiny_reads_takes_linear_time() -> None:
    wire = b"40000\r\n" + bytes(0x40000) + b"\r\n0\r\nA: " + b"b" * 60_000 + b"\r\n\r\n"
    outcome = decode([HEAD, *cut(wire, 1)])
    assert len(outcome.body) == 0x40000
    assert len(outcome.trailers[0][1]) == 60_000


@given(st.lists(st.binary(min_size=1, max_size=20)), st.lists(st.integers(1, 30)))
def test_chunks_in_any_cut(chunks: list[bytes], sizes: list[int]) -> None:
    wire = HEAD + b"".join(b"%X;x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nT: 1\r\n\r\nrest"
    parts: list[bytes] = []
    for size in sizes:
        parts.append(wire[:size])
        wire = wire[size:]
    outcome = decode([part for part in [*parts, wire] if part])
    assert outcome.body == b"".join(chunks)
    assert outcome.trailers == [(b"T", b"1")]
    assert outcome.rest == b"rest"


# Private from here on.


def _decode(wire: bytes, limits: DecoderLimits, size: int) -> Outcome:
    return decode([HEAD, *cut(wire, size)], limits=limits)
