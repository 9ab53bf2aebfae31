"""What real servers of HTTP/2 make of us: nginx, h2o, haproxy, nghttpd and hypercorn.

`scripts/install-peers` installs them on Debian. Where one is missing, its tests are skipped, and fail in CI.
"""

from __future__ import annotations

import os
import signal
import ssl
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import httpx
from tests.client.faces import Face, FaceClient, make_face
from tests.conformance.http2_peers import NGHTTPD_LARGE_SIZE, Http2Peers, Nginx
from tests.conformance.peers import HOST, PATIENCE, find_binary, free_port, running, write
from tests.network.colours import Colour, Task, TaskCancelled, make_colour
from tests.origin import Origin

SQUID = """
http_port {host}:{port}
visible_hostname proxy.example
http_access allow all
cache deny all
access_log none
cache_log {folder}/squid.log
pid_filename none
coredump_dir {folder}
shutdown_lifetime 0 seconds
pinger_enable off
"""


@pytest.fixture(scope="module")
def peers(origin: Origin) -> Iterator[Http2Peers]:
    with tempfile.TemporaryDirectory(prefix="http2-peers-") as name:
        folder = Path(name)
        # Some servers change their user.
        folder.chmod(0o777)
        yield Http2Peers(folder, origin.port)


@pytest.fixture(scope="module")
def nginx(peers: Http2Peers) -> Iterator[Nginx]:
    with peers.nginx() as nginx:
        yield nginx


@pytest.fixture(scope="module")
def h2o(peers: Http2Peers) -> Iterator[str]:
    with peers.h2o() as url:
        yield url


@pytest.fixture(scope="module")
def haproxy(peers: Http2Peers) -> Iterator[str]:
    with peers.haproxy() as url:
        yield url


@pytest.fixture(scope="module")
def nghttpd(peers: Http2Peers) -> Iterator[str]:
    """Takes three streams at a time, pads, and sends a trailer field."""
    with peers.nghttpd("-m", "3", "-b", "200", "--trailer", "x-checksum: abc") as url:
        yield url


@pytest.fixture(scope="module")
def hypercorn(peers: Http2Peers) -> Iterator[str]:
    with peers.hypercorn() as url:
        yield url


@pytest.fixture(scope="module")
def squid(peers: Http2Peers) -> Iterator[httpx.URL]:
    port = free_port()
    config = write(peers.folder / "squid.conf", SQUID.format(host=HOST, port=port, folder=peers.folder))
    with running(port, [find_binary("squid"), "-N", "-f", config]):
        yield httpx.URL(f"http://{HOST}:{port}")


