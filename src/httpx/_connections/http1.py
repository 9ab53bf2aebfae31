"""HTTP/1.1 on one connection: one exchange after the other."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from logging import DEBUG
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .._content import ByteStream
from .._exceptions import RemoteProtocolError, WriteError
from .._models import Headers, Request, Response
from .._network.base import Stream
from .._network.errors import is_over, read_timeout
from .._protocols.fields import FieldList
from .._protocols.h1.decoder import ResponseDecoder
from .._protocols.h1.encoder import LengthEncoder, RequestFraming, encode_request_head
from .._protocols.h1.head import KnownHeads, ResponseHead
from .._trace import HTTP11_LEVELS, Tracer, log_close, make_tracer
from .._tunnels import Hop
from .colours import Colour
from .http1_body import Http1Body
from .network_stream import make_network_stream

if TYPE_CHECKING:
    from .upload import Upload

# Bytes. A body up to this size is copied behind its head, to go out in one write.
MAX_JOINED_BODY_SIZE = 64 * 1024


class Keeper(Protocol):
    """Whom a connection belongs to while it carries no exchange: the pool."""

    def release(self, connection: Http1Connection, now: float) -> None:
        """Take back a connection that is ready for the next exchange; `now` is on `time.monotonic()`."""

    def discard(self, connection: Http1Connection) -> None:
        """Forget a connection that is closed."""

    def drop_idle(self, connection: Http1Connection) -> None:
        """Close an idle connection that shows something."""

    def lose(self, connection: Http1Connection) -> None:
        """Note that nobody will finish the exchange of this connection. Called by finalisers: takes no lock."""


def encode_request(request: Request, hop: Hop | None = None) -> tuple[bytes, RequestFraming]:
    """Return the head of a request, and how its body is framed.

    What is for http origins and a proxy that forwards it is written for that one, with the fields that it gets.

    Raises:
        LocalProtocolError: something in it is outside the grammar.
    """
    reference = request.url._uri_reference
    own_target = request.extensions.get("target")
    target = reference.target if own_target is None else own_target
    fields = request.headers._fields
    method = _METHODS.get(request.method)
    is_valid_line = method is not None and own_target is None
    if method is None:
        # What is not ASCII is no token, and refused as "?" is.
        method = request.method.encode("ascii", "replace")
    if hop is not None and hop.is_forwarding and reference.scheme == "http":
        if own_target is None:
            # RFC 9112 3.2.2: the absolute form.
            target = b"http://%b%b" % (reference.host_field, target)
            is_valid_line = False  # not known of the host
        fields = _join_fields(fields, hop.make_fields(method, target, request))
    return encode_request_head(method, target, fields, is_valid_line=is_valid_line)


class Http1Connection:
    """A stream, and the exchange on it.

    While an exchange is under way the connection belongs to it, and nobody else touches it; it goes back to its keeper
    with the last byte of the response, before the response is handed over if all of it came in one read.
    """

    is_shared: Literal[False] = False

    __slots__ = (
        "__weakref__",
        "_colour",
        "_is_last",
        "_network_stream",
        "decoder",
        "has_written",
        "idle_until",
        "is_idle",
        "is_reused",
        "keeper",
        "route",
        "shelf",
        "stream",
        "upload",
    )

    def __init__(
        self, stream: Stream, *, route: Any, keeper: Keeper, colour: Colour, known_heads: KnownHeads | None = None
    ) -> None:
        # The keeper's: what it files the connection under, and where; whether it carries no exchange, when it expires.
        self.route = route
        self.shelf: Any = None
        self.is_idle = False
        self.idle_until = 0.0
        self.is_reused = False
        # Whether any byte of the current request may have reached the server.
        self.has_written = False
        self.stream = stream
        self.keeper = keeper
        self._colour = colour
        self.decoder = ResponseDecoder(known_heads=known_heads)
        self.upload: Upload | None = None
        # Whether nothing may follow the current exchange: its request says so, or was not sent to its end.
        self._is_last = False
        self._network_stream = make_network_stream(stream, colour)
        # Weakly: the loop holds the stream, and a client that is lost must not live on through that.
        reference = weakref.ref(self)
        stream.watch(lambda: None if (connection := reference()) is None else connection._notice())

    @property
    def has_received(self) -> bool:
        """Tell whether any byte of the current response came."""
        return self.decoder.bytes_received > 0

    async def exchange(self, request: Request, head: bytes, framing: RequestFraming) -> Response:
        """Send a request (its head is encoded already) and return its response, with the body still to be read.

        Raises:
            ReadTimeout, WriteTimeout, ReadError, WriteError: as the stream.
            RemoteProtocolError: the response is malformed.
            LocalProtocolError: the body is not as long as declared.
        """
        tracer = None
        try:
            timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
            deadline = request._deadline
            # Speed: `make_tracer` asks for these, too.
            if "trace" in request.extensions or HTTP11_LEVELS.get(DEBUG) is not False:
                tracer = make_tracer(request.extensions, "http11", awaits=self._colour.awaits)
            if tracer is not None:
                await tracer.begin("send_request_headers", {"request": request})
            self._begin_request(request, head, framing)
            if tracer is not None:
                await self._trace_sent(tracer, request, timeouts)
                request._timings._sent_at = time.monotonic()
            decoder, response_head = self.decoder, None
            while response_head is None:
                if self.upload is not None:
                    await self.push(timeouts.get("write"), deadline)
                    request._timings._sent_at = time.monotonic()
                response_head = decoder.receive_head(await self.stream.read(timeouts.get("read"), deadline))
                if deadline is not None and is_over(deadline):
                    raise read_timeout(None, deadline)
                while response_head is not None and response_head.status_code < 200 and not decoder.is_upgraded:
                    response_head = decoder.next_head()
            request._timings._received_at = time.monotonic()
            if response_head.status_code == 101 and request.headers._get_raw(b"upgrade") is None:
                # RFC 9110 15.2.2: a server switches only to what the request offered.
                raise RemoteProtocolError("The server switched protocols (101), which the request did not ask for.")
            if self.upload is not None and response_head.status_code >= 300:
                # The server does not want the rest. Nobody can tell where the request ends, so it is the last one.
                self._is_last = True
                await self.drop_upload()
            if tracer is not None:
                await tracer.end(response_head.as_tuple())
            return self._begin_response(request, response_head, timeouts, tracer)
        except BaseException as exc:
            self.fail()
            await self.drop_upload()
            if tracer is not None:
                await tracer.fail(exc)
            raise

    def wake(self) -> None:
        """Make the exchange under way fail, from any thread."""
        self.stream.wake()

    def close(self) -> None:
        """Close an idle connection."""
        log_close(self.stream.close)

    def abort(self) -> None:
        """Drop the connection, whatever its state."""
        self.stream.abort()

    # For the body of its response.

    async def finish_upload(self, timeout: float | None, deadline: float | None) -> None:
        """Send the rest of a body whose response came early, and is complete, and is no refusal."""
        while self.upload is not None and not self.stream.is_readable():
            await self.push(timeout, deadline)

    async def push(self, timeout: float | None, deadline: float | None) -> None:
        upload = self.upload
        assert upload is not None
        try:
            await upload.push(timeout, deadline)
        finally:
            self.has_written = self.has_written or upload.has_written
        if upload.is_done:
            self.upload = None

    async def drop_upload(self) -> None:
        upload, self.upload = self.upload, None
        if upload is not None:
            await upload.close()

    def finish(self, now: float) -> None:
        """Give the connection back after the last byte of a response."""
        if self.decoder.can_reuse and self.upload is None and not self._is_last:
            self.keeper.release(self, now)
        else:
            self.stream.close()
            self.keeper.discard(self)

    def fail(self) -> None:
        if self.stream.lost_message:
            self.has_written = False
        self.stream.abort()
        self.keeper.discard(self)

    # Private from here on.

    def _begin_request(self, request: Request, head: bytes, framing: RequestFraming) -> None:
        """Write the head and a small body, as far as they go without waiting; what is left is the upload's."""
        self.has_written = False
        self._is_last = framing.is_last
        self.decoder.reset(request.method)
        stream, body = self.stream, request.stream
        if type(body) is not ByteStream or len(body._stream) > MAX_JOINED_BODY_SIZE:
            from .upload import Upload  # most requests are sent at once

            self.upload = Upload(stream, head, self._colour.open_parts(body), framing.make_encoder())
            return
        content = body._stream
        if content and framing.content_length == len(content):
            # Speed: what the encoder makes of it, without the encoder.
            head += content
        elif content or framing.content_length or framing.is_chunked:
            head = b"".join((head, *_encode_content(content, framing)))
        try:
            count = stream.write_soon(head)
        except WriteError:
            if not stream.is_readable():
                raise
            # What the server said before it went away comes first; reading tells if that is nothing.
            return
        self.has_written = count > 0
        if count < len(head) or stream.has_unsent:
            from .upload import NoParts, Upload  # as above

            self.upload = Upload(stream, head[count:], NoParts(), LengthEncoder(0))

    async def _trace_sent(self, tracer: Tracer, request: Request, timeouts: Mapping[str, Any]) -> None:
        await tracer.end()
        await tracer.begin("send_request_body", {"request": request})
        if self.upload is not None:
            await self.push(timeouts.get("write"), request._deadline)
        await tracer.end()
        await tracer.begin("receive_response_headers", {"request": request})

    def _begin_response(
        self, request: Request, head: ResponseHead, timeouts: Mapping[str, Any], tracer: Tracer | None
    ) -> Response:
        """Return the response that begins with head; it holds the connection unless all of it is there."""
        decoder, timings = self.decoder, request._timings
        if decoder.is_done:
            # Speed: as `take_buffered`, which has nothing to decode.
            content, decoder.buffered = decoder.buffered, b""
        else:
            content = decoder.take_buffered()
        body: Any
        if decoder.is_done and not decoder.is_upgraded and self.upload is None and tracer is None:
            body = ByteStream(content)
            now = timings._ended_at = timings._received_at
            # Speed: `finish`, without the call for what is usual.
            if decoder.can_reuse and not self._is_last:
                self.keeper.release(self, now)
            else:
                self.finish(now)
        else:
            if decoder.is_upgraded:
                self._network_stream.unread(decoder.leftover)
            body = self._colour.make_body(Http1Body(self, request, content, timeouts, tracer))
        extensions = {
            "http_version": head.http_version,
            "reason_phrase": head.reason_phrase,
            "network_stream": self._network_stream,
            "timings": timings,
        }
        # The decoder may give this head to the next response as well.
        headers = Headers._from_shared(head.fields, head.index)
        return Response._from_wire(head.status_code, headers, body, extensions)

    def _notice(self) -> None:
        if self.is_idle:
            self.keeper.drop_idle(self)


# Private from here on.

_NO_TIMEOUTS: Mapping[str, Any] = {}

# Speed: what most requests have is encoded once.
_METHODS = {method: method.encode() for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}


def _join_fields(fields: FieldList, forward_fields: FieldList) -> FieldList:
    """Return the fields of a request with those for the proxy, of which the request's own take precedence."""
    names = {name.lower() for name, _ in fields}
    added = [field for field in forward_fields if field[0].lower() not in names]
    # RFC 9110 7.2: Host comes first, if it did.
    start = 1 if fields and fields[0][0].lower() == b"host" else 0
    return [*fields[:start], *added, *fields[start:]]


def _encode_content(content: bytes, framing: RequestFraming) -> tuple[bytes, ...]:
    encoder = framing.make_encoder()
    encoded = encoder.encode(content)
    last = encoder.finish()
    return (*encoded, last) if isinstance(encoded, tuple) else (encoded, last)
