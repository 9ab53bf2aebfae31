"""Decode blocks of fields (RFC 7541 3.2 and 6): one decoder for all blocks that come on a connection, in their order.

A server sends the same few fields again and again, in one of three ways. Where it puts them into the table, a warm
block is a run of indices, one byte each, and all that must be fast is a look into a list. Where it does not, each block
has all of its fields as literals. And nginx puts them into the table with each response, and never looks for them
there. So the decoder keeps, for its connection, by their bytes in the block:

* the fields of literals that mean the same whatever the table holds;
* whole blocks that left the table as it was, until something changes the table;
* whole blocks that mean the same whatever the table holds, with what they put into it.

None of them holds a field whose value is a secret, unless that is in the table.

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

# Bytes of the blocks, and of the literals, that are kept for a connection; each counts KEPT_OVERHEAD more for its
# objects. One that is larger than MAX_KEPT_ITEM_SIZE would drive out the others, and is not kept.
MAX_KEPT_SIZE = 32 * 1024
MAX_KEPT_ITEM_SIZE = 4 * 1024
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
        "_inserted",
        "_is_repeatable",
        "_is_self_contained",
        "_literals",
        "_max_fields",
        "_max_list_size",
        "_max_table_size",
        "_needed_size",
        "_repeated",
        "_self_contained",
        "_table",
        "_times",
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
        # The size or less to which the next block must set the table first; None if it need not.
        self._needed_size: int | None = None
        # Of the block at hand: whether it may be kept until the table changes, or for good, and what it put into the
        # table.
        self._is_repeatable = False
        self._is_self_contained = False
        self._inserted: list[Field] = []
        self._table = DecoderTable()
        # The fields of literals, and of whole blocks, by their bytes.
        self._literals: _Kept[Field] = _Kept()
        self._blocks: _Kept[FieldList] = _Kept()
        self._self_contained: _Kept[tuple[FieldList, list[Field], int]] = _Kept()
        # The one of these that came last, and how often it came in a row.
        self._repeated: tuple[FieldList, list[Field], int] | None = None
        self._times = 0
        self.set_max_table_size(max_table_size)

    def set_max_table_size(self, size: int) -> None:
        """Take note that the peer acknowledged SETTINGS which announced this size of the table."""
        self._max_table_size = size
        if size < self._table.capacity:
            # RFC 9113 4.3.1: then the next block must begin with an update to that size or less. If the size was
            # announced more than once before that block, the smallest counts (RFC 7541 4.2).
            self._needed_size = min(size, size if self._needed_size is None else self._needed_size)
            self._blocks.forget()

    def decode(self, block: bytes) -> FieldList:
        """Return the fields of a block, in their order.

        The list may be returned again for a later block: do not change it.

        Raises:
            HeaderListTooLarge: the list is larger than allowed. The decoder may be used on.
            HpackError: the block cannot be decoded. The decoder must not be used again.
        """
        fields = self._blocks.get(block)
        if fields is not None:
            return fields
        known = self._self_contained.get(block)
        if known is None or self._needed_size is not None:
            return self._decode_new(block)
        fields, inserted, size = known
        if known is not self._repeated:
            self._repeated = known
            self._times = 0
        # Once nothing else is in the table, and some of it was evicted again, another time would change nothing.
        if self._times * len(inserted) <= len(self._table.entries) - FIRST_DYNAMIC_INDEX:
            if self._blocks:
                self._blocks.forget()
            self._table.insert_all(inserted, size)
            self._times += 1
        return fields

    # Private from here on.

    def _decode_new(self, block: bytes) -> FieldList:
        self._repeated = None
        self._is_repeatable = self._is_self_contained = True
        self._inserted = []
        position = 0
        if self._needed_size is not None or block[:1] in _SIZE_UPDATES:
            position = self._read_size_updates(block)
        fields, position = self._decode_fields(block, position, self._max_fields)
        if position < len(block):
            while position < len(block):
                _, position = self._decode_fields(block, position, MAX_FIELDS)
            raise HeaderListTooLarge(f"Field list has more than {self._max_fields} fields")
        # Speed: mostly this tells that the list is not too large, since a field is no larger than an entry of one of
        # the tables and its part of the block decoded.
        if len(fields) * (self._table.capacity + _MAX_STATIC_SIZE) + 2 * len(block) > self._max_list_size:
            self._check_size(fields)
        if self._is_repeatable:
            self._blocks.keep(block, fields)
        elif self._is_self_contained and self._inserted:
            self._self_contained.keep(block, (fields, self._inserted, sum(map(entry_size, self._inserted))))
        return fields

    def _decode_fields(self, block: bytes, position: int, max_fields: int) -> tuple[FieldList, int]:
        """Return the fields from a position on, but so many at most, and the position after them.

        Speed: the two usual forms are read in place, which is four times as fast as a call for each field.
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
                after = position + 1
                field = None
                if 0x80 < byte < 0xFF:  # an index
                    field = entries[byte - 0x80]
                    if byte >= _FIRST_DYNAMIC_BYTE:
                        self._is_self_contained = False
                elif byte < 0x10:  # a literal without indexing
                    # Its end, if it is a short one. If it is not, that may be anywhere, and nothing is found: no
                    # literal is the beginning of another.
                    if byte == 0:
                        after += 1 + (block[after] & 0x7F)
                    elif byte == 0x0F:
                        after += 1
                    after += 1 + (block[after] & 0x7F)
                    if after <= end:
                        field = literals.get(block[position:after])
                if field is None:
                    field, after = self._read_field(block, position)
                fields.append(field)
                position = after
        except IndexError as exc:
            raise self._explain(block, position) from exc
        return fields, position

    def _read_field(self, block: bytes, position: int) -> tuple[Field, int]:
        """Return the field at a position, whatever its form, and the position after it."""
        byte = block[position]
        if byte < 0x80:
            return self._read_literal(block, position)
        index, position = decode_integer(block, position, mask=0x7F)
        if index == 0:
            raise HpackError("Field has index 0, which is none of the table")
        self._is_self_contained = False
        return self._table.entries[index], position

    def _read_literal(self, block: bytes, position: int) -> tuple[Field, int]:
        begin = position
        byte = block[position]
        if byte & 0xE0 == 0x20:
            raise HpackError("Update of the table's size comes after a field, or after two others")
        mask = 0x3F if byte & 0x40 else 0x0F
        index = byte & mask
        position += 1
        if index == mask:
            index, position = decode_integer(block, begin, mask=mask)
        if index:
            name = self._table.entries[index][0]
        else:
            start, after = _find_string(block, position)
            name = _decode_string(block, position, start, after)
            position = after
        start, after = _find_string(block, position)
        if byte < 0x10 and after - start >= 0x7F:
            field = self._literals.get(block[begin:after])
            if field is not None:
                return field, after
        self._is_repeatable = False
        field = name, _decode_string(block, position, start, after)
        if index >= FIRST_DYNAMIC_INDEX or byte & 0xF0 == 0x10 or name in SENSITIVE_FIELDS:
            # It depends on the table, or must not be remembered.
            self._is_self_contained = False
        if byte & 0x40:
            self._blocks.forget()
            self._table.insert(field)
            self._inserted.append(field)
        elif index < FIRST_DYNAMIC_INDEX and byte < 0x10 and name not in SENSITIVE_FIELDS:
            self._literals.keep(block[begin:after], field)
        return field, after

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
        self._is_repeatable = self._is_self_contained = False
        self._blocks.forget()
        position = 0
        for _ in range(MAX_SIZE_UPDATES):
            if block[position : position + 1] not in _SIZE_UPDATES:
                break
            try:
                size, position = decode_integer(block, position, mask=0x1F)
            except IndexError as exc:
                raise HpackError("Block ends within an update of the table's size") from exc
            limit = self._max_table_size if self._needed_size is None else self._needed_size
            if size > limit:
                raise HpackError(f"Table's size is set to {size}, above the announced {limit}")
            self._needed_size = None
            self._table.resize(size)
        if self._needed_size is not None:
            raise HpackError(f"Block does not set the table to the announced size of {self._needed_size}")
        return position

    def _check_size(self, fields: FieldList) -> None:
        size = sum(map(entry_size, fields))
        if size > self._max_list_size:
            raise HeaderListTooLarge(f"Field list has {size} bytes, more than {self._max_list_size}")


