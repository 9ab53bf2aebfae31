"""A stream over a transport of asyncio's, on loops that cannot watch a socket as `asyncio_sockets` needs it.

Windows' proactor watches no sockets. uvloop does not tell of a connection that was reset while it watches one, so that
it needs an epoll in between, which macOS does not have.

What arrives is copied out of a receive buffer that all connections of a loop share. A transport is made on a socket of
our own, so that the connections of a loop that is gone can still be closed, and what a broken connection had received
can still be read.
"""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Callable
from typing import Any

from .asyncio_stream import CLOSED, AsyncioStream, wake_up
from .asyncio_waiters import WokenTasks
from .errors import write_error
from .read_limits import ReadLimits

# Bytes that one `write_now` hands to the transport, which copies what the kernel does not take.
WRITE_SIZE = 256 * 1024


class AsyncioTransportStream(AsyncioStream, asyncio.BufferedProtocol):
    """A stream over a transport, which it is the protocol of."""

    __slots__ = ("_is_writing_paused", "_sends", "_transport", "_view")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        *,
        view: memoryview,
        limits: ReadLimits,
        woken: WokenTasks,
    ) -> None:
        super().__init__(loop, sock, limits, woken)
        self._view = view
        self._transport: Any = None
        self._sends = False
        self._is_writing_paused = False

    @property
    def is_made(self) -> bool:
        """Tell whether there is a transport."""
        return self._transport is not None

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        if self._fault is not None:
            raise self._write_failure(self._fault)
        if self._is_writing_paused:
            return 0
        if self._sends:
            # Speed: the transport holds nothing back, so what it would do with a small write is done here.
            try:
                return self._socket.send(data)
            except OSError:
                # No room, or a fault: both are the transport's.
                pass
        if self._transport.is_closing():
            return 0
        if len(data) > WRITE_SIZE:
            data = memoryview(data)[:WRITE_SIZE]
        try:
            self._transport.write(data)
        except RuntimeError as exc:
            # The loop is closed.
            raise write_error(exc) from exc
        return len(data)

    def call_when_writable(self, function: Callable[[], None]) -> bool:
        if self._loop.is_closed():
            return False
        self._on_room = function
        if not self._is_writing_paused:
            self._loop.call_soon(self._tell_of_room)
        return True

    async def write(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> None:
        await super().write(data, timeout, deadline)
        # What stands in the transport's buffer would be lost by `close`.
        if self._is_writing_paused:
            await self.wait_writable(timeout, deadline)

    def close(self) -> None:
        self._end_transport(self._close_transport)

    def abort(self) -> None:
        self._end_transport(self._transport.abort)

    def forget(self) -> None:
        # The descriptor is ours to close; a transport of the standard library would go on to warn about it.
        self._fault = CLOSED
        self._socket.close()
        if getattr(self._transport, "_sock", None) is not None:
            self._transport._sock = None

    # What the transport calls.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        # With no room above the kernel's, "not paused" means that the kernel has taken everything.
        transport.set_write_buffer_limits(high=0)
        # A proactor's sockets are its own to write to.
        self._sends = not hasattr(self._loop, "_proactor")

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._received.append(self._view[:nbytes].tobytes())
        self._received_size += nbytes
        self._note_received()

    def eof_received(self) -> bool:
        self._note_end()
        # True keeps the other direction open.
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            self._break(exc)
        else:
            self._fail(exc or CLOSED)
        self._call_notice()
        self._notice = None

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        wake_up(self._writer)
        self._tell_of_room()

    # Private from here on.

    def _pause_reading(self) -> None:
        self._transport.pause_reading()

    def _resume_reading(self) -> None:
        self._transport.resume_reading()

    def _has_room(self) -> bool:
        return not self._is_writing_paused and not self._transport.is_closing()

    def _close_transport(self) -> None:
        # Flushing what the transport still holds could take forever if the peer does not read.
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def _end_transport(self, end: Callable[[], None]) -> None:
        try:
            self._fail(CLOSED)
            end()
        except RuntimeError:
            # The loop is closed and calls nothing back any more.
            self._reader = self._writer = None
            self.forget()


async def make_transport_stream(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, *, view: memoryview, limits: ReadLimits, woken: WokenTasks
) -> AsyncioTransportStream:
    """Return a stream over a connected non-blocking socket, which it owns unless this fails."""
    stream = AsyncioTransportStream(loop, sock, view=view, limits=limits, woken=woken)
    making: asyncio.Task[tuple[asyncio.Transport, AsyncioTransportStream]] | None = None
    try:
        coroutine = loop.create_connection(lambda: stream, sock=sock)
        # In a context of its own: a connection outlives the request that makes it, and must not keep its variables.
        making = contextvars.Context().run(loop.create_task, coroutine)
        await making
    except BaseException:
        if making is not None:
            making.cancel()
        if stream.is_made:
            stream.abort()
        raise
    return stream
