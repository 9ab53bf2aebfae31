"""The network of asyncio: one a loop, which may be any (uvloop's included)."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import sys
import time
from collections.abc import Callable, Sequence

from .._exceptions import ConnectError
from .asyncio_stream import AsyncioStream, wake_up
from .base import READ_SIZE, Network, Stream, Waiter, remaining
from .detection import is_trio_task
from .sockets import wait_for_any

# Seconds between two looks at sockets on a loop that cannot watch them (Windows' proactor).
_LOOK_INTERVAL = 0.005


class AsyncioWaiter:
    """A future that is made when somebody waits."""

    __slots__ = ("_future", "_is_set", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[None] | None = None
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        try:
            wake_up(self._future)
        except RuntimeError:
            # The loop is closed, and whoever waited on it is gone.
            pass

    @property
    def is_set(self) -> bool:
        return self._is_set

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        if self._is_set:
            return True
        timeout = remaining(timeout, deadline)
        future: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        self._future = future
        timer = None if timeout is None else self._loop.call_later(timeout, wake_up, future)
        try:
            await future
        finally:
            self._future = None
            if timer is not None:
                timer.cancel()
        return self._is_set


class AsyncioNetwork(Network):
    """The network of one loop."""

    __slots__ = ("_loop", "_view")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._view: memoryview | None = None

    def make_waiter(self) -> Waiter:
        return AsyncioWaiter(self._loop)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def is_current(self) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        return loop is self._loop and ("trio" not in sys.modules or not is_trio_task())

    def call_soon(self, function: Callable[[], None]) -> bool:
        self._loop.call_soon(function)
        return True

    def call_from_thread(self, function: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop is closed.
            return False
        return True

    # Private from here on.

    async def _wait_connected(self, sockets: Sequence[socket.socket], timeout: float | None) -> Sequence[socket.socket]:
        future: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        watched: list[socket.socket] = []
        timer = None if timeout is None else self._loop.call_later(timeout, wake_up, future)
        try:
            for sock in sockets:
                self._loop.add_writer(sock, wake_up, future)
                watched.append(sock)
            await future
        except NotImplementedError:
            return await self._look_for_connected(sockets, timeout)
        finally:
            if timer is not None:
                timer.cancel()
            for sock in watched:
                self._loop.remove_writer(sock)
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
        if self._view is None:
            self._view = memoryview(bytearray(READ_SIZE))
        stream = AsyncioStream(self._loop, sock, self._view)
        making: asyncio.Task[tuple[asyncio.Transport, AsyncioStream]] | None = None
        try:
            coroutine = self._loop.create_connection(lambda: stream, sock=sock)
            # In a context of its own: a connection outlives the request that makes it, and must not keep its variables.
            making = contextvars.Context().run(self._loop.create_task, coroutine)
            await making
        except BaseException as exc:
            if making is not None:
                making.cancel()
            if stream.is_made:
                stream.abort()
            sock.close()
            if isinstance(exc, OSError):
                raise ConnectError(f"{exc}: could not use the connection") from exc
            raise
        return stream


def running_asyncio_network() -> AsyncioNetwork:
    """Return a network for the running loop.

    Raises:
        RuntimeError: none runs in this thread.
    """
    return AsyncioNetwork(asyncio.get_running_loop())
