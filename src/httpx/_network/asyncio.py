"""The network of asyncio: one a loop, which may be any (uvloop's included)."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Sequence
from threading import get_ident

from .._exceptions import ConnectError
from .asyncio_sockets import AsyncioSocketStream
from .asyncio_stream import wake_up
from .asyncio_waiters import AsyncioWaiter, WokenTasks
from .base import READ_SIZE, Alarm, Network, Stream, Waiter
from .detection import is_trio_task
from .heap import teach_allocator
from .read_limits import ReadLimits
from .socket_watch import SocketWatch, can_watch
from .sockets import wait_for_any

# Seconds between two looks at sockets on a loop that cannot watch them (Windows' proactor).
_LOOK_INTERVAL = 0.005


class AsyncioAlarm:
    """A timer that is armed anew only for an earlier time."""

    __slots__ = ("_function", "_loop", "_timer", "_when")

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
        self._loop = loop
        self._function = function
        self._timer: asyncio.TimerHandle | None = None
        self._when = 0.0

    def set(self, when: float) -> None:
        if self._timer is not None:
            if self._when <= when:
                return
            self._timer.cancel()
        self._when = when
        self._timer = self._loop.call_later(max(when - time.monotonic(), 0.0), self._ring)

    # Private from here on.

    def _ring(self) -> None:
        self._timer = None
        self._function()


class AsyncioNetwork(Network):
    """The network of one loop."""

    __slots__ = ("_limits", "_loop", "_thread", "_view", "_watch", "_woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # Where the loop was last seen to run.
        self._thread = 0
        teach_allocator()
        self._view: memoryview | None = None
        self._limits = ReadLimits(loop)
        self._woken = WokenTasks(loop)
        # None where sockets cannot be watched as they need to be.
        self._watch = SocketWatch(loop) if can_watch(loop) else None

    def make_waiter(self) -> Waiter:
        return AsyncioWaiter(self._woken)

    def make_alarm(self, function: Callable[[], None]) -> Alarm | None:
        return AsyncioAlarm(self._loop, function)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def is_current(self) -> bool:
        # Speed: the loops of the standard library note in which thread they run. (In Python 3.11 get_running_loop()
        # makes a system call, 9 % of a GET without its I/O.)
        is_here = getattr(self._loop, "_thread_id", None) == get_ident()
        return (is_here or self._is_running_here()) and ("trio" not in sys.modules or not is_trio_task())

    def call_soon(self, function: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon(function)
        except RuntimeError:
            # The loop is closed.
            return False
        return True

    def call_from_thread(self, function: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop is closed.
            return False
        return True

    # Private from here on.

    def _is_running_here(self) -> bool:
        # Speed: as above, for loops that note nothing. A thread runs one loop at a time, so a loop that runs and was
        # seen in this thread is the one that runs here.
        if sys.version_info < (3, 12) and self._thread == get_ident() and self._loop.is_running():
            return True
        try:
            if asyncio.get_running_loop() is not self._loop:
                return False
        except RuntimeError:
            return False
        self._thread = get_ident()
        return True

    async def _wait_connected(self, sockets: Sequence[socket.socket], timeout: float | None) -> Sequence[socket.socket]:
        future: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        watched: list[int] = []
        timer = None if timeout is None else self._loop.call_later(timeout, wake_up, future)
        try:
            # By their descriptors: a selector that does not know a socket describes it, with four system calls.
            for descriptor in map(socket.socket.fileno, sockets):
                self._loop.add_writer(descriptor, wake_up, future)
                watched.append(descriptor)
            await future
        except NotImplementedError:
            return await self._look_for_connected(sockets, timeout)
        finally:
            if timer is not None:
                timer.cancel()
            for descriptor in watched:
                self._loop.remove_writer(descriptor)
        return wait_for_any([], sockets, 0)

    async def _look_for_connected(
        self, sockets: Sequence[socket.socket], timeout: float | None
    ) -> Sequence[socket.socket]:
        # Windows' proactor waits only for operations that it has started itself.
        until = None if timeout is None else time.monotonic() + timeout
        while not (connected := wait_for_any([], sockets, 0)):
            if until is not None and time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_INTERVAL)
        return connected

    async def _make_stream(self, sock: socket.socket) -> Stream:
        try:
            if self._view is None:
                self._view = memoryview(bytearray(READ_SIZE))
            if self._watch is not None:
                try:
                    return AsyncioSocketStream(
                        self._loop, sock, view=self._view, limits=self._limits, woken=self._woken, watch=self._watch
                    )
                except NotImplementedError:
                    # A loop that only seemed to watch sockets.
                    self._watch = None
            return await self._make_transport_stream(sock, self._view)
        except BaseException as exc:
            sock.close()
            if isinstance(exc, OSError):
                raise ConnectError(f"{exc}: could not use the connection") from exc
            raise

    async def _make_transport_stream(self, sock: socket.socket, view: memoryview) -> Stream:
        from .asyncio_transports import make_transport_stream  # most programs run the standard loop

        return await make_transport_stream(self._loop, sock, view=view, limits=self._limits, woken=self._woken)


def running_asyncio_network() -> AsyncioNetwork:
    """Return a network for the running loop.

    Raises:
        RuntimeError: none runs in this thread.
    """
    return AsyncioNetwork(asyncio.get_running_loop())
