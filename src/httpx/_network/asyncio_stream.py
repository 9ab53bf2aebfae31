"""A stream over a transport of asyncio's, on any of its loops (uvloop's included).

A transport pushes what it receives; the core pulls. Between the two stands one protocol object a connection: what
arrives is copied out of a receive buffer that all connections of a loop share, and waits for `read`, which returns at
once if something is there and else waits on a future. Above a high-water mark the transport is paused.

Two things are cheaper than they would be with asyncio's own tools. A read timeout arms one timer a connection, which
is not touched again while reads succeed: when it fires, it looks whether the current read is overdue, and else goes
back to sleep for the rest (5 to 17 us less a request than `asyncio.timeout`). And a transport is made on a socket of
our own, so that the connections of a loop that is gone can still be closed, and what a broken connection had received
can still be read.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .base import READ_SIZE, Stream, T, remaining
from .errors import closed_read_error, closed_write_error, read_error, read_timeout, write_error, write_timeout
from .sockets import receive_rest, socket_info

# Bytes received and not yet read at which the transport is paused; two full reads.
HIGH_WATER_SIZE = 2 * READ_SIZE

# Bytes that one `write_now` hands to the transport, which copies what the kernel does not take.
WRITE_SIZE = 256 * 1024

# The fault of a stream that this side has closed.
_CLOSED = ConnectionAbortedError("closed by this side")


class AsyncioStream(Stream, asyncio.BufferedProtocol):
    """A stream over a transport, which it is the protocol of."""

    __slots__ = (
        "_fault",
        "_is_at_end",
        "_is_reading_paused",
        "_is_writing_paused",
        "_loop",
        "_notice",
        "_on_room",
        "_read_until",
        "_reader",
        "_received",
        "_received_size",
        "_sends",
        "_socket",
        "_timer",
        "_transport",
        "_view",
        "_writer",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, view: memoryview) -> None:
        self._loop = loop
        self._socket = sock
        self._view = view
        self._transport: Any = None
        self._sends = False
        self._received: deque[bytes] = deque()
        self._received_size = 0
        self._is_at_end = False
        self._fault: Exception | None = None
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._read_until = 0.0
        self._notice: Callable[[], None] | None = None
        self._on_room: Callable[[], None] | None = None

    @property
    def is_made(self) -> bool:
        """Tell whether there is a transport."""
        return self._transport is not None

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        if not self._received and not self._is_at_end and self._fault is None:
            reader: asyncio.Future[None] = asyncio.Future(loop=self._loop)
            self._reader = reader
            if deadline is not None:
                timeout = remaining(timeout, deadline)
            if timeout is not None:
                self._limit_read(timeout)
            elif self._timer is not None:
                # It was armed for an earlier read, and would end this one.
                self._stop_timer()
            try:
                await reader
            finally:
                self._reader = None
            if not self._received and not self._is_at_end and self._fault is None:
                raise read_timeout(timeout, deadline)
        if not self._received:
            return self._read_end()
        # Speed: what is usual in one line, the rest in `_take_received`.
        if len(self._received) > 1 or self._is_reading_paused:
            return self._take_received()
        self._received_size = 0
        return self._received.popleft()

    def read_available(self) -> bytes | None:
        if not self.is_readable():
            return None
        return self._take_received() if self._received else self._read_end()

    def is_readable(self) -> bool:
        return bool(self._received) or self._is_at_end or self._fault is not None

    def watch(self, notice: Callable[[], None]) -> None:
        self._notice = notice

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

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        if self._fault is None and (self._is_writing_paused or self._transport.is_closing()):
            writer: asyncio.Future[None] = asyncio.Future(loop=self._loop)
            self._writer = writer
            await self._wait_for_room(writer, remaining(timeout, deadline), deadline)
        if self._fault is not None:
            raise self._write_failure(self._fault)

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        if (self._is_writing_paused or self._transport.is_closing()) and not self.is_readable():
            if self._timer is not None:
                self._stop_timer()
            writer: asyncio.Future[None] = asyncio.Future(loop=self._loop)
            self._reader = self._writer = writer
            try:
                await self._wait_for_room(writer, remaining(timeout, deadline), deadline)
            finally:
                self._reader = None
        if self._fault is not None and not self._received and not self._is_at_end:
            raise self._write_failure(self._fault)

    def wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.abort)
        except RuntimeError:
            # The loop is gone, and whoever waited on it.
            self.abort()

    def close(self) -> None:
        self._end_transport(self._close_transport)

    def abort(self) -> None:
        self._end_transport(self._transport.abort)

    def forget(self) -> None:
        # The descriptor is ours to close; a transport of the standard library would go on to warn about it.
        self._fault = _CLOSED
        self._socket.close()
        if getattr(self._transport, "_sock", None) is not None:
            self._transport._sock = None

    async def call_blocking(self, function: Callable[[], T], deadline: float | None) -> T:
        future = self._loop.run_in_executor(None, function)
        try:
            await asyncio.wait([future], timeout=remaining(None, deadline))
            if not future.done():
                raise read_timeout(None, deadline)
            return future.result()
        finally:
            # So that nobody is told of the fault of a call that was left behind.
            future.cancel()

    def get_extra_info(self, name: str) -> Any:
        return socket_info(self._socket, name)

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
        reader = self._reader
        if reader is not None:
            # Speed: `wake_up`, without the call.
            if not reader.done():
                reader.set_result(None)
            return
        if self._received_size >= HIGH_WATER_SIZE and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()
        if self._notice is not None:
            self._notice()

    def eof_received(self) -> bool:
        self._is_at_end = True
        wake_up(self._reader)
        if self._notice is not None:
            self._notice()
        # True keeps the other direction open.
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self._is_at_end:
            rest = receive_rest(self._socket, max_size=HIGH_WATER_SIZE)
            if rest:
                self._received.append(rest)
                self._received_size += len(rest)
        self._fail(exc or _CLOSED)
        if self._notice is not None:
            self._notice()
        self._notice = None

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        wake_up(self._writer)
        self._tell_of_room()

    # Private from here on.

    def _tell_of_room(self) -> None:
        function, self._on_room = self._on_room, None
        if function is not None:
            function()

    def _take_received(self) -> bytes:
        data = self._received.popleft()
        if self._received and len(data) + len(self._received[0]) <= READ_SIZE:
            data = self._join_received(data)
        self._received_size -= len(data)
        if self._is_reading_paused and self._received_size < READ_SIZE and self._fault is None:
            self._is_reading_paused = False
            self._transport.resume_reading()
        return data

    def _join_received(self, data: bytes) -> bytes:
        parts = [data]
        size = len(data)
        while self._received and size + len(self._received[0]) <= READ_SIZE:
            parts.append(self._received.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _read_end(self) -> bytes:
        if self._is_at_end:
            return b""
        fault = self._fault
        if fault is None or fault is _CLOSED:
            raise closed_read_error()
        raise read_error(fault) from fault

    def _write_failure(self, fault: Exception) -> Exception:
        if fault is _CLOSED:
            return closed_write_error()
        failure = write_error(fault)
        failure.__cause__ = fault
        return failure

    def _limit_read(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        timer = self._timer
        if timer is None or until < self._read_until:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_later(timeout, self._check_read)
        self._read_until = until

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_read(self) -> None:
        self._timer = None
        reader = self._reader
        if reader is None:
            return
        left = self._read_until - time.monotonic()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_read)
        else:
            wake_up(reader)

    async def _wait_for_room(self, writer: asyncio.Future[None], timeout: float | None, deadline: float | None) -> None:
        timer = None if timeout is None else self._loop.call_later(timeout, wake_up, writer)
        try:
            await writer
        finally:
            self._writer = None
            if timer is not None:
                timer.cancel()
        can_write = self._fault is not None or not (self._is_writing_paused or self._transport.is_closing())
        if not can_write and not (self._reader is writer and self.is_readable()):
            raise write_timeout(timeout, deadline)

    def _fail(self, fault: Exception) -> None:
        if self._fault is None:
            self._fault = fault
        if self._timer is not None:
            self._stop_timer()
        wake_up(self._reader)
        wake_up(self._writer)

    def _close_transport(self) -> None:
        # Flushing what the transport still holds could take forever if the peer does not read.
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def _end_transport(self, end: Callable[[], None]) -> None:
        try:
            self._fail(_CLOSED)
            end()
        except RuntimeError:
            # The loop is closed and calls nothing back any more.
            self._reader = self._writer = None
            self.forget()


def wake_up(future: asyncio.Future[None] | None) -> None:
    """Let whoever waits on future go on, unless it does already."""
    if future is not None and not future.done():
        future.set_result(None)
