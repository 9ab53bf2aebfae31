"""Random schedules of readers and writers of one connection, and what must hold in all of them.

The machine decides who runs, who is cancelled or out of time (also when just woken or handed the baton), what arrives,
how much the socket takes, and where one thread preempts another. Each of the planted bugs has to be found by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from httpx._connections.baton import ReaderBaton
from httpx._connections.baton import _Place as ReadingPlace
from httpx._connections.turn import WriteTurn
from httpx._connections.turn import _Place as WritingPlace
from httpx._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from tests.unit.connections.scheduler import Cancelled, Connection, Fate, Task

STREAM_IDS = range(6)
# Where a preemption may strike: before or after so many takings of the lock.
MAX_LOCK_EVENTS = 6

choices = st.integers(0, 2**16)


class Scheduling(RuleBasedStateMachine):
    baton_class: ClassVar[type[ReaderBaton[bytes]]] = ReaderBaton
    turn_class: ClassVar[type[WriteTurn]] = WriteTurn

    def __init__(self) -> None:
        super().__init__()
        self.connection = Connection(self.baton_class, self.turn_class)
        self.stream = self.connection.stream
        self.is_failed = False

    # What tasks do.

    @rule(stream_ids=st.lists(st.sampled_from(STREAM_IDS), min_size=1, max_size=3), is_run=st.booleans())
    def receive(self, stream_ids: list[int], is_run: bool) -> None:
        for stream_id in stream_ids:
            name = f"receive {stream_id}"
            if not any(task.name == name for task in self.live_tasks):
                task = self.connection.receive(stream_id)
                if is_run:
                    task.step()

    @rule(counts=st.lists(st.integers(1, 4), min_size=1, max_size=3), is_run=st.booleans())
    def send(self, counts: list[int], is_run: bool) -> None:
        for count in counts:
            task = self.connection.send(count)
            if is_run:
                task.step()

    @rule()
    def reset(self) -> None:
        """What cleanup does, which cannot wait."""
        with self.connection.lock:
            self.connection.produce(1)
            self.connection.turn.flush_now()

    # What happens to them.

    @precondition(lambda self: self.runnable_tasks)
    @rule(choice=choices, other=choices, delay=st.integers(0, 2 * MAX_LOCK_EVENTS))
    def step(self, choice: int, other: int, delay: int) -> None:
        """Run one task until it waits; another one may preempt it at some taking or release of the lock."""
        task = pick(self.runnable_tasks, choice)
        countdown = delay

        def preempt() -> None:
            nonlocal countdown
            countdown -= 1
            runnable = self.runnable_tasks
            if countdown == 0 and runnable:
                pick(runnable, other).step()

        self.connection.lock.preempt = preempt
        try:
            task.step()
        finally:
            self.connection.lock.preempt = lambda: None

    @precondition(lambda self: self.runnable_tasks)
    @rule(turns=st.lists(choices, min_size=1, max_size=6))
    def run_some(self, turns: list[int]) -> None:
        for choice in turns:
            if self.runnable_tasks:
                pick(self.runnable_tasks, choice).step()

    @precondition(lambda self: self.suspended_tasks)
    @rule(choice=choices, fate=st.sampled_from([Fate.CANCEL, Fate.TIME_OUT]))
    def doom(self, choice: int, fate: Fate) -> None:
        pick(self.suspended_tasks, choice).doom(fate)

    @precondition(lambda self: any(task.trap.is_ready() for task in self.suspended_tasks))
    @rule(choice=choices, fate=st.sampled_from([Fate.CANCEL, Fate.TIME_OUT]))
    def doom_one_just_woken(self, choice: int, fate: Fate) -> None:
        pick([task for task in self.suspended_tasks if task.trap is not None and task.trap.is_ready()], choice).doom(
            fate
        )

    # What the peer does.

    @rule(stream_ids=st.lists(st.sampled_from(STREAM_IDS), min_size=1, max_size=3))
    def deliver(self, stream_ids: list[int]) -> None:
        self.stream.incoming.append(bytes(stream_ids))

    @rule(size=st.integers(1, 7))
    def accept(self, size: int) -> None:
        self.stream.room += size

    @precondition(lambda self: not self.is_failed and len(self.connection.tasks) > 3)
    @rule(choice=st.integers(0, 5))
    def end(self, choice: int) -> None:
        """Seldom: the stream fails or ends, or our side closes."""
        self.is_failed = choice < 3
        self.stream.is_failed = choice == 0
        self.stream.is_at_end = choice == 1
        if choice == 2:
            with self.connection.lock:
                self.connection.baton.fail(ReadError("The client was closed."))
                self.connection.turn.fail(WriteError("The client was closed."))
            self.stream.wake()

    # What must hold.

    @invariant()
    def the_wire_carries_what_was_produced_in_that_order(self) -> None:
        assert self.connection.produced.startswith(self.stream.wire)

    @invariant()
    def nobody_waits_without_somebody_who_acts(self) -> None:
        parked = [task for task in self.live_tasks if task.is_parked]
        for kind in ("receive", "send"):
            if any(task.name.startswith(kind) for task in parked):
                actors = [task for task in self.live_tasks if not task.is_parked and task.is_started]
                # A reader that waits for room holds the turn, too.
                traps = ("read", "write or read") if kind == "receive" else ("write", "write or read")
                assert any(task.is_runnable or task.trap.name in traps for task in actors if task.trap), (
                    f"lost wake-up: {self.connection.tasks}"
                )

    @invariant()
    def queues_have_a_head(self) -> None:
        assert self.connection.baton.has_reader or not self.connection.baton._waiting
        assert self.connection.turn._holder is not None or not self.connection.turn._waiting

    @invariant()
    def nobody_waits_for_what_has_happened(self) -> None:
        for stream_id, inbox in self.connection.inboxes.items():
            name = f"receive {stream_id}"
            assert not inbox or not any(task.name == name and task.is_parked for task in self.live_tasks)
        sent_size = len(self.stream.wire)
        assert all(place.mark > sent_size for place in self.connection.turn._waiting)

    @invariant()
    def only_those_fail_who_have_a_reason(self) -> None:
        for task in self.connection.tasks:
            if isinstance(task.error, Cancelled):
                assert Fate.CANCEL in task.fates
            elif isinstance(task.error, (ReadTimeout, WriteTimeout)):
                assert Fate.TIME_OUT in task.fates
            elif task.error is not None:
                kind = ReadError if task.name.startswith("receive") else WriteError
                assert self.is_failed and isinstance(task.error, kind), repr(task.error)

    @invariant()
    def messages_are_taken_in_order(self) -> None:
        for inbox in self.connection.inboxes.values():
            assert inbox == sorted(inbox)

    def teardown(self) -> None:
        """Once everything is delivered and taken, nobody is left."""
        connection, stream = self.connection, self.stream
        try:
            stream.room = 2**20
            connection.run()
            for stream_id in STREAM_IDS:
                stream.incoming.append(bytes([stream_id]))
                connection.run()
            self.check_end()
        finally:
            connection.close()

    # Private from here on.

    def check_end(self) -> None:
        baton, turn = self.connection.baton, self.connection.turn
        assert not self.live_tasks, f"stuck: {self.live_tasks}"
        assert not baton.has_reader and not baton._waiting
        assert turn._holder is None and not turn._waiting
        self.only_those_fail_who_have_a_reason()
        if not self.is_failed:
            with self.connection.lock:
                assert turn.flush_now()
            assert self.stream.wire == self.connection.produced

    @property
    def live_tasks(self) -> list[Task]:
        return [task for task in self.connection.tasks if not task.is_done]

    @property
    def runnable_tasks(self) -> list[Task]:
        return [task for task in self.connection.tasks if task.is_runnable]

    @property
    def suspended_tasks(self) -> list[Task]:
        return [task for task in self.live_tasks if task.is_started]


def pick(tasks: list[Task], choice: int) -> Task:
    return tasks[choice % len(tasks)]


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)


# Planted bugs.


class BatonDropped(ReaderBaton[bytes]):
    """A reader that leaves forgets the others."""

    def _leave(self, place: ReadingPlace) -> None:
        if self.reader is place:
            self.reader = None
        else:
            super()._leave(place)


class BatonDroppedByTheCancelled(ReaderBaton[bytes]):
    """Who was handed the baton and is cancelled before it runs believes that it was still waiting."""

    def _leave(self, place: ReadingPlace) -> None:
        was_handed = self.reader is place and hasattr(place, "waiter") and not self.is_reading
        if not was_handed:
            super()._leave(place)

    is_reading = False

    async def _read_until(self, *args: Any, **options: Any) -> bool:
        self.is_reading = True
        try:
            return await super()._read_until(*args, **options)
        finally:
            self.is_reading = False


class BatonHandedToTheGone(ReaderBaton[bytes]):
    """Who gives up waiting stays in the queue."""

    def _leave(self, place: ReadingPlace) -> None:
        if place is self.reader:
            super()._leave(place)


class TwoReaders(ReaderBaton[bytes]):
    """Who comes does not look whether somebody reads."""

    def _enter(self, place: ReadingPlace, limit: float | None) -> None:
        self.reader = place


class ReaderKeepsAll(ReaderBaton[bytes]):
    """Those whose messages came are not woken."""

    def wake(self, key: Hashable) -> None:
        pass


class FailureUntold(ReaderBaton[bytes]):
    """Those who wait do not learn that the connection failed."""

    def wake_all(self) -> None:
        self._waiting.clear()


class ReaderTimeoutIsFatal(ReaderBaton[bytes]):
    """One reader out of time fails everybody."""

    async def _read_until(self, *args: Any, **options: Any) -> bool:
        try:
            return await super()._read_until(*args, **options)
        except ReadTimeout:
            self.fail(ReadError("out of time"))
            raise


class TurnDropped(WriteTurn):
    """A holder that leaves forgets the others."""

    def _leave(self, place: WritingPlace) -> None:
        if self._holder is place:
            self._holder = None
        else:
            super()._leave(place)


class TurnPassedToTheGone(WriteTurn):
    """Who gives up waiting stays in the queue."""

    def _leave(self, place: WritingPlace) -> None:
        if place is self._holder:
            super()._leave(place)


class TurnKept(WriteTurn):
    """Who was passed the turn and is cancelled before it runs keeps it."""

    def _leave(self, place: WritingPlace) -> None:
        if self._holder is not place or not hasattr(place, "waiter"):
            super()._leave(place)


class TwoWriters(WriteTurn):
    """A reader flushes although somebody waits for room."""

    def flush_now(self) -> bool:
        self._send()
        return self._sent_size == self.queued_size


class RestLost(WriteTurn):
    """What the socket did not take is forgotten."""

    def _take_rest(self) -> bytes | memoryview | None:
        self._rest = None
        return super()._take_rest()


class RestOvertaken(WriteTurn):
    """What came later is sent before the rest of what came first."""

    def _take_rest(self) -> bytes | memoryview | None:
        if self._queue and self._rest is not None:
            self._queue.append(bytes(self._rest))
            self._rest = None
        return super()._take_rest()


class DoneTooEarly(WriteTurn):
    """Who waited once takes that for success."""

    def _is_done(self, place: WritingPlace) -> bool:
        return super()._is_done(place) or True


class SentUntold(WriteTurn):
    """Those whose bytes the holder sent wait on until they get the turn."""

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        super()._send()
        self._waiting.extendleft(reversed(waiting))


class WritersUntold(WriteTurn):
    """Those who wait for the turn do not learn that writing failed."""

    def fail(self, error: Exception) -> None:
        self._waiting.clear()
        super().fail(error)


BUGS: list[type[ReaderBaton[bytes]] | type[WriteTurn]] = [
    BatonDropped,
    BatonDroppedByTheCancelled,
    BatonHandedToTheGone,
    TwoReaders,
    ReaderKeepsAll,
    FailureUntold,
    ReaderTimeoutIsFatal,
    TurnDropped,
    TurnPassedToTheGone,
    TurnKept,
    TwoWriters,
    RestLost,
    RestOvertaken,
    DoneTooEarly,
    SentUntold,
    WritersUntold,
]


@pytest.mark.parametrize("bug", BUGS)
def test_the_machine_finds_the_planted_bug(bug: type[ReaderBaton[bytes]] | type[WriteTurn]) -> None:
    kind = "baton_class" if issubclass(bug, ReaderBaton) else "turn_class"
    machine = type("SchedulingWithABug", (Scheduling,), {kind: bug})
    # Derandomised: it must not depend on luck. Unshrunk: finding it is enough.
    plan = settings(TestScheduling.settings, max_examples=2000, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=plan)
