"""What the streams of asyncio have in common: an event loop pushes what comes, the core pulls.

Between the two stands one object a connection. What was received waits in it for `read`, which returns at once if
something is there and else waits on a future. Above a high-water mark nothing more is taken from the socket. How bytes
come and go is the subclasses': `asyncio_sockets` has a socket watched, which is cheapest; `asyncio_transports` is
for the loops that cannot do that well, Windows' proactor and uvloop where there is no epoll.

The limits of reads are looked after by one timer for all streams of a loop (`read_limits`).
"""

from __future__ import annotations

import asyncio
import socket
import time
import types
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from .asyncio_waiters import ReadWaiter, WokenTasks
from .base import READ_SIZE, Stream, T, remaining
from .errors import closed_read_error, closed_write_error, read_error, read_timeout, write_error, write_timeout
from .read_limits import ReadLimits
from .sockets import receive_rest, socket_info

# Bytes received and not yet read at which no more are taken; two full reads.
HIGH_WATER_SIZE = 2 * READ_SIZE

_NEVER = float("inf")

# The fault of a stream that this side has closed.
CLOSED = ConnectionAbortedError("closed by this side")


class AsyncioStream(Stream):
    """The side of a stream that the core sees."""

    __slots__ = (
        "_fault",
        "_is_at_end",
        "_is_limited",
        "_is_reading_paused",
        "_limits",
        "_loop",
        "_notice",
        "_on_room",
        "_read_until",
        "_reader",
        "_received",
        "_received_size",
        "_socket",
        "_waiter",
        "_writer",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, limits: ReadLimits, woken: WokenTasks
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._received: deque[bytes] = deque()
        self._received_size = 0
        self._is_at_end = False
        self._fault: Exception | None = None
        self._is_reading_paused = False
        self._waiter = ReadWaiter(woken)
        self._reader: ReadWaiter | asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        # Whether `_limits` looks at this one, and when the current read is overdue.
        self._limits = limits
        self._is_limited = False
        self._read_until = _NEVER
        self._notice: Callable[[], None] | None = None
        self._on_room: Callable[[], None] | None = None

    # Speed: a coroutine that waits by `yield` needs nothing between itself and the task.
    @types.coroutine
    def read(self, timeout: float | None, deadline: float | None = None) -> Generator[Any, None, bytes]:
        received = self._received
        if not received:
            if not self._is_at_end and self._fault is None:
                reader = self._reader = self._waiter
                if deadline is not None:
                    timeout = remaining(timeout, deadline)
                if timeout is not None:
                    self._read_until = until = time.monotonic() + timeout
                    # Speed: mostly it is looked at already, and not later than this.
                    if not self._is_limited or until < self._limits.rings_at:
                        self._is_limited = True
                        self._limits.add(self, until)
                else:
                    self._read_until = _NEVER
                reader._asyncio_future_blocking = True
                try:
                    yield reader
                finally:
                    self._reader = None
            if not received:
                if not self._is_at_end and self._fault is None:
                    raise read_timeout(timeout, deadline)
                return self._read_end()
        # Speed: what is usual in place, the rest in `_take_received`.
        if len(received) > 1 or self._is_reading_paused:
            return self._take_received()
        self._received_size = 0
        return received.popleft()

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
            # That of an earlier read would end this wait.
            self._read_until = _NEVER
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

    # For `ReadLimits`.

    def check_limit(self, now: float) -> float | None:
        """End a read that is overdue; return when to look again, None if nobody reads, or not by a limit."""
        reader = self._reader
        if reader is not None and now < self._read_until < _NEVER:
            return self._read_until
        self._is_limited = False
        if reader is not None and self._read_until <= now:
            wake_up(reader)
        return None

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
        if self._is_limited:
            self._is_limited = False
            self._limits.discard(self)
        if self._reader is not None:
            wake_up(self._reader)
        if self._writer is not None:
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


def wake_up(future: ReadWaiter | asyncio.Future[None] | None) -> None:
    """Let whoever waits on future go on, unless it does already, or its loop is closed.

    On a closed loop nobody goes on. To tell a future of that drops the last reference to the task that waits on it,
    whose cleanup would run here and now, in the middle of whatever its waker does under a lock.
    """
    if future is not None and not future.done() and not future.get_loop().is_closed():
        future.set_result(None)