@pytest.fixture(params=["sync", "asyncio", "trio"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


@pytest.fixture
def face(colour: Colour) -> Face:
    return make_face(colour.name)


Check = Callable[[FaceClient], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture
def run(colour: Colour, face: Face, peers: Http2Peers) -> Run:
    """Run a check with a client of the colour that speaks HTTP/2."""
    context: ssl.SSLContext = peers.client_context()

    def run(check: Check, **settings: Any) -> None:
        async def use_client() -> None:
            async with face.client(http2=True, verify=context, timeout=PATIENCE, **settings) as client:
                await check(client)

        colour.run(use_client)

    return run


async def all_of(colour: Colour, count: int, function: Callable[[int], Any]) -> list[Any]:
    """Run a function so many times at once."""
    tasks = [colour.start(function, number) for number in range(count)]
    return [await task.join() for task in tasks]


def make_traffic(colour: Colour, url: str) -> Check:
    """Return a check that moves some of everything over one connection."""

    async def check(client: FaceClient) -> None:
        async def get(number: int) -> int:
            response = await client.get(f"{url}/bytes/{number * 1000}")
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
            return len(response.content)

        assert (await client.get(f"{url}/hello")).text == "Hello, world!\n"
        assert await get(4000) == 4_000_000
        head = await client.request("HEAD", f"{url}/bytes/1000")
        assert (head.headers["content-length"], head.content) == ("1000", b"")
        for content in (b"x" * 3_000_000, client.face.generate([b"x" * 100_000] * 30)):
            assert (await client.post(f"{url}/upload", content=content)).json()["length"] == 3_000_000
        assert await all_of(colour, 64, get) == [number * 1000 for number in range(64)]
        async with client.stream("GET", f"{url}/bytes/20000000") as response:
            async for _ in client.face.iterate(response, "raw"):
                break
        # What was left of that is not waited for, and its connection goes on.
        assert (await client.get(f"{url}/hello")).text == "Hello, world!\n"

    return check


@pytest.mark.parametrize("name", ["tls", "plain"])
def test_nginx(nginx: Nginx, run: Run, colour: Colour, name: str) -> None:
    async def check(client: FaceClient) -> None:
        await make_traffic(colour, nginx.urls[name])(client)
        assert client.pool.connection_count == 1

    run(check, http1=name == "tls")


def test_h2o(h2o: str, run: Run, colour: Colour) -> None:
    run(make_traffic(colour, h2o))


def test_haproxy(haproxy: str, run: Run, colour: Colour) -> None:
    run(make_traffic(colour, haproxy))


def test_hypercorn(hypercorn: str, run: Run, colour: Colour) -> None:
    run(make_traffic(colour, hypercorn))


def test_nghttpd(nghttpd: str, run: Run, colour: Colour) -> None:
    async def check(client: FaceClient) -> None:
        async def get(number: int) -> httpx.Response:
            return await client.get(f"{nghttpd}/{'large' if number % 8 == 0 else 'hello'}")

        for response in await all_of(colour, 32, get):
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
            assert len(response.content) in (14, NGHTTPD_LARGE_SIZE)
            assert response.extensions["trailers"] == [(b"x-checksum", b"abc")]
        head = await client.request("HEAD", f"{nghttpd}/large")
        assert (head.headers["content-length"], head.content) == (str(NGHTTPD_LARGE_SIZE), b"")
        parts = [b"%d" % number * 10_000 for number in range(100)]
        for content in (b"".join(parts), client.face.generate(parts)):
            response = await client.post(f"{nghttpd}/hello", content=content, extensions={"trailers": {"x-a": "1"}})
            assert response.content == b"".join(parts)
        # No stream was lost on the way: as many as ever may be open.
        async with (
            client.stream("GET", f"{nghttpd}/large") as first,
            client.stream("GET", f"{nghttpd}/large") as second,
        ):
            assert (await client.get(f"{nghttpd}/hello")).status_code == 200
            assert len(await client.face.read(first)) == len(await client.face.read(second)) == NGHTTPD_LARGE_SIZE
        assert client.pool.connection_count == 1

    run(check, limits=httpx.Limits(max_connections=1))


# Bodies and their answers.


def test_a_body_is_echoed_while_it_is_sent(hypercorn: str, run: Run) -> None:
    received: list[bytes] = []
    counts: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(200):
            counts.append(len(received))
            yield b"%3d " % number * 5000

    async def async_parts() -> AsyncIterator[bytes]:
        for part in parts():
            yield part

    async def check(client: FaceClient) -> None:
        body: Any = async_parts() if client.face.is_async else parts()
        async with client.stream("POST", f"{hypercorn}/echo", content=body) as response:
            async for part in client.face.iterate(response, "raw"):
                received.append(part)
        assert b"".join(received) == b"".join(b"%3d " % number * 5000 for number in range(200))

    run(check)
    # Some of it was there before the last part was asked for: 4 MB are more than all windows and buffers together.
    assert counts[-1] > 0


def test_trailers_of_an_application(hypercorn: str, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        response = await client.get(f"{hypercorn}/trailers", headers={"TE": "trailers"})
        assert (response.text, response.extensions["trailers"]) == ("text", [(b"x-checksum", b"abc")])

    run(check)


@pytest.mark.parametrize("is_once", [False, True], ids=["bytes", "generator"])
def test_an_early_refusal_ends_the_upload(nginx: Nginx, haproxy: str, h2o: str, run: Run, is_once: bool) -> None:
    async def check(client: FaceClient) -> None:
        for url in (
            f"{nginx.urls['tls']}/tiny",
            f"{nginx.urls['tls']}/early-413",
            f"{haproxy}/early-413",
            f"{h2o}/early-413",
        ):
            for _ in range(2):
                content = client.face.generate([b"x" * 100_000] * 80) if is_once else b"x" * 8_000_000
                response = await client.post(url, content=content)
                assert (response.status_code, response.http_version) == (413, "HTTP/2")
                assert response.content
            assert (await client.get(httpx.URL(url).join("/hello"))).text == "Hello, world!\n"
        # One each: a refusal costs no connection.
        assert client.pool.connection_count == 3

    run(check)


def test_slow_readers_stop_nobody_else(nginx: Nginx, run: Run) -> None:
    url = nginx.urls["tls"]

    async def check(client: FaceClient) -> None:
        async with client.stream("GET", f"{url}/bytes/8000000") as slow:
            for _ in range(3):
                assert len((await client.get(f"{url}/bytes/3000000")).content) == 3_000_000
            assert len(await client.face.read(slow)) == 8_000_000
        assert client.pool.connection_count == 1

    run(check)


@pytest.mark.parametrize("colour", ["asyncio", "trio"], indirect=True)
def test_cancelled_requests_leave_their_connection(nginx: Nginx, run: Run, colour: Colour) -> None:
    url = nginx.urls["tls"]

    async def check(client: FaceClient) -> None:
        seen: set[int] = set()

        async def read(number: int) -> None:
            async with client.stream("GET", f"{url}/bytes/50000000") as response:
                async for _ in client.face.iterate(response, "raw"):
                    seen.add(number)

        for _ in range(3):
            seen.clear()
            tasks: list[Task[Any]] = [colour.start(read, number) for number in range(10)]
            tasks += [colour.start(client.get, f"{url}/delay?seconds=60") for _ in range(10)]
            await colour.until(lambda: len(seen) == 10)
            for task in tasks:
                task.cancel()
            for task in tasks:
                with pytest.raises(TaskCancelled):
                    await task.join()
            assert (await client.get(f"{url}/hello")).status_code == 200
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)

    run(check)


# Limits, and servers that go away.


@pytest.mark.parametrize("max_connections", [1, 3, 100])
def test_the_streams_of_a_connection_are_limited(nginx: Nginx, run: Run, colour: Colour, max_connections: int) -> None:
    url = nginx.urls["limited"]

    async def check(client: FaceClient) -> None:
        async def get(number: int) -> str:
            response = await client.get(f"{url}/bytes/{number}")
            assert len(response.content) == number
            return response.headers["x-connection"]

        connections = set(await all_of(colour, 64, get))
        assert len(connections) <= min(max_connections, 16)

    run(check, limits=httpx.Limits(max_connections=max_connections))


def test_a_server_that_ends_its_connections_early_loses_no_request(nginx: Nginx, run: Run, colour: Colour) -> None:
    url = nginx.urls["short"]

    async def check(client: FaceClient) -> None:
        async def get(number: int) -> Counter[str]:
            connections: Counter[str] = Counter()
            for count in range(25):
                if (number + count) % 5:
                    response = await client.get(f"{url}/bytes/{count}")
                    assert len(response.content) == count
                else:
                    response = await client.post(f"{url}/upload", content=b"x" * count)
                    assert response.json()["length"] == count
                connections[response.headers["x-connection"]] += 1
            return connections

        connections = sum(await all_of(colour, 16, get), Counter[str]())
        assert connections.total() == 400
        assert max(connections.values()) <= 20

    run(check)


def test_a_connection_that_the_server_closed_is_not_used_again(nginx: Nginx, run: Run, colour: Colour) -> None:
    url = nginx.urls["idle"]

    def has_end(client: FaceClient, response: httpx.Response) -> bool:
        stream = response.extensions["network_stream"]
        return client.pool.connection_count == 0 or bool(stream.get_extra_info("is_readable"))

    async def check(client: FaceClient) -> None:
        connections = set()
        for _ in range(3):
            # It is there once only, so it could not be sent again.
            response = await client.post(f"{url}/upload", content=client.face.generate([b"x"] * 10))
            assert response.json() == {"length": 10, "sha256": response.json()["sha256"]}
            connections.add(response.headers["x-connection"])
            # Where a loop runs, the connection is dropped by itself; elsewhere it shows something to read.
            await colour.until(partial(has_end, client, response))
        assert len(connections) == 3

    run(check)


@pytest.mark.parametrize("name", ["tls", "plain"])
def test_a_reload_loses_no_request(peers: Http2Peers, run: Run, colour: Colour, name: str) -> None:
    with peers.nginx() as nginx:
        url = nginx.urls[name]

        async def check(client: FaceClient) -> None:
            workers: list[str] = []
            is_over = False

            async def ask(number: int) -> int:
                count = 0
                while not is_over:
                    if number % 4:
                        response = await client.get(f"{url}/fixed")
                    else:
                        response = await client.get(f"{url}/bytes/50000")
                        assert len(response.content) == 50_000
                    assert (response.status_code, response.http_version) == (200, "HTTP/2")
                    if response.headers["x-pid"] not in workers:
                        workers.append(response.headers["x-pid"])
                    count += 1
                    await colour.checkpoint()
                return count

            def has_come(count: int) -> bool:
                # A task that is done has failed.
                return len(workers) == count or any(task.is_done for task in tasks)

            tasks = [colour.start(ask, number) for number in range(16)]
            try:
                for count in range(1, 7):
                    await colour.until(partial(has_come, count))
                    if count < 6:
                        os.kill(nginx.pid, signal.SIGHUP)
            finally:
                is_over = True
            assert min([await task.join() for task in tasks]) > 0
            assert len(workers) == 6

        run(check, http1=name == "tls")


def test_a_tunnel_carries_http2(nginx: Nginx, squid: httpx.URL, run: Run, colour: Colour) -> None:
    async def check(client: FaceClient) -> None:
        first = await client.get(f"{nginx.urls['tls']}/hello")
        await make_traffic(colour, nginx.urls["tls"])(client)
        last = await client.get(f"{nginx.urls['tls']}/hello")
        # One tunnel for all of it.
        assert first.headers["x-connection"] == last.headers["x-connection"]
        assert last.extensions["network_stream"].get_extra_info("server_addr") == (HOST, squid.port)

    run(check, proxy=squid)
