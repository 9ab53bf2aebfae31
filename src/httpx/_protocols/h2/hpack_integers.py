"""Encode and decode the integers of HPACK (RFC 7541 5.1), and hold the error that all of HPACK raises.

An integer begins in the low bits of a byte, whose high bits say what it is about. `mask` stands for those low bits, all
ones, which is also the least integer that does not fit into them and goes on in further bytes, seven bits in each.
"""

from __future__ import annotations

# Bytes after the first one. Enough for 2**35, and a block has no length or index of that size. RFC 7541 5.1: excessive
# encodings, in value or length, are decoding errors.
MAX_CONTINUATION_SIZE = 5


class HpackError(Exception):
    """A block of fields cannot be decoded, and neither can any later one: the connection is lost (RFC 9113 4.3)."""


def encode_integer(value: int, *, mask: int, pattern: int) -> bytes:
    """Return an integer whose first byte has the high bits of `pattern`."""
    if value < mask:
        return bytes((pattern | value,))
    encoded = bytearray((pattern | mask,))
    value -= mask
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode_integer(block: bytes, position: int, *, mask: int) -> tuple[int, int]:
    """Return the integer that begins at a position, and the position after it.

    Raises:
        HpackError: it takes too many bytes.
        IndexError: the block ends before it does.
    """
    value = block[position] & mask
    position += 1
    if value < mask:
        return value, position
    for shift in _SHIFTS:
        byte = block[position]
        position += 1
        if byte < 0x80:
            return value + (byte << shift), position
        value += (byte & 0x7F) << shift
    raise HpackError(f"Integer goes on after {MAX_CONTINUATION_SIZE} further bytes")


# Private from here on.

_SHIFTS = tuple(range(0, 7 * MAX_CONTINUATION_SIZE, 7))
