"""One client in many hands: threads, tasks, and running loops."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
import threading
from collections.abc import Iterator

import pytest
import trio

import httpx
from tests.network.colours import CANCELLABLE, Colour
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import silent


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let threads change places as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


async def test_many_at_once_get_their_own_answers(face: Face, colour: Colour, origin: Origin) -> None:
    async def ask(name: int) -> None:
        for number in range(10):
            response = await client.post(origin.url("/echo"), content=f"{name} {number}".encode())
            assert response.json()["body"] == f"{name} {number}"

    async with face.client(limits=httpx.Limits(max_connections=4)) as client:
        tasks = [colour.start(ask, name) for name in range(16)]
        for task in tasks:
            await task.join()
        assert (client.pool.connection_count, client.pool.waiter_count) == (client.pool.idle_count, 0)
        assert client.pool.connection_count <= 4


def test_sixteen_threads_share_a_client(origin: Origin, eager_switching: None) -> None:
    errors: list[BaseException] = []
    digest = hashlib.sha256(b"x" * 70_000).hexdigest()

    def work(seed: int) -> None:
        choose = random.Random(seed)
        try:
            for number in range(20):
                kind = choose.randrange(5)
                if kind == 0:
                    assert client.get(origin.url(f"/echo?{seed}.{number}")).json()["target"] == f"/echo?{seed}.{number}"
                elif kind == 1:
                    assert len(client.get(origin.url("/stream/50000/777")).content) == 50_000
                elif kind == 2:
                    response = client.post(origin.url("/upload"), content=iter([b"x" * 10_000] * 7))
                    assert response.json()["sha256"] == digest
                elif kind == 3:
                    with client.stream("GET", origin.url("/bytes/1000000")) as response:
                        next(response.iter_raw())
                else:
                    assert client.get(origin.url("/close")).text == "Goodbye!\n"
        except BaseException as exc:
            errors.append(exc)

    with httpx.Client(limits=httpx.Limits(max_connections=5)) as client:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not errors
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        assert pool.connection_count == pool.idle_count <= 5


def test_threads_share_cookies(origin: Origin) -> None:
    with httpx.Client() as client:

        def set_cookie(number: int) -> None:
            client.get(origin.url(f"/cookies/set?name{number}={number}"))

        threads = [threading.Thread(target=set_cookie, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert client.get(origin.url("/cookies")).json()["cookies"] == {f"name{n}": str(n) for n in range(16)}


def test_a_sync_client_works_inside_a_running_loop(origin: Origin) -> None:
    async def ask() -> str:
        with httpx.Client() as client:
            client.get(origin.url("/stream/100000/100"))
            return client.get(origin.url("/hello").replace("127.0.0.1", "localhost")).text

    assert asyncio.run(ask()) == "Hello, world!\n"
    assert trio.run(ask) == "Hello, world!\n"


def test_a_client_made_outside_of_a_loop_works_inside_of_one(origin: Origin) -> None:
    client = httpx.AsyncClient(base_url=origin.url())

    async def ask() -> int:
        async with client:
            return (await client.get("/hello")).status_code

    assert asyncio.run(ask()) == 200


def test_an_async_client_without_a_loop_says_so(origin: Origin) -> None:
    client = httpx.AsyncClient()
    call = client.get(origin.url("/hello"))
    with pytest.raises(RuntimeError, match="no running event loop"):
        call.send(None)


@pytest.mark.parametrize("colour", [name for name in CANCELLABLE if name != "asyncio-debug"], indirect=True)
async def test_a_cancelled_request_leaves_a_client_that_works(
    face: Face, colour: Colour, origin: Origin, serve: Serve
) -> None:
    server = serve(silent)

    async def ask() -> None:
        await client.get(server.url(), timeout=None)

    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        tasks = [colour.start(ask) for _ in range(3)]
        await colour.until(lambda: client.pool.waiter_count == 2)
        for task in tasks:
            task.cancel()
        await colour.until(lambda: all(task.is_done for task in tasks))
        assert (client.pool.connection_count, client.pool.waiter_count) == (0, 0)
        assert (await client.get(origin.url("/hello"))).status_code == 200
