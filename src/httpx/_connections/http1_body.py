"""The body of an HTTP/1.1 response, on the connection that carries it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._exceptions import StreamClosed
from .._models import Request
from .._network.errors import is_over, read_timeout
from .._trace import Tracer

if TYPE_CHECKING:
    from .http1 import Http1Connection


class Http1Body:
    """What is left of a response: read from its connection, which goes back to the pool with the last byte."""

    __slots__ = (
        "__weakref__",
        "_connection",
        "_content",
        "_is_cut",
        "_is_traced",
        "_request",
        "_timeouts",
        "_timings",
        "_tracer",
    )

    def __init__(
        self,
        connection: Http1Connection,
        request: Request,
        content: bytes,
        timeouts: Mapping[str, Any],
        tracer: Tracer | None,
    ) -> None:
        self._connection: Http1Connection | None = connection
        self._request = request
        # What came along with the head.
        self._content = content
        # Noted here, since a request may be sent again before this body is read.
        self._timings = request._timings
        self._timeouts = timeouts
        self._tracer = tracer
        self._is_traced = False
        # Whether it was closed before its end.
        self._is_cut = False

    async def next_part(self) -> bytes | None:
        """Return the next part of the body, None at its end.

        Raises:
            ReadTimeout, ReadError: as the stream.
            RemoteProtocolError: the body is cut off or malformed.
            StreamClosed: it was closed before its end.
        """
        connection = self._connection
        if connection is None:
            if self._is_cut:
                raise StreamClosed()
            return None
        try:
            if self._tracer is not None and not self._is_traced:
                self._is_traced = True
                await self._tracer.begin("receive_response_body", {"request": self._request})
            if self._content:
                content, self._content = self._content, b""
                return content
            if connection.decoder.is_upgraded:
                # No body: what follows is the user's.
                return None
            part = await self._read_part(connection)
            if connection.decoder.is_done:
                await self._finish(connection)
        except BaseException as exc:
            self._connection = None
            connection.fail()
            await connection.drop_upload()
            if self._tracer is not None:
                await self._tracer.fail(exc)
                await self._trace_closed(self._tracer)
            raise
        return part or None

    async def close(self) -> None:
        """Drop the connection if the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._is_cut = True
        connection.fail()
        await connection.drop_upload()
        if self._tracer is not None:
            await self._trace_closed(self._tracer)

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.keeper.lose(connection)

    # Private from here on.

    async def _read_part(self, connection: Http1Connection) -> bytes:
        decoder, stream, deadline = connection.decoder, connection.stream, self._request._deadline
        part = b""
        while not part and not decoder.is_done:
            if connection.upload is not None:
                await connection.push(self._timeouts.get("write"), deadline)
            data = await stream.read(self._timeouts.get("read"), deadline)
            if deadline is not None and is_over(deadline):
                # What comes without a pause would never wait for the deadline.
                raise read_timeout(None, deadline)
            if data:
                part = decoder.receive_body(data)
            else:
                decoder.receive_end(is_truncated=stream.is_truncated)
        return part

    async def _finish(self, connection: Http1Connection) -> None:
        await connection.finish_upload(self._timeouts.get("write"), self._request._deadline)
        self._connection = None
        now = self._timings._ended_at = time.monotonic()
        connection.finish(now)
        await connection.drop_upload()
        if self._tracer is not None:
            await self._tracer.end()
            await self._trace_closed(self._tracer)

    async def _trace_closed(self, tracer: Tracer) -> None:
        await tracer.begin("response_closed", {})
        await tracer.end()
