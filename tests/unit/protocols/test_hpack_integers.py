"""Integers of HPACK: the examples of RFC 7541 appendix C.1, and their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._protocols.h2.hpack_integers import MAX_CONTINUATION_SIZE, HpackError, decode_integer, encode_integer


@pytest.mark.parametrize(
    ("value", "mask", "encoded"),
    [
        (10, 0x1F, "0a"),  # C.1.1
        (1337, 0x1F, "1f9a0a"),  # C.1.2
        (42, 0xFF, "2a"),  # C.1.3
        (0, 0x0F, "00"),
        (14, 0x0F, "0e"),
        (15, 0x0F, "0f00"),
        (15 + 127, 0x0F, "0f7f"),
        (15 + 128, 0x0F, "0f8001"),
    ],
)
def test_examples(value: int, mask: int, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert encode_integer(value, mask=mask, pattern=0) == data
    assert decode_integer(data, 0, mask=mask) == (value, len(data))


@given(st.integers(0, 2**35), st.integers(4, 7), st.binary(max_size=3), st.binary(max_size=3))
def test_round_trip_leaves_what_stands_around(value: int, bits: int, before: bytes, after: bytes) -> None:
    mask = (1 << bits) - 1
    encoded = encode_integer(value, mask=mask, pattern=0xFF ^ mask)
    assert encoded[0] & ~mask & 0xFF == 0xFF ^ mask
    assert decode_integer(before + encoded + after, len(before), mask=mask) == (value, len(before + encoded))


def test_zeros_at_the_end_are_part_of_an_integer() -> None:
    # RFC 7541 5.1 does not ask for the shortest form.
    assert decode_integer(b"\x1f\x81\x80\x80\x80\x00", 0, mask=0x1F) == (32, 6)


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    endless = b"\x1f" + b"\x80" * MAX_CONTINUATION_SIZE
    with pytest.raises(HpackError, match="Integer goes on after 5 further bytes"):
        decode_integer(endless, 0, mask=0x1F)
    with pytest.raises(HpackError, match="Integer goes on after 5 further bytes"):
        decode_integer(b"\x1f" + b"\xff" * 1_000_000, 0, mask=0x1F)
    assert decode_integer(endless[:-1] + b"\x01", 0, mask=0x1F) == (31 + 2**28, 6)


@pytest.mark.parametrize("data", [b"", b"\x1f", b"\x1f\x80"])
def test_an_integer_cut_off_is_an_index_error(data: bytes) -> None:
    with pytest.raises(IndexError):
        decode_integer(data, 0, mask=0x1F)
