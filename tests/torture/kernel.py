"""Fail every call of a scenario in every way, one at a time, and look whether anything is left behind.

The problem: cleanup code runs when something fails, and there are hundreds of places where something can: every
connect, read, write and wait may fail, time out, be cancelled, be cancelled again while it is cleaned up after, or be
interrupted by Ctrl-C. Nobody writes a test for each of them, and each that is not tested may cost a slot of the pool.

Our way: a `FaultyNetwork` stands between the core and the network of a colour, and numbers the calls that a scenario
makes. `sweep` runs the scenario once to count them; then, for each call and each kind of fault, once more on a fresh
subject with that fault at that call. What comes out must be a documented exception (or nothing: a retry may hide the
fault). After that, the subject must be at rest, must still serve a request, and must leave nothing open once closed.

Left out: faults between two calls (a KeyboardInterrupt can strike between any two bytecodes; no program that holds
resources survives all of these), and more than one fault a run, apart from a second cancellation.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import httpx
from httpx._network.base import Network, SocketOption, Stream, Waiter

from ..network.colours import Colour, TaskCancelled
from ..network.leaks import open_sockets

T = TypeVar("T")

# Seconds for what ends soon: a callback of a loop, the server's end of a connection. Reached by failing runs only.
_PATIENCE = 5.0


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


class Subject(ABC):
    """What is tortured: a client, a transport, a pool. A fresh one for each run."""

    @abstractmethod
    async def run(self) -> None:
        """Do what the scenario is about."""

    @abstractmethod
    async def follow_up(self) -> None:
        """Make one more request, which must succeed whatever happened before."""

    @abstractmethod
    def unrest(self) -> Iterable[str]:
        """Name what is not as it should be while nothing is under way: busy slots, waiters."""

    @abstractmethod
    async def close(self) -> None:
        """Release everything."""


MakeSubject = Callable[[Network], Subject]


@dataclass
class Plan:
    """Which call is struck, and by what; counts the calls."""

    colour: Colour
    at: int | None = None
    kind: Kind | None = None
    count: int = 0
    struck: str = ""

    def counts(self, name: str) -> Kind | None:
        """Count a call; return what is to befall it, if it is the one."""
        self.count += 1
        if self.count != self.at:
            return None
        self.struck = name
        return self.kind

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
        raise AssertionError(f"the checkpoint after {self.struck} was not cancelled")

    async def _cancel(self, *, twice: bool) -> None:
        self.colour.cancel_current()
        try:
            await self.colour.checkpoint()
        except BaseException:
            if twice:
                self.colour.cancel_current()
            raise

    def strike_now(self, kind: Kind, error: Exception) -> None:
        """Strike a call that cannot wait: it fails, or is made while a cancellation is pending."""
        if kind in FAULTS:
            raise error
        if kind in INTERRUPTS:
            raise KeyboardInterrupt
        self.colour.cancel_current()


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

    async def sleep(self, seconds: float) -> None:
        kind = self._plan.counts("sleep")
        if kind is None or kind in FAULTS:
            await self._inner.sleep(seconds)
        else:
            await self._plan.strike(
                kind, lambda: self._inner.sleep(seconds), error=_no_error(), timeout=None, undo=_nothing
            )

    @property
    def is_dead(self) -> bool:
        return self._inner.is_dead

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

    def _call_from_thread(self, function: Callable[[], None]) -> None:
        self._inner._call_from_thread(function)

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

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        await self._wait("wait_writable", lambda: self._inner.wait_writable(timeout, deadline))

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        if not self._unread:
            await self._wait(
                "wait_writable_or_readable", lambda: self._inner.wait_writable_or_readable(timeout, deadline)
            )

    @property
    def has_unsent(self) -> bool:
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

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        kind = self._plan.counts("Waiter.wait")
        if kind is Kind.TIMEOUT:
            return False
        self._network.waiting_count += 1
        try:
            if kind is None or kind is Kind.ERROR:
                return await self._inner.wait(timeout, deadline)
            return await self._plan.strike(
                kind, lambda: self._inner.wait(timeout, deadline), error=_no_error(), timeout=None, undo=_nothing
            )
        finally:
            self._network.waiting_count -= 1


@dataclass
class Report:
    """What a sweep found."""

    name: str
    calls_count: int = 0
    runs_count: int = 0
    struck_names: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Fail if there is any problem."""
        if self.problems:
            shown = "\n  ".join(self.problems[:20])
            raise AssertionError(f"{self.name}: {len(self.problems)} problems in {self.runs_count} runs:\n  {shown}")


