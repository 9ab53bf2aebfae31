"""Decode blocks of fields (RFC 7541 3.2 and 6): one decoder for all blocks that come on a connection, in their order.

A server sends the same few fields again and again, in one of two ways. Where it puts them into the table, a warm block
is a run of indices, one byte each, and all that must be fast is a look into a list. Where it does not (nginx never
does), each block has all of its fields as literals. So the decoder keeps, for its connection, the fields of literals
that mean the same whatever the table holds, by their bytes in the block; and whole blocks that left the table as it
was, until something changes the table. Neither holds a field whose value is a secret, unless that is in the table.

The size of a list is checked after its fields were decoded. Until then it is a list of references, to entries of the
table or to literals, which are at most 8/5 of their bytes in the block (the shortest code of a symbol has five bits).
So a block takes memory in proportion to its own size, and what many references to one large entry add up to is never
made.
"""

from __future__ import annotations

from itertools import repeat
from typing import TypeVar

from ..fields import SENSITIVE_FIELDS, FieldList
from .hpack_huffman import decode_huffman
from .hpack_integers import HpackError, decode_integer
from .hpack_tables import DEFAULT_TABLE_SIZE, FIRST_DYNAMIC_INDEX, STATIC_TABLE, DecoderTable, Field, entry_size

__all__ = ["HeaderListTooLarge", "HpackDecoder", "HpackError"]

MAX_LIST_SIZE = 100 * 1024  # bytes, counted as RFC 9113 6.5.2 does; as the head of HTTP/1.1; Go allows 10 MiB
MAX_FIELDS = 1000  # fields a list; as the head of HTTP/1.1

# RFC 7541 4.2: an encoder needs two at most, for the smallest size since the last block and for the present one.
MAX_SIZE_UPDATES = 2

# Bytes of blocks, and bytes of literals, that are kept for a connection; each counts KEPT_OVERHEAD more for its objects,
# and is at most MAX_KEPT_SHARE of the whole.
MAX_KEPT_SIZE = 32 * 1024
MAX_KEPT_SHARE = 1 / 8
KEPT_OVERHEAD = 128


class HeaderListTooLarge(HpackError):
    """A block has more fields, or larger ones, than the decoder may return.

    The block was read to its end, so that the table is in step with the peer's: the stream alone may be reset, and the
    connection lives on.
    """


