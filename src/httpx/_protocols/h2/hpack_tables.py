"""Hold the tables of HPACK (RFC 7541 2.3): the static one, and a dynamic one for each side of a connection.

Both dynamic tables hold the same entries in the same order, but they are asked in opposite ways. A decoder asks for the
entry of an index, so its table is a list. An encoder asks for the index of a field, so its table is a dict. As each
insertion moves all entries by one, the dict has the number of the insertion, from which the index follows: that does
not change when others come or go.
"""

from __future__ import annotations

from collections import deque

Field = tuple[bytes, bytes]

# RFC 7541 4.1: bytes that an entry counts besides those of its name and value.
ENTRY_OVERHEAD = 32

# Bytes; RFC 9113 6.5.2: the value of SETTINGS_HEADER_TABLE_SIZE before any SETTINGS frame.
DEFAULT_TABLE_SIZE = 4096

# RFC 7541 appendix A; the first has index 1.
STATIC_TABLE: tuple[Field, ...] = (
    (b":authority", b""),
    *((b":method", value) for value in (b"GET", b"POST")),
    *((b":path", value) for value in (b"/", b"/index.html")),
    *((b":scheme", value) for value in (b"http", b"https")),
    *((b":status", value) for value in (b"200", b"204", b"206", b"304", b"400", b"404", b"500")),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    *(
        (name, b"")
        for name in (
            b"accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control "
            b"content-disposition content-encoding content-language content-length content-location content-range "
            b"content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range "
            b"if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization "
            b"range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding "
            b"user-agent vary via www-authenticate"
        ).split()
    ),
)

FIRST_DYNAMIC_INDEX = len(STATIC_TABLE) + 1


def entry_size(field: Field) -> int:
    """Return what a field counts in a table, and in the size of a field list (RFC 7541 4.1, RFC 9113 6.5.2)."""
    return len(field[0]) + len(field[1]) + ENTRY_OVERHEAD


class DecoderTable:
    """Both tables as the decoder sees them: `entries[index]` is the field of that index, static or dynamic.

    `entries[0]` is a placeholder that must not be asked for. An insertion moves the entries behind it: at most 128 in a
    table of 4096 bytes, which costs less than any way around it.
    """

    __slots__ = ("capacity", "entries", "size")

    def __init__(self) -> None:
        self.capacity = DEFAULT_TABLE_SIZE
        self.size = 0
        self.entries: list[Field] = [(b"", b""), *STATIC_TABLE]

    def insert(self, field: Field) -> None:
        """Put a field before all others. One that is larger than the table empties it (RFC 7541 4.4)."""
        self.entries.insert(FIRST_DYNAMIC_INDEX, field)
        self.size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        if self.size > self.capacity:
            self._evict()

    def insert_all(self, fields: list[Field], size: int) -> None:
        """Put fields before all others, one after the other, that count so many bytes together.

        Speed: as `insert` for each of them. What that evicts on the way is too old after the last one, too.
        """
        self.entries[FIRST_DYNAMIC_INDEX:FIRST_DYNAMIC_INDEX] = fields[::-1]
        self.size += size
        if self.size > self.capacity:
            self._evict()

    def resize(self, capacity: int) -> None:
        """Set how many bytes the dynamic table may hold."""
        self.capacity = capacity
        self._evict()

    def _evict(self) -> None:
        while self.size > self.capacity:
            name, value = self.entries.pop()
            self.size -= len(name) + len(value) + ENTRY_OVERHEAD


class EncoderTable:
    """The dynamic table as the encoder sees it: it finds the index of a field or of a name."""

    __slots__ = ("_fields", "_inserted", "_numbers", "_numbers_of_names", "capacity", "size")

    def __init__(self) -> None:
        self.capacity = DEFAULT_TABLE_SIZE
        self.size = 0
        # From the oldest to the newest.
        self._fields: deque[Field] = deque()
        self._inserted = 0
        # By the field, and by the name for the newest field of that name: how many insertions came before it.
        self._numbers: dict[Field, int] = {}
        self._numbers_of_names: dict[bytes, int] = {}

    def find(self, field: Field) -> int | None:
        """Return the index of a field, None if it is not in the table."""
        number = self._numbers.get(field)
        return None if number is None else FIRST_DYNAMIC_INDEX - 1 + self._inserted - number

    def find_name(self, name: bytes) -> int | None:
        """Return the index of a field with that name, None if there is none."""
        number = self._numbers_of_names.get(name)
        return None if number is None else FIRST_DYNAMIC_INDEX - 1 + self._inserted - number

    def insert(self, field: Field) -> None:
        """Put a field before all others. It is none that the table holds, and is not larger than the table."""
        self._fields.append(field)
        self._numbers[field] = self._numbers_of_names[field[0]] = self._inserted
        self._inserted += 1
        self.size += entry_size(field)
        self._evict()

    def resize(self, capacity: int) -> None:
        """Set how many bytes the table may hold."""
        self.capacity = capacity
        self._evict()

    def _evict(self) -> None:
        while self.size > self.capacity:
            field = self._fields.popleft()
            self.size -= entry_size(field)
            number = self._numbers.pop(field)
            if self._numbers_of_names[field[0]] == number:
                del self._numbers_of_names[field[0]]
