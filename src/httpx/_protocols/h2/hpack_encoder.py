"""Encode lists of fields as blocks (RFC 7541 3.1 and 6): one encoder for all blocks sent on a connection, in order.

What goes into the table is what will be sent again. Each insertion takes the room of an older field, and moves all
indices by one. So a field is inserted at once if its name tells that it stays the same for the connection
(`:authority`, `user-agent`), and else when it comes for the second time: identifiers and times that each request has of
its own never fill the table. Some are never worth it, above all `:path` and `content-length`, and secrets that are
short enough to be guessed have no place in a table (RFC 7541 7.1.3).

Only what is inserted is sent in Huffman code: once a connection, so that it costs nothing. Elsewhere it would save 20
to 25 % of a literal for some 35 ns a byte here and as much on the other side: a gain on links below 30 Mbit/s only.
"""

from __future__ import annotations

from collections.abc import Iterable

from .hpack_huffman import encode_huffman
from .hpack_integers import encode_integer
from .hpack_tables import DEFAULT_TABLE_SIZE, STATIC_TABLE, EncoderTable, Field, entry_size

# Bytes. A peer may allow more, but what a client sends to one origin again and again has room in this, and is reached
# by indices of one byte (up to 126); nghttp2 uses no more either.
MAX_TABLE_SIZE = DEFAULT_TABLE_SIZE

# Lists of fields whose blocks are kept.
MAX_KEPT_BLOCKS = 64


class HpackEncoder:
    """Encode the blocks of one connection. Not thread-safe: blocks must be sent in the order in which they were made.

    A block that was made and is not sent leaves the peer behind: then the connection is lost.
    """

    __slots__ = ("_blocks", "_represent", "_representations", "_smallest_size", "_table")

    def __init__(self) -> None:
        self._table = EncoderTable()
        self._representations = _Representations(self._table)
        self._represent = self._representations.__getitem__
        # By the identity of a list: itself, and its block, as long as the table stays as it is.
        self._blocks = self._representations.blocks
        # The smallest size that the table was given since the last block, None if it was not resized.
        self._smallest_size: int | None = None

    def set_max_table_size(self, size: int) -> None:
        """Take the peer's SETTINGS_HEADER_TABLE_SIZE; the next block tells what of it is used."""
        size = min(size, MAX_TABLE_SIZE)
        if self._smallest_size is None:
            if size == self._table.capacity:
                return
            self._smallest_size = size
        self._smallest_size = min(self._smallest_size, size)
        self._table.resize(size)
        self._representations.forget()

    def encode(self, fields: Iterable[Field], *, is_kept: bool = False) -> bytes:
        """Return the block for these fields, their names in lower case, in their order.

        With `is_kept` they are a list that nobody changes, and that comes again as the same object.
        """
        if is_kept and (kept := self._blocks.get(id(fields))) is not None:
            return kept[1]
        representations = self._representations
        representations.is_repeatable = True
        # Speed: a field of the tables costs one look into a dict, without a call.
        block = b"".join(map(self._represent, fields))
        if self._smallest_size is None:
            if is_kept and representations.is_repeatable:
                if len(self._blocks) >= MAX_KEPT_BLOCKS:
                    self._blocks.clear()
                self._blocks[id(fields)] = fields, block
            return block
        sizes = sorted({self._smallest_size, self._table.capacity})
        self._smallest_size = None
        # RFC 7541 4.2: first the smallest size since the last block, so that the peer evicts what went here, too.
        return b"".join([encode_integer(size, mask=0x1F, pattern=0x20) for size in sizes]) + block


# Private from here on.

# RFC 7541 7.1.3: values that nobody shall guess by looking at the size of blocks. Proxies keep them out of tables, too.
_SECRET_NAMES = (b"authorization", b"proxy-authorization")

# Bytes. A shorter cookie could be guessed; the bound is that of Firefox and nghttp2.
_MIN_INDEXED_COOKIE_SIZE = 20

# They differ from request to request.
_TRANSIENT_NAMES = (
    *(b":path", b"content-length", b"content-range", b"range", b"if-range", b"date"),
    *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
)

# They are the same in all requests of a connection.
_STEADY_NAMES = frozenset(
    {
        *(b":authority", b":method", b":scheme", b":protocol", b"user-agent", b"accept", b"accept-encoding"),
        *(b"accept-language", b"cache-control", b"origin", b"te"),
    }
)

