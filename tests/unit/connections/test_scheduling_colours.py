"""The reader baton and the write turn with the waiters of every colour: real threads, real event loops."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from httpx._connections.baton import ReaderBaton
from httpx._connections.turn import WriteTurn
from httpx._exceptions import ReadTimeout, RemoteProtocolError, WriteTimeout
from httpx._network.base import Stream, Waiter
from tests.network.colours import CANCELLABLE, COLOURS, Colour, TaskCancelled, make_colour


class Pipe:
    """Bytes from the test to the baton, in memory; each byte is a message for the key of that number."""

    def __init__(self, colour: Colour) -> None:
        self.lock = threading.Lock()
        self.counts: dict[int, int] = {}
        self.baton: ReaderBaton[bytes] = ReaderBaton(
            self.lock, colour.network.make_waiter, read=self.read, feed=self.feed
        )
        self.readers_count = 0
        self._colour = colour
        self._pipe_lock = threading.Lock()
        self._data = b""
        self._waiter: Waiter = colour.network.make_waiter()

    def deliver(self, *keys: int) -> None:
        with self._pipe_lock:
            self._data += bytes(keys)
            self._waiter.set()

    async def read(self, timeout: float | None, deadline: float | None) -> bytes:
        self.readers_count += 1
        try:
            assert self.readers_count == 1
            if not await self._waiter.wait(timeout, deadline):
                raise ReadTimeout("The read timed out.")
        finally:
            self.readers_count -= 1
        with self._pipe_lock:
            data, self._data = self._data, b""
            self._waiter = self._colour.network.make_waiter()
        return data

    def feed(self, data: bytes) -> None:
        for key in data:
            self.counts[key] = self.counts.get(key, 0) + 1
            self.baton.wake(key)

    async def receive(self, key: int, timeout: float | None = 20.0) -> None:
        await self.baton.wait(key, lambda: self.counts.get(key, 0) > 0, timeout)
        with self.lock:
            self.counts[key] -= 1

    @property
    def waiting_count(self) -> int:
        with self.lock:
            return len(self.baton._waiting)


class Bottle(Stream):
    """A stream in memory with a narrow neck; what it took is emptied by the test."""

    def __init__(self, colour: Colour) -> None:
        self.wire = bytearray()
        self.writers_count = 0
        self._colour = colour
        self._room = 0
        self._room_lock = threading.Lock()
        self._waiter: Waiter = colour.network.make_waiter()

    def accept(self, size: int) -> None:
        with self._room_lock:
            self._room += size
            self._waiter.set()

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        assert self.writers_count == 0, "two writers"
        with self._room_lock:
            taken = bytes(data[: self._room])
            self._room -= len(taken)
            if not self._room:
                self._waiter = self._colour.network.make_waiter()
        self.wire += taken
        return len(taken)

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        self.writers_count += 1
        try:
            assert self.writers_count == 1, "two writers"
            if not await self._waiter.wait(timeout, deadline):
                raise WriteTimeout("The write timed out.")
        finally:
            self.writers_count -= 1

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        raise NotImplementedError

    def read_available(self) -> bytes | None:
        return None

    def is_readable(self) -> bool:
        return False

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        await self.wait_writable(timeout, deadline)

    def wake(self) -> None:
        pass

    def close(self) -> None:
        pass

    abort = close

    def get_extra_info(self, name: str) -> Any:
        return None


class Producer:
    """Numbers of four bytes in the order of their production."""

    def __init__(self, colour: Colour) -> None:
        self.lock = threading.Lock()
        self.stream = Bottle(colour)
        self.turn = WriteTurn(self.lock, colour.network.make_waiter, self.stream)
        self.produced = bytearray()

    async def send(self, count: int, timeout: float | None = 20.0) -> None:
        with self.lock:
            for _ in range(count):
                data = (len(self.produced) // 4).to_bytes(4, "big")
                self.produced += data
                self.turn.put(data)
            mark = len(self.produced)
            is_sent = self.turn.flush_now()
        if not is_sent:
            await self.turn.flush(timeout)
        assert len(self.stream.wire) >= mark

    @property
    def waiting_count(self) -> int:
        with self.lock:
            return len(self.turn._waiting)

    def assert_all_is_sent(self) -> None:
        self.stream.accept(2**30)
        with self.lock:
            assert self.turn.flush_now()
        assert self.stream.wire == self.produced
        assert not self.turn._waiting and self.turn._holder is None


@pytest.fixture
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    colour = make_colour(request.param)
    yield colour
    colour.close()


every_colour = pytest.mark.parametrize("colour", COLOURS, indirect=True)
every_cancellable_colour = pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)


@every_colour
def test_each_gets_its_messages(colour: Colour) -> None:
    async def echo(pipe: Pipe, key: int) -> None:
        for _ in range(30):
            pipe.deliver(key)
            await pipe.receive(key)

    async def scenario() -> None:
        pipe = Pipe(colour)
        tasks = [colour.start(echo, pipe, key) for key in range(16)]
        for task in tasks:
            await task.join()
        assert not pipe.baton.has_reader and not pipe.waiting_count
        assert set(pipe.counts.values()) == {0}

    colour.run(scenario)


@every_colour
def test_a_reader_out_of_time_is_replaced_by_one_who_waits(colour: Colour) -> None:
    async def scenario() -> None:
        pipe = Pipe(colour)
        hasty = colour.start(pipe.receive, 1, 0.05)
        await colour.until(lambda: pipe.baton.has_reader)
        patient = colour.start(pipe.receive, 2)
        with pytest.raises(ReadTimeout):
            await hasty.join()
        pipe.deliver(2)
        await patient.join()

    colour.run(scenario)


@every_colour
def test_who_waits_runs_out_of_time_without_reading(colour: Colour) -> None:
    async def scenario() -> None:
        pipe = Pipe(colour)
        patient = colour.start(pipe.receive, 1)
        await colour.until(lambda: pipe.baton.has_reader)
        with pytest.raises(ReadTimeout, match=r"for 0\.05 s"):
            await pipe.receive(2, 0.05)
        assert not pipe.waiting_count
        pipe.deliver(1)
        await patient.join()

    colour.run(scenario)


@every_colour
def test_a_failure_is_told_to_all_who_wait(colour: Colour) -> None:
    async def scenario() -> None:
        pipe = Pipe(colour)
        tasks = [colour.start(pipe.receive, key) for key in range(5)]
        await colour.until(lambda: pipe.waiting_count == 4)
        with pipe.lock:
            pipe.baton.fail(RemoteProtocolError("broken"))
        pipe.deliver(9)
        for task in tasks:
            with pytest.raises(RemoteProtocolError):
                await task.join()
        assert not pipe.baton.has_reader

    colour.run(scenario)


@every_cancellable_colour
@pytest.mark.parametrize("spins_count", range(8))
def test_the_baton_survives_cancellations_at_any_moment(colour: Colour, spins_count: int) -> None:
    async def scenario() -> None:
        pipe = Pipe(colour)
        tasks = [colour.start(pipe.receive, key) for key in range(4)]
        await colour.until(lambda: pipe.waiting_count == 3)
        # The reader gets its message and hands the baton on; the next two are cancelled around that moment.
        pipe.deliver(0)
        for _ in range(spins_count):
            await colour.checkpoint()
        tasks[1].cancel()
        tasks[2].cancel()
        pipe.deliver(3)
        for task in (tasks[1], tasks[2]):
            with pytest.raises(TaskCancelled):
                await task.join()
        await tasks[0].join()
        await tasks[3].join()
        assert not pipe.baton.has_reader and not pipe.waiting_count

    colour.run(scenario)


@every_colour
def test_many_senders_share_a_narrow_stream(colour: Colour) -> None:
    async def send_often(producer: Producer) -> None:
        for count in range(1, 20):
            await producer.send(count % 3 + 1)

    async def scenario() -> None:
        producer = Producer(colour)
        tasks = [colour.start(send_often, producer) for _ in range(12)]
        sizes = random.Random(1)
        while not all(task.is_done for task in tasks):
            producer.stream.accept(sizes.randrange(1, 40))
            await colour.network.sleep(0)
        for task in tasks:
            await task.join()
        producer.assert_all_is_sent()

    colour.run(scenario)


@every_colour
def test_a_holder_out_of_time_is_replaced_by_one_who_waits(colour: Colour) -> None:
    async def scenario() -> None:
        producer = Producer(colour)
        hasty = colour.start(producer.send, 1, 0.05)
        await colour.until(lambda: producer.stream.writers_count)
        patient = colour.start(producer.send, 1)
        with pytest.raises(WriteTimeout):
            await hasty.join()
        producer.stream.accept(100)
        await patient.join()
        producer.assert_all_is_sent()

    colour.run(scenario)


@every_colour
def test_who_waits_for_the_turn_runs_out_of_time(colour: Colour) -> None:
    async def scenario() -> None:
        producer = Producer(colour)
        patient = colour.start(producer.send, 1)
        await colour.until(lambda: producer.stream.writers_count)
        with pytest.raises(WriteTimeout, match=r"for 0\.05 s"):
            await producer.send(1, 0.05)
        assert not producer.waiting_count
        producer.stream.accept(100)
        await patient.join()
        producer.assert_all_is_sent()

    colour.run(scenario)


@every_cancellable_colour
@pytest.mark.parametrize("spins_count", range(8))
def test_the_turn_survives_cancellations_at_any_moment(colour: Colour, spins_count: int) -> None:
    async def scenario() -> None:
        producer = Producer(colour)
        # One by one: trio starts tasks in random order.
        tasks = [colour.start(producer.send, 1)]
        await colour.until(lambda: producer.stream.writers_count)
        while len(tasks) < 4:
            tasks.append(colour.start(producer.send, 1))
            await colour.until(lambda: producer.waiting_count == len(tasks) - 1)
        # The holder finds room for its own and passes the turn on; the next two are cancelled around that moment.
        producer.stream.accept(4)
        for _ in range(spins_count):
            await colour.checkpoint()
        tasks[1].cancel()
        tasks[2].cancel()
        for task in (tasks[1], tasks[2]):
            with pytest.raises(TaskCancelled):
                await task.join()
        producer.stream.accept(100)
        await tasks[0].join()
        await tasks[3].join()
        producer.assert_all_is_sent()

    colour.run(scenario)
