"""Check and take apart the fields that a server sends (RFC 9113 8.2 and 8.3), whatever HPACK made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter

from ..fields import FieldList, quote
from ..h1.head import parse_content_length
from .errors import ErrorCode, StreamFault

# What HPACK decodes: shared with its caches, so never to be changed.
DecodedFields = Sequence[tuple[bytes, bytes]]

# Heads of a connection that are kept.
MAX_KNOWN_HEADS = 16


def parse_head(decoded: DecodedFields) -> tuple[int, FieldList]:
    """Return the status code and the fields of a response.

    Raises:
        StreamFault: it is malformed (RFC 9113 8.1.1).
    """
    if not decoded or decoded[0][0] != b":status":
        raise _malformed("a response that does not begin with :status")
    status = decoded[0][1]
    # RFC 9110 15: three digits.
    if _STATUS.fullmatch(status) is None:
        raise _malformed(f"the status code {quote(status)}")
    fields = list(decoded[1:])
    check_fields(fields)
    return int(status), fields


class ReadHead:
    """The head of a response: its fields, the values by name (those of repeated ones joined), its Content-Length."""

    __slots__ = ("fields", "index", "known_length", "status_code")

    def __init__(self, decoded: DecodedFields) -> None:
        self.status_code, self.fields = parse_head(decoded)
        self.index: dict[bytes, bytes] = {}
        for name, value in self.fields:
            self.index[name] = self.index[name] + b", " + value if name in self.index else value
        # The Content-Length once it was asked for.
        self.known_length: int | None = None

    @property
    def content_length(self) -> int:
        """The size of the body, -1 if it is not told.

        Raises:
            RemoteProtocolError: it is no number, or there are several. That matters only where a body may follow.
        """
        if self.known_length is None:
            value = self.index.get(b"content-length")
            self.known_length = -1 if value is None else parse_content_length(value)
        return self.known_length


class HeadMemory:
    """Read heads, and those at once that came before.

    Speed: a server sends the same head for most of a second, and HPACK's decoder returns the very same list for it
    then. What may be a secret is not among them, since the decoder keeps none of that.
    """

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[int, tuple[DecodedFields, ReadHead]] = {}

    def read(self, decoded: DecodedFields) -> ReadHead:
        """Return what `ReadHead` makes of it; not to be changed.

        Raises:
            StreamFault: as `parse_head`.
        """
        known = self._heads.get(id(decoded))
        if known is not None and known[0] is decoded:
            return known[1]
        head = ReadHead(decoded)
        if b"set-cookie" not in head.index:
            if len(self._heads) >= MAX_KNOWN_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[id(decoded)] = decoded, head
        return head


def check_fields(fields: FieldList) -> None:
    """Check fields, pseudo-fields not among them.

    They are checked as one, in the way of `fields.check_fields`: with a NUL between name and value and a LF between two
    fields, neither of which may stand in them.

    Raises:
        StreamFault: one is malformed, or has no place in HTTP/2.
    """
    block = b"\n".join(map(b"\0".join, fields))
    if _BLOCK.fullmatch(block) is None or (fields and block.count(b"\n") != len(fields) - 1):
        _check_each(fields)
    if not _CONNECTION_FIELDS.isdisjoint(map(_name_of, fields)):
        raise _malformed("a field that is about an HTTP/1.1 connection")


# Private from here on.

_STATUS = re.compile(rb"[1-9][0-9]{2}")

# RFC 9113 8.2.1: a name is a token in lower case; a value has no CR, LF, NUL, and no whitespace around it.
_NAME = rb"[!#$%&'*+\-.^_`|~0-9a-z]++"
_VALUE = rb"(?:(?![ \t])[^\x00\r\n]++(?<![ \t]))?+"
_BLOCK = re.compile(rb"(?:" + _NAME + rb"\x00" + _VALUE + rb"(?:\n|\Z))*+")
_NAME_PATTERN = re.compile(_NAME)
_VALUE_PATTERN = re.compile(_VALUE)

# RFC 9113 8.2.2
_CONNECTION_FIELDS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})

_name_of = itemgetter(0)


def _check_each(fields: FieldList) -> None:
    for name, value in fields:
        if name[:1] == b":":
            raise _malformed(f"the pseudo-field {quote(name)}")
        if _NAME_PATTERN.fullmatch(name) is None:
            raise _malformed(f"the field name {quote(name)}")
        if _VALUE_PATTERN.fullmatch(value) is None:
            raise _malformed(f"an illegal value of the field {quote(name)}")


def _malformed(what: str) -> StreamFault:
    return StreamFault(ErrorCode.PROTOCOL_ERROR, what)
