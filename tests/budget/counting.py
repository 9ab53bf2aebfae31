"""Count what exchanges cost: calls, blocks of memory, and the peak of memory.

    python -m tests.budget.counting H1_URL H2_URL

It prints them as JSON. Each is counted several times and the least is taken: a read that brings only a part of the
answer costs more, and is nobody's fault. This is a process of its own, so that what other tests imported or left behind
does not count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import httpx

from .budgets import EXCHANGES, Budget, Exchange

PACKAGE = os.path.join(os.path.dirname(httpx.__file__), "")
BODY = b"y" * 1024

WARM_UP = 10  # exchanges, until caches and free lists are filled
COUNTED = 10  # exchanges

C = TypeVar("C", httpx.Client, httpx.AsyncClient)


class Counter(ABC):
    """Counts something from `start` on until it is asked."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> int: ...

    def close(self) -> None:  # noqa: B027  # most have nothing to do
        """End what the counter needs."""


class CallCounter(Counter):
    """Counts the Python calls of the package's functions; `calls` are those of the last count."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls = []
        sys.setprofile(self._note)

    def stop(self) -> int:
        sys.setprofile(None)
        return len(self.calls)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self.calls.append(frame.f_code.co_qualname)


class BlockCounter(Counter):
    """Counts the blocks of memory that there are more than before."""

    def start(self) -> None:
        self._before = sys.getallocatedblocks()

    def stop(self) -> int:
        return sys.getallocatedblocks() - self._before


class PeakCounter(Counter):
    """Measures how many bytes more than before there were at the peak."""

    def __init__(self) -> None:
        tracemalloc.start()

    def start(self) -> None:
        tracemalloc.reset_peak()
        self._before, _ = tracemalloc.get_traced_memory()

    def stop(self) -> int:
        _, peak = tracemalloc.get_traced_memory()
        return peak - self._before

    def close(self) -> None:
        tracemalloc.stop()


def main() -> None:
    """Count all exchanges that have a budget."""
    urls: dict[str, str] = dict(zip(("h1", "h2"), sys.argv[1:], strict=True))
    print(json.dumps({str(exchange): count_exchange(exchange, urls[exchange.protocol]) for exchange in EXCHANGES}))


def count_exchange(exchange: Exchange, url: str) -> tuple[Budget, list[str]]:
    """Return what an exchange costs, and the calls that it makes."""
    calls = CallCounter()
    counts = [count(exchange, url, counter) for counter in (calls, BlockCounter(), PeakCounter())]
    return Budget(*counts), calls.calls


# Private from here on.


def count(exchange: Exchange, url: str, counter: Counter) -> int:
    gc.collect()
    gc.disable()
    try:
        if exchange.colour == "sync":
            return min(repeat(exchange, url, counter))
        return min(asyncio.run(repeat_async(exchange, url, counter)))
    finally:
        gc.enable()
        counter.close()


def repeat(exchange: Exchange, url: str, counter: Counter) -> list[int]:
    counts = []
    with make_client(httpx.Client, exchange, note) as client:
        do = SYNC_ACTIONS[exchange.action]
        for _ in range(WARM_UP + COUNTED):
            counter.start()
            response = do(client, url)
            counts.append(counter.stop())
            assert response.status_code == 200
            del response  # or the next count would have it gone
    return counts[WARM_UP:]


async def repeat_async(exchange: Exchange, url: str, counter: Counter) -> list[int]:
    counts = []
    async with make_client(httpx.AsyncClient, exchange, async_note) as client:
        do = ASYNC_ACTIONS[exchange.action]
        for _ in range(WARM_UP + COUNTED):
            counter.start()
            response = await do(client, url)
            counts.append(counter.stop())
            assert response.status_code == 200
            del response  # or the next count would have it gone
    return counts[WARM_UP:]


def make_client(kind: type[C], exchange: Exchange, hook: Callable[[httpx.Request], Any]) -> C:
    client = kind(http1=False, http2=True) if exchange.protocol == "h2" else kind()
    if exchange.action == "get with cookie and hook":
        client.cookies.set("session", "1", domain="127.0.0.1")
        client.event_hooks = {"request": [hook]}
    return client


def note(request: httpx.Request) -> None:
    """Be an event hook."""


async def async_note(request: httpx.Request) -> None:
    """Be an event hook."""


def use(response: httpx.Response) -> httpx.Response:
    """Do with a response what most programs do."""
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text
    assert response.elapsed
    return response


def get(client: httpx.Client, url: str) -> httpx.Response:
    return use(client.get(url))


async def async_get(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return use(await client.get(url))


def post(client: httpx.Client, url: str) -> httpx.Response:
    return use(client.post(url, content=BODY))


async def async_post(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return use(await client.post(url, content=BODY))


def stream(client: httpx.Client, url: str) -> httpx.Response:
    with client.stream("GET", url) as response:
        assert sum(map(len, response.iter_bytes())) == len(BODY)
    return response


async def async_stream(client: httpx.AsyncClient, url: str) -> httpx.Response:
    async with client.stream("GET", url) as response:
        assert sum([len(part) async for part in response.aiter_bytes()]) == len(BODY)
    return response


SYNC_ACTIONS = {"get": get, "get with cookie and hook": get, "post": post, "streamed get": stream}
ASYNC_ACTIONS = {
    "get": async_get,
    "get with cookie and hook": async_get,
    "post": async_post,
    "streamed get": async_stream,
}


if __name__ == "__main__":
    main()
