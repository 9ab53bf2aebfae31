"""What tasks wait on: they are woken, cancelled, timed out and interrupted as by a future of asyncio's own."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from httpx._exceptions import ReadError, ReadTimeout
from httpx._network.asyncio import AsyncioNetwork
from httpx._network.asyncio_waiters import PATIENCE as PATIENCE_OF_TURNS
from httpx._network.asyncio_waiters import TaskWaiter, WokenTasks
from httpx._network.base import Stream, Waiter

from .colours import PATIENCE

Test = Callable[[Stream, socket.socket], Coroutine[Any, Any, None]]


def make_py_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
    return asyncio.tasks._PyTask(coroutine, loop=loop, **options)  # type: ignore[attr-defined]  # not for the public


@pytest.fixture(params=["C tasks", "Python tasks", "debug", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop: asyncio.AbstractEventLoop
    loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.SelectorEventLoop()
    if request.param == "Python tasks":
        loop.set_task_factory(make_py_task)
    loop.set_debug(request.param == "debug")
    yield loop
    loop.close()


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop) -> Callable[[Test], None]:
    """Run a test with a stream and its peer's socket."""

    async def main(test: Test) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            network = AsyncioNetwork(asyncio.get_running_loop())
            stream = await network.connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=PATIENCE)
            peer, _ = listener.accept()
        with peer:
            try:
                await test(stream, peer)
            finally:
                stream.close()

    return lambda test: loop.run_until_complete(main(test))


async def begin_to_read(stream: Stream) -> asyncio.Task[bytes]:
    reading = asyncio.ensure_future(stream.read(PATIENCE))
    await asyncio.sleep(0.005)
    assert not reading.done()
    return reading


def test_a_read_goes_on_in_the_context_of_its_task(run: Callable[[Test], None]) -> None:
    variable = contextvars.ContextVar("variable", default="of nobody")

    async def test(stream: Stream, peer: socket.socket) -> None:
        async def read(name: str) -> bytes:
            variable.set(name)
            task = asyncio.current_task()
            data = await stream.read(PATIENCE)
            assert variable.get() == name
            assert asyncio.current_task() is task
            return data

        for number in range(3):
            reading = asyncio.ensure_future(read(f"task {number}"))
            await asyncio.sleep(0.005)
            peer.sendall(b"%d" % number)
            assert await reading == b"%d" % number
        assert variable.get() == "of nobody"

    run(test)


