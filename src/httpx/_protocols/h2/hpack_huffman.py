"""Encode and decode strings in the Huffman code of HPACK (RFC 7541 5.2 and appendix B).

The code is canonical: in the order of length and then symbol, each code is the one before it plus one. So the lengths
say it all, and no table of codes need stand here.

A decoder that goes bit by bit looks at 8 bits for each byte. This one goes byte by byte through an automaton: its state
is the part of a code that was read but is no whole one yet, and the step for a byte has the symbols that end in that
byte, and the next state. All 256 states with 256 steps each would take more than 100 ms to make, and 7 MiB to hold; so
a step is made when it is first needed, and kept. Usual header fields need 1,000 to 6,000 of them. They belong to the
process, as they say nothing of the strings that led there.

That takes 26 ns a byte, and was the fastest of the ways that were measured for what a warm connection must decode:
strings of 3 to 35 bytes. The inflate of zlib can be brought to decode this code, in 0.7 us a string and 8 ns a byte,
but longer strings come again, and the decoder keeps them; so a second way would not pay.
"""

from __future__ import annotations

from typing import TypeAlias, cast

from .hpack_integers import HpackError


def encode_huffman(data: bytes) -> bytes:
    """Return a string in Huffman code, padded with the begin of the code for its end."""
    bits = "".join([_BITS[byte] for byte in data])
    bits += "1" * (-len(bits) % 8)
    # Linear, since the base is a power of two.
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


def decode_huffman(data: bytes) -> bytes:
    """Return the string for its Huffman code.

    Raises:
        HpackError: it holds the code for the end of a string, or its padding is longer than 7 bits or not all ones.
    """
    row = _START
    parts: list[bytes] = []
    for byte in data:
        try:
            symbols, row = row[byte]
        except ValueError:  # It is _UNMADE.
            symbols, row = _make_step(row, byte)
        parts.append(symbols)
    if id(row) not in _ENDS:
        raise HpackError("Huffman code of a string is padded with more than 7 bits, or not with ones")
    return b"".join(parts)


# Private from here on.

# RFC 7541 appendix B: the symbols by the length of their code in bits. The end of a string is 256 (30 bits).
_SYMBOLS_BY_LENGTH: dict[int, bytes] = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\\\xc3\xd0",
    20: b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
    21: b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9",
    23: (
        b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5"
        b"\xe7\xef"
    ),
    24: b"\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
    25: b"\xc7\xcf\xea\xeb",
    26: b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
    28: (
        b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
        b"\xdc\xf9"
    ),
    30: b"\n\r\x16",
}

# The code for the end of a string: thirty ones, with a one before it as in _SYMBOLS.
_END = 0x7FFFFFFF


def _make_codes() -> dict[int, int]:
    """Return the symbols by their code. It has a one before it, so that codes of all lengths are different numbers."""
    codes = {}
    code = last_length = 0
    for length, symbols in _SYMBOLS_BY_LENGTH.items():
        code <<= length - last_length
        last_length = length
        for symbol in symbols:
            codes[1 << length | code] = symbol
            code += 1
    return codes


_SYMBOLS = _make_codes()

# By the symbol: its code as a text of zeros and ones.
_BITS = [f"{code:b}"[1:] for code in sorted(_SYMBOLS, key=_SYMBOLS.__getitem__)]


# The steps from one state, by the byte that is read: the symbols that end in that byte, and the steps from there.
_Row: TypeAlias = "list[tuple[bytes, _Row]]"

# Stands for a step that was not made yet: it cannot be unpacked. Speed: a list with that in it takes two thirds of the
# time of a dict that calls for what it lacks.
_UNMADE = cast("tuple[bytes, _Row]", ())

# By the bits of a code that were read, with a one before them; and these by the id of the row. No row is ever dropped.
_ROWS: dict[int, _Row] = {}
_STATES: dict[int, int] = {}


def _find_row(state: int) -> _Row:
    row = _ROWS.get(state)
    if row is None:
        row = [_UNMADE] * 256
        # In this order, since another thread may take the row as soon as it is there.
        _STATES[id(row)] = state
        row = _ROWS.setdefault(state, row)
    return row


def _make_step(row: _Row, byte: int) -> tuple[bytes, _Row]:
    state = _STATES[id(row)]
    symbols = bytearray()
    for shift in range(7, -1, -1):
        state = state << 1 | byte >> shift & 1
        symbol = _SYMBOLS.get(state)
        if symbol is not None:
            symbols.append(symbol)
            state = 1
        elif state == _END:
            raise HpackError("Huffman code of a string holds the code for its end")
    step = row[byte] = bytes(symbols), _find_row(state)
    return step


_START = _find_row(1)

# RFC 7541 5.2: up to seven ones may pad a string.
_ENDS = frozenset(id(_find_row((1 << length) - 1)) for length in range(1, 9))
