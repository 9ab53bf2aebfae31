"""The end of clients: what is under way, what is left, and what warns."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from typing import Any

import pytest
import trio

import httpx
from tests.network.colours import Colour
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import answering_always, silent

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha"


async def test_a_closed_client_sends_nothing(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    client = face.client()
    assert not client.bare.is_closed
    await client.get(server.url())
    await client.close()
    await client.close()
    assert client.bare.is_closed
    for call in (client.get(server.url()), client.send(httpx.Request("GET", server.url()))):
        with pytest.raises(RuntimeError, match="client has been closed"):
            await call
    assert len(server.requests) == 1


async def test_a_client_is_opened_once(face: Face) -> None:
    client = face.client()
    async with client:
        with pytest.raises(RuntimeError, match="Cannot open a client instance more than once"):
            await client.__aenter__()
    with pytest.raises(RuntimeError, match="Cannot reopen a client instance"):
        await client.__aenter__()


async def test_closing_closes_idle_connections(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always())
    client = face.client()
    await client.get(server.url())
    await client.close()
    await colour.until(lambda: server.ended_count)
    assert client.pool.connection_count == 0


async def fail_clearly(call: Any) -> httpx.TransportError:
    """Expect one of our errors, complete."""
    with pytest.raises(httpx.TransportError) as caught:
        await call
    assert "clos" in str(caught.value)
    assert caught.value.request.method == "GET"
    return caught.value


async def test_closing_fails_a_request_that_waits_for_its_answer(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(silent)
    client = face.client()
    task = colour.start(lambda: fail_clearly(client.get(server.url())))
    await colour.until(lambda: server.received_size)
    await client.close()
    assert isinstance(await task.join(), httpx.NetworkError)
    assert client.pool.connection_count == 0


async def test_closing_fails_a_request_that_waits_in_the_queue(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always(HALF))
    client = face.client(limits=httpx.Limits(max_connections=1))
    async with client.stream("GET", server.url()):
        tasks = [colour.start(lambda: fail_clearly(client.get(server.url()))) for _ in range(3)]
        await colour.until(lambda: client.pool.waiter_count == 3)
        await client.close()
        for task in tasks:
            await task.join()
    assert (client.pool.connection_count, client.pool.waiter_count) == (0, 0)


async def test_closing_fails_a_body_that_is_being_read(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always(HALF))
    client = face.client()
    request = client.bare.build_request("GET", server.url())
    response = await client.send(request, stream=True)
    task = colour.start(lambda: fail_clearly(face.read(response)))
    await colour.network.sleep(0.02)
    await client.close()
    await task.join()
    await face.close(response)
    assert client.pool.connection_count == 0


async def test_closing_fails_a_body_that_is_read_later(face: Face, serve: Serve) -> None:
    server = serve(answering_always(HALF))
    client = face.client()
    response = await client.send(client.bare.build_request("GET", server.url()), stream=True)
    await client.close()
    await fail_clearly(face.read(response))
    await face.close(response)
    assert client.pool.connection_count == 0


async def test_closing_fails_an_upload(face: Face, colour: Colour, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        conversation.read_head()
        conversation.server.wait()

    server = serve(script)
    client = face.client()

    async def upload() -> None:
        with pytest.raises(httpx.TransportError) as caught:
            await client.post(server.url(), content=b"x" * 50_000_000)
        assert str(caught.value)

    task = colour.start(upload)
    await colour.until(lambda: server.received_size)
    await colour.network.sleep(0.05)
    await client.close()
    await task.join()
    assert client.pool.connection_count == 0


async def test_closing_fails_a_request_that_is_connecting(face: Face, colour: Colour) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            fillers.append(socket.socket())
            fillers[-1].setblocking(False)
            fillers[-1].connect_ex(("127.0.0.1", port))
        client = face.client(timeout=httpx.Timeout(5, connect=0.2))
        task = colour.start(lambda: connect(client.get(f"http://127.0.0.1:{port}/")))
        await colour.until(lambda: client.pool.connection_count == 1)
        await client.close()
        await task.join()
        for filler in fillers:
            filler.close()
    assert client.pool.connection_count == 0


async def connect(call: Any) -> None:
    with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)) as caught:
        await call
    assert str(caught.value)
    assert caught.value.request.method == "GET"


async def test_a_streamed_response_may_be_closed_after_its_client(face: Face, origin: Origin) -> None:
    client = face.client()
    response = await client.send(client.bare.build_request("GET", origin.url("/bytes/10000000")), stream=True)
    await client.close()
    await face.close(response)
    assert response.is_closed


def test_an_async_client_works_on_a_second_loop_of_asyncio(origin: Origin, sockets_before: set[str]) -> None:
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))

    async def ask() -> int:
        return (await client.get(origin.url("/hello"))).status_code

    async def leave_one_unread() -> None:
        await client.send(client.build_request("GET", origin.url("/bytes/10000000")), stream=True)

    before = origin.connections
    for _ in range(3):
        assert asyncio.run(ask()) == 200
    assert origin.connections == before + 3
    asyncio.run(leave_one_unread())
    assert asyncio.run(ask()) == 200
    asyncio.run(client.aclose())


def test_an_async_client_works_on_trio_and_then_on_asyncio(origin: Origin, sockets_before: set[str]) -> None:
    client = httpx.AsyncClient()

    async def ask() -> int:
        return (await client.get(origin.url("/hello"))).status_code

    for _ in range(2):
        assert trio.run(ask) == 200
        assert asyncio.run(ask()) == 200
    assert client._transport._pool.connection_count == 1  # type: ignore[attr-defined]  # the base class has none
    asyncio.run(client.aclose())


@pytest.fixture
def caught_warnings() -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def collect(caught: list[warnings.WarningMessage]) -> list[str]:
    gc.collect()
    return [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)]


@pytest.mark.parametrize("face_name", ["Client", "AsyncClient"])
def test_an_unused_client_may_be_lost(face_name: str, caught_warnings: Any) -> None:
    getattr(httpx, face_name)()
    assert collect(caught_warnings) == []


async def test_a_closed_client_may_be_lost(face: Face, colour: Colour, origin: Origin, caught_warnings: Any) -> None:
    client = face.client()
    await client.get(origin.url("/hello"))
    await client.close()
    del client
    await colour.network.sleep(0)
    assert collect(caught_warnings) == []


async def test_a_client_without_connections_may_be_lost(face: Face, origin: Origin, caught_warnings: Any) -> None:
    client = face.client()
    await client.get(origin.url("/close"))
    del client
    assert collect(caught_warnings) == []


async def test_a_client_with_an_open_connection_warns_when_it_is_lost(
    face: Face, colour: Colour, serve: Serve, caught_warnings: Any
) -> None:
    server = serve(answering_always())
    client = face.client()
    await client.get(server.url())
    del client
    messages = collect(caught_warnings)
    assert any("without having been closed" in message for message in messages), messages
    await colour.until(lambda: server.ended_count)


async def test_a_closed_response_may_be_lost_with_its_client(
    face: Face, colour: Colour, origin: Origin, caught_warnings: Any
) -> None:
    client = face.client()
    async with client.stream("GET", origin.url("/bytes/10000000")) as response:
        await anext(face.iterate(response))
    del client, response
    await colour.network.sleep(0)
    assert collect(caught_warnings) == []