# What part of the table one field may take, at most a half: more would cost all others their place.
_MAX_SHARE = 2

# Fields that came once. Only their hashes are kept, since some are secret; taking one for another does no harm.
_MAX_SEEN = 256

# RFC 7541 6.2: low bits and high bits of the first byte of a literal.
_WITH_INDEXING = 0x3F, 0x40
_WITHOUT_INDEXING = 0x0F, 0x00
_NEVER_INDEXED = 0x0F, 0x10

_STATIC_INDICES = {field: index for index, field in enumerate(STATIC_TABLE, 1)}
# The first of each name, as in RFC 7541 appendix C.
_STATIC_NAMES = {name: index for index, (name, _) in reversed([*enumerate(STATIC_TABLE, 1)])}


def _begin_literal(name: bytes, form: tuple[int, int]) -> bytes:
    """Return what stands before the value of a literal with a name of the static table."""
    return encode_integer(_STATIC_NAMES[name], mask=form[0], pattern=form[1])


# By the names that are never put into the table: what stands before the value.
_UNINDEXED = {
    **{name: _begin_literal(name, _WITHOUT_INDEXING) for name in _TRANSIENT_NAMES},
    **{name: _begin_literal(name, _NEVER_INDEXED) for name in _SECRET_NAMES},
}


class _Representations(dict[Field, bytes]):
    """By the field: its bytes in a block. What is kept are indices; literals are made anew for each block.

    Made when they are first asked for, and cleared by each change of the table, which moves the indices.
    """

    __slots__ = ("_seen", "_table", "blocks", "is_repeatable")

    def __init__(self, table: EncoderTable) -> None:
        self._table = table
        self._seen: set[int] = set()
        # Whole blocks, which are cleared with the fields. By the id of a list, which they keep from becoming another's.
        self.blocks: dict[int, tuple[Iterable[Field], bytes]] = {}
        # Whether no literal was made whose form depends on what came before it.
        self.is_repeatable = True

    def forget(self) -> None:
        """Take note that the table has changed."""
        self.clear()
        self.blocks.clear()

    def __missing__(self, field: Field) -> bytes:
        index = _STATIC_INDICES.get(field)
        if index is None:
            begin = _UNINDEXED.get(field[0])
            if begin is not None:
                value = field[1]
                # Speed: `_encode_plain`, without the call for what is short.
                return b"%b%c%b" % (begin, len(value), value) if len(value) < 0x7F else begin + _encode_plain(value)
            index = self._table.find(field)
            if index is None:
                return self._encode_literal(field)
        self[field] = representation = encode_integer(index, mask=0x7F, pattern=0x80)
        return representation

    def _encode_literal(self, field: Field) -> bytes:
        name, value = field
        self.is_repeatable = False
        mask, pattern = form = self._choose_form(field)
        index = _STATIC_NAMES.get(name) or self._table.find_name(name) or 0
        encode_string = _encode_plain
        if form is _WITH_INDEXING:
            self._table.insert(field)
            self.forget()
            encode_string = _encode_shorter
        begin = encode_integer(index, mask=mask, pattern=pattern)
        if index == 0:
            begin += encode_string(name)
        return begin + encode_string(value)

    def _choose_form(self, field: Field) -> tuple[int, int]:
        name, value = field
        if name == b"cookie" and len(value) < _MIN_INDEXED_COOKIE_SIZE:
            return _NEVER_INDEXED
        if entry_size(field) * _MAX_SHARE > self._table.capacity:
            return _WITHOUT_INDEXING
        key = hash(field)
        if name in _STEADY_NAMES or key in self._seen:
            return _WITH_INDEXING
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen.add(key)
        return _WITHOUT_INDEXING


def _encode_plain(data: bytes) -> bytes:
    size = len(data)
    if size < 0x7F:
        return b"%c%b" % (size, data)
    return encode_integer(size, mask=0x7F, pattern=0) + data


def _encode_shorter(data: bytes) -> bytes:
    encoded = encode_huffman(data)
    if len(encoded) >= len(data):
        return _encode_plain(data)
    return encode_integer(len(encoded), mask=0x7F, pattern=0x80) + encoded
