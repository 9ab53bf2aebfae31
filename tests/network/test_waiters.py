"""The one primitive to wait for another task or thread."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from httpx._network.asyncio import AsyncioNetwork

from .colours import CANCELLABLE, PATIENCE, Colour, TaskCancelled


async def test_a_waiter_that_was_set_before_does_not_wait(colour: Colour) -> None:
    waiter = colour.network.make_waiter()
    assert not waiter.is_set
    waiter.set()
    assert waiter.is_set
    for limits in ((None, None), (0, None), (None, time.monotonic() - 1)):
        assert await waiter.wait(*limits)


async def test_a_waiter_ends_the_wait_of_another(colour: Colour) -> None:
    waiter = colour.network.make_waiter()
    waiting = colour.start(waiter.wait, PATIENCE)
    await colour.network.sleep(0.005)
    waiter.set()
    waiter.set()
    assert await waiting.join()
    assert await waiter.wait(0)


@pytest.mark.parametrize("colour", ["sync"], indirect=True)
async def test_a_waiter_is_set_by_many_threads_at_once(colour: Colour) -> None:
    for _ in range(50):
        waiter = colour.network.make_waiter()
        waiting = colour.start(waiter.wait, PATIENCE)
        threads = [threading.Thread(target=waiter.set) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert await waiting.join()
        for thread in threads:
            thread.join()


async def test_a_wait_times_out_and_may_be_tried_again(colour: Colour) -> None:
    waiter = colour.network.make_waiter()
    start = time.monotonic()
    assert not await waiter.wait(0.01)
    assert not await waiter.wait(0)
    assert not await waiter.wait(None, start + 0.02)
    assert not await waiter.wait(60, start)
    assert time.monotonic() - start < 5
    waiter.set()
    assert await waiter.wait(None)


async def test_a_wait_may_last_for_ages(colour: Colour) -> None:
    waiter = colour.network.make_waiter()
    waiting = colour.start(waiter.wait, 1e12)
    await colour.network.sleep(0.005)
    waiter.set()
    assert await waiting.join()


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
@pytest.mark.parametrize("steps_count", range(4))
async def test_a_cancelled_wait_tells_whether_it_was_set(colour: Colour, steps_count: int) -> None:
    # Who is cancelled in the moment in which it is set must be able to hand on what it was given.
    waiter = colour.network.make_waiter()
    waiting = colour.start(waiter.wait, PATIENCE)
    await colour.network.sleep(0.001)
    waiting.cancel()
    for _ in range(steps_count):
        await colour.checkpoint()
    waiter.set()
    with pytest.raises(TaskCancelled):
        await waiting.join()
    assert waiter.is_set


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
async def test_a_wait_can_be_cancelled_after_it_was_set(colour: Colour) -> None:
    waiter = colour.network.make_waiter()
    waiting = colour.start(waiter.wait, PATIENCE)
    await colour.network.sleep(0.001)
    waiter.set()
    waiting.cancel()
    try:
        assert await waiting.join()
    except TaskCancelled:
        pass
    assert waiter.is_set


async def test_sleep_sleeps(colour: Colour) -> None:
    start = time.monotonic()
    await colour.network.sleep(0.02)
    assert time.monotonic() - start >= 0.015


async def test_a_running_network_is_current(colour: Colour) -> None:
    assert colour.network.is_current()
    assert colour.network.is_current()


def test_a_loop_that_runs_in_another_thread_is_not_current() -> None:
    async def ask(network: AsyncioNetwork) -> bool:
        return network.is_current()

    async def compare() -> tuple[bool, list[bool]]:
        network = AsyncioNetwork(asyncio.get_running_loop())
        assert network.is_current()
        seen: list[bool] = []
        thread = threading.Thread(target=lambda: seen.extend((asyncio.run(ask(network)), network.is_current())))
        thread.start()
        thread.join()
        return network.is_current(), seen

    assert asyncio.run(compare()) == (True, [False, False])


def test_a_loop_may_go_on_in_another_thread() -> None:
    loop = asyncio.new_event_loop()
    network = AsyncioNetwork(loop)

    async def ask() -> bool:
        return network.is_current()

    seen = [network.is_current(), loop.run_until_complete(ask()), network.is_current()]
    # This thread runs another loop then, and the first one goes on elsewhere.
    seen.append(asyncio.run(ask()))
    thread = threading.Thread(target=lambda: seen.append(loop.run_until_complete(ask())))
    thread.start()
    thread.join()
    seen.append(loop.run_until_complete(ask()))
    loop.close()
    assert seen == [False, True, False, False, True, True]