class HpackDecoder:
    """Decode the blocks of one connection. Not thread-safe: its owner calls it in the order in which blocks came."""

    __slots__ = (
        "_blocks",
        "_is_repeatable",
        "_literals",
        "_max_fields",
        "_max_list_size",
        "_max_table_size",
        "_must_shrink",
        "_table",
    )

    def __init__(
        self,
        *,
        max_table_size: int = DEFAULT_TABLE_SIZE,
        max_list_size: int = MAX_LIST_SIZE,
        max_fields: int = MAX_FIELDS,
    ) -> None:
        """Make a decoder for a connection whose first SETTINGS announce `max_table_size`.

        Lists may hold `max_fields` fields, and `max_list_size` bytes as RFC 9113 6.5.2 counts them.
        """
        self._max_list_size = max_list_size
        self._max_fields = max_fields
        self._max_table_size = DEFAULT_TABLE_SIZE
        self._must_shrink = False
        # Whether the block at hand may be kept.
        self._is_repeatable = False
        self._table = DecoderTable()
        # The fields of literals, and of whole blocks, by their bytes.
        self._literals: _Kept[Field] = _Kept()
        self._blocks: _Kept[FieldList] = _Kept()
        self.set_max_table_size(max_table_size)

    def set_max_table_size(self, size: int) -> None:
        """Take note that the peer acknowledged SETTINGS which announced this size of the table."""
        self._max_table_size = size
        # RFC 9113 4.3.1: then the next block must begin with an update to that size or less.
        self._must_shrink = size < self._table.capacity
        self._blocks.forget()

    def decode(self, block: bytes) -> FieldList:
        """Return the fields of a block, in their order.

        The list may be returned again for a later block: do not change it.

        Raises:
            HeaderListTooLarge: the list is larger than allowed. The decoder may be used on.
            HpackError: the block cannot be decoded. The decoder must not be used again.
        """
        fields = self._blocks.get(block)
        return self._decode_new(block) if fields is None else fields

    # Private from here on.

    def _decode_new(self, block: bytes) -> FieldList:
        self._is_repeatable = True
        position = 0
        if self._must_shrink or block[:1] in _SIZE_UPDATES:
            position = self._read_size_updates(block)
        fields, position = self._decode_fields(block, position, self._max_fields)
        if position < len(block):
            while position < len(block):
                _, position = self._decode_fields(block, position, MAX_FIELDS)
            raise HeaderListTooLarge(f"Field list has more than {self._max_fields} fields")
        # Speed: mostly this tells that the list is not too large, since a field is no larger than an entry of one of the
        # tables and its part of the block decoded.
        if len(fields) * (self._table.capacity + _MAX_STATIC_SIZE) + 2 * len(block) > self._max_list_size:
            self._check_size(fields)
        if self._is_repeatable:
            self._blocks.keep(block, fields)
        return fields

    def _decode_fields(self, block: bytes, position: int, max_fields: int) -> tuple[FieldList, int]:
        """Return the fields from a position on, but so many at most, and the position after them.

        Speed: the two usual forms are read in place; four times as fast as one call for each field.
        """
        entries = self._table.entries
        literals = self._literals
        end = len(block)
        fields: FieldList = []
        try:
            for _ in repeat(None, max_fields):
                if position == end:
                    break
                byte = block[position]
                if 0x80 < byte < 0xFF:  # an index
                    fields.append(entries[byte - 0x80])
                    position += 1
                    continue
                if byte < 0x10:  # a literal without indexing
                    # Where it ends if it is a known one. If it is not, this may be anywhere, and finds nothing: no
                    # literal is the beginning of another.
                    after = position + (2 if byte == 0x0F else 1)
                    if byte == 0:
                        after += 1 + (block[after] & 0x7F)
                    after += 1 + (block[after] & 0x7F)
                    field = literals.get(block[position:after])
                    if field is not None:
                        fields.append(field)
                        position = after
                        continue
                field, position = self._read_field(block, position)
                fields.append(field)
        except IndexError as exc:
            raise self._explain(block, position) from exc
        return fields, position

    def _read_field(self, block: bytes, position: int) -> tuple[Field, int]:
        """Return the field at a position, whatever its form, and the position after it."""
        byte = block[position]
        if byte >= 0x80:
            index, position = decode_integer(block, position, mask=0x7F)
            if index == 0:
                raise HpackError("Field has index 0, which is none of the table")
            return self._table.entries[index], position
        if byte & 0xE0 == 0x20:
            raise HpackError("Update of the table's size comes after a field")
        self._is_repeatable = False
        begin = position
        mask = 0x3F if byte & 0x40 else 0x0F
        index = byte & mask
        if index == mask:
            index, position = decode_integer(block, position, mask=mask)
        else:
            position += 1
        if index:
            name = self._table.entries[index][0]
        else:
            name, position = _read_string(block, position)
        value, position = _read_string(block, position)
        field = name, value
        if byte & 0x40:
            self._blocks.forget()
            self._table.insert(field)
        elif index < FIRST_DYNAMIC_INDEX and byte < 0x10 and name not in SENSITIVE_FIELDS:
            self._literals.keep(block[begin:position], field)
        return field, position

    def _explain(self, block: bytes, position: int) -> HpackError:
        """Say why the field at a position led out of the block, or out of the table."""
        byte = block[position]
        mask = 0x7F if byte & 0x80 else 0x3F if byte & 0x40 else 0x0F
        try:
            index, _ = decode_integer(block, position, mask=mask)
        except IndexError:
            index = 0
        last = len(self._table.entries) - 1
        if index > last:
            return HpackError(f"Field has index {index}, but the last one of the table is {last}")
        return HpackError("Block ends within a field")

    def _read_size_updates(self, block: bytes) -> int:
        """Resize the table as the beginning of a block says, and return the position after that."""
        self._is_repeatable = False
        self._blocks.forget()
        position = 0
        for _ in range(MAX_SIZE_UPDATES):
            if block[position : position + 1] not in _SIZE_UPDATES:
                break
            try:
                size, position = decode_integer(block, position, mask=0x1F)
            except IndexError as exc:
                raise HpackError("Block ends within an update of the table's size") from exc
            if size > self._max_table_size:
                raise HpackError(f"Table's size is set to {size}, above the maximum of {self._max_table_size}")
            self._table.resize(size)
            self._must_shrink = False
        if self._must_shrink:
            raise HpackError(f"Block does not begin with the update to a size of {self._max_table_size} or less")
        return position

    def _check_size(self, fields: FieldList) -> None:
        size = sum(map(entry_size, fields))
        if size > self._max_list_size:
            raise HeaderListTooLarge(f"Field list has {size} bytes, more than {self._max_list_size}")


_Value = TypeVar("_Value")


class _Kept(dict[bytes, _Value]):
    """What was decoded, by its bytes in the block. All of it goes when it has grown too large."""

    __slots__ = ("_size",)

    def __init__(self) -> None:
        self._size = 0

    def keep(self, encoded: bytes, decoded: _Value) -> None:
        size = len(encoded) + KEPT_OVERHEAD
        if size > MAX_KEPT_SIZE * MAX_KEPT_SHARE:
            return
        if self._size + size > MAX_KEPT_SIZE:
            self.forget()
        self._size += size
        self[encoded] = decoded

    def forget(self) -> None:
        self.clear()
        self._size = 0


# RFC 7541 6.3: the bytes that an update of the table's size begins with.
_SIZE_UPDATES = frozenset(bytes((byte,)) for byte in range(0x20, 0x40))

_MAX_STATIC_SIZE = max(map(entry_size, STATIC_TABLE))


def _read_string(block: bytes, position: int) -> tuple[bytes, int]:
    """Return the string literal at a position, decoded, and the position after it (RFC 7541 5.2)."""
    first = block[position]
    position += 1
    size = first & 0x7F
    if size == 0x7F:
        size, position = decode_integer(block, position - 1, mask=0x7F)
    end = position + size
    if end > len(block):
        raise HpackError(f"Block ends {end - len(block)} bytes before a string does")
    data = block[position:end]
    return decode_huffman(data) if first >= 0x80 else data, end
