"""Answers that come before the request is sent to its end, and interim ones."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator

import pytest

import httpx
from tests.network.colours import CANCELLABLE, Colour

from .conftest import Serve
from .faces import Face
from .servers import OK, Conversation, answering

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much"

# More than all buffers on the way hold.
HUGE = 50_000_000

BODIES = ["bytes", "parts", "sized parts"]


def make_body(face: Face, kind: str) -> dict[str, object]:
    if kind == "bytes":
        return {"content": b"x" * HUGE}
    parts = face.iterable([b"x" * 100_000] * (HUGE // 100_000))
    return {"content": parts, "headers": {"Content-Length": str(HUGE)} if kind == "sized parts" else {}}


@pytest.mark.parametrize("kind", BODIES)
async def test_413_of_a_server_that_stops_reading_and_keeps_the_socket_open(
    face: Face, serve: Serve, kind: str
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(TOO_LARGE)
        conversation.server.wait()

    server = serve(script)
    async with face.client(timeout=5) as client:
        response = await client.post(server.url(), **make_body(face, kind))
        assert (response.status_code, response.text) == (413, "too much")
        assert client.pool.connection_count == 0


@pytest.mark.parametrize("kind", BODIES)
async def test_413_of_a_server_that_resets_right_after(face: Face, serve: Serve, kind: str) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(TOO_LARGE)
        # What was not read makes the kernel send RST when the socket is closed.

    server = serve(script)
    for _ in range(5):
        async with face.client(timeout=5) as client:
            response = await client.post(server.url(), **make_body(face, kind))
            assert (response.status_code, response.text) == (413, "too much")


async def test_413_to_a_small_body_and_a_close(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(TOO_LARGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    server = serve(script)
    async with face.client() as client:
        for size in (1, 1000, 60_000):
            response = await client.post(server.url(), content=b"x" * size)
            assert (response.status_code, response.text) == (413, "too much")


class SlowParts:
    """A body of either colour whose parts take their time."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> bytes:
        self.count += 1
        return b"x" * 1000


class SlowIterator(SlowParts):
    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        time.sleep(0.002)
        return self.next()


class SlowAsyncIterator(SlowParts):
    def __init__(self, colour: Colour) -> None:
        super().__init__()
        self._colour = colour

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await self._colour.network.sleep(0.002)
        return self.next()


async def test_an_upload_that_makes_its_parts_slowly_sees_the_answer(face: Face, colour: Colour, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(TOO_LARGE)
        conversation.read_to_end()

    server = serve(script)
    parts = SlowAsyncIterator(colour) if face.is_async else SlowIterator()
    async with face.client() as client:
        # The body has no end: only the answer ends the request.
        response = await client.post(server.url(), content=parts, timeout=httpx.Timeout(5, total=20))
        assert response.status_code == 413


async def test_a_server_that_resets_without_an_answer_is_a_write_error(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.channel.reset()

    server = serve(script)
    async with face.client() as client:
        with pytest.raises((httpx.WriteError, httpx.ReadError)) as caught:
            await client.post(server.url(), content=b"x" * HUGE)
        assert str(caught.value)
        assert caught.value.request.method == "POST"


async def test_an_answer_before_the_end_of_the_request_runs_beside_it(face: Face, serve: Serve) -> None:
    # Full duplex: the server echoes each part as it comes, in a 200 response.
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
        for _ in range(200):
            conversation.send(conversation.read_exactly(10_000))
        conversation.answer(OK)

    server = serve(script)
    parts = [bytes([number % 256]) * 10_000 for number in range(200)]
    async with face.client() as client:
        response = await client.post(
            server.url(), content=face.iterable(parts), headers={"Content-Length": str(2_000_000)}
        )
        assert response.content == b"".join(parts)
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 1


async def test_interim_responses_are_skipped(face: Face, serve: Serve) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n"
    server = serve(answering(interim + OK, interim + OK))
    async with face.client() as client:
        for _ in range(2):
            response = await client.post(server.url(), content=b"x", headers={"Expect": "100-continue"})
            assert (response.status_code, response.text) == (200, "ok")
            assert "link" not in response.headers
    assert server.connection_count == 1


async def test_interim_responses_may_come_apart_from_the_final_one(face: Face, colour: Colour, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        for part in (b"HTTP/1.1 1", b"03 Early Hints\r\n", b"\r\nHTTP/1.1 100 Continue\r\n\r", b"\n"):
            conversation.send(part)
            conversation.server.may_go_on.wait(0.01)
        body = conversation.read_exactly(200_000)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n%6d" % len(body))

    server = serve(script)
    async with face.client() as client:
        response = await client.post(
            server.url(), content=face.iterable([b"x" * 1000] * 200), headers={"Content-Length": "200000"}
        )
        assert response.text == "200000"


async def test_interim_responses_without_end_are_an_error(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        while True:
            conversation.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    server = serve(script)
    async with face.client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="informational"):
            await client.get(server.url())


@pytest.mark.parametrize("colour", [name for name in CANCELLABLE if name != "asyncio-debug"], indirect=True)
async def test_an_async_generator_is_finished_when_its_rest_is_not_wanted(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(TOO_LARGE)
        conversation.server.wait()

    server = serve(script)
    async with face.client() as client:
        body = face.generate(itertools.repeat(b"x" * 100_000))
        assert (await client.post(server.url(), content=body)).status_code == 413
        assert body.ag_frame is None
