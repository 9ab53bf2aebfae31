"""Timeouts: each bounds its own wait, `total` bounds everything."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import OK, answering_always, silent

# Seconds.
SHORT = 0.1

# uvloop's timers count in milliseconds, from the beginning of a turn.
CLOCK_STEP = 0.002
LONG = 20.0


@contextmanager
def within(low: float, high: float) -> Iterator[None]:
    """Expect the block to take so many seconds; generous above, since machines may be slow."""
    start = time.monotonic()
    yield
    assert low - CLOCK_STEP <= time.monotonic() - start < high


@pytest.fixture
def full_address() -> Iterator[tuple[str, int]]:
    """An address whose queue of connections is full, so that connecting takes forever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        clients = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(address)
            clients.append(sock)
        time.sleep(0.02)
        yield address
        for sock in clients:
            sock.close()


async def test_read_timeout_of_the_client(face: Face, serve: Serve) -> None:
    server = serve(silent)
    async with face.client(timeout=httpx.Timeout(LONG, read=SHORT)) as client:
        with within(SHORT, 10), pytest.raises(httpx.ReadTimeout, match=r"0\.1 s") as caught:
            await client.get(server.url())
    assert caught.value.request.url == server.url()


async def test_read_timeout_of_a_request_overrides_that_of_the_client(face: Face, serve: Serve) -> None:
    server = serve(silent)
    async with face.client(timeout=LONG) as client:
        with within(SHORT, 10), pytest.raises(httpx.ReadTimeout):
            await client.get(server.url(), timeout=SHORT)


async def test_no_timeout_waits(face: Face, origin: Origin) -> None:
    async with face.client(timeout=0.05) as client:
        assert (await client.get(origin.url("/delay?seconds=0.2"), timeout=None)).status_code == 200


async def test_the_timeout_extension_goes_before_the_argument(face: Face, serve: Serve) -> None:
    server = serve(silent)
    async with face.client(timeout=LONG) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url(), timeout=LONG, extensions={"timeout": {"read": SHORT}})


async def test_read_timeout_is_for_each_wait(face: Face, origin: Origin) -> None:
    async with face.client(timeout=0.2) as client:
        response = await client.get(origin.url("/drip?seconds=0.3&parts=15"))
    assert response.text == "." * 15