def test_a_cancelled_read_loses_nothing(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        for message in (None, "why"):
            reading = await begin_to_read(stream)
            reading.cancel(message)
            with pytest.raises(asyncio.CancelledError) as caught:
                await reading
            assert caught.value.args == (() if message is None else (message,))
            assert reading.cancelled()
        reading = await begin_to_read(stream)
        peer.sendall(b"data")
        assert await reading == b"data"

    run(test)


def test_data_and_cancellation_in_one_turn(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        reading = await begin_to_read(stream)
        peer.sendall(b"data")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await stream.read(PATIENCE) == b"data"

    run(test)


def test_a_read_that_is_cancelled_before_it_waits(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        async def read() -> bytes:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            return await stream.read(PATIENCE)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(read())
        reading = await begin_to_read(stream)
        peer.sendall(b"data")
        assert await reading == b"data"

    run(test)


def test_a_cancellation_that_is_swallowed(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        async def read_stubbornly() -> bytes:
            try:
                return await stream.read(PATIENCE)
            except asyncio.CancelledError:
                return await stream.read(PATIENCE)

        reading = asyncio.ensure_future(read_stubbornly())
        await asyncio.sleep(0.005)
        reading.cancel()
        await asyncio.sleep(0.005)
        peer.sendall(b"data")
        assert await reading == b"data"

    run(test)


def test_limits_of_the_program_and_of_the_read(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.read(PATIENCE), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await stream.read(PATIENCE)
        with pytest.raises(ReadTimeout):
            await stream.read(0.01)
        peer.sendall(b"data")
        assert await stream.read(PATIENCE) == b"data"

    run(test)


def test_a_read_of_a_stream_that_another_task_closes(run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        reading = await begin_to_read(stream)
        stream.close()
        # Not within the task that has closed it.
        assert not reading.done()
        with pytest.raises(ReadError):
            await reading

    run(test)


def test_an_interrupt_of_a_task_leaves_the_loop(loop: asyncio.AbstractEventLoop, run: Callable[[Test], None]) -> None:
    async def test(stream: Stream, peer: socket.socket) -> None:
        async def read() -> None:
            await stream.read(PATIENCE)
            raise KeyboardInterrupt

        reading = asyncio.ensure_future(read())
        readings.append(reading)
        await asyncio.sleep(0.005)
        peer.sendall(b"data")
        while not reading.done():
            await asyncio.sleep(0)

    readings: list[asyncio.Task[None]] = []
    with pytest.raises(KeyboardInterrupt):
        run(test)
    assert isinstance(readings[0].exception(), KeyboardInterrupt)

    async def clean_up() -> None:
        # What was left behind ends as after any interrupt.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(clean_up())


def test_tasks_take_turns(run: Callable[[Test], None]) -> None:
    """A task that goes on when something comes leaves the others as it found them."""

    async def test(stream: Stream, peer: socket.socket) -> None:
        counts = {"reader": 0, "other": 0}

        async def read() -> None:
            while await stream.read(PATIENCE) != b"end":
                counts["reader"] += 1

        async def count() -> None:
            while True:
                counts["other"] += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        reading = asyncio.ensure_future(read())
        for _ in range(20):
            peer.sendall(b"x")
            before = counts["reader"]
            while counts["reader"] == before:
                await asyncio.sleep(0)
        peer.sendall(b"end")
        await reading
        counting.cancel()
        assert counts["reader"] == 20
        assert counts["other"] >= 20

    run(test)


# Waiters that tasks set.


def make_waiters(loop: asyncio.AbstractEventLoop, count: int) -> list[Waiter]:
    async def make() -> list[Waiter]:
        network = AsyncioNetwork(asyncio.get_running_loop())
        return [network.make_waiter() for _ in range(count)]

    return loop.run_until_complete(make())


def test_all_who_are_woken_in_one_turn_go_on_in_order_and_in_their_contexts(loop: asyncio.AbstractEventLoop) -> None:
    waiters = make_waiters(loop, 5)
    variable = contextvars.ContextVar("variable", default=-1)
    order = []

    async def wait(number: int) -> None:
        variable.set(number)
        task = asyncio.current_task()
        for _ in range(2):
            # The second time it is set already.
            await waiters[number]
            assert variable.get() == number
            assert asyncio.current_task() is task
        order.append(number)

    async def main() -> None:
        tasks = [asyncio.ensure_future(wait(number)) for number in range(5)]
        await asyncio.sleep(0.005)
        for number in (3, 1, 4, 0, 2):
            waiters[number].set()
            waiters[number].set()
        assert order == []
        await asyncio.sleep(0)
        assert order == [3, 1, 4, 0, 2]
        assert variable.get() == -1
        await asyncio.gather(*tasks)

    loop.run_until_complete(main())


def test_who_is_woken_by_one_that_was_woken_goes_on_as_well(loop: asyncio.AbstractEventLoop) -> None:
    waiters = make_waiters(loop, 4)

    async def pass_on(number: int) -> int:
        await waiters[number]
        if number + 1 < len(waiters):
            waiters[number + 1].set()
        return number

    async def main() -> list[int]:
        tasks = [asyncio.ensure_future(pass_on(number)) for number in range(4)]
        await asyncio.sleep(0)
        waiters[0].set()
        return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    assert loop.run_until_complete(main()) == [0, 1, 2, 3]


def test_some_of_those_who_are_woken_were_cancelled(loop: asyncio.AbstractEventLoop) -> None:
    waiters = make_waiters(loop, 3)

    async def wait(number: int) -> int:
        await waiters[number]
        return number

    async def main() -> None:
        tasks = [asyncio.ensure_future(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        for waiter in waiters:
            waiter.set()
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError, int]
        assert await waiters[0].wait(0)

    loop.run_until_complete(main())


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_one_leaves_the_others_to_the_next_run(
    loop: asyncio.AbstractEventLoop, interrupt: type[BaseException]
) -> None:
    waiters = make_waiters(loop, 4)
    done = []

    async def wait(number: int) -> None:
        await waiters[number]
        if number == 1:
            raise interrupt
        done.append(number)

    async def main() -> None:
        tasks.extend(asyncio.ensure_future(wait(number)) for number in range(4))
        await asyncio.sleep(0.005)
        for waiter in waiters:
            waiter.set()
        await asyncio.sleep(PATIENCE)

    tasks: list[asyncio.Task[None]] = []
    main_task = loop.create_task(main())
    with pytest.raises(interrupt):
        loop.run_until_complete(main_task)
    main_task.cancel()
    loop.run_until_complete(asyncio.wait([main_task, *tasks]))
    assert done == [0, 2, 3]
    assert type(tasks[1].exception()) is interrupt


def wake_callback(woken: WokenTasks, name: str, callback: Callable[[str], None]) -> TaskWaiter:
    """Wake what would be a task, and is a callback."""
    waiter = TaskWaiter(woken)
    waiter.add_done_callback(lambda _: callback(name), context=contextvars.Context())
    waiter.set_result(None)
    return waiter


def test_who_was_woken_goes_on_in_a_loop_that_one_of_them_runs(loop: asyncio.AbstractEventLoop) -> None:
    """As with nest_asyncio, under which a task may run the loop until something is done that others do."""
    run_once = getattr(loop, "_run_once", None)
    if run_once is None:
        # uvloop cannot be run from within.
        return
    woken = WokenTasks(loop)
    order: list[str] = []

    def wake(name: str, callback: Callable[[str], None] | None = None) -> None:
        wake_callback(woken, name, callback or order.append)

    def run_loop(name: str) -> None:
        order.append(f"{name} begins")
        wake("late")
        while "last" not in order:
            run_once()
        order.append(f"{name} ends")

    async def main() -> None:
        wake("first")
        wake("second", run_loop)
        wake("third", run_loop)
        wake("last")
        while "late" not in order:
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    begun = ["first", "second begins", "third begins", "last"]
    assert order[:4] == begun
    assert sorted(order[4:]) == ["late", "late", "second ends", "third ends"]


def test_a_callback_that_was_lost_is_made_up_for(loop: asyncio.AbstractEventLoop) -> None:
    """An interrupt may strike before a callback of the loop has begun, which the loop calls no more then."""
    ready = getattr(loop, "_ready", None)
    if ready is None:
        # What uvloop is to call cannot be reached.
        return
    woken = WokenTasks(loop)
    order: list[str] = []
    wake_callback(woken, "lost", order.append)
    ready.clear()

    async def main() -> None:
        await asyncio.sleep(PATIENCE_OF_TURNS + 0.01)
        assert order == []
        wake_callback(woken, "next", order.append)
        await asyncio.sleep(0)
        assert order == ["lost", "next"]

    loop.run_until_complete(main())


def test_a_wake_up_in_a_closed_loop_is_for_nobody(loop: asyncio.AbstractEventLoop) -> None:
    woken = WokenTasks(loop)
    loop.close()
    order: list[str] = []
    waiter = wake_callback(woken, "nobody", order.append)
    assert not waiter.done()
    assert order == []
