"""The contract of the network: streams of bytes, waiters, and what makes them.

Every colour (blocking sockets, asyncio, trio) has one `Network`, whose streams all keep the contract written down
at `Stream`; TLS is one more `Stream` over any of them. Everything above this layer is written against this module
alone. The methods that can wait are `async def`; over blocking sockets they never suspend.

Two kinds of limits bound each wait, both in seconds. `timeout` starts anew with every wait, so that progress extends
it; `deadline` is a point on `time.monotonic()` that no progress moves. None means no limit.
"""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Protocol, TypeVar

from .._exceptions import ConnectError, WriteError
from .._timings import Timings
from .addresses import Address, interleave, literal_address
from .racing import (
    UNIX_RETRY_DELAY,
    Race,
    SocketOption,
    connect_timeout,
    connect_unix_socket,
    open_unix_socket,
)

T = TypeVar("T")

# One read returns at most this much. Bytes; the receive buffer of a loop, two TLS records and more.
READ_SIZE = 128 * 1024


class Stream(ABC):
    """Carry bytes to a peer and back.

    One task (or thread) may read while another writes; two readers or two writers at a time are not allowed, that is
    what the reader baton and the write turn are for.

    Cancellation: a cancelled `read` loses no bytes, and the next one goes on. After a cancelled `write` it is not known
    how much was sent; `write_now` and `wait_writable` together lose nothing.
    """

    __slots__ = ("__weakref__",)

    # Whether bytes that were taken wait for room, to go with the next `write_now` or `wait_writable`, as TLS's may.
    has_unsent: bool = False

    # Whether nothing went out of what the last `write_soon` took.
    lost_message: bool = False

    @abstractmethod
    def read(self, timeout: float | None, deadline: float | None = None) -> Awaitable[bytes]:
        """Wait for bytes and return them, at most READ_SIZE of them; b"" at the end of the stream, again and again.

        Raises:
            ReadTimeout: neither bytes nor the end came in time.
            ReadError: the connection was reset, or the stream was closed or woken up. What arrived before a
                reset is returned first.
        """

    @abstractmethod
    def read_available(self) -> bytes | None:
        """Return what is there without waiting: bytes, b"" at the end of the stream, None if there is nothing.

        Raises:
            ReadError: as `read`.
        """

    @abstractmethod
    def is_readable(self) -> bool:
        """Tell whether a read would return or raise at once. An idle connection that is readable is finished."""

    def watch(self, notice: Callable[[], None]) -> None:  # noqa: B027  # not every colour is told
        """Have notice called whenever something comes that nobody waits for, where the event loop tells without cost.

        Elsewhere it is never called, and whoever takes a stream that was idle asks `is_readable`.
        """

    @abstractmethod
    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        """Hand over as much as goes without waiting, and return how many bytes that was (0 if none).

        Raises:
            WriteError: the connection is gone.
        """

    def write_soon(self, data: bytes) -> int:
        """Hand over a message, as `write_now`; it may leave a little later, with those of other streams.

        For what is written at one go and answered. What was taken goes its way, ahead of what is written later. If the
        connection turns out to be gone by then, `read` raises ReadError, and `lost_message` is true.

        Raises:
            WriteError: the connection is known to be gone.
        """
        return self.write_now(data)

    @abstractmethod
    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        """Wait until `write_now` would take something and `has_unsent` is false, or raise.

        Raises:
            WriteTimeout: not in time.
            WriteError: the connection is gone.
        """

    def call_when_writable(self, function: Callable[[], None]) -> bool:
        """Have function called once, when `write_now` would take something, where the event loop tells without cost.

        Elsewhere return False: whoever has something unsent waits for room.
        """
        return False

    @abstractmethod
    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        """Wait until `write_now` would take something or `is_readable` holds.

        Raises:
            WriteTimeout: neither in time.
            WriteError: the connection is gone and nothing is left to read.
        """

    async def write(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> None:
        """Write all of data; each wait for room is bounded by timeout.

        Raises:
            WriteTimeout, WriteError: as `wait_writable`.
        """
        size = self.write_now(data)
        if size == len(data):
            return
        rest = memoryview(data)[size:]
        while rest:
            await self.wait_writable(timeout, deadline)
            rest = rest[self.write_now(rest) :]

    async def write_or_readable(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> int:
        """Write until all of data is written or something can be read; return how many bytes were written.

        A peer that answers early and stops reading is noticed by this. When a write fails while something is left to
        read, the failure is not raised: the count comes back short, and the answer is read first.

        Raises:
            WriteTimeout: nothing moved in either direction in time.
            WriteError: the connection is gone and nothing is left to read.
        """
        rest = memoryview(data)
        while rest and not self.is_readable():
            try:
                size = self.write_now(rest)
                if not size:
                    await self.wait_writable_or_readable(timeout, deadline)
            except WriteError:
                if self.is_readable():
                    break
                raise
            rest = rest[size:]
        return len(data) - len(rest)

    @abstractmethod
    def wake(self) -> None:
        """Make who waits on this stream raise ReadError or WriteError, from any thread; its owner then closes it."""

    @abstractmethod
    def close(self) -> None:
        """Close without waiting: TLS sends close_notify if that goes at once. Closing again does nothing."""

    @abstractmethod
    def abort(self) -> None:
        """Drop the connection and whatever is still unsent. Aborting again does nothing."""

    def forget(self) -> None:
        """Close the descriptor and do nothing else: after a fork the connection is the parent's."""
        self.abort()

    @property
    def is_truncated(self) -> bool:
        """Tell whether the stream ended in a way that an attacker could have forged (TLS without close_notify)."""
        return False

    async def call_blocking(self, function: Callable[[], T], deadline: float | None) -> T:
        """Call what blocks for a while, in a colour of tasks without holding up the others; return what it returns.

        Where it is left behind (the time is over, or its caller cancelled) it goes on, on its thread.

        Raises:
            ReadTimeout: it did not return in time. Threads wait for it.
        """
        return function()

    @abstractmethod
    def get_extra_info(self, name: str) -> Any:
        """Return what is known by that name, else None.

        The names are "socket", "client_addr", "server_addr", and "is_readable": whether a read of the socket would not
        wait. TLS adds "ssl_object", "tls_version", "cipher", "alpn_protocol", and "peer_certificate" (DER).
        """


class Waiter(Protocol):
    """Let one task (or thread) wait until another one sets it; one-shot."""

    def set(self) -> None:
        """Wake the one who waits, now or as soon as it waits. Setting again does nothing. Never blocks."""

    @property
    def is_set(self) -> bool: ...

    def __await__(self) -> Generator[Any, Any, object]:
        """Wait until it is set, without a limit."""
        ...

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        """Wait until it is set and return True; return False when the time is up first."""
        ...


class Alarm(Protocol):
    """One timer for all who wait for the same thing."""

    def set(self, when: float) -> None:
        """Have the function called at that time on `time.monotonic()`, or earlier if it was set for that before."""


class Network(ABC):
    """Make the streams and waiters of one colour (for asyncio: of one loop).

    `connect_tcp` is written here once for all of them: the name is resolved on a worker thread, and its addresses are
    raced by Happy Eyeballs (RFC 8305) on non-blocking sockets, without tasks: a colour only knows how to wait until
    one of some sockets has finished its handshake.
    """

    __slots__ = ("__weakref__",)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        *,
        timeout: float | None,
        deadline: float | None = None,
        local_address: str | None = None,
        socket_options: Sequence[SocketOption] = (),
        timings: Timings | None = None,
    ) -> Stream:
        """Resolve host and connect to it; timeout bounds all of it.

        Raises:
            ConnectTimeout, ConnectError
        """
        target = f"{host} port {port}"
        deadline = earliest(timeout, deadline)
        address = literal_address(host, port)
        addresses = [address] if address else await self.resolve(host, port, deadline, timeout=timeout)
        if timings is not None and address is None:
            timings._resolved_at = time.monotonic()
        race = Race(target, addresses, local_address=local_address, socket_options=socket_options)
        try:
            while race.winner is None:
                if deadline is not None and time.monotonic() >= deadline:
                    raise connect_timeout(target, timeout)
                race.start_attempts()
                if race.winner is None:
                    race.finish_attempts(await self._wait_connected(race.pending, remaining(race.patience, deadline)))
            winner, race.winner = race.winner, None
            return await self._make_stream(winner)
        finally:
            race.close()

    async def connect_unix(
        self,
        path: str,
        *,
        timeout: float | None,
        deadline: float | None = None,
        socket_options: Sequence[SocketOption] = (),
    ) -> Stream:
        """Connect to a unix socket.

        Raises:
            ConnectTimeout, ConnectError
        """
        deadline = earliest(timeout, deadline)
        sock = open_unix_socket(path, socket_options)
        try:
            while not connect_unix_socket(sock, path):
                # The listener's queue is full. A unix socket tells nobody when that changes.
                if deadline is not None and time.monotonic() >= deadline:
                    raise connect_timeout(path, timeout)
                await self.sleep(UNIX_RETRY_DELAY)
            return await self._make_stream(sock)
        except BaseException:
            sock.close()
            raise

    async def resolve(
        self, host: str, port: int, deadline: float | None, *, timeout: float | None
    ) -> Sequence[Address]:
        """Return the addresses of a host; `timeout` stands in the message when the deadline is over.

        Raises:
            ConnectTimeout, ConnectError
        """
        from .resolver import start_lookup  # not needed for addresses

        waiter = self.make_waiter()
        lookup = start_lookup(host, port, lambda: self.call_from_thread(waiter.set))
        if not await waiter.wait(None, deadline):
            raise connect_timeout(f"{host} port {port} (its name was not resolved)", timeout)
        try:
            return interleave(lookup.result())
        except OSError as exc:
            raise ConnectError(f"{exc}: could not resolve {host!r}") from exc

    @abstractmethod
    def make_waiter(self) -> Waiter:
        """Return a waiter of this colour."""

    def make_alarm(self, function: Callable[[], None]) -> Alarm | None:
        """Return what calls function at a time that can be changed, for networks whose waits would cost a timer each.

        None where they do not.
        """
        return None

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait."""

    @abstractmethod
    def is_current(self) -> bool:
        """Tell whether the caller runs on this network: not on another event loop, nor on none."""

    def call_soon(self, function: Callable[[], None]) -> bool:
        """Have function called when the tasks that are ready have run, where there is an event loop to do it.

        Elsewhere return False: there is nothing better than now. Only to be called where this network runs.
        """
        return False

    @abstractmethod
    def call_from_thread(self, function: Callable[[], None]) -> bool:
        """Have function called where this network runs, from any thread; return False if it runs no more."""

    # For the colours from here on.

    @abstractmethod
    async def _wait_connected(self, sockets: Sequence[socket.socket], timeout: float | None) -> Sequence[socket.socket]:
        """Wait until at least one of the sockets has finished its handshake, well or badly; return these."""

    @abstractmethod
    async def _make_stream(self, sock: socket.socket) -> Stream:
        """Return a stream over a connected non-blocking socket, which it owns from then on."""


def earliest(timeout: float | None, deadline: float | None) -> float | None:
    """Return the deadline for something that may take timeout seconds from now on, but not beyond deadline."""
    if timeout is None:
        return deadline
    end = time.monotonic() + timeout
    return end if deadline is None or end < deadline else deadline


def remaining(timeout: float | None, deadline: float | None) -> float | None:
    """Return the seconds that a wait may take from now on; None if it is not bounded, never below 0."""
    if deadline is None:
        return timeout
    left = max(deadline - time.monotonic(), 0.0)
    return left if timeout is None or left < timeout else timeout
