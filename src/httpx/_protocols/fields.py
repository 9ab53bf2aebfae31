"""Hold what HTTP/1.1 and HTTP/2 share about fields: their type, the check of what a caller sends, masking in messages.

Fields are checked at the price of one join and one regular expression for all of them, not one for each. The join
must be unambiguous: joined in wire form, `("a", "b\\r\\nc: d")` reads like two good fields. So a NUL stands between
name and value and a LF between fields, neither of which a field may hold. If the whole matches "lines of token, NUL,
value" and has as many lines as there are fields, then each line is a field and each NUL is ours.
"""

from __future__ import annotations

import re

from .._exceptions import LocalProtocolError

FieldList = list[tuple[bytes, bytes]]

# RFC 9110 5.6.2: the characters of a token, which names and methods are made of.
TOKEN_CHARACTER = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# Their values are credentials, or as good as that: messages and logs do not show them.
SENSITIVE_FIELDS = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"})


def check_fields(fields: FieldList) -> None:
    """Check fields that are about to be sent.

    Raises:
        LocalProtocolError: a name is not a token, or a value holds a control character or outer whitespace.
    """
    join_checked(fields)


def join_checked(fields: FieldList) -> bytes:
    """Check fields as `check_fields` does, and return them as lines `name NUL value`, with a LF between two."""
    block = b"\n".join(map(b"\0".join, fields))
    if _BLOCK.fullmatch(block) is None or block.count(b"\n") != len(fields) - 1:
        _check_each(fields)
    return block


def quote(data: bytes | bytearray) -> str:
    """Return data as it shall stand in a message: a bytes literal, cut after some size."""
    if len(data) <= _MAX_QUOTED_SIZE:
        return repr(bytes(data))
    return f"{bytes(data[:_MAX_QUOTED_SIZE])!r}... ({len(data)} bytes)"


def quote_line(line: bytes) -> str:
    """Return a field line as it shall stand in a message, without the value if that is a secret."""
    name, colon, _ = line.partition(b":")
    if name.strip().lower() in SENSITIVE_FIELDS:
        return quote(name + colon + b" [secure]")
    return quote(line)


# Private from here on.

# Bytes; enough to recognise a value in a message, and far from flooding a log.
_MAX_QUOTED_SIZE = 200

_NAME = TOKEN_CHARACTER + rb"++"

# RFC 9110 5.5: VCHAR, obs-text, and inside also SP and HTAB. Sent values are held to the grammar, while received ones
# may hold control characters other than CR, LF and NUL.
_VALUE = rb"(?:(?![ \t])[^\x00-\x08\x0a-\x1f\x7f]++(?<![ \t]))?+"

_BLOCK = re.compile(rb"(?:" + _NAME + rb"\x00" + _VALUE + rb"(?:\n|\Z))*+")
_NAME_PATTERN = re.compile(_NAME)
_VALUE_PATTERN = re.compile(_VALUE)


def _check_each(fields: FieldList) -> None:
    """Raise for the first bad field; this is the slow way, which knows the culprit."""
    for name, value in fields:
        if _NAME_PATTERN.fullmatch(name) is None:
            raise LocalProtocolError(f"Illegal header name {quote(name)}")
        if _VALUE_PATTERN.fullmatch(value) is not None:
            continue
        if name.lower() in SENSITIVE_FIELDS:
            raise LocalProtocolError(f"Illegal header value b'[secure]' of {quote(name)}")
        raise LocalProtocolError(f"Illegal header value {quote(value)}")
