"""Encode HTTP/1.1 requests: the head, and the body by length or in chunks.

What is sent is held to the grammar before the first byte leaves: a CR or LF that gets through is a second request.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import NamedTuple

from ..._exceptions import LocalProtocolError
from ..fields import TOKEN_CHARACTER, FieldList, check_fields, join_checked, quote

# Bytes. Up to this size a chunk is copied between its size line and CRLF, to go out in one write; above it, the copy
# costs more than the two small writes (or one gathering write) that it saves.
MAX_JOINED_CHUNK_SIZE = 64 * 1024

# Lists of fields whose lines are kept; a program that talks to a thousand hosts in turn has no use for them.
MAX_KNOWN_LINES = 256


def encode_request_head(
    method: bytes, target: bytes, fields: FieldList, *, is_valid_line: bool = False
) -> tuple[bytes, RequestFraming]:
    """Return the head of a request, and how it says that its body is framed.

    `is_valid_line` tells that method and target are known to be within the grammar.

    Speed: a program sends the same few fields with most of its requests, so their lines are kept (a quarter of the CPU
    time of a request that does no I/O). Kept are only fields that are never secret, each list at most once.

    Raises:
        LocalProtocolError: as `encode_head` and `request_framing`.
    """
    key = tuple(fields)
    known = _known_lines.get(key)
    line = method + b" " + target
    if known is not None and (is_valid_line or _REQUEST_LINE.fullmatch(line) is not None):
        return line + known[0], known[1]
    head, framing = encode_head(method, target, fields), request_framing(fields)
    if _PUBLIC_FIELDS.issuperset(map(bytes.lower, map(_name_of, fields))):
        if len(_known_lines) >= MAX_KNOWN_LINES:
            _known_lines.clear()
        _known_lines[key] = head[len(line) :], framing
    return head, framing


def encode_head(method: bytes, target: bytes, fields: FieldList) -> bytes:
    """Return the head of a request, the names of the fields in the case given.

    Raises:
        LocalProtocolError: the method, the target, or a field is outside the grammar, or Host is missing or repeated.
    """
    if fields and fields[0][0].lower() != b"host":
        # RFC 9110 7.2: Host comes first, so that a server knows early for whom the rest is.
        fields = sorted(fields, key=_is_not_host)
    block = join_checked(fields)
    line = b"%b %b" % (method, target)
    if _REQUEST_LINE.fullmatch(line) is None:
        _refuse_request_line(method)
    # The block holds a NUL for each ": " and a LF for each CRLF, and none besides; see `fields`.
    head = b"%b HTTP/1.1\r\n%b\r\n\r\n" % (line, block.replace(b"\0", b": ").replace(b"\n", b"\r\n"))
    # RFC 9112 3.2: a client sends exactly one Host field. The target holds no LF, so only names follow one.
    hosts = head.lower().count(b"\nhost:")
    if hosts != 1:
        raise LocalProtocolError("Found multiple Host: headers" if hosts else "Missing mandatory Host: header")
    return head


def request_framing(fields: FieldList) -> RequestFraming:
    """Tell how the fields of a request say that its body is framed.

    Raises:
        LocalProtocolError: they contradict each other, or name what cannot be sent.
    """
    length = coding = None
    is_last = False
    for name, value in fields:
        name = name.lower()
        if name == b"content-length":
            if length is not None and value != length:
                raise LocalProtocolError(f"conflicting Content-Length headers: {quote(length)} and {quote(value)}")
            length = value
        elif name == b"transfer-encoding":
            coding = value if coding is None else coding + b", " + value
        elif name == b"connection" and b"close" in value.lower():
            is_last = True
    if coding is not None:
        _check_coding(coding, length)
        return RequestFraming(content_length=None, is_chunked=True, is_last=is_last)
    if length is None:
        return _LAST_WITHOUT_BODY if is_last else _WITHOUT_BODY
    if not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
        raise LocalProtocolError(f"bad Content-Length: {quote(length)}")
    return RequestFraming(content_length=int(length), is_chunked=False, is_last=is_last)


class RequestFraming(NamedTuple):
    """How the end of a request's body is marked: by its length, by chunks, or there is none (neither).

    After a request that is_last no other may follow on its connection (RFC 9112 9.6).
    """

    content_length: int | None
    is_chunked: bool
    is_last: bool = False

    def make_encoder(self) -> LengthEncoder | ChunkedEncoder:
        """Return what encodes a body so framed. Without framing the body can only be empty."""
        if self.is_chunked:
            return ChunkedEncoder()
        return LengthEncoder(self.content_length or 0)


class LengthEncoder:
    """Pass a body of known length through, and see that it has that length."""

    __slots__ = ("_remaining",)

    def __init__(self, length: int) -> None:
        self._remaining = length

    def encode(self, data: bytes) -> bytes:
        """Return the bytes to send for this part of the body: the part itself.

        Raises:
            LocalProtocolError: the body is longer than declared; nothing of this part may be sent.
        """
        self._remaining -= len(data)
        if self._remaining < 0:
            raise LocalProtocolError("Too much data for declared Content-Length")
        return data

    def finish(self, trailers: FieldList | None = None) -> bytes:
        """Return the bytes that end the body: none.

        Raises:
            LocalProtocolError: the body is shorter than declared, or there are trailers, which only chunks can carry.
        """
        if self._remaining > 0:
            raise LocalProtocolError("Too little data for declared Content-Length")
        if trailers:
            raise LocalProtocolError("Trailers need Transfer-Encoding: chunked")
        return b""


class ChunkedEncoder:
    """Frame a body of unknown length in chunks (RFC 9112 7.1)."""

    __slots__ = ()

    def encode(self, data: bytes) -> bytes | tuple[bytes, bytes, bytes]:
        """Return the bytes to send for this part of the body: at once, or in three parts if data is large."""
        # An empty chunk would end the body.
        if not data:
            return b""
        if len(data) > MAX_JOINED_CHUNK_SIZE:
            return b"%x\r\n" % len(data), data, b"\r\n"
        return b"%x\r\n%b\r\n" % (len(data), data)

    def finish(self, trailers: FieldList | None = None) -> bytes:
        """Return the bytes that end the body: the last chunk and the trailer section.

        Raises:
            LocalProtocolError: a trailer is outside the grammar.
        """
        if not trailers:
            return b"0\r\n\r\n"
        check_fields(trailers)
        return b"0\r\n%b\r\n\r\n" % b"\r\n".join(map(b": ".join, trailers))


# Private from here on.

# RFC 9112 3: method SP request-target. A target holds no space, so the only one is ours. RFC 3986 2: what is not ASCII
# stands percent-encoded.
_REQUEST_LINE = re.compile(TOKEN_CHARACTER + rb"++ [\x21-\x7e]++")
_METHOD = re.compile(TOKEN_CHARACTER + rb"++")

# Decimal digits; as many as 2**64 has. Above that int() only costs time.
_MAX_LENGTH_DIGITS = 20

_name_of = itemgetter(0)

# What tells nothing about the user.
_PUBLIC_FIELDS = frozenset(
    {
        *(b"host", b"accept", b"accept-encoding", b"accept-language", b"connection", b"user-agent"),
        *(b"content-length", b"content-type", b"transfer-encoding", b"cache-control"),
    }
)

# By the fields: what follows the request line up to the body, and the framing of that.
_known_lines: dict[tuple[tuple[bytes, bytes], ...], tuple[bytes, RequestFraming]] = {}

_WITHOUT_BODY = RequestFraming(content_length=None, is_chunked=False)
_LAST_WITHOUT_BODY = RequestFraming(content_length=None, is_chunked=False, is_last=True)


def _is_not_host(field: tuple[bytes, bytes]) -> bool:
    return field[0].lower() != b"host"


def _refuse_request_line(method: bytes) -> None:
    if _METHOD.fullmatch(method) is None:
        raise LocalProtocolError(f"Illegal method characters in {quote(method)}")
    # The target is not shown: its query may be a secret.
    raise LocalProtocolError(
        "Illegal target characters: it is empty, or whitespace, control or non-ASCII characters "
        "in it are not percent-encoded"
    )


def _check_coding(coding: bytes, length: bytes | None) -> None:
    if coding.lower() != b"chunked":
        raise LocalProtocolError(f"Only Transfer-Encoding: chunked is supported, not {quote(coding)}")
    # RFC 9112 6.2: no Content-Length in a message with Transfer-Encoding. Two servers in a row that disagree on which
    # one counts make two requests of it.
    if length is not None:
        raise LocalProtocolError("Content-Length cannot be sent with Transfer-Encoding; leave one of them away")
