"""Decode the chunked transfer coding (RFC 9112 7.1).

The naive decoder looks for the next line, cuts it off what it has, and begins again: with many small chunks it copies
the rest of the buffer once for each of them, with a line that arrives byte by byte it searches the same bytes again.
Here a position moves through what was received, complete chunks are taken in one loop, and their data is joined once.
Only a line that is still incomplete is kept for later; it is looked at again when its LF has come.

Lines end with CRLF alone: where the head may take LF, here a proxy in between could see other chunks than we do.
"""

from __future__ import annotations

import enum
import re

from ..._exceptions import RemoteProtocolError
from ..fields import FieldList, quote
from .head import DecoderLimits, parse_fields


class ChunkedDecoder:
    """Decode one body.

    Attributes:
        is_done: the last chunk and the trailer section were read.
        trailers: the fields of the trailer section, complete when done.
        leftover: what was received after the end.
    """

    __slots__ = (
        "_excess",
        "_limits",
        "_pending",
        "_phase",
        "_remaining",
        "_trailer_lines",
        "_trailer_size",
        "is_done",
        "leftover",
        "trailers",
    )

    def __init__(self, limits: DecoderLimits) -> None:
        self.is_done = False
        self.leftover = b""
        self.trailers: FieldList = []
        self._limits = limits
        self._phase = _Phase.SIZE
        self._pending = bytearray()  # an incomplete line
        self._remaining = 0  # bytes missing from the current chunk
        self._excess = 0  # bytes of chunk extensions beyond those of data
        self._trailer_lines: list[bytes] = []
        self._trailer_size = 0

    def feed(self, data: bytes) -> bytes:
        """Take what was received, and return the part of the body in it.

        Raises:
            RemoteProtocolError: the framing is malformed or beyond the limits.
        """
        if self._pending:
            self._pending += data
            if b"\n" not in data:
                self._check_pending()
                return b""
            data = bytes(self._pending)
            self._pending.clear()
        parts: list[bytes] = []
        position = 0
        while position < len(data) and not self.is_done:
            if self._phase is _Phase.SIZE:
                position = self._read_chunks(data, position, parts)
            elif self._phase is _Phase.DATA:
                position = self._read_data(data, position, parts)
            elif self._phase is _Phase.DATA_END:
                position = self._read_data_end(data, position)
            else:
                position = self._read_trailer_line(data, position)
        if self.is_done:
            self.leftover = data[position:]
        return b"".join(parts)

    # Private from here on. Each `_read` method returns the position up to which it has taken the data.

    def _read_chunks(self, data: bytes, position: int, parts: list[bytes]) -> int:
        """Take all complete chunks, then the size line of the one that is incomplete."""
        line = b""
        size = 0
        while True:
            # For speed: chunks of one size come in runs, and comparing a size line is cheaper than parsing it.
            if line and data.startswith(line, position):
                start = position + len(line)
            else:
                match = _SIZE_LINE.match(data, position)
                if match is None:
                    break
                size = int(match[1], 16)
                start = match.end()
                line = match[0]
                if match.lastindex == 2:
                    self._count_extension(len(match[2]), size)
                    line = b""
                if not size:
                    self._phase = _Phase.TRAILERS
                    return start
            stop = start + size
            if data[stop : stop + 2] != b"\r\n":
                self._remaining = size
                self._phase = _Phase.DATA
                return start
            parts.append(data[start:stop])
            position = stop + 2
        rest = data[position:]
        if b"\n" in rest:
            line = rest.partition(b"\n")[0]
            raise RemoteProtocolError(f"illegal chunk header: {quote(line)}")
        return self._keep(rest, len(data))

    def _read_data(self, data: bytes, position: int, parts: list[bytes]) -> int:
        part = data[position : position + self._remaining]
        parts.append(part)
        self._remaining -= len(part)
        if not self._remaining:
            self._phase = _Phase.DATA_END
        return position + len(part)

    def _read_data_end(self, data: bytes, position: int) -> int:
        end = data[position : position + 2]
        if end == b"\r\n":
            self._phase = _Phase.SIZE
            return position + 2
        return self._keep(end, len(data))

    def _read_trailer_line(self, data: bytes, position: int) -> int:
        stop = data.find(b"\n", position) + 1
        if not stop:
            return self._keep(data[position:], len(data))
        line = data[position:stop]
        if not line.endswith(b"\r\n"):
            raise RemoteProtocolError(f"illegal trailer line: {quote(line)} does not end with CRLF")
        self._trailer_lines.append(line)
        self._trailer_size += len(line)
        self._check_trailer_size(self._trailer_size)
        if line == b"\r\n":
            self.trailers = parse_fields(b"".join(self._trailer_lines))
            self.is_done = True
        return stop

    def _keep(self, line: bytes, position: int) -> int:
        self._pending += line
        self._check_pending()
        return position

    def _check_pending(self) -> None:
        """See that the incomplete line can still become a good one."""
        pending = self._pending
        if self._phase is _Phase.DATA_END:
            if not b"\r\n".startswith(pending):
                raise RemoteProtocolError(f"malformed chunk footer: {quote(pending)} (expected CRLF)")
        elif self._phase is _Phase.TRAILERS:
            self._check_trailer_size(self._trailer_size + len(pending))
        elif len(pending) > self._limits.max_chunk_line_size:
            raise self._oversized_line(len(pending))

    def _check_trailer_size(self, size: int) -> None:
        limits = self._limits
        if size > limits.max_trailer_size or len(self._trailer_lines) > limits.max_fields + 1:
            raise RemoteProtocolError(
                f"Trailer section too large: {size} bytes and {len(self._trailer_lines)} lines so far, "
                f"at most {limits.max_trailer_size} bytes and {limits.max_fields} fields are taken"
            )

    def _count_extension(self, extension_size: int, size: int) -> None:
        """Bound the extensions, one by one and in all.

        RFC 9112 7.1.1: they are ignored, and their total is limited. A server that sends large chunks may sign each of
        them for ever; one that sends more extensions than data only costs time.
        """
        limits = self._limits
        if extension_size > limits.max_chunk_line_size:
            raise self._oversized_line(extension_size)
        self._excess = max(self._excess + extension_size - size, 0)
        if self._excess > limits.max_chunk_extensions_size:
            raise RemoteProtocolError(
                f"Chunk extensions too large: they exceed the data by {self._excess} bytes, "
                f"at most {limits.max_chunk_extensions_size} are taken"
            )

    def _oversized_line(self, size: int) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"Chunk header too large: {size} bytes so far, at most {self._limits.max_chunk_line_size} are taken"
        )


class _Phase(enum.Enum):
    """What comes next. SIZE -> DATA -> DATA_END -> SIZE -> ... -> TRAILERS."""

    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILERS = enum.auto()


# RFC 9112 7.1: hexadecimal digits alone; 16 of them hold any size that exists. RFC 9112 7.1.1: extensions are ignored.
# Whitespace after the size without an extension is outside the grammar; Apache 1.3 padded sizes with it, and curl, Go
# and h11 take it.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)([ \t]*+;[^\x00\r\n]*+|[ \t]++)?+\r\n")
