"""A network on which one call, of all that a scenario makes, comes to grief."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import httpx
from httpx._network.base import Alarm, Network, Stream, Waiter
from httpx._network.racing import SocketOption
from httpx._timings import Timings

from ..network.colours import Colour

T = TypeVar("T")


class Kind(Enum):
    """What befalls a call."""

    ERROR = "fails"
    TIMEOUT = "times out"
    CANCEL_BEFORE = "is cancelled before it starts"
    CANCEL_INSIDE = "is cancelled where it waits"
    CANCEL_AFTER = "is cancelled when it has succeeded"
    CANCEL_TWICE = "is cancelled, and so is the cleanup"
    INTERRUPT_BEFORE = "is interrupted before it starts"
    INTERRUPT_AFTER = "is interrupted when it has succeeded"


FAULTS = (Kind.ERROR, Kind.TIMEOUT)
CANCELLATIONS = (Kind.CANCEL_BEFORE, Kind.CANCEL_INSIDE, Kind.CANCEL_AFTER, Kind.CANCEL_TWICE)
INTERRUPTS = (Kind.INTERRUPT_BEFORE, Kind.INTERRUPT_AFTER)


def kinds_for(colour: Colour) -> tuple[Kind, ...]:
    """Return the kinds of fault that exist in a colour. An interrupt is the cancellation of threads."""
    return FAULTS + (CANCELLATIONS if colour.can_cancel else INTERRUPTS)


@dataclass
class Plan:
    """Which calls are struck, and by what; counts the calls, the first of which is number 1."""

    colour: Colour
    strikes: dict[int, Kind] = field(default_factory=dict)
    count: int = 0
    struck: list[tuple[str, Kind]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def counts(self, name: str) -> Kind | None:
        """Count a call; return what is to befall it, if it is the one."""
        with self._lock:
            self.count += 1
            kind = self.strikes.get(self.count)
            if kind is not None:
                self.struck.append((name, kind))
            return kind

    async def strike(
        self,
        kind: Kind,
        call: Callable[[], Awaitable[T]],
        *,
        error: Exception,
        timeout: Exception | None,
        undo: Callable[[T], object],
    ) -> T:
        """Make a call that fails; `undo` takes the result of one that succeeded before it was struck.

        A call that cannot time out fails instead.
        """
        if kind is Kind.ERROR:
            raise error
        if kind is Kind.TIMEOUT:
            raise timeout or error
        if kind is Kind.INTERRUPT_BEFORE:
            raise KeyboardInterrupt
        if kind is Kind.CANCEL_BEFORE or kind is Kind.CANCEL_TWICE:
            await self._cancel(twice=kind is Kind.CANCEL_TWICE)
        if kind is Kind.CANCEL_INSIDE:
            self.colour.cancel_current()
        result = await call()
        try:
            if kind is Kind.INTERRUPT_AFTER:
                raise KeyboardInterrupt
            if kind is Kind.CANCEL_AFTER:
                self.colour.cancel_current()
            await self.colour.checkpoint()
        except BaseException:
            undo(result)
            raise
        raise AssertionError("the checkpoint after a cancelled call was not cancelled")

    def strike_now(self, kind: Kind, error: Exception) -> None:
        """Strike a call that cannot wait: it fails, or is made while a cancellation is pending."""
        if kind in FAULTS:
            raise error
        if kind in INTERRUPTS:
            raise KeyboardInterrupt
        self.colour.cancel_current()

    # Private from here on.

    async def _cancel(self, *, twice: bool) -> None:
        self.colour.cancel_current()
        try:
            await self.colour.checkpoint()
        except BaseException:
            if twice:
                self.colour.cancel_current()
            raise


class FaultyNetwork(Network):
    """The network of a colour, where one call is struck; knows which of its streams are open."""

    __slots__ = ("_inner", "_plan", "open_streams", "waiting_count")

    def __init__(self, inner: Network, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan
        self.open_streams: set[FaultyStream] = set()
        self.waiting_count = 0

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
        return await self._connect(
            "connect_tcp",
            lambda: self._inner.connect_tcp(
                host,
                port,
                timeout=timeout,
                deadline=deadline,
                local_address=local_address,
                socket_options=socket_options,
                timings=timings,
            ),
        )

    async def connect_unix(
        self,
        path: str,
        *,
        timeout: float | None,
        deadline: float | None = None,
        socket_options: Sequence[SocketOption] = (),
    ) -> Stream:
        return await self._connect(
            "connect_unix",
            lambda: self._inner.connect_unix(path, timeout=timeout, deadline=deadline, socket_options=socket_options),
        )

    def make_waiter(self) -> Waiter:
        return FaultyWaiter(self, self._inner.make_waiter(), self._plan)

    def make_alarm(self, function: Callable[[], None]) -> Alarm | None:
        return self._inner.make_alarm(function)

    async def sleep(self, seconds: float) -> None:
        kind = self._plan.counts("sleep")
        if kind is None or kind in FAULTS:
            await self._inner.sleep(seconds)
        else:
            await self._plan.strike(
                kind, lambda: self._inner.sleep(seconds), error=_no_error(), timeout=None, undo=_nothing
            )

    def is_current(self) -> bool:
        return self._inner.is_current()

    # Private from here on.

    async def _connect(self, name: str, connect: Callable[[], Awaitable[Stream]]) -> Stream:
        kind = self._plan.counts(name)
        if kind is None:
            stream = await connect()
        else:
            stream = await self._plan.strike(
                kind,
                connect,
                error=httpx.ConnectError("torture"),
                timeout=httpx.ConnectTimeout("torture"),
                undo=lambda stream: stream.abort(),
            )
        return FaultyStream(self, stream, self._plan)

    def call_from_thread(self, function: Callable[[], None]) -> bool:
        return self._inner.call_from_thread(function)

    async def _wait_connected(self, sockets: Sequence[Any], timeout: float | None) -> Sequence[Any]:
        return await self._inner._wait_connected(sockets, timeout)

    async def _make_stream(self, sock: Any) -> Stream:
        return await self._inner._make_stream(sock)


class FaultyStream(Stream):
    """A stream whose calls count."""

    __slots__ = ("_inner", "_network", "_plan", "_unread")

    def __init__(self, network: FaultyNetwork, inner: Stream, plan: Plan) -> None:
        self._network = network
        self._inner = inner
        self._plan = plan
        # What a read returned that was cancelled after it had succeeded: a cancelled read loses no bytes.
        self._unread: list[bytes] = []
        network.open_streams.add(self)

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        kind = self._plan.counts("read")
        if kind is not None:
            return await self._plan.strike(
                kind,
                lambda: self._read(timeout, deadline),
                error=httpx.ReadError("torture"),
                timeout=httpx.ReadTimeout("torture"),
                undo=self._unread.append,
            )
        return await self._read(timeout, deadline)

    def read_available(self) -> bytes | None:
        kind = self._plan.counts("read_available")
        if kind is not None:
            self._plan.strike_now(kind, httpx.ReadError("torture"))
        return self._unread.pop() if self._unread else self._inner.read_available()

    def is_readable(self) -> bool:
        return bool(self._unread) or self._inner.is_readable()

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        kind = self._plan.counts("write_now")
        if kind is not None:
            self._plan.strike_now(kind, httpx.WriteError("torture"))
        return self._inner.write_now(data)

    def write_soon(self, data: bytes) -> int:
        kind = self._plan.counts("write_soon")
        if kind is not None:
            self._plan.strike_now(kind, httpx.WriteError("torture"))
        return self._inner.write_soon(data)

    @property
    def lost_message(self) -> bool:  # type: ignore[override]  # read only
        return self._inner.lost_message

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        await self._wait("wait_writable", lambda: self._inner.wait_writable(timeout, deadline))

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        if not self._unread:
            await self._wait(
                "wait_writable_or_readable", lambda: self._inner.wait_writable_or_readable(timeout, deadline)
            )

    @property
    def has_unsent(self) -> bool:  # type: ignore[override]  # read only
        return self._inner.has_unsent

    def wake(self) -> None:
        self._inner.wake()

    def close(self) -> None:
        self._network.open_streams.discard(self)
        self._inner.close()

    def abort(self) -> None:
        self._network.open_streams.discard(self)
        self._inner.abort()

    @property
    def is_truncated(self) -> bool:
        return self._inner.is_truncated

    def get_extra_info(self, name: str) -> Any:
        return self._inner.get_extra_info(name)

    # Private from here on.

    async def _read(self, timeout: float | None, deadline: float | None) -> bytes:
        return self._unread.pop() if self._unread else await self._inner.read(timeout, deadline)

    async def _wait(self, name: str, wait: Callable[[], Awaitable[None]]) -> None:
        kind = self._plan.counts(name)
        if kind is None:
            await wait()
        else:
            await self._plan.strike(
                kind,
                wait,
                error=httpx.WriteError("torture"),
                timeout=httpx.WriteTimeout("torture"),
                undo=_nothing,
            )


class FaultyWaiter:
    """A waiter whose waits count."""

    def __init__(self, network: FaultyNetwork, inner: Waiter, plan: Plan) -> None:
        self._network = network
        self._inner = inner
        self._plan = plan

    def set(self) -> None:
        self._inner.set()

    @property
    def is_set(self) -> bool:
        return self._inner.is_set

    def __await__(self) -> Generator[Any, Any, object]:
        # For those who are woken by an alarm, not by a timeout of their own.
        return self._wait(self._plan.counts("Waiter.__await__"), None, None).__await__()

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        kind = self._plan.counts("Waiter.wait")
        if kind is Kind.TIMEOUT:
            return False
        return await self._wait(kind, timeout, deadline)

    # Private from here on.

    async def _wait(self, kind: Kind | None, timeout: float | None, deadline: float | None) -> bool:
        self._network.waiting_count += 1
        try:
            if kind is None or kind in FAULTS:
                return await self._inner.wait(timeout, deadline)
            return await self._plan.strike(
                kind, lambda: self._inner.wait(timeout, deadline), error=_no_error(), timeout=None, undo=_nothing
            )
        finally:
            self._network.waiting_count -= 1


# Private from here on.


def _no_error() -> Exception:
    return AssertionError("a wait does not fail")


def _nothing(_: object) -> None:
    pass