# Private from here on.

# RFC 7541 6.3: the bytes that an update of the table's size begins with.
_SIZE_UPDATES = frozenset(bytes((byte,)) for byte in range(0x20, 0x40))

_FIRST_DYNAMIC_BYTE = 0x80 + FIRST_DYNAMIC_INDEX

_MAX_STATIC_SIZE = max(map(entry_size, STATIC_TABLE))

_Value = TypeVar("_Value")


class _Kept(dict[bytes, _Value]):
    """What was decoded, by its bytes in the block. All of it goes when it has grown too large."""

    __slots__ = ("_size",)

    def __init__(self) -> None:
        self._size = 0

    def keep(self, encoded: bytes, decoded: _Value) -> None:
        size = len(encoded) + KEPT_OVERHEAD
        if size > MAX_KEPT_ITEM_SIZE:
            return
        if self._size + size > MAX_KEPT_SIZE:
            self.forget()
        self._size += size
        self[encoded] = decoded

    def forget(self) -> None:
        self.clear()
        self._size = 0


def _find_string(block: bytes, position: int) -> tuple[int, int]:
    """Return where a string begins and ends whose size stands at a position (RFC 7541 5.2)."""
    size = block[position] & 0x7F
    start = position + 1
    if size == 0x7F:
        size, start = decode_integer(block, position, mask=0x7F)
    end = start + size
    if end > len(block):
        raise HpackError(f"Block ends {end - len(block)} bytes before a string does")
    return start, end


def _decode_string(block: bytes, position: int, start: int, end: int) -> bytes:
    data = block[start:end]
    return decode_huffman(data) if block[position] >= 0x80 else data
