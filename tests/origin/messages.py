"""HTTP/1.1 messages as the origin reads and writes them.

This is the server's side, kept apart from the client's parsers on purpose: a fault of theirs must not hide in ours.
It expects well-formed requests and answers anything else by closing.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

Fields = list[tuple[str, str]]

# Bytes; what one write hands to the socket.
PART_SIZE = 64 * 1024


class BadRequest(Exception):
    """The client sent what this server does not understand."""


class Body:
    """The body of a request, read from the connection when a route asks for it."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, fields: dict[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._is_awaited = fields.get("expect", "").lower() == "100-continue"
        self._parts = self._read_parts(fields)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts

    async def read(self) -> bytes:
        """Return the whole body."""
        return b"".join([part async for part in self._parts])

    async def discard(self) -> None:
        """Read what was not read of the body yet, and drop it."""
        async for _ in self._parts:
            pass

    # Private from here on.

    async def _read_parts(self, fields: dict[str, str]) -> AsyncIterator[bytes]:
        if self._is_awaited:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while size := parse_size(await self._reader.readline(), base=16):
                yield await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            while (await self._reader.readline()).strip():
                pass  # trailers
            return
        remaining = parse_size(fields.get("content-length", "0"), base=10)
        while remaining:
            part = await self._reader.read(min(remaining, PART_SIZE))
            if not part:
                raise BadRequest("the body ended early")
            remaining -= len(part)
            yield part


@dataclass(slots=True)
class Request:
    """A request whose head has come; its body waits in the connection."""

    method: str
    target: str
    fields: Fields
    body: Body

    @property
    def headers(self) -> dict[str, str]:
        """The fields by lower-case name; those that came more than once joined by a comma."""
        return fold(self.fields)

    @property
    def segments(self) -> list[str]:
        """The path, decoded: ["redirect", "3"] for /redirect/3."""
        return [unquote(segment) for segment in urlsplit(self.target).path.split("/")[1:]]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The pairs of the query, decoded."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(slots=True)
class Answer:
    """A response. A body in parts goes out in chunks, unless `fields` have a Content-Length."""

    status: int = 200
    fields: Fields = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    # Close the connection after this answer, and say so.
    is_last: bool = False


def parse_size(text: str | bytes, *, base: int) -> int:
    """Return the size of a body or a chunk."""
    try:
        return int(text, base)
    except ValueError as exc:
        raise BadRequest(f"not a size: {text!r}") from exc


def fold(fields: Fields) -> dict[str, str]:
    """Return fields as a dictionary: names in lower case, values of equal names joined."""
    folded: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        folded[key] = f"{folded[key]}, {value}" if key in folded else value
    return folded


async def read_request(reader: StreamReader, writer: StreamWriter) -> Request:
    """Read the head of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    request_line, *field_lines = head[:-4].decode("latin-1").split("\r\n")
    try:
        method, target, _ = request_line.split(" ")
    except ValueError as exc:
        raise BadRequest(f"not a request line: {request_line!r}") from exc
    fields: Fields = []
    for line in field_lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(f"not a field line: {line!r}")
        fields.append((name, value.strip(" \t")))
    return Request(method, target, fields, Body(reader, writer, fold(fields)))


async def write_answer(writer: StreamWriter, answer: Answer, *, method: str) -> None:
    """Write an answer, with the framing that its body and the request's method ask for."""
    # RFC 9110 8.6: a 1xx or 204 response has no Content-Length. RFC 9112 6.3: nor a body, as HEAD and 304.
    has_length = answer.status >= 200 and answer.status != 204
    has_body = has_length and answer.status != 304 and method != "HEAD"
    fields = list(answer.fields)
    is_chunked = False
    if isinstance(answer.body, bytes):
        if has_length:
            fields.append(("Content-Length", str(len(answer.body))))
    elif "content-length" not in fold(fields):
        is_chunked = True
        fields.append(("Transfer-Encoding", "chunked"))
    if answer.is_last:
        fields.append(("Connection", "close"))
    head = _encode_head(answer.status, fields)
    if isinstance(answer.body, bytes):
        writer.write(head + answer.body if has_body else head)
    else:
        writer.write(head)
        if has_body:
            await _write_parts(writer, answer.body, is_chunked=is_chunked)
    await writer.drain()


# Private from here on.


def _encode_head(status: int, fields: Fields) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _write_parts(writer: StreamWriter, parts: AsyncIterator[bytes], *, is_chunked: bool) -> None:
    async for part in parts:
        writer.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
        await writer.drain()
    if is_chunked:
        writer.write(b"0\r\n\r\n")