async def test_read_timeout_while_the_body_comes(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        conversation.read_to_end()

    server = serve(script)
    async with face.client(timeout=SHORT) as client:
        async with client.stream("GET", server.url()) as response:
            with pytest.raises(httpx.ReadTimeout) as caught:
                await face.read(response)
        assert caught.value.request is response.request
        assert client.pool.connection_count == 0


async def test_write_timeout(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        conversation.read_head()
        conversation.server.wait()

    server = serve(script)
    async with face.client(timeout=httpx.Timeout(LONG, write=SHORT)) as client:
        with within(SHORT, 10), pytest.raises(httpx.WriteTimeout, match=f"nothing could be sent for {SHORT}") as caught:
            await client.post(server.url(), content=b"x" * 50_000_000)
        assert client.pool.connection_count == 0
    assert caught.value.request.method == "POST"


async def test_connect_timeout(face: Face, full_address: tuple[str, int]) -> None:
    host, port = full_address
    async with face.client(timeout=httpx.Timeout(LONG, connect=SHORT)) as client:
        with within(SHORT, 10), pytest.raises(httpx.ConnectTimeout, match=str(port)) as caught:
            await client.get(f"http://{host}:{port}/")
        assert client.pool.connection_count == 0
    assert caught.value.request.url.port == port


async def test_the_tls_handshake_is_inside_the_connect_timeout(face: Face, serve: Serve) -> None:
    server = serve(lambda conversation: conversation.read_to_end())
    async with face.client(timeout=httpx.Timeout(LONG, connect=SHORT)) as client:
        with within(SHORT, 10), pytest.raises(httpx.ConnectTimeout):
            await client.get(server.url(scheme="https"))
        assert client.pool.connection_count == 0


async def test_pool_timeout_says_what_to_do(face: Face, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    limits = httpx.Limits(max_connections=1)
    async with (
        face.client(limits=limits, timeout=httpx.Timeout(LONG, pool=SHORT)) as client,
        client.stream("GET", server.url()),
    ):
        with within(SHORT, 10), pytest.raises(httpx.PoolTimeout, match=r"1 of 1 connections.*max_connections"):
            await client.get(server.url())
        assert client.pool.waiter_count == 0


async def test_total_stops_a_server_that_never_answers(face: Face, serve: Serve) -> None:
    server = serve(silent)
    async with face.client() as client:
        with within(SHORT, 10), pytest.raises(httpx.TimeoutException) as caught:
            await client.get(server.url(), timeout=httpx.Timeout(None, total=SHORT))
    assert caught.value.request.url == server.url()


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    "interim responses": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("where", DRIPS)
async def test_a_dripping_server_cannot_outlive_total(face: Face, serve: Serve, where: str) -> None:
    start, drop = DRIPS[where]

    def script(conversation: Any) -> None:
        conversation.read_request()
        conversation.send(start)
        while not conversation.server.may_go_on.wait(0.02):
            conversation.send(drop)

    server = serve(script)
    async with face.client(timeout=httpx.Timeout(5.0, total=0.15)) as client:
        with within(0.15, 10), pytest.raises(httpx.ReadTimeout):
            await client.get(server.url())
        assert client.pool.connection_count == 0


async def test_a_flooding_server_cannot_outlive_total(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
        part = b"x" * 1_000_000
        while True:
            conversation.send(part)

    server = serve(script)
    async with (
        face.client(timeout=httpx.Timeout(5.0, total=0.15)) as client,
        client.stream("GET", server.url()) as response,
    ):
        with within(0.0, 10), pytest.raises(httpx.ReadTimeout):
            async for _ in face.iterate(response, "raw"):
                pass
        assert client.pool.connection_count == 0


async def test_total_also_bounds_a_body_that_is_read_later(face: Face, origin: Origin) -> None:
    async with (
        face.client(timeout=httpx.Timeout(5.0, total=0.15)) as client,
        client.stream("GET", origin.url("/drip?seconds=60&parts=3000")) as response,
    ):
        with within(0.0, 10), pytest.raises(httpx.ReadTimeout):
            await face.read(response)


async def test_total_bounds_connecting(face: Face, full_address: tuple[str, int]) -> None:
    host, port = full_address
    async with face.client(timeout=httpx.Timeout(None, total=SHORT)) as client:
        with within(SHORT, 10), pytest.raises(httpx.ConnectTimeout):
            await client.get(f"http://{host}:{port}/")


async def test_total_bounds_the_wait_for_a_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    async with (
        face.client(limits=httpx.Limits(max_connections=1)) as client,
        client.stream("GET", server.url()),
    ):
        with within(SHORT, 10), pytest.raises(httpx.PoolTimeout):
            await client.get(server.url(), timeout=httpx.Timeout(None, total=SHORT))


async def test_total_bounds_an_upload(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        while not conversation.server.may_go_on.wait(0.02):
            conversation.channel.raw.recv(100)

    server = serve(script)
    async with face.client(timeout=httpx.Timeout(5.0, total=0.15)) as client:
        with within(0.15, 10), pytest.raises(httpx.WriteTimeout):
            await client.post(server.url(), content=face.iterable([b"x" * 50_000_000]))


async def test_total_covers_retries_of_authentication(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        while True:
            conversation.read_request()
            conversation.server.may_go_on.wait(0.05)
            conversation.send(OK)

    def flow(request: httpx.Request) -> Any:
        for _ in range(1000):
            yield request

    server = serve(script)
    async with face.client() as client:
        with within(0.15, 10), pytest.raises(httpx.TimeoutException):
            await client.get(server.url(), auth=face.auth(flow), timeout=httpx.Timeout(5.0, total=0.15))
    assert 1 <= len(server.requests) <= 7


async def test_a_total_that_is_over_sends_nothing(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        with pytest.raises(httpx.TimeoutException) as caught:
            await client.get(server.url(), timeout=httpx.Timeout(5.0, total=0))
    assert str(caught.value)


async def test_a_timed_out_connection_is_not_used_again(face: Face, serve: Serve) -> None:
    server = serve(silent, answering_always())
    async with face.client(limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(LONG, read=SHORT)) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url())
        assert (await client.get(server.url(), timeout=LONG)).text == "ok"
    assert server.connection_count == 2


@pytest.mark.parametrize("timeout", ["5", b"5", {"read": 5}])
async def test_timeouts_of_another_type_are_refused(face: Face, serve: Serve, timeout: Any) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        with pytest.raises(TypeError, match="Timeout takes seconds"):
            await client.get(server.url(), timeout=timeout)
    assert server.connection_count == 0
