"""A scheduler driven by hand, with a lock, waiters and a stream that belong to it.

Coroutines run one step at a time, when the test says so. Everything that real time and real peers decide is a call:
which task runs, who is cancelled, whose time is up, what arrives, how much the socket takes. The lock can let another
task run just before it is taken or just after it is released, as threads do.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Coroutine, Generator
from enum import Enum
from typing import Any, cast

from httpx._connections.baton import ReaderBaton
from httpx._connections.turn import WriteTurn
from httpx._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from httpx._network.base import Stream


class Cancelled(BaseException):
    """What a cancelled task gets at the point where it waits."""


class Trap:
    """What a suspended task waits for."""

    def __init__(self, name: str, is_ready: Callable[[], bool]) -> None:
        self.name = name
        self.is_ready = is_ready


class Fate(Enum):
    """What becomes of a task at its next step."""

    GO_ON = "go on"
    TIME_OUT = "time out"
    CANCEL = "cancel"


class Task:
    """One coroutine; its fate is decided before it runs again, so that others can act in between."""

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, object], lock: Lock) -> None:
        self.name = name
        self.trap: Trap | None = None
        self.fate = Fate.GO_ON
        self.fates: set[Fate] = set()
        self.error: BaseException | None = None
        self.is_done = False
        self.is_running = False
        self._coroutine = coroutine
        self._lock = lock

    def __repr__(self) -> str:
        return f"<{self.name} at {self.trap.name if self.trap else None}, {self.fate.value}, error={self.error!r}>"

    @property
    def is_started(self) -> bool:
        return self.trap is not None

    @property
    def is_runnable(self) -> bool:
        if self.is_done or self.is_running:
            return False
        return self.trap is None or self.fate is not Fate.GO_ON or self.trap.is_ready()

    @property
    def is_parked(self) -> bool:
        """Tell whether it waits for another task to set its waiter."""
        return self.trap is not None and self.trap.name == "waiter" and not self.is_done and not self.is_runnable

    def doom(self, fate: Fate) -> None:
        """Decide what its next step will be; the first decision stands."""
        if self.fate is Fate.GO_ON:
            self.fate = fate
            self.fates.add(fate)

    def step(self) -> None:
        """Run until it waits or ends."""
        fate, self.fate, self.is_running = self.fate, Fate.GO_ON, True
        try:
            if fate is Fate.CANCEL:
                self.trap = self._coroutine.throw(Cancelled())
            else:
                self.trap = self._coroutine.send(None if self.trap is None else fate)
        except StopIteration:
            self.is_done = True
        except AssertionError:
            raise
        except BaseException as exc:
            self.is_done = True
            self.error = exc
        finally:
            self.is_running = False
        assert not self._lock.is_held, "waits while it holds the lock"

    def close(self) -> None:
        self._coroutine.close()


class Lock:
    """A lock that nobody ever blocks on, since whoever held it would never run again."""

    def __init__(self) -> None:
        self.is_held = False
        self.preempt: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        self.preempt()
        assert not self.is_held, "deadlock"
        self.is_held = True

    def __exit__(self, *_: object) -> None:
        self.is_held = False
        self.preempt()


class Waiter:
    def __init__(self) -> None:
        self._is_set = False
        self._is_spent = False

    def set(self) -> None:
        self._is_set = True

    @property
    def is_set(self) -> bool:
        return self._is_set

    def __await__(self) -> Generator[Any, Any, object]:
        return self.wait(None).__await__()

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        assert not self._is_spent, "waits again for what has happened"
        self._is_spent = self._is_set
        # A time that is up stays up, even if the waiter is set before its task runs.
        return self._is_set or await _suspend(Trap("waiter", lambda: self._is_set)) is Fate.GO_ON


class FakeStream(Stream):
    """A stream that takes and brings what the test says, and notices whoever breaks its contract."""

    def __init__(self, lock: Lock) -> None:
        self.incoming: list[bytes] = []
        self.is_at_end = False
        self.is_failed = False
        self.room = 0
        self.wire = bytearray()
        self.writes: list[bytes] = []
        self.limits: list[tuple[float | None, float | None]] = []
        self._lock = lock
        self._is_reading = False
        self._is_awaiting_room = False

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        assert not self._lock.is_held, "reads under the lock"
        assert not self._is_reading, "two readers"
        self._is_reading = True
        self._note_wait(timeout, deadline)
        try:
            fate = Fate.GO_ON if self.is_readable() else await _suspend(Trap("read", self.is_readable))
        finally:
            self._is_reading = False
        data = self.read_available()
        if data is None:
            assert fate is Fate.TIME_OUT
            raise ReadTimeout("The read timed out.")
        return data

    def read_available(self) -> bytes | None:
        if self.incoming:
            return self.incoming.pop(0)
        if self.is_failed:
            raise ReadError("The stream failed.")
        return b"" if self.is_at_end else None

    def is_readable(self) -> bool:
        return bool(self.incoming) or self.is_at_end or self.is_failed

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        assert self._lock.is_held, "writes without the lock"
        assert not self._is_awaiting_room, "two writers"
        if self.is_failed:
            raise WriteError("The stream failed.")
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.wire += taken
        self.writes.append(taken)
        return len(taken)

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        self._note_wait(timeout, deadline)
        await self._await_room("write", self._is_writable)

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        assert not self._is_reading, "two readers"
        self._is_reading = True
        self._note_wait(timeout, deadline)
        try:
            await self._await_room("write or read", lambda: self._is_writable() or self.is_readable())
        finally:
            self._is_reading = False

    def wake(self) -> None:
        self.is_failed = True

    def close(self) -> None:
        self.is_failed = True

    abort = close

    def get_extra_info(self, name: str) -> Any:
        return None

    # Private from here on.

    def _note_wait(self, timeout: float | None, deadline: float | None) -> None:
        self.limits.append((timeout, deadline))
        assert len(self.limits) < 10_000, "waits endlessly for what is there"

    def _is_writable(self) -> bool:
        return self.room > 0 or self.is_failed

    async def _await_room(self, name: str, is_ready: Callable[[], bool]) -> None:
        assert not self._lock.is_held, "waits for room under the lock"
        assert not self._is_awaiting_room, "two writers"
        self._is_awaiting_room = True
        try:
            fate = Fate.GO_ON if is_ready() else await _suspend(Trap(name, is_ready))
        finally:
            self._is_awaiting_room = False
        if self.is_failed and not self.incoming:
            raise WriteError("The stream failed.")
        if fate is Fate.TIME_OUT and not is_ready():
            raise WriteTimeout("The write timed out.")


class Connection:
    """A protocol of the tests': each byte that arrives is a message for the stream of that number, and acknowledged.

    What is sent are the numbers 0, 1, 2... of two bytes each, in the order of their production.
    """

    def __init__(
        self,
        baton_class: type[ReaderBaton[bytes]] = ReaderBaton,
        turn_class: type[WriteTurn] = WriteTurn,
    ) -> None:
        self.lock = Lock()
        self.stream = FakeStream(self.lock)
        lock = cast("threading.Lock", self.lock)
        self.turn = turn_class(lock, Waiter, self.stream)
        self.baton = baton_class(lock, Waiter, read=self._read, feed=self._feed)
        self.inboxes: dict[int, list[int]] = {}
        self.produced = bytearray()
        self.fed_count = 0
        self.tasks: list[Task] = []

    def start(self, name: str, coroutine: Coroutine[Any, Any, object]) -> Task:
        """Add a task; it has not run yet."""
        self.tasks.append(Task(name, coroutine, self.lock))
        return self.tasks[-1]

    def run(self, *, steps_count: int = 10_000) -> None:
        """Run whoever can run until nobody can."""
        for _ in range(steps_count):
            task = next((task for task in self.tasks if task.is_runnable), None)
            if task is None:
                return
            task.step()
        raise AssertionError(f"endless: {self.tasks}")

    def receive(self, stream_id: int, timeout: float | None = 0.0) -> Task:
        """Start a task that waits for one message of that stream."""
        return self.start(f"receive {stream_id}", self._receive(stream_id, timeout))

    def send(self, count: int, timeout: float | None = 0.0) -> Task:
        """Start a task that produces that many numbers and waits until they are sent."""
        return self.start(f"send {count}", self._send(count, timeout))

    def produce(self, count: int) -> None:
        """Queue that many numbers. To be called under the lock."""
        assert self.lock.is_held
        for _ in range(count):
            data = (len(self.produced) // 2).to_bytes(2, "big")
            self.produced += data
            self.turn.put(data)

    def close(self) -> None:
        for task in self.tasks:
            task.close()

    # Private from here on.

    async def _receive(self, stream_id: int, timeout: float | None) -> None:
        inbox = self.inboxes.setdefault(stream_id, [])
        await self.baton.wait(stream_id, lambda: bool(inbox), timeout)
        with self.lock:
            inbox.pop(0)

    async def _send(self, count: int, timeout: float | None) -> None:
        with self.lock:
            self.produce(count)
            mark = len(self.produced)
            is_sent = self.turn.flush_now()
        if not is_sent:
            await self.turn.flush(timeout)
        assert len(self.stream.wire) >= mark, "told that it was sent before it was"

    async def _read(self, timeout: float | None, deadline: float | None) -> bytes:
        if self.turn.is_stalled:
            await self.turn.flush_or_readable(timeout, deadline)
        return await self.stream.read(timeout, deadline)

    def _feed(self, data: bytes) -> None:
        assert self.lock.is_held, "feeds without the lock"
        if not data:
            raise ReadError("The server closed the connection.")
        for stream_id in data:
            self.inboxes.setdefault(stream_id, []).append(self.fed_count)
            self.fed_count += 1
            self.baton.wake(stream_id)
            self.produce(1)
        self.turn.flush_now()


# Private from here on.


@types.coroutine
def _suspend(trap: Trap) -> Generator[Trap, Fate, Fate]:
    return (yield trap)
