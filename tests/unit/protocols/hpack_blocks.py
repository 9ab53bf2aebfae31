"""What the tests of HPACK share: blocks in any form that a peer may choose, and a look into our tables."""

from __future__ import annotations

from httpx._protocols.h2.hpack_decoder import HpackDecoder
from httpx._protocols.h2.hpack_encoder import HpackEncoder
from httpx._protocols.h2.hpack_huffman import encode_huffman
from httpx._protocols.h2.hpack_integers import encode_integer
from httpx._protocols.h2.hpack_tables import FIRST_DYNAMIC_INDEX, EncoderTable, Field

WITH_INDEXING = 0x3F, 0x40
WITHOUT_INDEXING = 0x0F, 0x00
NEVER_INDEXED = 0x0F, 0x10
FORMS = [WITH_INDEXING, WITHOUT_INDEXING, NEVER_INDEXED]


def indexed(index: int) -> bytes:
    return encode_integer(index, mask=0x7F, pattern=0x80)


def size_update(size: int) -> bytes:
    return encode_integer(size, mask=0x1F, pattern=0x20)


def string(data: bytes, *, is_huffman: bool = False) -> bytes:
    if is_huffman:
        data = encode_huffman(data)
    return encode_integer(len(data), mask=0x7F, pattern=0x80 if is_huffman else 0) + data


def literal(
    name: bytes | int, value: bytes, form: tuple[int, int] = WITHOUT_INDEXING, *, is_huffman: bool = False
) -> bytes:
    """Return a literal; a name is given as it is, or by its index."""
    mask, pattern = form
    if isinstance(name, int):
        begin = encode_integer(name, mask=mask, pattern=pattern)
    else:
        begin = bytes((pattern,)) + string(name, is_huffman=is_huffman)
    return begin + string(value, is_huffman=is_huffman)


def dynamic_entries(owner: HpackDecoder | HpackEncoder | EncoderTable) -> list[Field]:
    """Return what a dynamic table holds, the newest first."""
    table = owner if isinstance(owner, EncoderTable) else owner._table
    if isinstance(table, EncoderTable):
        return list(reversed(table._fields))
    return table.entries[FIRST_DYNAMIC_INDEX:]
