"""Requests that are sent again: on a stale connection, and after a failed attempt to connect."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import httpx
from tests.network.colours import Colour

from .conftest import Serve
from .faces import Face
from .servers import OK, Conversation, answering, answering_always, closing_at_once


def stale(conversation: Conversation) -> None:
    """Answer once, and close at the next request without a byte: the connection was closing while it came."""
    conversation.answer(OK)
    conversation.read_request()


def resetting(conversation: Conversation) -> None:
    """Answer once, and reset at the next request."""
    conversation.answer(OK)
    conversation.read_request()
    conversation.channel.reset()


@pytest.mark.parametrize("script", [stale, resetting], ids=["closing", "resetting"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "QUERY"])
async def test_an_idempotent_request_is_sent_again_on_a_fresh_connection(
    face: Face, serve: Serve, script: Any, method: str
) -> None:
    server = serve(script, answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
    async with face.client() as client:
        await client.get(server.url("/first"))
        content = b"body" if method in ("PUT", "QUERY") else None
        response = await client.request(method, server.url("/second"), content=content)
        assert response.status_code == 204
    assert [received.target for received in server.requests] == ["/first", "/second", "/second"]
    assert server.requests[1].head == server.requests[2].head
    assert server.requests[1].body == server.requests[2].body == (content or b"")


@pytest.mark.parametrize("script", [stale, resetting], ids=["closing", "resetting"])
async def test_a_post_is_not_sent_again(face: Face, serve: Serve, script: Any) -> None:
    server = serve(script, answering_always())
    async with face.client() as client:
        await client.get(server.url())
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)) as caught:
            await client.post(server.url(), content=b"once")
        assert caught.value.request.method == "POST"
        assert str(caught.value)
    assert [received.method for received in server.requests] == ["GET", "POST"]


def test_a_post_that_did_not_leave_is_sent_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends between the last look at it and the end of the row of callbacks, when the message leaves."""
    server = serve(answering(OK), answering_always())

    async def test() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(server.url())
            (connection,) = client._transport._pool._shelves.idle  # type: ignore[attr-defined]  # private
            stream = connection.stream
            # Nothing tells of the end but the kernel, when the message is sent.
            monkeypatch.setattr(type(stream), "get_extra_info", lambda self, name: None)
            stream._unwatch()
            stream._socket.shutdown(socket.SHUT_WR)
            watch = stream._watch
            watch.is_in_row = True

            def end_row() -> None:
                watch.is_in_row = False
                watch.send()

            asyncio.get_running_loop().call_soon(end_row)
            response = await client.post(server.url(), content=b"once")
            assert response.text == "ok"
            assert stream.lost_message

    asyncio.run(test())
    assert [received.body for received in server.requests] == [b"", b"once"]


async def test_a_post_with_an_idempotency_key_is_sent_again(face: Face, serve: Serve) -> None:
    server = serve(stale, answering_always())
    async with face.client() as client:
        await client.get(server.url())
        response = await client.post(server.url(), content=b"twice", headers={"Idempotency-Key": "1"})
        assert response.text == "ok"
    assert [received.body for received in server.requests] == [b"", b"twice", b"twice"]


async def test_a_request_is_sent_again_once_only(face: Face, serve: Serve) -> None:
    server = serve(stale, closing_at_once, answering_always())
    async with face.client() as client:
        await client.get(server.url())
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())
    assert server.connection_count == 2


async def test_a_fresh_connection_that_fails_is_not_a_stale_one(face: Face, serve: Serve) -> None:
    server = serve(closing_at_once, answering_always())
    async with face.client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without") as caught:
            await client.get(server.url())
    assert server.connection_count == 1
    assert caught.value.request.url == server.url()


@pytest.mark.parametrize("start", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_nothing_is_sent_again_after_the_first_byte_of_a_response(face: Face, serve: Serve, start: bytes) -> None:
    server = serve(answering(OK, start), answering_always())
    async with face.client() as client:
        await client.get(server.url())
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())
    assert server.connection_count == 1


async def test_a_body_that_cannot_be_replayed_is_not_sent_again(face: Face, serve: Serve) -> None:
    server = serve(stale, answering_always())
    async with face.client() as client:
        await client.get(server.url())
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
            await client.request("PUT", server.url(), content=face.generate([b"once"]))
    assert server.connection_count == 1


async def test_a_body_that_can_be_replayed_is_sent_again_whole(face: Face, serve: Serve) -> None:
    server = serve(stale, answering_always())
    async with face.client() as client:
        await client.get(server.url())
        parts = [b"a" * 70_000, b"b"]
        assert (await client.request("PUT", server.url(), content=face.iterable(parts))).text == "ok"
    assert server.requests[2].body == b"".join(parts)


async def test_the_second_attempt_stays_within_total(face: Face, serve: Serve) -> None:
    server = serve(stale, lambda conversation: conversation.read_to_end())
    async with face.client() as client:
        await client.get(server.url())
        with pytest.raises(httpx.TimeoutException):
            await client.get(server.url(), timeout=httpx.Timeout(None, total=0.2))


async def test_a_second_attempt_takes_no_second_slot(face: Face, serve: Serve) -> None:
    server = serve(stale, answering_always())
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        await client.get(server.url())
        await client.get(server.url())
        assert client.pool.connection_count == 1


@pytest.fixture
def reserved() -> Iterator[socket.socket]:
    """A bound socket that does not listen yet: connecting to it is refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


@pytest.fixture
def late_port(reserved: socket.socket) -> int:
    port: int = reserved.getsockname()[1]
    return port


async def test_failed_connects_are_repeated_as_often_as_retries_says(
    face: Face, colour: Colour, serve: Serve, reserved: socket.socket, late_port: int
) -> None:
    async def ask() -> str:
        return (await client.get(f"http://127.0.0.1:{late_port}/")).text

    async with face.client(transport=face.http_transport(retries=3)) as client:
        task = colour.start(ask)
        # The second attempt comes at once, the third after half a second.
        await colour.network.sleep(0.05)
        assert not task.is_done
        reserved.listen()
        server = serve(answering_always(), listener=reserved)
        assert await task.join() == "ok"
    assert server.connection_count == 1


async def test_without_retries_the_first_failure_is_the_answer(face: Face, late_port: int) -> None:
    async with face.client(transport=face.http_transport(retries=0)) as client:
        with pytest.raises(httpx.ConnectError, match=str(late_port)) as caught:
            await client.get(f"http://127.0.0.1:{late_port}/")
    assert caught.value.request.url.port == late_port


async def test_retries_end(face: Face, late_port: int) -> None:
    async with face.client(transport=face.http_transport(retries=1)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{late_port}/")


async def test_retries_are_about_connecting_only(face: Face, serve: Serve) -> None:
    server = serve(closing_at_once, answering_always())
    async with face.client(transport=face.http_transport(retries=3)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())
    assert server.connection_count == 1
