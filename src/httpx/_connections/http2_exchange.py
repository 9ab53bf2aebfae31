"""One exchange on an HTTP/2 connection: send the request, wait for the response, read its body, give the place back.

A body is sent while something may come: the response may be there before the request is sent, and refuse it or answer
part by part. Each wait for room, in the windows or in the socket, ends as soon as something comes for the stream, and
whoever reads the response goes on with sending before each wait. A refusal (300 and above) ends the upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from logging import DEBUG
from typing import TYPE_CHECKING, Any

from .._content import ByteStream
from .._exceptions import LocalProtocolError, ReadTimeout, StreamClosed, TransportError
from .._models import Headers, Request, Response
from .._network.errors import is_over, read_timeout, write_timeout
from .._protocols.h2.errors import ErrorCode
from .._protocols.h2.request_fields import RequestHead, check_priority, make_request_head
from .._protocols.h2.streams import H2Stream
from .._trace import HTTP2_LEVELS, Tracer, make_tracer
from .http2_tunnel import Http2Tunnel
from .http2_upload import Http2Upload, wait_sent
from .network_stream import make_network_stream

if TYPE_CHECKING:
    from .http2 import Http2Connection


def make_head(request: Request) -> RequestHead:
    """Return the fields of a request as HTTP/2 has them.

    Raises:
        LocalProtocolError: something in it is outside the grammar.
    """
    reference, extensions = request.url._uri_reference, request.extensions
    own_target = extensions.get("target")
    target = own_target or reference.target
    # What is not ASCII is no token, and refused as "?" is.
    method = request.method.encode("ascii", "replace")
    protocol = extensions.get("protocol")
    if isinstance(protocol, str):
        protocol = protocol.encode("ascii")
    scheme, fields = reference.scheme.encode("ascii"), request.headers._fields
    return make_request_head(method, scheme, target, fields, protocol=protocol, is_valid_target=not own_target)


class Http2Exchange:
    """A request and its response, which is the source of the response's body."""

    # Speed: as in `H2Stream`.
    # How much was queued on the connection before this request, and whether all of that and of this went out.
    _mark = 0
    _is_flushed = True
    # Whether the place was given back before the end of the response.
    _is_cut = False
    # Whether the response made the rest of the request pointless.
    _is_refused = False
    # Whether what follows is the user's.
    _is_tunnel = False
    _is_traced = False

    def __init__(self, connection: Http2Connection, request: Request) -> None:
        self.connection = connection
        self._request = request
        self._timeouts: Mapping[str, Any] = request.extensions.get("timeout") or {}
        self._deadline: float | None = request._deadline
        self._timings = request._timings
        self._stream: H2Stream | None = None
        self._upload: Http2Upload | None = None
        self._tracer: Tracer | None = None
        # Whether the place on the connection was given back.
        self._is_over = False

    async def run(self, head: RequestHead) -> Response:
        """Send the request and return its response; see `Http2Connection.exchange`."""
        try:
            connection, request = self.connection, self._request
            if "trace" in request.extensions or HTTP2_LEVELS.get(DEBUG) is not False:
                self._tracer = make_tracer(request.extensions, "http2", awaits=connection.colour.awaits)
            if connection.probe_after is not None or "protocol" in request.extensions:
                await self._ask_first()
            stream = self._send(head)
            if stream is None:
                stream = await self._send_later(head)
            if not self._is_flushed:
                await self._flush(stream, stream.has_answer, self._timeouts.get("write"))
            if self._tracer is not None:
                await self._trace_sent(self._tracer, stream)
                self._timings._sent_at = time.monotonic()
            if self._upload is None:
                await connection.baton.wait(stream.id, stream.has_answer, self._timeouts.get("read"), self._deadline)
            else:
                await self._push_until_answered(stream)
            self._timings._received_at = time.monotonic()
            if not stream.status_code:
                assert stream.failure is not None
                raise stream.failure
            if self._upload is not None and stream.status_code >= 300:
                self._is_refused = True
                await self._drop_upload()
            if self._tracer is not None:
                fields = [] if stream.head is None else stream.head.fields.copy()
                await self._tracer.end((stream.status_code, fields))
            return self._begin_response(stream)
        except BaseException as exc:
            if isinstance(exc, TransportError):
                self._tell_fate(exc)
            self.abandon()
            await self._drop_upload()
            if self._tracer is not None:
                await self._tracer.fail(exc)
            raise

    async def next_part(self) -> bytes | None:
        """Return the next part of the body, None at its end.

        Raises:
            ReadTimeout, ReadError, WriteTimeout: as the stream.
            RemoteProtocolError: the body is cut off or malformed, or the server ended it.
            StreamClosed: it was closed before its end.
        """
        if self._is_over or self._is_tunnel:
            if self._is_cut:
                raise StreamClosed()
            # What comes out of a tunnel is no body; it is the user's.
            return None
        stream = self._stream
        assert stream is not None
        try:
            if self._tracer is not None and not self._is_traced:
                self._is_traced = True
                await self._tracer.begin("receive_response_body", self._trace_info(stream))
            return await self._take_part(stream)
        except BaseException as exc:
            self.abandon()
            await self._drop_upload()
            if self._tracer is not None:
                await self._tracer.fail(exc)
                await self._trace_closed(self._tracer, stream)
            raise

    async def close(self) -> None:
        """Give the place back; the stream is reset if the body was not read to its end."""
        if self._is_over:
            return
        self._is_cut = True
        self.abandon()
        await self._drop_upload()
        if self._tracer is not None and self._stream is not None:
            await self._trace_closed(self._tracer, self._stream)

    def abandon(self) -> None:
        """Give the place back, whatever there is still to send or to come."""
        if self._is_over:
            return
        self._is_over = True
        connection, stream = self.connection, self._stream
        try:
            if stream is not None:
                connection.give_up(stream)
        finally:
            connection.look()
            connection.keeper.end_exchange(connection)

    def __del__(self) -> None:
        if not self._is_over:
            self.connection.lose(self._stream)

    # Private from here on: the request.

    async def _ask_first(self) -> None:
        """Ask the server what has to be known before the request is sent."""
        connection = self.connection
        await connection.probe(self._timeouts.get("connect"), self._deadline)
        if "protocol" in self._request.extensions:
            await connection.wait_for_tunnels(self._timeouts.get("read"), self._deadline)

    def _send(self, head: RequestHead) -> H2Stream | None:
        """Send the head, and what goes along of the body; None if no stream may be opened at this time."""
        connection, request = self.connection, self._request
        body, extensions = request.stream, request.extensions
        content = body._stream if type(body) is ByteStream else None
        if content is not None and head.content_length is not None and len(content) != head.content_length:
            amount = "little" if len(content) < head.content_length else "much"
            raise LocalProtocolError(f"Too {amount} data for declared Content-Length")
        priority = extensions.get("priority")
        if priority is not None:
            priority = check_priority(priority)
        trailers = extensions.get("trailers")
        # The way into a tunnel stays open.
        is_tunnel = request.method == "CONNECT"
        is_last = content == b"" and trailers is None and not is_tunnel
        unsent = memoryview(content or b"")
        with connection.lock:
            if not connection.can_open():
                return None
            self._mark = connection.turn.queued_size
            try:
                stream = connection.engine.open(head, is_last=is_last, priority=priority)
                self._stream = stream
                if unsent:
                    unsent = unsent[connection.engine.send_data(stream, unsent, is_last=trailers is None) :]
            except BaseException:
                # What HPACK has noted may not have been queued, and then nothing that follows can be read.
                connection.retire()
                raise
            self._is_flushed = connection.is_flush_due or connection.flush_soon()
        if not is_last and not is_tunnel and not stream.is_sent:
            self._upload = Http2Upload(
                connection,
                stream,
                content=unsent,
                parts=None if content is not None else connection.colour.open_parts(body),
                content_length=head.content_length,
                trailers=trailers,
            )
        return stream

    async def _send_later(self, head: RequestHead) -> H2Stream:
        while True:
            await self.connection.wait_to_open(self._timeouts.get("pool"), self._deadline)
            stream = self._send(head)
            if stream is not None:
                return stream

    async def _flush(self, stream: H2Stream, is_met: Callable[[], bool], timeout: float | None) -> None:
        connection = self.connection
        await wait_sent(connection, stream, connection.turn.queued_size, is_met, timeout, self._deadline)

    async def _push(self, upload: Http2Upload, is_met: Callable[[], bool]) -> None:
        await upload.push(is_met, self._timeouts.get("write"), self._deadline)
        if upload.is_done:
            await self._drop_upload()

    async def _push_until_answered(self, stream: H2Stream) -> None:
        """Send the body as far as it goes before the response begins, and wait for that."""
        while not stream.has_answer():
            if self._upload is not None:
                await self._push(self._upload, stream.has_answer)
                self._timings._sent_at = time.monotonic()
            if not stream.has_answer():
                await self._wait(stream.has_answer, is_answered=False)

    async def _wait(self, is_met: Callable[[], bool], *, is_answered: bool) -> None:
        """Wait until is_met, or until more of the request can be sent."""
        connection, stream = self.connection, self._stream
        assert stream is not None
        if self._upload is None:
            await connection.baton.wait(stream.id, is_met, self._timeouts.get("read"), self._deadline)
            return
        # While nothing was answered, it is the request that does not get on.
        timeout = self._timeouts.get("read" if is_answered else "write")
        can_send = connection.engine.can_send
        try:
            await connection.baton.wait(
                stream.id, lambda: is_met() or can_send(stream) or stream.is_sent, timeout, self._deadline
            )
        except ReadTimeout as exc:
            if is_answered:
                raise
            raise write_timeout(timeout, self._deadline) from exc

    def _tell_fate(self, exc: TransportError) -> None:
        """Note in an error what is known about the request: whether it may be sent again."""
        stream = self._stream
        if stream is None or stream.is_unprocessed or not self.connection.turn.has_begun(self._mark):
            exc._is_unprocessed = True
        elif not stream.has_received and self.connection.is_reused:
            exc._is_unanswered = True

    # The response.

    def _begin_response(self, stream: H2Stream) -> Response:
        connection = self.connection
        network_stream = connection.network_stream
        body: Any
        if self._request.method == "CONNECT" and stream.status_code < 300:
            self._is_tunnel = True
            network_stream = make_network_stream(Http2Tunnel(self, stream), connection.colour)
            body = connection.colour.make_body(self)
        elif stream.is_complete and self._upload is None and self._tracer is None:
            with connection.lock:
                body = ByteStream(connection.engine.take(stream))
            self._timings._ended_at = self._timings._received_at
            if self._is_refused:
                self._finish(stream)
            else:
                # Speed: as `_finish`, without the call.
                self._is_over = True
                connection.keeper.end_exchange(connection)
        else:
            body = connection.colour.make_body(self)
        head = stream.head
        assert head is not None
        # The head is kept for other responses.
        headers = Headers._from_shared(head.fields, head.index)
        return Response._from_wire(
            stream.status_code,
            headers,
            body,
            {
                "http_version": b"HTTP/2",
                "network_stream": network_stream,
                "timings": self._timings,
                "stream_id": stream.id,
                "trailers": stream.trailers,
            },
        )

    async def _take_part(self, stream: H2Stream) -> bytes | None:
        connection = self.connection
        while True:
            # After the end of the response, the rest of the request is all there is to wait for.
            is_met = _never if stream.is_complete else stream.has_news
            if self._upload is not None:
                await self._push(self._upload, is_met)
            with connection.lock:
                part = connection.engine.take(stream)
                # In the same hold: behind it, another thread may bring the rest and the end.
                is_complete, failure = stream.is_complete, stream.failure
                is_flushed = connection.flush_soon()
            if not is_flushed and not is_complete:
                # The server may wait for the credit among it.
                await self._flush(stream, is_met, self._timeouts.get("read"))
            if is_complete and self._upload is None:
                self._timings._ended_at = time.monotonic()
                self._finish(stream)
                if self._tracer is not None:
                    await self._tracer.end()
                    await self._trace_closed(self._tracer, stream)
                return part or None
            if part:
                if self._deadline is not None and is_over(self._deadline):
                    # What comes without a pause would never wait for the deadline.
                    raise read_timeout(None, self._deadline)
                return part
            if failure is not None:
                raise failure
            await self._wait(is_met, is_answered=True)

    # The end.

    def _finish(self, stream: H2Stream) -> None:
        """Give the place back after the last byte of the response."""
        self._is_over = True
        connection = self.connection
        try:
            if self._is_refused:
                # RFC 9113 8.1: of a request whose rest nobody waits for.
                with connection.lock:
                    connection.engine.reset(stream, ErrorCode.CANCEL)
                    connection.flush_soon()
        finally:
            connection.keeper.end_exchange(connection)

    async def _drop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            await upload.close()

    # What is told of it.

    def _trace_info(self, stream: H2Stream) -> dict[str, Any]:
        return {"request": self._request, "stream_id": stream.id}

    async def _trace_sent(self, tracer: Tracer, stream: H2Stream) -> None:
        info = self._trace_info(stream)
        await tracer.begin("send_request_headers", info)
        await tracer.end()
        await tracer.begin("send_request_body", info)
        if self._upload is not None:
            await self._push(self._upload, stream.has_answer)
        await tracer.end()
        await tracer.begin("receive_response_headers", info)

    async def _trace_closed(self, tracer: Tracer, stream: H2Stream) -> None:
        await tracer.begin("response_closed", {"stream_id": stream.id})
        await tracer.end()


# Private from here on.


def _never() -> bool:
    return False
