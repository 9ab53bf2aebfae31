"""Which connections are made, kept, reused and closed, and who waits for one."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

import httpx
from tests.network.colours import Colour
from tests.origin import Origin

from .conftest import Serve
from .faces import Face, FaceClient
from .servers import OK, Conversation, answering, answering_always

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha"


def one_at_a_time(conversation: Conversation) -> None:
    """Be a script whose answers wait until the test lets one go."""
    while True:
        conversation.read_request()
        conversation.server.wait()
        conversation.send(OK)


async def start_waiting(colour: Colour, client: FaceClient, url: str, done: list[str], name: str) -> Any:
    """Start a request and return once it is queued for a connection."""
    count = client.pool.waiter_count

    async def wait() -> None:
        response = await client.get(url, headers={"X-Name": name})
        assert response.text == "ok"
        done.append(name)

    task = colour.start(wait)
    await colour.until(lambda: client.pool.waiter_count == count + 1)
    return task


async def test_requests_one_after_the_other_share_a_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        for _ in range(5):
            assert (await client.get(server.url())).text == "ok"
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)
    assert server.connection_count == 1


async def test_bodies_in_pieces_keep_the_connection_too(face: Face, origin: Origin) -> None:
    before = origin.connections
    async with face.client() as client:
        for path in ("/stream/100000/100", "/bytes/1000000", "/gzip", "/status/204", "/status/500", "/redirect/1"):
            await client.get(origin.url(path))
        await client.post(origin.url("/upload"), content=face.generate([b"x" * 100_000] * 5))
    assert origin.connections == before + 1


async def test_the_freshest_connection_is_used_first(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        async with client.stream("GET", server.url("/first")) as first:
            await client.get(server.url("/second"))
            await face.read(first)
        # Both are idle now; the last used one is that of /first, unless its body had come with its head.
        await client.get(server.url("/third"))
        await client.get(server.url("/fourth"))
    assert server.requests[2].connection == server.requests[3].connection


async def test_max_connections_makes_the_others_wait_in_order(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always(OK), answering_always(OK))
    blocker = serve(answering_always(HALF))
    done: list[str] = []
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        async with client.stream("GET", blocker.url()):
            tasks = [await start_waiting(colour, client, server.url(), done, str(number)) for number in range(6)]
        for task in tasks:
            await task.join()
        assert client.pool.waiter_count == 0
    assert [received.values("x-name") for received in server.requests] == [[str(number)] for number in range(6)]
    assert server.connection_count == 1


async def test_a_freed_connection_goes_to_who_waits_and_not_to_who_comes(
    face: Face, colour: Colour, serve: Serve
) -> None:
    server = serve(one_at_a_time)
    done: list[str] = []

    async def ask() -> None:
        await client.get(server.url(), headers={"X-Name": "first"})

    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        first = colour.start(ask)
        await colour.until(lambda: server.requests)
        second = await start_waiting(colour, client, server.url(), done, "second")
        third = await start_waiting(colour, client, server.url(), done, "third")
        server.may_go_on.set()
        for task in (first, second, third):
            await task.join()
    assert [received.values("x-name") for received in server.requests] == [["first"], ["second"], ["third"]]


async def test_an_idle_connection_of_another_origin_makes_room(face: Face, serve: Serve) -> None:
    one, two = serve(answering_always()), serve(answering_always())
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        for server in (one, two, one):
            assert (await client.get(server.url())).text == "ok"
            assert client.pool.connection_count == 1
    assert (one.connection_count, two.connection_count) == (2, 1)


async def test_limit_per_host_does_not_hold_up_other_hosts(face: Face, colour: Colour, serve: Serve) -> None:
    busy, free = serve(answering_always(HALF), answering_always()), serve(answering_always())
    done: list[str] = []
    async with face.client(limits=httpx.Limits(max_connections=10, max_connections_per_host=1)) as client:
        async with client.stream("GET", busy.url()):
            task = await start_waiting(colour, client, busy.url(), done, "queued")
            assert (await client.get(free.url())).text == "ok"
            assert not done
        await task.join()
    assert done == ["queued"]


async def test_a_waiter_whose_time_is_up_leaves_the_queue(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always(HALF), answering_always())
    done: list[str] = []
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        async with client.stream("GET", server.url()):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(server.url(), timeout=httpx.Timeout(5, pool=0.05))
            task = await start_waiting(colour, client, server.url(), done, "after")
        await task.join()


async def test_max_keepalive_connections_bounds_what_is_kept(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(one_at_a_time)

    async def ask() -> None:
        await client.get(server.url())

    async with face.client(limits=httpx.Limits(max_keepalive_connections=2)) as client:
        tasks = [colour.start(ask) for _ in range(4)]
        await colour.until(lambda: len(server.requests) == 4)
        server.may_go_on.set()
        for task in tasks:
            await task.join()
        assert (client.pool.connection_count, client.pool.idle_count) == (2, 2)
    assert server.connection_count == 4


async def test_no_keepalive_connections_closes_each(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client(limits=httpx.Limits(max_keepalive_connections=0)) as client:
        for _ in range(2):
            await client.get(server.url())
            assert client.pool.connection_count == 0
    assert server.connection_count == 2


async def test_an_expired_connection_is_not_used(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client(limits=httpx.Limits(keepalive_expiry=0.05)) as client:
        await client.get(server.url())
        await client.get(server.url())
        assert server.connection_count == 1
        await colour.network.sleep(0.06)
        await client.get(server.url())
        assert client.pool.connection_count == 1
    assert server.connection_count == 2


async def test_expired_connections_of_other_origins_are_closed_in_passing(
    face: Face, colour: Colour, serve: Serve
) -> None:
    one, two = serve(answering_always()), serve(answering_always())
    async with face.client(limits=httpx.Limits(keepalive_expiry=0.05)) as client:
        await client.get(one.url())
        await colour.network.sleep(0.06)
        await client.get(two.url())
        assert client.pool.connection_count == 1


async def test_without_expiry_connections_stay(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client(limits=httpx.Limits(keepalive_expiry=None)) as client:
        for _ in range(2):
            await client.get(server.url())
    assert server.connection_count == 1


async def test_a_server_that_closed_an_idle_connection_goes_unnoticed(face: Face, colour: Colour, serve: Serve) -> None:
    server = serve(answering(OK))
    async with face.client() as client:
        for count in (1, 2, 3):
            # POST: it would not be sent twice.
            assert (await client.post(server.url(), content=b"x")).text == "ok"
            await colour.until(lambda: server.ended_count == count)  # noqa: B023  # called before the next round
            # On asyncio the loop has to run once to hear of it.
            await colour.network.sleep(0.01)
    assert server.connection_count == 3


async def test_a_request_that_cannot_be_sent_again_avoids_what_the_loop_has_not_told_of(
    face: Face, serve: Serve
) -> None:
    server = serve(answering(OK))
    async with face.client() as client:
        for count in (1, 2, 3):
            assert (await client.post(server.url(), content=face.generate([b"x"]))).text == "ok"
            # No await, so that no loop runs.
            while server.ended_count < count:
                time.sleep(0.001)
    assert server.connection_count == 3


async def test_a_failed_connect_gives_its_slot_back(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead_port = listener.getsockname()[1]
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{dead_port}/")
            assert client.pool.connection_count == 0
        assert (await client.get(server.url())).text == "ok"


@pytest.mark.parametrize(
    ("extensions", "count"),
    [({}, 1), ({"sni_hostname": "a.example"}, 2)],
)
async def test_what_makes_a_connection_different_is_part_of_its_key(
    face: Face, serve: Serve, extensions: dict[str, str], count: int
) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        await client.get(server.url())
        await client.get(server.url(), extensions=extensions)
    assert server.connection_count == count


async def test_equal_origins_share_connections_whatever_their_spelling(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        await client.get(server.url(host="localhost"))
        await client.get(server.url(host="LOCALHOST"))
        await client.get(server.url(host="user:pass@localhost"))
    assert server.connection_count == 1
