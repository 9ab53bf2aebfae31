"""HTTP/1.1 on one connection: one exchange after the other."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Protocol

from .._content import ByteStream
from .._exceptions import RemoteProtocolError, StreamClosed, WriteError
from .._models import Headers, Request, Response
from .._network.base import Stream
from .._network.errors import is_over, read_timeout
from .._protocols.h1.decoder import ResponseDecoder
from .._protocols.h1.head import ResponseHead
from .._protocols.h1.encoder import LengthEncoder, RequestFraming, encode_head, request_framing
from .colours import Colour
from .network_stream import make_network_stream
from .upload import NoParts, Upload

# Bytes. A body up to this size is copied behind its head, to go out in one write.
MAX_JOINED_BODY_SIZE = 64 * 1024


class Keeper(Protocol):
    """Whom a connection belongs to while it carries no exchange: the pool."""

    def release(self, connection: Http1Connection) -> None:
        """Take back a connection that is ready for the next exchange."""

    def discard(self, connection: Http1Connection) -> None:
        """Forget a connection that is closed."""

    def drop_idle(self, connection: Http1Connection) -> None:
        """Close an idle connection that shows something."""

    def lose(self, connection: Http1Connection) -> None:
        """Note that nobody will finish the exchange of this connection. Called by finalisers: takes no lock."""


def encode_request(request: Request) -> tuple[bytes, RequestFraming]:
    """Return the head of a request, and how its body is framed.

    Raises:
        LocalProtocolError: something in it is outside the grammar.
    """
    target = request.extensions.get("target")
    fields = request.headers._list
    # What is not ASCII is no token, and refused as "?" is.
    method = request.method.encode("ascii", "replace")
    return encode_head(method, target or request.url._uri_reference.target, fields), request_framing(fields)


class Http1Connection:
    """A stream, and the exchange on it.

    While an exchange is under way the connection belongs to it, and nobody else touches it; it goes back to its keeper
    with the last byte of the response, before the response is handed over if all of it came in one read.
    """

    __slots__ = (
        "__weakref__",
        "_colour",
        "_decoder",
        "_is_last",
        "_keeper",
        "_network_stream",
        "_upload",
        "has_written",
        "idle_until",
        "is_idle",
        "is_reused",
        "route",
        "stream",
    )

    def __init__(self, stream: Stream, *, route: Any, keeper: Keeper, colour: Colour) -> None:
        # The keeper's: what it filed the connection under, whether it carries no exchange, and when it expires.
        self.route = route
        self.is_idle = False
        self.idle_until = 0.0
        self.is_reused = False
        # Whether any byte of the current request may have reached the server.
        self.has_written = False
        self.stream = stream
        self._keeper = keeper
        self._colour = colour
        self._decoder = ResponseDecoder()
        self._upload: Upload | None = None
        # Whether nothing may follow the current exchange: its request says so, or was not sent to its end.
        self._is_last = False
        self._network_stream = make_network_stream(stream, colour)
        # Weakly: the loop holds the stream, and a client that is lost must not live on through that.
        notice = weakref.WeakMethod(self._notice)
        stream.watch(lambda: None if (method := notice()) is None else method())

    @property
    def has_received(self) -> bool:
        """Tell whether any byte of the current response came."""
        return self._decoder.bytes_received > 0

    async def exchange(self, request: Request, head: bytes, framing: RequestFraming) -> Response:
        """Send a request (its head is encoded already) and return its response, with the body still to be read.

        Raises:
            ReadTimeout, WriteTimeout, ReadError, WriteError: as the stream.
            RemoteProtocolError: the response is malformed.
            LocalProtocolError: the body is not as long as declared.
        """
        try:
            decoder, stream = self._decoder, self.stream
            timeouts = request.extensions.get("timeout") or {}
            deadline = request._deadline
            self.has_written = False
            self._is_last = framing.is_last
            decoder.reset(request.method)
            body = request.stream
            if type(body) is ByteStream and len(body._stream) <= MAX_JOINED_BODY_SIZE:
                if body._stream or framing.content_length or framing.is_chunked:
                    head = b"".join((head, *_encode_content(body._stream, framing)))
                count = self._write_now(head)
                if count < len(head) or stream.has_unsent:
                    self._upload = Upload(stream, head[count:], NoParts(), LengthEncoder(0))
            else:
                self._upload = Upload(stream, head, self._colour.open_parts(body), framing.make_encoder())
            response_head = None
            while response_head is None:
                if self._upload is not None:
                    await self._push(timeouts.get("write"), deadline)
                response_head = decoder.receive_head(await stream.read(timeouts.get("read"), deadline))
                if deadline is not None and is_over(deadline):
                    raise read_timeout(None, deadline)
                while response_head is not None and response_head.status_code < 200 and not decoder.is_upgraded:
                    response_head = decoder.next_head()
            if response_head.status_code == 101 and request.headers._get_raw(b"upgrade") is None:
                # RFC 9110 15.2.2: a server switches only to what the request offered.
                raise RemoteProtocolError("The server switched protocols (101), which the request did not ask for.")
            if self._upload is not None and response_head.status_code >= 300:
                # The server does not want the rest. Nobody can tell where the request ends, so it is the last one.
                self._is_last = True
                await self._drop_upload()
            return self._begin_response(request, response_head, timeouts)
        except BaseException:
            self._fail()
            await self._drop_upload()
            raise

    def wake(self) -> None:
        """Make the exchange under way fail, from any thread."""
        self.stream.wake()

    def close(self) -> None:
        """Close an idle connection."""
        self.stream.close()

    def abort(self) -> None:
        """Drop the connection, whatever its state."""
        self.stream.abort()

    # Private from here on.

    def _begin_response(self, request: Request, head: ResponseHead, timeouts: Mapping[str, Any]) -> Response:
        """Return the response that begins with head; it holds the connection unless all of it is there."""
        decoder = self._decoder
        content = decoder.take_buffered()
        body: Any
        if decoder.is_done and not decoder.is_upgraded and self._upload is None:
            body = ByteStream(content)
            self._finish()
        else:
            if decoder.is_upgraded:
                self._network_stream.unread(decoder.leftover)
            body = self._colour.make_body(Http1Body(self, content, timeouts, request._deadline))
        return Response._from_wire(
            head.status_code,
            Headers._from_raw(head.fields),
            body,
            {
                "http_version": head.http_version,
                "reason_phrase": head.reason_phrase,
                "network_stream": self._network_stream,
            },
        )

    def _write_now(self, data: bytes) -> int:
        """Write what goes without waiting, and return how much that was."""
        try:
            count = self.stream.write_now(data)
        except WriteError:
            if not self.stream.is_readable():
                raise
            # What the server said before it went away comes first; reading tells if that is nothing.
            return len(data)
        self.has_written = count > 0
        return count

    async def _finish_upload(self, timeout: float | None, deadline: float | None) -> None:
        """Send the rest of a body whose response came early, and is complete, and is no refusal."""
        while self._upload is not None and not self.stream.is_readable():
            await self._push(timeout, deadline)

    async def _push(self, timeout: float | None, deadline: float | None) -> None:
        upload = self._upload
        assert upload is not None
        try:
            await upload.push(timeout, deadline)
        finally:
            self.has_written = self.has_written or upload.has_written
        if upload.is_done:
            self._upload = None

    async def _drop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            await upload.close()

    def _notice(self) -> None:
        if self.is_idle:
            self._keeper.drop_idle(self)

    def _finish(self) -> None:
        """Give the connection back after the last byte of a response."""
        if self._decoder.can_reuse and self._upload is None and not self._is_last:
            self._keeper.release(self)
        else:
            self.stream.close()
            self._keeper.discard(self)

    def _fail(self) -> None:
        self.stream.abort()
        self._keeper.discard(self)


class Http1Body:
    """The rest of a response, on the connection that carries it."""

    __slots__ = ("__weakref__", "_connection", "_content", "_deadline", "_is_cut", "_timeouts")

    def __init__(self, connection: Http1Connection, content: bytes, timeouts: Any, deadline: float | None) -> None:
        self._connection: Http1Connection | None = connection
        self._content = content
        # Whether it was closed before its end.
        self._is_cut = False
        self._timeouts = timeouts
        self._deadline = deadline

    async def next_part(self) -> bytes | None:
        """Return the next part of the body, None at its end.

        Raises:
            ReadTimeout, ReadError: as the stream.
            RemoteProtocolError: the body is cut off or malformed.
        """
        if self._content:
            content, self._content = self._content, b""
            return content
        connection = self._connection
        if connection is None:
            if self._is_cut:
                raise StreamClosed()
            return None
        if connection._decoder.is_upgraded:
            # No body: what follows is the user's.
            return None
        try:
            part = await self._read_part(connection)
            if connection._decoder.is_done:
                await connection._finish_upload(self._timeouts.get("write"), self._deadline)
                self._connection = None
                connection._finish()
                await connection._drop_upload()
        except BaseException:
            self._connection = None
            connection._fail()
            await connection._drop_upload()
            raise
        return part or None

    def close(self) -> None:
        """Drop the connection if the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._is_cut = True
            connection._fail()

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection._keeper.lose(connection)

    # Private from here on.

    async def _read_part(self, connection: Http1Connection) -> bytes:
        decoder, stream = connection._decoder, connection.stream
        part = b""
        while not part and not decoder.is_done:
            if connection._upload is not None:
                await connection._push(self._timeouts.get("write"), self._deadline)
            data = await stream.read(self._timeouts.get("read"), self._deadline)
            if self._deadline is not None and is_over(self._deadline):
                # Not all that is there at once may be taken for as long as it comes.
                raise read_timeout(None, self._deadline)
            if data:
                part = decoder.receive_body(data)
            else:
                decoder.receive_end(is_truncated=stream.is_truncated)
        return part


# Private from here on.


def _encode_content(content: bytes, framing: RequestFraming) -> tuple[bytes, ...]:
    encoder = framing.make_encoder()
    encoded = encoder.encode(content)
    last = encoder.finish()
    return (*encoded, last) if isinstance(encoded, tuple) else (encoded, last)
