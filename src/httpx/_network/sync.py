"""The network of the sync client: calls that block, for as long as a limit says and no longer.

Where the kernel can bound a read by itself (SO_RCVTIMEO), a read is one system call: with a poll before it there are
two, and in a program of many threads two times to stand in the line for the interpreter (a sixth of a GET with eight of
them). A deadline would have to be told to the kernel for each read, and a signal starts its limit anew; so reads with a
deadline, and those of the main thread, are polled for, as are all reads elsewhere. Writes never block: one finds out at
once how much the kernel takes, and waits for room by a poll.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from threading import get_ident
from typing import Any

from .base import READ_SIZE, Network, Stream, Waiter, remaining
from .errors import closed_read_error, closed_write_error, read_error, read_timeout, write_error, write_timeout
from .heap import teach_allocator
from .sockets import MAX_WAIT, socket_info, wait_for_any

# The layout of a struct timeval is that of 64 bits; Windows has none, and adds half a second of its own.
_BINDS_READS = sys.platform in ("linux", "darwin") and sys.maxsize > 2**32
_TIMEVAL = struct.Struct("@ll")

# Seconds. A shorter limit is not the kernel's, to which none at all is 0.
_MIN_BOUND = 0.001

# Takes milliseconds (None: as long as it takes) and returns something true if the socket is ready.
_Poll = Callable[[float | None], object]


class SyncStream(Stream):
    """A stream over a socket, for threads.

    One thread may close it while others wait on it. The system would go on waiting then, on a descriptor whose number
    it gives to somebody else next. So who closes it only wakes those, and the last of them closes the socket. Each of
    them says that it waits before it looks whether the stream is open, and who closes does both in the other order: so
    at least one of two sees the other.
    """

    __slots__ = (
        "_bound",
        "_fault",
        "_is_open",
        "_is_woken",
        "_now",
        "_poll_read",
        "_poll_write",
        "_reads",
        "_socket",
        "_writes",
    )

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        # The limit of its reads that the kernel was told, equal to nothing before that; and what keeps a call from
        # blocking on a socket that does.
        self._bound: float | None = float("nan")
        # Those of gevent and eventlet never block, and wait in their own way.
        self._now = 0
        if _BINDS_READS and type(sock).__module__ == "socket":
            sock.setblocking(True)
            self._now = socket.MSG_DONTWAIT
        self._poll_read, self._poll_write = _make_polls(sock)
        self._is_woken = False
        self._is_open = True
        # Whether a thread waits to read, and one to write.
        self._reads = self._writes = False
        self._fault: OSError | None = None

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        if deadline is not None:
            timeout = remaining(timeout, deadline)
        # Speed: what forbids it is looked at here, and the rest only when the limit is another one.
        is_bound = (
            deadline is None
            and self._now != 0
            and get_ident() != _main_ident
            and self._socket.gettimeout() is None
            and (timeout == self._bound or self._bind_reads(timeout))
        )
        self._reads = True
        try:
            while True:
                try:
                    if is_bound:
                        data = self._socket.recv(READ_SIZE, 0 if self._is_open else self._now)
                    else:
                        if self._is_open and not self._poll_read(
                            None if timeout is None or timeout > MAX_WAIT else timeout * 1000
                        ):
                            raise read_timeout(timeout, deadline)
                        data = self._socket.recv(READ_SIZE, self._now)
                except BlockingIOError:
                    if is_bound and self._is_open:
                        raise read_timeout(timeout, deadline) from None
                    is_bound = False
                    continue
                except OSError as exc:
                    raise self._read_error(exc) from exc
                if not data:
                    self._check_end()
                return data
        finally:
            self._reads = False
            if not self._is_open:
                self._finish_closing()

    def read_available(self) -> bytes | None:
        try:
            data = self._socket.recv(READ_SIZE, self._now)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise self._read_error(exc) from exc
        if not data:
            self._check_end()
        return data

    def is_readable(self) -> bool:
        return not self._is_open or bool(self._poll_read(0))

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self._socket.send(data, self._now)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise self._write_error(exc) from exc

    write_soon = write_now

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        timeout = remaining(timeout, deadline)
        poll_timeout = None if timeout is None or timeout > MAX_WAIT else timeout * 1000
        self._wait_to_write(lambda: self._poll_write(poll_timeout), timeout, deadline)

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        timeout = remaining(timeout, deadline)
        self._wait_to_write(lambda: wait_for_any([self._socket], [self._socket], timeout), timeout, deadline)

    def wake(self) -> None:
        self._is_woken = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Not connected any more, so nobody waits on it.
            pass

    def close(self) -> None:
        # The polls keep the descriptor's number, which the system gives to somebody else next.
        self._is_open = False
        if self._reads or self._writes:
            self.wake()
        else:
            self._socket.close()

    abort = close

    def forget(self) -> None:
        # To shut it down, as for those who wait, would end the connection of the parent.
        self._is_open = False
        self._socket.close()

    def get_extra_info(self, name: str) -> Any:
        return socket_info(self._socket, name)

    # Private from here on.

    def _bind_reads(self, timeout: float | None) -> bool:
        """Have the kernel bound reads by this limit, if it can."""
        if not self._is_open or (timeout is not None and not _MIN_BOUND <= timeout <= MAX_WAIT):
            return False
        seconds, rest = divmod(timeout or 0.0, 1)
        try:
            self._socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(int(seconds), int(rest * 1_000_000))
            )
        except OSError:
            # Whatever is wrong with the socket, the read tells.
            return False
        self._bound = timeout
        return True

    def _wait_to_write(self, wait: Callable[[], object], timeout: float | None, deadline: float | None) -> None:
        self._writes = True
        try:
            if self._is_open and not wait():
                raise write_timeout(timeout, deadline)
            if self._is_woken or not self._is_open:
                raise closed_write_error()
        finally:
            self._writes = False
            if not self._is_open:
                self._finish_closing()

    def _finish_closing(self) -> None:
        if not (self._reads or self._writes):
            self._socket.close()

    def _check_end(self) -> None:
        if self._is_woken:
            raise closed_read_error()
        # The system tells of a reset once; after that, what a read sees looks like an orderly end.
        if self._fault is not None:
            raise read_error(self._fault) from self._fault

    def _read_error(self, exc: OSError) -> Exception:
        self._fault = exc
        return closed_read_error() if self._is_woken or not self._is_open else read_error(exc)

    def _write_error(self, exc: OSError) -> Exception:
        self._fault = exc
        return closed_write_error() if self._is_woken or not self._is_open else write_error(exc)


class SyncWaiter:
    """A lock that is taken until the waiter is set."""

    __slots__ = ("_is_set", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        try:
            self._lock.release()
        except RuntimeError:
            # Set by two threads at once.
            pass

    @property
    def is_set(self) -> bool:
        return self._is_set

    def __await__(self) -> Generator[Any, Any, object]:
        return self.wait(None).__await__()

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        if self._is_set:
            return True
        timeout = remaining(timeout, deadline)
        return self._lock.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))


class SyncNetwork(Network):
    """The network of threads; one serves all of them."""

    __slots__ = ()

    def __init__(self) -> None:
        teach_allocator()

    def make_waiter(self) -> Waiter:
        return SyncWaiter()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def is_current(self) -> bool:
        return True

    def call_from_thread(self, function: Callable[[], None]) -> bool:
        function()
        return True

    # Private from here on.

    async def _wait_connected(self, sockets: Sequence[socket.socket], timeout: float | None) -> Sequence[socket.socket]:
        return wait_for_any([], sockets, timeout)

    async def _make_stream(self, sock: socket.socket) -> Stream:
        return SyncStream(sock)


# Private from here on.


def _note_main_thread() -> None:
    global _main_ident
    _main_ident = threading.main_thread().ident


# The thread whose reads the kernel does not bound: signals interrupt that one, and after each that was handled Python
# reads again, and the limit starts anew. In a forked child it is the one that has forked.
_main_ident = threading.main_thread().ident
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_main_thread)


def _make_polls(sock: socket.socket) -> tuple[_Poll, _Poll]:
    if not hasattr(select, "poll"):
        return (
            lambda timeout: select.select([sock], [], [], None if timeout is None else timeout / 1000)[0],
            lambda timeout: select.select([], [sock], [], None if timeout is None else timeout / 1000)[1],
        )
    # Two, since a poll object serves one thread at a time, and one may read while another writes.
    reading, writing = select.poll(), select.poll()
    reading.register(sock, select.POLLIN)
    writing.register(sock, select.POLLOUT)
    return reading.poll, writing.poll
