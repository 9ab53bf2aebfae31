"""Connections on which requests and responses may be out of step are never used again (response-queue poisoning)."""

from __future__ import annotations

import threading
import time

import pytest

import httpx
from tests.network.colours import PATIENCE, Colour

from .conftest import Serve
from .faces import Face
from .servers import OK, Conversation, answering, answering_always

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@pytest.mark.parametrize(
    "response",
    [
        OK + POISON,
        OK + b"x",
        OK + b"\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n" + POISON,
        b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + POISON,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
async def test_leftover_bytes_end_the_connection(face: Face, serve: Serve, response: bytes) -> None:
    server = serve(answering_always(response), answering_always())
    async with face.client() as client:
        first = await client.get(server.url())
        assert first.content in (b"ok", b"")
        assert client.pool.connection_count == 0
        assert (await client.get(server.url())).text == "ok"
    assert [received.connection for received in server.requests] == [0, 1]


async def test_leftover_bytes_after_a_streamed_body_end_the_connection(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
        conversation.server.wait()
        conversation.send(b"lf" + POISON)
        conversation.read_to_end()

    server = serve(script, answering_always())
    async with face.client() as client:
        async with client.stream("GET", server.url()) as response:
            server.may_go_on.set()
            assert await face.read(response) == b"half"
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


async def test_the_body_of_a_head_response_ends_the_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always(OK), answering_always())
    async with face.client() as client:
        response = await client.request("HEAD", server.url())
        assert (response.content, response.headers["content-length"]) == (b"", "2")
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


@pytest.mark.parametrize("unsolicited", [POISON, b"\r\n", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"])
async def test_bytes_that_come_while_idle_end_the_connection(
    face: Face, colour: Colour, serve: Serve, unsolicited: bytes
) -> None:
    sent = []

    def script(conversation: Conversation) -> None:
        conversation.answer(OK)
        conversation.server.wait()
        conversation.send(unsolicited)
        sent.append(True)
        conversation.read_to_end()

    server = serve(script, answering_always())
    async with face.client() as client:
        assert (await client.get(server.url())).text == "ok"
        server.may_go_on.set()
        await colour.until(lambda: sent)
        await colour.network.sleep(0.02)
        # POST, which would not be sent again.
        assert (await client.post(server.url(), content=b"x")).text == "ok"
    assert [received.connection for received in server.requests] == [0, 1]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_bytes_that_come_while_the_program_lets_no_loop_run_end_the_connection(
    face: Face, serve: Serve, method: str
) -> None:
    sent = threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.answer(OK)
        conversation.server.wait()
        conversation.send(POISON)
        sent.set()
        conversation.read_to_end()

    server = serve(script, answering_always())
    async with face.client() as client:
        assert (await client.get(server.url())).text == "ok"
        server.may_go_on.set()
        assert sent.wait(PATIENCE)
        time.sleep(0.02)
        assert (await client.request(method, server.url())).text == "ok"
    assert [received.connection for received in server.requests] == [0, 1]


async def test_bytes_that_come_before_a_queued_request_end_the_connection(
    face: Face, colour: Colour, serve: Serve
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.server.wait()
        conversation.send(OK + POISON)
        conversation.read_to_end()

    async def ask() -> str:
        return (await client.post(server.url(), content=b"x")).text

    server = serve(script, answering_always())
    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        first = colour.start(ask)
        await colour.until(lambda: server.requests)
        second = colour.start(ask)
        await colour.until(lambda: client.pool.waiter_count == 1)
        server.may_go_on.set()
        assert await first.join() == await second.join() == "ok"
    assert [received.connection for received in server.requests] == [0, 1]


async def test_a_response_of_which_a_part_was_read_is_not_mixed_with_the_next(face: Face, serve: Serve) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + POISON), answering_always())
    async with face.client() as client:
        async with client.stream("GET", server.url()) as response:
            await anext(face.iterate(response, "raw", 5))
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


async def test_an_early_answer_to_an_upload_ends_the_connection(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        conversation.read_to_end()

    server = serve(script, answering_always())
    async with face.client() as client:
        response = await client.post(server.url(), content=face.iterable([b"x" * 10_000_000] * 5))
        assert response.status_code == 403
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2
