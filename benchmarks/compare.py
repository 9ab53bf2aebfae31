"""Measure CPU a request against other clients, side by side: GET 1 KiB, everything read.

    python benchmarks/compare.py [ROUNDS]

Needs aiohttp and urllib3 (the `bench` group). The rounds of all clients are shuffled, and the medians of their CPU
time are printed as ratios: a noisy machine slows all of them.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Callable

from support import started_origin

REQUESTS = 2000
CONCURRENCY = 16
SIZE = 1024


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with started_origin() as url:
        for title, workloads in (
            (f"async GET 1 KiB at {CONCURRENCY}, asyncio", {"httpx": async_httpx, "aiohttp": async_aiohttp}),
            ("sync GET 1 KiB, one thread", {"httpx": sync_httpx, "urllib3": sync_urllib3, "bare socket": bare_socket}),
        ):
            report(title, measure(workloads, f"{url}/{SIZE}", rounds))


def measure(workloads: dict[str, Callable[[str], float]], url: str, rounds: int) -> dict[str, float]:
    """Return the median of CPU us a request by client."""
    samples: dict[str, list[float]] = {name: [] for name in workloads}
    for _ in range(rounds):
        for name in random.sample(list(workloads), len(workloads)):
            samples[name].append(workloads[name](url))
    return {name: statistics.median(values) for name, values in samples.items()}


def report(title: str, medians: dict[str, float]) -> None:
    print(title)
    ours = medians["httpx"]
    for name, value in sorted(medians.items(), key=lambda item: item[1]):
        ratio = "" if name == "httpx" else f"   httpx takes {ours / value:.2f} of it"
        print(f"  {name:12} {value:8.1f} us CPU a request{ratio}")


def async_httpx(url: str) -> float:
    import httpx

    async def run() -> float:
        async with httpx.AsyncClient() as client:

            async def get() -> None:
                response = await client.get(url)
                assert len(response.content) == SIZE

            return await run_concurrently(get)

    return asyncio.run(run())


def async_aiohttp(url: str) -> float:
    import aiohttp

    async def run() -> float:
        async with aiohttp.ClientSession() as session:

            async def get() -> None:
                async with session.get(url) as response:
                    assert len(await response.read()) == SIZE

            return await run_concurrently(get)

    return asyncio.run(run())


async def run_concurrently(get: Callable[[], object]) -> float:
    async def work(count: int) -> None:
        for _ in range(count):
            await get()  # type: ignore[misc]  # a coroutine function

    await asyncio.gather(*(work(5) for _ in range(CONCURRENCY)))
    start = time.process_time()
    await asyncio.gather(*(work(REQUESTS // CONCURRENCY) for _ in range(CONCURRENCY)))
    return (time.process_time() - start) / REQUESTS * 1e6


def sync_httpx(url: str) -> float:
    import httpx

    with httpx.Client() as client:

        def get() -> None:
            assert len(client.get(url).content) == SIZE

        return run_repeatedly(get)


def sync_urllib3(url: str) -> float:
    import urllib3

    pool = urllib3.PoolManager()

    def get() -> None:
        assert len(pool.request("GET", url).data) == SIZE

    cost = run_repeatedly(get)
    pool.clear()
    return cost


def bare_socket(url: str) -> float:
    import socket

    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with socket.create_connection((name, int(port))) as sock:

        def get() -> None:
            sock.sendall(request)
            data = sock.recv(65536)
            while len(data) < SIZE or len(data.split(b"\r\n\r\n", 1)[1]) < SIZE:
                data += sock.recv(65536)

        return run_repeatedly(get)


def run_repeatedly(get: Callable[[], None]) -> float:
    for _ in range(50):
        get()
    start = time.process_time()
    for _ in range(REQUESTS):
        get()
    return (time.process_time() - start) / REQUESTS * 1e6


if __name__ == "__main__":
    main()
