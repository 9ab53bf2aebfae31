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

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import httpx
from httpx._network.base import Network

from ..network.colours import Colour, TaskCancelled
from ..network.leaks import open_sockets
from .faulty import CANCELLATIONS, INTERRUPTS, FaultyNetwork, Kind, Plan, kinds_for

# Seconds for what ends soon: a callback of a loop, the server's end of a connection. Reached by failing runs only.
_PATIENCE = 5.0


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
) -> Report:
    """Run the scenario with each fault at each of its calls; inside of `colour.run`."""
    report = Report(name)
    kinds = kinds_for(colour) if kinds is None else kinds
    plan = Plan(colour)
    await _run_once(make_subject, plan, report)
    report.calls_count = plan.count
    if report.problems:
        return report
    for number in range(1, plan.count + 1):
        for kind in kinds:
            await _run_once(make_subject, Plan(colour, {number: kind}), report)
    return report


async def sweep_randomly(
    name: str, make_subject: MakeSubject, colour: Colour, *, seed: int, runs_count: int, strikes_count: int
) -> Report:
    """Run a scenario whose calls come in no fixed order so many times, each time with so many faults anywhere."""
    report = Report(name)
    source = random.Random(seed)
    plan = Plan(colour)
    await _run_once(make_subject, plan, report)
    report.calls_count = plan.count
    for _ in range(runs_count):
        numbers = source.sample(range(1, plan.count + 1), strikes_count)
        kinds = source.choices(kinds_for(colour), k=strikes_count)
        await _run_once(make_subject, Plan(colour, dict(zip(numbers, kinds, strict=True))), report)
    return report


# Private from here on.


async def _run_once(make_subject: MakeSubject, plan: Plan, report: Report) -> None:
    colour = plan.colour
    sockets, tasks, threads = open_sockets(), colour.count_tasks(), _live_threads()
    network = FaultyNetwork(colour.network, plan)
    subject = make_subject(network)
    problems: list[str] = []
    error = await _outcome(subject.run, colour)
    if error is not None and not any(_is_documented(error, kind) for _, kind in plan.struck):
        problems.append(f"raised {type(error).__name__}: {error}")
    plan.strikes = {}
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
    report.struck_names.update(name for name, _ in plan.struck)
    strikes = (f"call {name} {kind.value}" for name, kind in plan.struck)
    what = ", ".join(strikes) or "without a fault"
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
