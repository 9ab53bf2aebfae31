"""The kernel finds what it is for: a small pool with one planted defect each, and one without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from httpx._exceptions import PoolTimeout, ReadError
from httpx._network.base import Network, Stream, Waiter

from ..network.colours import COLOURS, Colour
from .faulty import kinds_for
from .kernel import Report, Subject, sweep
from .server import Server

pytestmark = pytest.mark.parametrize("colour", [name for name in COLOURS if name != "asyncio-debug"], indirect=True)

REQUEST = b"GET /small HTTP/1.1\r\n\r\n"
ANSWER_SIZE = len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


class ToyPool(Subject):
    """A pool of one connection that does everything right."""

    def __init__(self, network: Network, server: Server, colour: Colour) -> None:
        self.network = network
        self.colour = colour
        self.port = int(server.url.rpartition(":")[2])
        self.idle: Stream | None = None
        self.is_busy = False
        self.waiters: list[Waiter] = []

    async def request(self) -> None:
        await self.take_slot()
        try:
            stream, self.idle = self.idle, None
            if stream is None:
                stream = await self.network.connect_tcp("127.0.0.1", self.port, timeout=20)
            await self.exchange(stream)
        finally:
            self.free_slot()

    async def take_slot(self) -> None:
        if not self.is_busy:
            self.is_busy = True
            return
        waiter = self.network.make_waiter()
        self.waiters.append(waiter)
        try:
            if not await waiter.wait(20):
                raise PoolTimeout("torture")
        except BaseException:
            self.give_up(waiter)
            raise

    def give_up(self, waiter: Waiter) -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)
        else:
            self.free_slot()

    def free_slot(self) -> None:
        if self.waiters:
            self.waiters.pop(0).set()
        else:
            self.is_busy = False

    async def exchange(self, stream: Stream) -> None:
        try:
            await stream.write(REQUEST, 20)
            size = 0
            while size < ANSWER_SIZE:
                data = await stream.read(20)
                if not data:
                    raise ReadError("closed")
                size += len(data)
        except BaseException:
            stream.abort()
            raise
        self.idle = stream

    async def run(self) -> None:
        await self.request()
        await self.request()

    async def follow_up(self) -> None:
        if self.is_busy:
            raise PoolTimeout("no slot is left")
        await self.request()

    def unrest(self) -> Iterable[str]:
        if self.is_busy:
            yield "the slot is busy"
        if self.waiters:
            yield "somebody waits"

    async def close(self) -> None:
        if self.idle is not None:
            self.idle.close()


class QueuedToyPool(ToyPool):
    """Two requests at once, one of which waits."""

    async def run(self) -> None:
        self.is_busy = True
        queued = self.colour.start(self.request)
        await self.colour.until(lambda: self.waiters or queued.is_done)
        self.free_slot()
        await queued.join()


class LosesSlotWhenConnectingFails(ToyPool):
    async def request(self) -> None:
        await self.take_slot()
        if self.idle is None:
            self.idle = await self.network.connect_tcp("127.0.0.1", self.port, timeout=20)
        try:
            stream, self.idle = self.idle, None
            await self.exchange(stream)
        finally:
            self.free_slot()


class LosesSocketWhenReadingFails(ToyPool):
    async def exchange(self, stream: Stream) -> None:
        await stream.write(REQUEST, 20)
        await stream.read(20)
        self.idle = stream


class CleansUpAfterExceptionsOnly(ToyPool):
    """Cancellation and KeyboardInterrupt are none."""

    async def exchange(self, stream: Stream) -> None:
        try:
            await stream.write(REQUEST, 20)
            await stream.read(20)
        except Exception:
            stream.abort()
            raise
        self.idle = stream


class AwaitsWhileCleaningUp(ToyPool):
    """A second cancellation ends the cleanup."""

    async def exchange(self, stream: Stream) -> None:
        try:
            await super().exchange(stream)
        except BaseException:
            await self.network.sleep(0)
            self.free_slot()
            raise

    async def request(self) -> None:
        await self.take_slot()
        stream, self.idle = self.idle, None
        try:
            stream = stream or await self.network.connect_tcp("127.0.0.1", self.port, timeout=20)
        except BaseException:
            self.free_slot()
            raise
        await self.exchange(stream)
        self.free_slot()


class RaisesForeignErrors(ToyPool):
    async def exchange(self, stream: Stream) -> None:
        try:
            await super().exchange(stream)
        except ReadError as exc:
            raise OSError("leaked") from exc


class LosesSlotHandedToCancelled(QueuedToyPool):
    """Who was handed the slot and then cancelled must hand it on."""

    def give_up(self, waiter: Waiter) -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)


class ForgetsWaiters(QueuedToyPool):
    def give_up(self, waiter: Waiter) -> None:
        pass


async def torture(kind: Any, colour: Colour, server: Server) -> Report:
    return await sweep(kind.__name__, lambda network: kind(network, server, colour), colour)


@pytest.mark.parametrize("kind", [ToyPool, QueuedToyPool])
async def test_nothing_is_found_where_nothing_is_wrong(colour: Colour, server: Server, kind: type[ToyPool]) -> None:
    report = await torture(kind, colour, server)
    report.check()
    assert report.runs_count == 1 + report.calls_count * len(kinds_for(colour))
    assert {"connect_tcp", "write_now", "read"} <= report.struck_names


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        (LosesSlotWhenConnectingFails, "call connect_tcp fails: the slot is busy"),
        (LosesSocketWhenReadingFails, "call read fails: 1 streams were not closed"),
        (LosesSocketWhenReadingFails, "call read times out: 1 streams were not closed"),
        (RaisesForeignErrors, "call read fails: raised OSError: leaked"),
    ],
)
async def test_a_planted_defect_is_found(colour: Colour, server: Server, kind: type[ToyPool], trouble: str) -> None:
    report = await torture(kind, colour, server)
    assert any(trouble in problem for problem in report.problems), report.problems
    with pytest.raises(AssertionError, match=kind.__name__):
        report.check()


async def test_cleanup_that_forgets_cancellation_is_found(colour: Colour, server: Server) -> None:
    report = await torture(CleansUpAfterExceptionsOnly, colour, server)
    assert report.problems
    assert all("cancelled" in problem or "interrupted" in problem for problem in report.problems), report.problems


async def test_a_slot_lost_with_its_waiter_is_found(colour: Colour, server: Server) -> None:
    report = await torture(LosesSlotHandedToCancelled, colour, server)
    when = "when it has succeeded"
    assert any("Waiter.wait" in problem and when in problem for problem in report.problems), report.problems


async def test_a_waiter_left_in_the_queue_is_found(colour: Colour, server: Server) -> None:
    report = await torture(ForgetsWaiters, colour, server)
    assert any("Waiter.wait" in problem for problem in report.problems), report.problems


async def test_cleanup_that_waits_is_found(colour: Colour, server: Server) -> None:
    report = await torture(AwaitsWhileCleaningUp, colour, server)
    found = any("and so is the cleanup: the slot is busy" in problem for problem in report.problems)
    assert found is colour.can_cancel, report.problems
