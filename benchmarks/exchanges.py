"""Make the requests of one workload with one client, and measure the process that makes them.

The measured process does nothing else: what counts is its CPU time from the end of the warm-up on, all of its threads
included, divided by the requests. Every answer is checked, for all clients by the same code.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

from benchmarks.adapters.base import Answer, AsyncAdapter, Settings, SyncAdapter
from benchmarks.libraries import Library
from benchmarks.processes import read_cpu_time
from benchmarks.workloads import Loop, Workload

WARM_UP = 0.25  # of the measured time
WARM_UP_REQUESTS = 3  # for each task or thread, at least
POST_BODY = b"z" * 1024


class WrongAnswer(Exception):
    """A client gave out something else than the origin sent."""


@dataclass
class Sample:
    """What was measured: of requests that began after the warm-up."""

    requests: int = 0
    cpu_time: float = 0.0
    wall_time: float = 0.0
    origin_time: float | None = None  # CPU
    latencies: list[float] = field(default_factory=list)


class Clock:
    """Says when a task is to stop, and keeps what passed between `start` and `stop`."""

    def __init__(self, seconds: float, origin_process: int) -> None:
        self.sample = Sample()
        self._seconds = seconds
        self._origin_process = origin_process
        self.end = 0.0

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
        self.sample.requests = len(self.sample.latencies)
        return self.sample


def run(library: Library, workload: Workload, settings: Settings, url: str, clock: Clock) -> Sample:
    """Measure one client in this process."""
    if workload.loop is Loop.THREADS:
        return run_threads(workload, library.load_sync()(settings), url, clock)
    job = run_tasks(workload, library.load_async()(settings), url, clock)
    if workload.loop is Loop.UVLOOP:
        import uvloop

        return uvloop.run(job)
    return asyncio.run(job)


async def run_tasks(workload: Workload, adapter: AsyncAdapter, url: str, clock: Clock) -> Sample:
    """Make requests in as many tasks as the workload wants."""
    await adapter.open()
    method = getattr(adapter, workload.action)
    arguments = make_arguments(workload, url)
    now = time.perf_counter

    async def work(latencies: list[float], least: int) -> None:
        count = 0
        while (start := now()) < clock.end or count < least:
            check(await method(*arguments), workload)
            latencies.append(now() - start)
            count += 1

    clock.warm_up()
    await asyncio.gather(*(work([], WARM_UP_REQUESTS) for _ in range(workload.concurrency)))
    clock.start()
    await asyncio.gather(*(work(clock.sample.latencies, 1) for _ in range(workload.concurrency)))
    sample = clock.stop()
    await adapter.close()
    return sample


def run_threads(workload: Workload, adapter: SyncAdapter, url: str, clock: Clock) -> Sample:
    """Make requests in as many threads as the workload wants."""
    adapter.open()
    method = getattr(adapter, workload.action)
    arguments = make_arguments(workload, url)
    now = time.perf_counter
    failures: list[Exception] = []

    def work(latencies: list[float], least: int) -> None:
        count = 0
        try:
            while (start := now()) < clock.end or count < least:
                check(method(*arguments), workload)
                latencies.append(now() - start)
                count += 1
        except Exception as exc:  # raised again by the main thread
            failures.append(exc)

    clock.warm_up()
    warm_and_measure = threading.Barrier(workload.concurrency, action=clock.start)

    def live() -> None:
        # The same threads for both, since some clients keep a connection for each.
        work([], WARM_UP_REQUESTS)
        warm_and_measure.wait()
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


def make_arguments(workload: Workload, url: str) -> tuple[object, ...]:
    match workload.action:
        case "post":
            return f"{url}{workload.path}", POST_BODY[: workload.size]
        case "upload":
            return f"{url}{workload.path}", workload.size
        case _:
            return (f"{url}{workload.path}",)


def check(answer: Answer, workload: Workload) -> None:
    """Fail unless status, Content-Type and length are those that the origin sends."""
    status, content_type, body = answer
    expected = workload.content_type
    if status != 200 or (content_type != expected and content_type != expected.encode()):
        raise WrongAnswer(f"{status}, {content_type!r}")
    if workload.action in ("post", "upload"):
        if int(bytes(body)) != workload.size:
            raise WrongAnswer(f"the origin got {bytes(body)!r} bytes of {workload.size}")
    elif (body if isinstance(body, int) else len(body)) != workload.size:
        raise WrongAnswer(f"a body of {body if isinstance(body, int) else len(body)} instead of {workload.size}")
