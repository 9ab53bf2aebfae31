"""Make the requests of one workload with one client, and measure the process that makes them.

The measured process does nothing else: what counts is its CPU time from the end of the warm-up on, all of its threads
included, divided by the requests. Every answer is checked, for all clients by the same code.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.adapters.base import Answer, AsyncAdapter, SyncAdapter, Unsupported
from benchmarks.processes import read_cpu_time
from benchmarks.workloads import Loop, Workload

WARM_UP = 0.25  # of the measured time
WARM_UP_REQUESTS = 3  # for each task or thread, at least
POST_BODY = b"z" * 1024

COOKIE_SITES = 20  # each of which sets 50 cookies
OPENING_AT_A_TIME = 64


class WrongAnswer(Exception):
    """A client gave out something else than the origin sent."""


@dataclass
class Sample:
    """What was measured: of requests that began after the warm-up."""

    cpu_time: float = 0.0
    wall_time: float = 0.0
    origin_time: float | None = None  # CPU
    latencies: list[float] = field(default_factory=list)


class Clock:
    """Says when a task is to stop, and keeps what passed between `start` and `stop`."""

    def __init__(self, seconds: float, origin_process: int) -> None:
        self.sample = Sample()
        self.end = 0.0
        self._seconds = seconds
        self._origin_process = origin_process

    def warm_up(self) -> None:
        """Let the requests until the next call be unmeasured ones."""
        self.end = time.perf_counter() + self._seconds * WARM_UP

    def start(self) -> None:
        """Measure from here on."""
        self._origin = read_cpu_time(self._origin_process)
        self._cpu = time.process_time()
        self._wall = time.perf_counter()
        self.end = self._wall + self._seconds

    def stop(self) -> Sample:
        """Return what was measured."""
        self.sample.cpu_time = time.process_time() - self._cpu
        self.sample.wall_time = time.perf_counter() - self._wall
        origin = read_cpu_time(self._origin_process)
        if origin is not None and self._origin is not None:
            self.sample.origin_time = origin - self._origin
        return self.sample


def run_loop(loop: Loop, adapter: AsyncAdapter, job: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine function in the event loop of a workload."""
    if loop is Loop.TRIO:
        if not adapter.runs_on_trio:
            raise Unsupported("not on trio")
        import trio

        return trio.run(job)
    if loop is Loop.UVLOOP:
        import uvloop

        return uvloop.run(job())  # type: ignore[arg-type]  # a coroutine
    return asyncio.run(job())  # type: ignore[arg-type]  # a coroutine


async def run_tasks(workload: Workload, adapter: AsyncAdapter, url: str, clock: Clock) -> Sample:
    """Make requests in as many tasks as the workload wants."""
    await adapter.open()
    for urls, size in list_preparations(workload, url):
        await open_all(adapter, urls, replace(workload, size=size))
    method = getattr(adapter, workload.action)
    arguments = make_arguments(workload, url, workload.action)
    now = time.perf_counter

    async def work(latencies: list[float], least: int) -> None:
        count = 0
        while (start := now()) < clock.end or count < least:
            check(await method(*next(arguments)), workload)
            latencies.append(now() - start)
            count += 1

    clock.warm_up()
    await run_together([work([], WARM_UP_REQUESTS) for _ in range(workload.concurrency)])
    clock.start()
    await run_together([work(clock.sample.latencies, 1) for _ in range(workload.concurrency)])
    sample = clock.stop()
    await adapter.close()
    return sample


def run_threads(workload: Workload, adapter: SyncAdapter, url: str, clock: Clock) -> Sample:
    """Make requests in as many threads as the workload wants."""
    adapter.open()
    method = getattr(adapter, workload.action)
    arguments = make_arguments(workload, url, workload.action)
    now = time.perf_counter
    failures: list[Exception] = []

    def work(latencies: list[float], least: int) -> None:
        count = 0
        try:
            while (start := now()) < clock.end or count < least:
                check(method(*next(arguments)), workload)
                latencies.append(now() - start)
                count += 1
        except Exception as exc:  # raised again by the main thread
            failures.append(exc)

    clock.warm_up()
    warmed_up = threading.Barrier(workload.concurrency, action=clock.start)

    def live() -> None:
        # The same threads for both, since some clients keep a connection for each.
        work([], WARM_UP_REQUESTS)
        warmed_up.wait()
        work(clock.sample.latencies, 1)

    threads = [threading.Thread(target=live) for _ in range(workload.concurrency - 1)]
    for thread in threads:
        thread.start()
    live()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    sample = clock.stop()
    adapter.close()
    return sample


async def run_together(jobs: Iterable[Awaitable[None]]) -> None:
    """Run jobs as tasks, and wait for all."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        import trio

        async def run(job: Awaitable[None]) -> None:
            await job

        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(run, job)
    else:
        await asyncio.gather(*jobs)


def make_arguments(workload: Workload, url: str, action: str) -> Iterator[tuple[object, ...]]:
    """Yield for ever what this method of the adapter gets."""
    urls = [url + workload.path for url in list_hosts(url, workload.hosts)]
    match action:
        case "post":
            body = POST_BODY if workload.size == len(POST_BODY) else b"z" * workload.size
            return itertools.cycle([(url, body) for url in urls])
        case "upload":
            return itertools.cycle([(url, workload.size) for url in urls])
        case _:
            return itertools.cycle([(url,) for url in urls])


def check(answer: Answer, workload: Workload) -> None:
    """Fail unless status, Content-Type and length are those that the origin sends."""
    status, content_type, body = answer
    if status == 505:
        raise Unsupported("it did not speak HTTP/2")
    expected = workload.content_type
    if status != 200 or (content_type != expected and content_type != expected.encode()):
        raise WrongAnswer(f"{status}, {content_type!r}")
    if workload.path == "/upload":
        if int(bytes(body)) != workload.size:
            raise WrongAnswer(f"the origin got {bytes(body)!r} bytes of {workload.size}")
    elif (body if isinstance(body, int) else len(body)) != workload.size:
        raise WrongAnswer(f"a body of {body if isinstance(body, int) else len(body)} instead of {workload.size}")


# Private from here on.


def list_preparations(workload: Workload, url: str) -> Iterator[tuple[list[str], int]]:
    # What is fetched before anything is measured, and how long the bodies are.
    if workload.cookies:
        yield [f"{host}/cookies/set/{number}" for number, host in enumerate(list_hosts(url, COOKIE_SITES))], 2
    if workload.hosts > 1:
        yield [host + workload.path for host in list_hosts(url, workload.hosts)], workload.size


async def open_all(adapter: AsyncAdapter, urls: list[str], workload: Workload) -> None:
    left = iter(urls)

    async def work() -> None:
        for url in left:
            check(await adapter.get(url), workload)

    await run_together([work() for _ in range(OPENING_AT_A_TIME)])


def list_hosts(url: str, count: int) -> list[str]:
    # All of 127.0.0.0/8 is this machine, so it has as many origins as one likes.
    return [url.replace("127.0.0.1", f"127.0.{number // 250}.{number % 250 + 1}") for number in range(count)]
