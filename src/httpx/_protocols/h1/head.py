"""Parse heads of HTTP/1.1 responses and trailer sections (RFC 9112 2.2, 4, 5), and hold the limits of the decoder.

The usual head matches one regular expression, and a second one takes its fields apart: `match_head`. A head that does
not match is read again by `parse_head`, line by line: it knows the deviations that RFC 9112 lets a user agent take
(obs-fold, LF alone, a missing reason phrase) and says what is wrong with all others. All patterns are possessive: they
look at each byte a bounded number of times, whatever a server sends.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..._exceptions import RemoteProtocolError
from ..fields import TOKEN_CHARACTER, FieldList, quote, quote_line

MAX_HEAD_SIZE = 100 * 1024  # bytes; RFC 9112 2.3 sets none; curl allows 300 KiB, Go 10 MiB
MAX_FIELDS = 1000  # field lines a head or trailer section; RFC 9110 5.4 sets none; Node.js allows 2,000, hyper 100
MAX_INFORMATIONAL = 100  # 1xx responses an exchange; RFC 9110 15.2 sets none; Go allowed 5 up to 1.22
MAX_TRAILER_SIZE = 64 * 1024  # bytes; RFC 9112 7.1.2 leaves it open; curl allows 64 KiB
MAX_CHUNK_LINE_SIZE = 4 * 1024  # bytes; RFC 9112 7.1.1 asks for a limit on extensions; Go allows 4 KiB a line
MAX_KEPT_HEAD_SIZE = 2 * 1024  # bytes; heads that are sent again and again are smaller than that
MAX_KNOWN_HEADS = 2  # an origin; comparing with each of them is a cost to every head that is not among them
MAX_CHUNK_EXTENSIONS_SIZE = 16 * 1024  # bytes beyond those of the body; as above; Go, hyper and Node.js have 16 KiB


class DecoderLimits(NamedTuple):
    """What a server may make the decoder hold; beyond it the response is a RemoteProtocolError. Sizes in bytes."""

    max_head_size: int = MAX_HEAD_SIZE
    max_fields: int = MAX_FIELDS
    max_informational: int = MAX_INFORMATIONAL
    max_trailer_size: int = MAX_TRAILER_SIZE
    max_chunk_line_size: int = MAX_CHUNK_LINE_SIZE
    max_chunk_extensions_size: int = MAX_CHUNK_EXTENSIONS_SIZE


DEFAULT_LIMITS = DecoderLimits()


class ResponseHead:
    """The status line and the fields of one response; names as received, values without the whitespace around.

    Whoever gets one changes nothing in it: the decoder gives the same one for the same bytes. What `settle_framing`
    sets is there for heads alone that begin a body; `index` is None for others.

    Attributes:
        size: how many bytes it has on the wire.
        index: the values by name in lower case, those of repeated fields joined with ", ".
        content_length, coding: what Content-Length and Transfer-Encoding declare, None if nothing.
        is_persistent: whether the connection outlives the response, as far as the fields tell.
        whole_size: the bytes of head and body, if that has a length; 0 if only a look at the request tells whether a
            body follows, or how it is framed.
    """

    # No __init__, its call would be one more in each exchange: who makes a head sets the attributes.
    __slots__ = (
        *("http_version", "status_code", "reason_phrase", "fields", "size"),
        *("index", "content_length", "coding", "is_persistent", "whole_size"),
    )

    http_version: bytes
    status_code: int
    reason_phrase: bytes
    fields: FieldList
    size: int
    index: dict[bytes, bytes] | None
    content_length: int | None
    coding: bytes | None
    is_persistent: bool
    whole_size: int

    def as_tuple(self) -> tuple[bytes, int, bytes, FieldList]:
        """Return version, status code, reason phrase and fields, the form in which listeners are told of it."""
        return self.http_version, self.status_code, self.reason_phrase, self.fields.copy()

    def __repr__(self) -> str:
        return f"<ResponseHead {self.http_version!r} {self.status_code} {self.reason_phrase!r}>"


# Status codes of responses that have no body, whatever their fields say (RFC 9112 6.3 rule 1).
WITHOUT_BODY = frozenset({204, 304})

# RFC 9112 2.2: a recipient may take LF alone as the end of a line.
HEAD_END = re.compile(rb"\n\r?\n")


class KnownHeads:
    """The last heads that came from one place, for the decoders of all connections that lead there.

    Threads may share it: what is kept is replaced as a whole.
    """

    __slots__ = ("recent",)

    def __init__(self) -> None:
        # Each with its bytes, the last one first.
        self.recent: tuple[tuple[bytes, ResponseHead], ...] = ()

    def add(self, data: bytes, head: ResponseHead) -> None:
        """Keep the head that data begins with, unless it is large or holds what may be secret."""
        if head.size <= MAX_KEPT_HEAD_SIZE and head.index is not None and b"set-cookie" not in head.index:
            self.recent = ((data[: head.size], head), *self.recent[: MAX_KNOWN_HEADS - 1])


def match_head(data: bytes) -> ResponseHead | None:
    """Return the head at the start of data, None unless all of it is there in the usual form."""
    match = _HEAD.match(data)
    if match is None:
        return None
    head = ResponseHead()
    head.http_version, status_code, head.reason_phrase = match.groups()
    head.status_code = int(status_code)
    head.size = size = match.end()
    head.fields = _FIELD.findall(data, match.end(3) + 2, size - 2)
    head.index = None
    return head


def settle_framing(head: ResponseHead) -> None:
    """Find out what the fields of a final head say about its body and its connection.

    Raises:
        RemoteProtocolError: as `parse_content_length`.
    """
    index: dict[bytes, bytes] = {}
    for name, value in head.fields:
        name = name.lower()
        # RFC 9110 5.3: fields of one name are one list.
        index[name] = index[name] + b", " + value if name in index else value
    head.index = index
    connection = index.get(b"connection")
    if connection is None:
        head.is_persistent = head.http_version != b"HTTP/1.0"
    else:
        head.is_persistent = connection == b"keep-alive" or is_persistent(head.http_version, connection)
    head.coding = index.get(b"transfer-encoding")
    length = index.get(b"content-length")
    if length is None:
        head.content_length = None
    elif length.isdigit() and len(length) < 20:
        head.content_length = int(length)
    else:
        head.content_length = settle_content_length(head.fields, length)
        index[b"content-length"] = length.partition(b",")[0].strip(b" \t")
    body_size = head.content_length
    is_usual = body_size and head.coding is None and head.status_code not in WITHOUT_BODY
    head.whole_size = head.size + body_size if is_usual and body_size else 0


def check_head_size(size: int, count: int, limits: DecoderLimits) -> None:
    """Check the size of a head in bytes and the number of its fields.

    Raises:
        RemoteProtocolError: it is beyond the limits.
    """
    if size > limits.max_head_size:
        raise RemoteProtocolError(f"Response head too large: {size} bytes, at most {limits.max_head_size} are taken")
    if count > limits.max_fields:
        raise RemoteProtocolError(f"Too many response fields: {count}, at most {limits.max_fields} are taken")


def parse_head(data: bytes) -> ResponseHead:
    """Parse one whole head, its empty line included, in any form that is acceptable.

    Raises:
        RemoteProtocolError: it is not.
    """
    line, _, block = data.partition(b"\n")
    line = line.removesuffix(b"\r")
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise illegal_status_line(line)
    head = ResponseHead()
    head.http_version = match[1]
    head.status_code = int(match[2])
    head.reason_phrase = match[3] or b""
    head.fields = parse_fields(block)
    head.size = len(data)
    head.index = None
    return head


def parse_fields(block: bytes) -> FieldList:
    """Parse field lines up to and with the empty line that ends them.

    Raises:
        RemoteProtocolError: a line is malformed.
    """
    # RFC 9112 2.2: whitespace between the start line and the first field is an error, or such lines are dropped.
    if block.startswith((b" ", b"\t")):
        raise RemoteProtocolError(f"continuation line at start of headers: {quote(_first_line(block))}")
    # RFC 9112 5.2: a user agent replaces each obs-fold by spaces.
    lines = _OBS_FOLD.sub(b" ", block).split(b"\n")
    # What follows the last LF is empty, and so is the line before it.
    return [_parse_field(line.removesuffix(b"\r")) for line in lines[:-2]]


def parse_content_length(value: bytes) -> int:
    """Parse the values of all Content-Length fields, joined by commas.

    Raises:
        RemoteProtocolError: they differ, or are no numbers.
    """
    # RFC 9110 8.6: a list of one and the same number may be taken as that number.
    numbers = {number.strip(b" \t") for number in value.split(b",")}
    if len(numbers) > 1:
        raise RemoteProtocolError(f"conflicting Content-Length headers: {quote(value)}")
    (number,) = numbers
    # bytes.isdigit() knows ASCII digits only; int() alone would take signs and underscores. 20 digits hold 2**64.
    if not number.isdigit() or len(number) > 20:
        raise RemoteProtocolError(f"bad Content-Length: {quote(value)}")
    return int(number)


def settle_content_length(fields: FieldList, value: bytes) -> int:
    """Parse the values of all Content-Length fields, joined by commas, and leave one field with one number of them.

    Raises:
        RemoteProtocolError: as `parse_content_length`.
    """
    length = parse_content_length(value)
    # RFC 9110 8.6: whoever passes the message on, here to the user, makes one of repeated ones.
    first, *others = [index for index, (name, _) in enumerate(fields) if name.lower() == b"content-length"]
    fields[first] = fields[first][0], value.partition(b",")[0].strip(b" \t")
    for index in reversed(others):
        del fields[index]
    return length


def is_persistent(http_version: bytes, connection: bytes) -> bool:
    """Tell whether the connection outlives the response, by the values of its Connection fields joined by commas."""
    options = [option.strip(b" \t") for option in connection.lower().split(b",")]
    # RFC 9112 9.3: close wins; 1.1 stays open by default, 1.0 only if it says so.
    if b"close" in options:
        return False
    return http_version != b"HTTP/1.0" or b"keep-alive" in options


def illegal_status_line(data: bytes) -> RemoteProtocolError:
    """Return the error for data that does not begin with a status line."""
    return RemoteProtocolError(f"illegal status line: {quote(_first_line(data))}")


# Private from here on.

# RFC 9112 4: a version of the major number 1 (2.3), the status code (RFC 9110 15: 100 to 599; servers send others, of
# which those from 600 on are harmless), the reason phrase.
_STATUS = rb"(HTTP/1\.[0-9]) ([1-9][0-9][0-9])"
_REASON = rb" ([\t\x20-\x7e\x80-\xff]*+)"

# A whole head in its usual form, at the start of the data. Groups: version, status code, reason phrase.
_HEAD = re.compile(
    _STATUS + _REASON + rb"\r\n(?:" + TOKEN_CHARACTER + rb"++:[^\x00\r\n]*+(?<![ \t])\r\n)*+\r\n",
)

# One field line of a block that `_HEAD` matched; right for no other.
_FIELD = re.compile(rb"([^:]++):[ \t]*+([^\r]*+)\r\n")

# RFC 9112 4: the space before an absent reason phrase is required; many servers leave it away.
_STATUS_LINE = re.compile(_STATUS + rb"(?:" + _REASON + rb")?+")

# The lookbehind keeps the search linear in long runs of spaces: it starts at their first one only.
_OBS_FOLD = re.compile(rb"(?<![ \t])[ \t]*+(?:\r?\n[ \t]++)++")

# RFC 9112 5.1: no whitespace between name and colon. RFC 9110 5.5: no CR, LF or NUL in a value; other control
# characters may be kept.
_FIELD_LINE = re.compile(rb"(" + TOKEN_CHARACTER + rb"++):([^\x00\r\n]*+)")


def _parse_field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        raise RemoteProtocolError(f"illegal header line: {quote_line(line)}")
    return match[1], match[2].strip(b" \t")


def _first_line(data: bytes) -> bytes:
    return data.partition(b"\n")[0].removesuffix(b"\r")
