"""`Headers`: the fields of a message, as a case-insensitive mapping that keeps order, case and repetition.

The fields are kept as the list of (name, value) bytes that goes to and comes from the wire, so that a response costs
nothing until somebody looks into it. The first lookup builds an index from lower-case names to values; changes keep
it right or drop it.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

    from .._types import HeaderTypes

RawField = tuple[bytes, bytes]


class Headers(MutableMapping[str, str]):
    """Hold header fields: a multi-dict whose keys ignore case.

    `headers[name]` joins the values of repeated fields with ", "; `get_list()` and `multi_items()` keep them apart, and
    `raw` shows the bytes as they are on the wire. Iterating gives each name once, in lower case.

    Text becomes bytes as `encoding`, ASCII if it is not given. Bytes become text as the first of ASCII, UTF-8 and
    ISO-8859-1 that fits all fields, unless `encoding` is given or set.

    Raises:
        TypeError: a value is neither str nor bytes.
        UnicodeEncodeError: a name or value cannot be written in the encoding.
    """

    __module__ = "httpx"

    # Until they are needed these live on the class, so that a response's headers are made by one assignment.
    _encoding: str | None = None
    _index: dict[bytes, bytes] | None = None

    # Whether fields and index are those of others as well, who trust that nothing changes in them.
    _is_shared = False

    def __init__(self, headers: HeaderTypes | None = None, encoding: str | None = None) -> None:
        if encoding is not None:
            self._encoding = encoding
        self._fields: list[RawField]
        if headers is None:
            self._fields = []
        # Speed: to ask whether something is a dict is no Python call, to ask for an abstract class is one.
        elif isinstance(headers, dict):
            self._fields = _encode_fields(headers.items(), encoding or "ascii")
        elif isinstance(headers, Headers):
            self._fields = headers._fields.copy()
        elif isinstance(headers, Mapping):
            self._fields = _encode_fields(headers.items(), encoding or "ascii")
        else:
            self._fields = _encode_fields(headers, encoding or "ascii")

    @classmethod
    def _from_raw(cls, fields: list[RawField], index: dict[bytes, bytes] | None = None) -> Self:
        """Return headers that own this list, and its index if that is known, without looking at them."""
        headers = cls.__new__(cls)
        headers._fields = fields
        headers._index = index
        return headers

    @classmethod
    def _from_shared(cls, fields: list[RawField], index: dict[bytes, bytes] | None) -> Self:
        """Return headers with this list and index, which stay as they are, whatever becomes of the headers."""
        headers = cls.__new__(cls)
        headers._fields = fields
        headers._index = index
        headers._is_shared = True
        return headers

    @property
    def encoding(self) -> str:
        """The encoding of names and values; set it to decode the fields in another way."""
        if self._encoding is not None:
            return self._encoding
        encoding = _detect_encoding(self._fields)
        # ASCII fits until a field is added that is not, so it is asked again; the other two are kept.
        if encoding != "ascii":
            self._encoding = encoding
        return encoding

    @encoding.setter
    def encoding(self, value: str) -> None:
        if self._is_shared:
            self._unshare()
        self._encoding = value

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The (name, value) pairs as bytes, in the case and order in which they were given."""
        return self._fields.copy()

    def keys(self) -> KeysView[str]:
        """Return the names, each once, in lower case."""
        encoding = self.encoding
        return {name.decode(encoding): None for name in self._get_index()}.keys()

    def values(self) -> ValuesView[str]:
        """Return the values, those of repeated fields joined with ", "."""
        return self._as_dict().values()

    def items(self) -> ItemsView[str, str]:
        """Return (name, value) pairs, the values of repeated fields joined with ", "."""
        return self._as_dict().items()

    def multi_items(self) -> list[tuple[str, str]]:
        """Return a (name, value) pair for each field, repeated ones apart."""
        encoding = self.encoding
        return [(name.lower().decode(encoding), value.decode(encoding)) for name, value in self._fields]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a field, the values of repeated ones joined with ", "."""
        value = self._look_up(key)
        return default if value is None else value

    def get_list(self, key: str, split_commas: bool = False) -> list[str]:
        """Return the values of all fields of that name; `split_commas` takes apart their comma-separated parts, too."""
        encoding = self.encoding
        lower_name = key.lower().encode(encoding)
        values = [value.decode(encoding) for name, value in self._fields if name.lower() == lower_name]
        if not split_commas:
            return values
        return [part.strip() for value in values for part in value.split(",")]

    def update(self, headers: HeaderTypes | None = None) -> None:  # type: ignore[override]  # as HTTPX 0.28
        """Take over these fields; those of the same names that were here are removed."""
        if self._is_shared:
            self._unshare()
        added = Headers(headers)._fields
        # Speed: mostly there are none of these names, which is found out without a Python call.
        names = set(map(bytes.lower, dict(added)))
        if not names.isdisjoint(map(bytes.lower, dict(self._fields))):
            self._fields = [field for field in self._fields if field[0].lower() not in names]
        self._fields.extend(added)
        self._index = None

    def clear(self) -> None:
        """Remove all fields."""
        self._fields = []
        self._index = None
        self._is_shared = False

    def copy(self) -> Headers:
        """Return headers with the same fields and encoding."""
        headers = Headers.__new__(Headers)
        headers._fields = self._fields.copy()
        headers._encoding = self._encoding
        return headers

    __copy__ = copy

    def __getitem__(self, key: str) -> str:
        # Speed: as `_look_up`, without the call for what is usual.
        if self._encoding is None and self._index is not None and key.isascii():
            value = self._index.get(key.lower().encode())
            if value is not None and value.isascii():
                return value.decode()
        found = self._look_up(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: str) -> None:
        """Set a field: in the place of the first of that name, with the others removed, or else at the end."""
        if self._is_shared:
            self._unshare()
        encoding = self._encoding or "utf-8"
        field = (key.encode(encoding), value.encode(encoding))
        lower_name = field[0].lower()
        # Speed: headers that are being put together have no index yet, and need none for this.
        names = map(bytes.lower, dict(self._fields)) if self._index is None else self._index
        if lower_name in names:
            self._replace(lower_name, field)
        else:
            self._fields.append(field)
        if self._index is not None:
            self._index[lower_name] = field[1]

    def __delitem__(self, key: str) -> None:
        if self._is_shared:
            self._unshare()
        lower_name = self._encode_name(key)
        index = self._get_index()
        if lower_name not in index:
            raise KeyError(key)
        del index[lower_name]
        self._fields = [field for field in self._fields if field[0].lower() != lower_name]

    def __contains__(self, key: Any) -> bool:
        return self._encode_name(key) in self._get_index()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._fields)

    def __or__(self, other: Mapping[str, str]) -> Headers:
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Mapping[str, str]) -> Headers:
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = Headers(other)
        merged.update(self)
        return merged

    def __ior__(self, other: HeaderTypes) -> Self:
        self.update(other)
        return self

    def __eq__(self, other: Any) -> bool:
        """Compare the fields, whatever their order and the case of their names; the case of values counts."""
        try:
            fields = Headers(other)._fields
        except (TypeError, ValueError):
            return NotImplemented
        return sorted((name.lower(), value) for name, value in self._fields) == sorted(
            (name.lower(), value) for name, value in fields
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        encoding = "" if self.encoding == "ascii" else f", encoding={self.encoding!r}"
        items = self._masked_items()
        by_name = dict(items)
        return f"{type(self).__name__}({by_name if len(by_name) == len(items) else items!r}{encoding})"

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in _NOT_PICKLED}

    # Private from here on.

    def _copy_between(self, first: RawField, last: list[RawField]) -> Headers:
        """Return headers with one more field in front, and others at the end; as `Headers(self)`, without encoding."""
        headers = Headers.__new__(Headers)
        headers._fields = [first, *self._fields, *last]
        return headers

    def _merge(self, headers: HeaderTypes) -> tuple[Headers, set[bytes]]:
        """Return a copy that took over these fields, as by `update`, and its names in lower case."""
        fields, added = self._fields, Headers(headers)._fields
        names = set(map(bytes.lower, dict(added)))
        index = self._get_index()
        if not names.isdisjoint(index):
            fields = [field for field in fields if field[0].lower() not in names]
        merged = Headers.__new__(Headers)
        merged._fields = [*fields, *added]
        merged._encoding = self._encoding
        return merged, names.union(index)

    @property
    def _list(self) -> tuple[tuple[bytes, bytes, bytes], ...]:
        """The fields as (name, name in lower case, value): so HTTPX keeps them, and libraries for tests read them."""
        return tuple((name, name.lower(), value) for name, value in self._fields)

    def _get_raw(self, lower_name: bytes) -> bytes | None:
        """Return the value of a field as bytes, those of repeated ones joined with b", "; None if there is none."""
        return (self._index if self._index is not None else self._get_index()).get(lower_name)

    def _get_raw_list(self, lower_name: bytes) -> list[bytes]:
        """Return the values of all fields of that name as bytes."""
        return [value for name, value in self._fields if name.lower() == lower_name]

    def _append_raw(self, name: bytes, value: bytes) -> None:
        """Add one more field at the end, repeating those of its name."""
        if self._is_shared:
            self._unshare()
        self._fields.append((name, value))
        self._index = None

    def _share(self) -> tuple[list[RawField], dict[bytes, bytes]]:
        """Return fields and index, which stay as they are, whatever becomes of these headers."""
        self._is_shared = True
        return self._fields, self._get_index()

    def _unshare(self) -> None:
        self._fields = self._fields.copy()
        self._index = None
        self._is_shared = False

    def _get_index(self) -> dict[bytes, bytes]:
        index = self._index
        if index is None:
            index = {}
            for name, value in self._fields:
                lower_name = name.lower()
                index[lower_name] = index[lower_name] + b", " + value if lower_name in index else value
            self._index = index
        return index

    def _encode_name(self, name: str) -> bytes:
        lower_name = name.lower()
        # Speed: ASCII is the same in all encodings that are guessed, and guessing one takes a look at all fields.
        return lower_name.encode(self._encoding or ("ascii" if lower_name.isascii() else self.encoding))

    def _look_up(self, name: str) -> str | None:
        index = self._index if self._index is not None else self._get_index()
        encoding = self._encoding
        if encoding is None:
            # Speed: as in `_encode_name`, without the call.
            lower_name = name.lower()
            value = index.get(lower_name.encode("ascii" if lower_name.isascii() else self.encoding))
            encoding = "ascii" if value is None or value.isascii() else self.encoding
        else:
            value = index.get(name.lower().encode(encoding))
        return None if value is None else value.decode(encoding)

    def _replace(self, lower_name: bytes, field: RawField) -> None:
        fields = []
        is_placed = False
        for old in self._fields:
            if old[0].lower() != lower_name:
                fields.append(old)
            elif not is_placed:
                fields.append(field)
                is_placed = True
        self._fields = fields

    def _as_dict(self) -> dict[str, str]:
        encoding = self.encoding
        return {name.decode(encoding): value.decode(encoding) for name, value in self._get_index().items()}

    def _masked_items(self) -> list[tuple[str, str]]:
        return [(name, "[secure]" if name in SENSITIVE_FIELDS else value) for name, value in self.multi_items()]


_NOT_PICKLED = frozenset({"_index", "_is_shared"})

# Their values never show in a repr, a log or a message.
SENSITIVE_FIELDS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


def _encode_fields(fields: Iterable[tuple[Any, Any]], encoding: str) -> list[RawField]:
    encoded: list[RawField] = []
    for name, value in fields:
        raw_name = name if isinstance(name, bytes) else name.encode(encoding)
        if isinstance(value, str):
            encoded.append((raw_name, value.encode(encoding)))
        elif isinstance(value, bytes):
            encoded.append((raw_name, value))
        else:
            raise TypeError(f"Header value must be str or bytes, not {type(value)}")
    return encoded


def _detect_encoding(fields: list[RawField]) -> str:
    # The line breaks keep a sequence of UTF-8 from starting in one value and ending in the next.
    data = b"\n".join(chain.from_iterable(fields))
    if data.isascii():
        return "ascii"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1"
    return "utf-8"
