"""What the streams of asyncio have in common: an event loop pushes what comes, the core pulls.

Between the two stands one object a connection. What was received waits in it for `read`, which returns at once if
something is there and else waits on a future. Above a high-water mark nothing more is taken from the socket. How bytes
come and go is the subclasses': `asyncio_sockets` has the loop watch a socket, which is cheapest; `asyncio_transports`
is for the loops that cannot do that well, uvloop and Windows' proactor.

A read timeout is cheaper than with asyncio's own tools. It arms one timer a connection, which is not touched again
while reads succeed: when it fires, it looks whether the current read is overdue, and else goes back to sleep for the
rest (5 to 17 us less a request than `asyncio.timeout`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from .base import READ_SIZE, Stream, T, remaining
from .errors import closed_read_error, closed_write_error, read_error, read_timeout, write_error, write_timeout
from .sockets import receive_rest, socket_info

# Bytes received and not yet read at which no more are taken; two full reads.
HIGH_WATER_SIZE = 2 * READ_SIZE

# The fault of a stream that this side has closed.
CLOSED = ConnectionAbortedError("closed by this side")


class AsyncioStream(Stream):
    """The side of a stream that the core sees."""

    __slots__ = (
        "_fault",
        "_is_at_end",
        "_is_reading_paused",
        "_loop",
        "_notice",
        "_on_room",
        "_read_until",
        "_reader",
        "_received",
        "_received_size",
        "_socket",
        "_timer",
        "_writer",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._socket = sock
        self._received: deque[bytes] = deque()
        self._received_size = 0
        self._is_at_end = False
        self._fault: Exception | None = None
        self._is_reading_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._read_until = 0.0
        self._notice: Callable[[], None] | None = None
        self._on_room: Callable[[], None] | None = None

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        if not self._received and not self._is_at_end and self._fault is None:
            reader: asyncio.Future[None] = asyncio.Future(loop=self._loop)
            self._reader = reader
            if deadline is not None:
                timeout = remaining(timeout, deadline)
            if timeout is not None:
                # Speed: mostly the timer is armed already, and only told of the next read.
                until = time.monotonic() + timeout
                if self._timer is None or until < self._read_until:
                    self._arm_timer(timeout)
                self._read_until = until
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
        if self._received:
            return self._take_received()
        return self._read_end() if self._is_at_end or self._fault is not None else None

    def is_readable(self) -> bool:
        return bool(self._received) or self._is_at_end or self._fault is not None

    def watch(self, notice: Callable[[], None]) -> None:
        self._notice = notice

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        if self._fault is None and not self._has_room():
            writer: asyncio.Future[None] = asyncio.Future(loop=self._loop)
            self._writer = writer
            await self._wait_for_room(writer, remaining(timeout, deadline), deadline)
        if self._fault is not None:
            raise self._write_failure(self._fault)

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        if not self._has_room() and not self.is_readable():
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

    # For subclasses.

    @abstractmethod
    def _pause_reading(self) -> None: ...

    @abstractmethod
    def _resume_reading(self) -> None: ...

    @abstractmethod
    def _has_room(self) -> bool:
        """Tell whether `write_now` would take something, as far as is known."""

    def _begin_waiting_for_room(self) -> None:  # not every subclass is asked
        """Have `_writer` set as soon as there is room."""

    def _end_waiting_for_room(self) -> None:  # as above
        """Have nothing more done about it."""

    def _tell_of_room(self) -> None:
        """Call whoever asked to be called when there is room."""
        function, self._on_room = self._on_room, None
        if function is not None:
            function()

    def _note_received(self) -> None:
        """Tell whoever waits that `_received` has grown."""
        reader = self._reader
        if reader is not None:
            if not reader.done():
                reader.set_result(None)
            return
        if self._received_size >= HIGH_WATER_SIZE and not self._is_reading_paused:
            self._is_reading_paused = True
            self._pause_reading()
        self._call_notice()

    def _note_end(self) -> None:
        """Take note that the peer sends no more."""
        self._is_at_end = True
        wake_up(self._reader)
        self._call_notice()

    def _break(self, fault: OSError) -> None:
        """Take note that the connection is gone; what it had received can still be read."""
        if not self._is_at_end:
            rest = receive_rest(self._socket, max_size=HIGH_WATER_SIZE)
            if rest:
                self._received.append(rest)
                self._received_size += len(rest)
        self._fail(fault)

    def _call_notice(self) -> None:
        if self._notice is not None:
            self._notice()

    def _fail(self, fault: Exception) -> None:
        if self._fault is None:
            self._fault = fault
        if self._timer is not None:
            self._stop_timer()
        wake_up(self._reader)
        wake_up(self._writer)

    def _write_failure(self, fault: Exception) -> Exception:
        if fault is CLOSED:
            return closed_write_error()
        failure = write_error(fault)
        failure.__cause__ = fault
        return failure

    # Private from here on.

    def _take_received(self) -> bytes:
        data = self._received.popleft()
        if self._received and len(data) + len(self._received[0]) <= READ_SIZE:
            data = self._join_received(data)
        self._received_size -= len(data)
        if self._is_reading_paused and self._received_size < READ_SIZE and self._fault is None:
            self._is_reading_paused = False
            self._resume_reading()
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
        if fault is None or fault is CLOSED:
            raise closed_read_error()
        raise read_error(fault) from fault

    def _arm_timer(self, timeout: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(timeout, self._check_read)

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
        self._begin_waiting_for_room()
        timer = None if timeout is None else self._loop.call_later(timeout, wake_up, writer)
        try:
            await writer
        finally:
            self._writer = None
            self._end_waiting_for_room()
            if timer is not None:
                timer.cancel()
        if self._fault is None and not self._has_room() and not (self._reader is writer and self.is_readable()):
            raise write_timeout(timeout, deadline)


def wake_up(future: asyncio.Future[None] | None) -> None:
    """Let whoever waits on future go on, unless it does already, or its loop is closed.

    On a closed loop nobody goes on. To tell a future of that drops the last reference to the task that waits on it,
    whose cleanup would run here and now, in the middle of whatever its waker does under a lock.
    """
    if future is not None and not future.done() and not future.get_loop().is_closed():
        future.set_result(None)