async def sweep(
    name: str,
    make_subject: MakeSubject,
    colour: Colour,
    *,
    kinds: Sequence[Kind] | None = None,
    calls: Iterable[int] | None = None,
) -> Report:
    """Run the scenario with each fault at each of its calls (or at the given ones); inside of `colour.run`."""
    report = Report(name)
    kinds = kinds_for(colour) if kinds is None else kinds
    plan = Plan(colour)
    await _run_once(make_subject, plan, report)
    report.calls_count = plan.count
    if report.problems:
        return report
    for at in calls or range(1, plan.count + 1):
        for kind in kinds:
            await _run_once(make_subject, Plan(colour, at, kind), report)
    return report


# Private from here on.


async def _run_once(make_subject: MakeSubject, plan: Plan, report: Report) -> None:
    colour = plan.colour
    sockets, tasks, threads = open_sockets(), colour.count_tasks(), _live_threads()
    network = FaultyNetwork(colour.network, plan)
    subject = make_subject(network)
    problems: list[str] = []
    error = await _outcome(subject.run, colour)
    if error is not None and not (plan.kind and _is_documented(error, plan.kind)):
        problems.append(f"raised {type(error).__name__}: {error}")
    plan.at = None
    problems += subject.unrest()
    if network.waiting_count:
        problems.append(f"{network.waiting_count} still wait")
    error = await _outcome(subject.follow_up, colour)
    if error is not None:
        problems.append(f"the next request raised {type(error).__name__}: {error}")
    problems += (f"after the next request: {trouble}" for trouble in subject.unrest())
    error = await _outcome(subject.close, colour)
    if error is not None:
        problems.append(f"closing raised {type(error).__name__}: {error}")
    if network.open_streams:
        problems.append(f"{len(network.open_streams)} streams were not closed")
        for stream in list(network.open_streams):
            stream.abort()
    problems += await _leftovers(colour, sockets, tasks, threads)
    report.runs_count += 1
    if plan.struck:
        report.struck_names.add(plan.struck)
    what = f"call {plan.struck} {plan.kind.value}" if plan.kind else "without a fault"
    report.problems += (f"{what}: {problem}" for problem in problems)


async def _outcome(function: Callable[[], Awaitable[None]], colour: Colour) -> BaseException | None:
    try:
        await colour.call_cancellable(function)
    except (Exception, KeyboardInterrupt) as exc:
        return exc
    return None


def _is_documented(error: BaseException, kind: Kind) -> bool:
    if kind in CANCELLATIONS:
        return isinstance(error, TaskCancelled)
    if kind in INTERRUPTS:
        return isinstance(error, KeyboardInterrupt)
    return isinstance(error, httpx.TransportError) and bool(str(error))


async def _leftovers(colour: Colour, sockets: set[str], tasks: int, threads: set[threading.Thread]) -> list[str]:
    """Return what the run left behind, once there was time enough for everything that was about to end."""
    end = time.monotonic() + _PATIENCE
    while True:
        left = {
            "sockets": len(open_sockets() - sockets),
            "tasks": colour.count_tasks() - tasks,
            "threads": len(_live_threads() - threads),
        }
        if not any(left.values()) or time.monotonic() > end:
            return [f"{count} {name} are left" for name, count in left.items() if count]
        await colour.network.sleep(0.001)


def _live_threads() -> set[threading.Thread]:
    # Resolver workers are kept for the next name, and the test's servers are not the subject's.
    return {thread for thread in threading.enumerate() if not thread.name.startswith(("httpx-resolver", "server"))}


def _no_error() -> Exception:
    return AssertionError("a wait does not fail")


def _nothing(_: object) -> None:
    pass
