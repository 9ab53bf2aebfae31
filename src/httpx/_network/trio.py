"""The network of trio, on its sockets' lowest level: non-blocking calls, and `trio.lowlevel` to wait.

Every operation that may wait is a checkpoint, as trio's users expect: a read waits for its socket even when something
is there, so that a fast peer cannot keep the other tasks from running.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import trio

from .base import READ_SIZE, Network, Stream, T, Waiter, remaining
from .errors import closed_read_error, closed_write_error, read_error, read_timeout, write_error, write_timeout
from .heap import teach_allocator
from .sockets import socket_info, wait_for_any


class TrioStream(Stream):
    """A stream over a socket, for trio's tasks."""

    __slots__ = ("_fault", "_is_open", "_socket", "_token")

    def __init__(self, sock: socket.socket, token: trio.lowlevel.TrioToken) -> None:
        self._socket = sock
        self._token = token
        self._is_open = True
        self._fault: Exception | None = None

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        timeout = remaining(timeout, deadline)
        while True:
            if not self._is_open:
                raise closed_read_error()
            scope = trio.move_on_after(_seconds(timeout))
            try:
                with scope:
                    await trio.lowlevel.wait_readable(self._socket)
                # Even if the time is over: with a timeout of 0 it always is.
                data = self._socket.recv(READ_SIZE)
            except BlockingIOError:
                if scope.cancelled_caught:
                    raise read_timeout(timeout, deadline) from None
                continue
            except (OSError, ValueError, trio.ClosedResourceError) as exc:
                raise self._read_failure(exc) from exc
            if not data:
                self._check_end()
            return data

    def read_available(self) -> bytes | None:
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise self._read_failure(exc) from exc
        if not data:
            self._check_end()
        return data

    def is_readable(self) -> bool:
        return not self._is_open or bool(wait_for_any([self._socket], [], 0))

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise self._write_failure(exc) from exc

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        timeout = remaining(timeout, deadline)
        if not self._is_open:
            raise closed_write_error()
        try:
            with trio.move_on_after(_seconds(timeout)) as scope:
                await trio.lowlevel.wait_writable(self._socket)
        except (OSError, ValueError, trio.ClosedResourceError) as exc:
            raise self._write_failure(exc) from exc
        if scope.cancelled_caught:
            raise write_timeout(timeout, deadline)

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        timeout = remaining(timeout, deadline)
        if not self._is_open:
            raise closed_write_error()
        with trio.move_on_after(_seconds(timeout)) as scope:
            try:
                await _wait_for_first(
                    (trio.lowlevel.wait_readable, self._socket), (trio.lowlevel.wait_writable, self._socket)
                )
            except (OSError, ValueError, trio.ClosedResourceError) as exc:
                raise self._write_failure(exc) from exc
        if scope.cancelled_caught:
            raise write_timeout(timeout, deadline)

    def wake(self) -> None:
        self._is_open = False
        try:
            self._token.run_sync_soon(self.close)
        except trio.RunFinishedError:
            self._socket.close()

    def close(self) -> None:
        self._is_open = False
        if self._socket.fileno() >= 0:
            try:
                trio.lowlevel.notify_closing(self._socket)
            except RuntimeError:
                # Trio does not run (any more): nobody waits.
                pass
            self._socket.close()

    abort = close

    def forget(self) -> None:
        # Without a word to trio, which runs in the parent.
        self._is_open = False
        self._socket.close()

    async def call_blocking(self, function: Callable[[], T], deadline: float | None) -> T:
        with trio.move_on_after(_seconds(remaining(None, deadline))):
            return await trio.to_thread.run_sync(function, abandon_on_cancel=True)
        raise read_timeout(None, deadline)

    def get_extra_info(self, name: str) -> Any:
        return socket_info(self._socket, name)

    # Private from here on.

    def _check_end(self) -> None:
        # The system tells of a reset once; after that, what a read sees looks like an orderly end.
        if self._fault is not None:
            raise read_error(self._fault) from self._fault

    def _read_failure(self, exc: Exception) -> Exception:
        self._fault = exc
        return read_error(exc) if self._is_open else closed_read_error()

    def _write_failure(self, exc: Exception) -> Exception:
        self._fault = exc
        return write_error(exc) if self._is_open else closed_write_error()


class TrioWaiter:
    """An event of trio's, with a timeout."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def __await__(self) -> Generator[Any, Any, object]:
        return self.wait(None).__await__()

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        with trio.move_on_after(_seconds(remaining(timeout, deadline))):
            await self._event.wait()
        return self._event.is_set()


class TrioNetwork(Network):
    """The network of one run of trio."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        teach_allocator()

    def make_waiter(self) -> Waiter:
        return TrioWaiter()

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def is_current(self) -> bool:
        try:
            return trio.lowlevel.current_trio_token() is self._token
        except RuntimeError:
            return False

    def call_from_thread(self, function: Callable[[], None]) -> bool:
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return False
        return True

    # Private from here on.

    async def _wait_connected(self, sockets: Sequence[socket.socket], timeout: float | None) -> Sequence[socket.socket]:
        with trio.move_on_after(_seconds(timeout)):
            if len(sockets) == 1:
                await trio.lowlevel.wait_writable(sockets[0])
            else:
                await _wait_for_first(*((trio.lowlevel.wait_writable, sock) for sock in sockets))
        return wait_for_any([], sockets, 0)

    async def _make_stream(self, sock: socket.socket) -> Stream:
        try:
            # A connection that stood at once was no checkpoint so far.
            await trio.lowlevel.checkpoint()
        except BaseException:
            sock.close()
            raise
        return TrioStream(sock, self._token)


# Private from here on.


def _seconds(timeout: float | None) -> float:
    return float("inf") if timeout is None else timeout


async def _wait_for_first(*waits: tuple[Callable[[socket.socket], Awaitable[None]], socket.socket]) -> None:
    """Wait until one of several waits ends, and raise what it raises."""
    faults: list[Exception] = []

    async def wait_for(wait: Callable[[socket.socket], Awaitable[None]], sock: socket.socket) -> None:
        try:
            await wait(sock)
        except (OSError, ValueError, trio.ClosedResourceError) as exc:
            faults.append(exc)
        nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for wait, sock in waits:
                nursery.start_soon(wait_for, wait, sock)
    except BaseExceptionGroup as group:
        # Nobody asked for a group: it is one cancellation, or one interruption, that came to all of them.
        leaves = _leaves(group)
        raise next((leaf for leaf in leaves if not isinstance(leaf, trio.Cancelled)), leaves[0]) from None
    if faults:
        raise faults[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for exc in group.exceptions:
        leaves += _leaves(exc) if isinstance(exc, BaseExceptionGroup) else [exc]
    return leaves
