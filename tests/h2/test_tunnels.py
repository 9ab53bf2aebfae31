"""Streams that carry another protocol: CONNECT, and CONNECT with a protocol (RFC 8441)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.client.faces import Face, FaceClient
from tests.network.colours import PATIENCE, Colour

from .conftest import ServeFrames
from .scripted import (
    CANCEL,
    DATA,
    ENABLE_CONNECT_PROTOCOL,
    END_STREAM,
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    FrameConversation,
    Received,
)

H2Client = Callable[..., FaceClient]

WEBSOCKET = {"protocol": "websocket"}


def echoing(*, received: list[Received], window_size: int = 65535) -> Callable[[FrameConversation], None]:
    """Return a script that takes a tunnel and sends back what comes through it, in upper case."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet((ENABLE_CONNECT_PROTOCOL, 1), (INITIAL_WINDOW_SIZE, window_size))
        request = conversation.read_headers()
        received.append(request)
        conversation.send_headers(request.stream_id)
        while True:
            part = conversation.read_frame()
            if part.type == RST_STREAM:
                break
            if part.type == DATA:
                conversation.send_data(request.stream_id, part.payload.upper())
                conversation.update_window(0, len(part.payload))
                conversation.update_window(request.stream_id, len(part.payload))
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    return script


async def test_bytes_go_through_a_tunnel_with_a_protocol(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    received: list[Received] = []
    server = serve_frames(echoing(received=received))
    async with h2_client() as client:
        async with client.stream("CONNECT", server.url("/chat"), extensions=WEBSOCKET) as response:
            assert response.status_code == 200
            tunnel: Any = response.extensions["network_stream"]
            for number in range(3):
                await face.do(tunnel.write, b"hello %d" % number, timeout=5)
                assert await face.do(tunnel.read, 100, timeout=5) == b"HELLO %d" % number
            assert tunnel.get_extra_info("server_addr") == ("127.0.0.1", server.port)
        # The connection goes on.
        assert (await client.get(server.url())).text == "next"
    fields = dict(received[0].fields)
    assert (fields[":method"], fields[":protocol"]) == ("CONNECT", "websocket")
    assert (fields[":scheme"], fields[":path"]) == ("http", "/chat")
    assert server.connection_count == 1


async def test_a_tunnel_keeps_to_its_windows(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    server = serve_frames(echoing(received=[], window_size=1000))
    async with h2_client() as client, client.stream("CONNECT", server.url(), extensions=WEBSOCKET) as response:
        tunnel: Any = response.extensions["network_stream"]
        await face.do(tunnel.write, b"x" * 50_000, timeout=5)
        size = 0
        while size < 50_000:
            size += len(await face.do(tunnel.read, 100_000, timeout=5))
        with pytest.raises(httpx.ReadTimeout):
            await face.do(tunnel.read, 100, timeout=0.05)


@pytest.mark.parametrize("window_size", [1000, 2**31 - 1], ids=["window", "socket"])
async def test_one_reads_a_tunnel_while_another_one_waits_to_write(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames, colour: Colour, window_size: int
) -> None:
    size = 5 * window_size if window_size == 1000 else 20_000_000

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, window_size))
        conversation.update_window(0, 2**31 - 65536)
        request = conversation.read_headers()
        conversation.send_headers(request.stream_id)
        conversation.server.wait()
        left = size
        while left:
            part_size = len(conversation.wait_for(DATA).payload)
            left -= part_size
            if window_size == 1000:
                conversation.update_window(request.stream_id, part_size)
        conversation.send_data(request.stream_id, b"all")
        conversation.read_to_end()

    async def read() -> bytes:
        data: bytes = await face.do(tunnel.read, 100, timeout=PATIENCE)
        return data

    async def write() -> None:
        await face.do(tunnel.write, bytes(size), timeout=PATIENCE)

    server = serve_frames(script)
    async with h2_client() as client, client.stream("CONNECT", server.url()) as response:
        tunnel: Any = response.extensions["network_stream"]
        (connection,) = client.pool._shelves.active
        reader = colour.start(read)
        await colour.until(lambda: connection.baton.has_reader)
        writer = colour.start(write)
        await colour.until(lambda: connection.engine._send_windows._blocked or connection.turn.is_behind)
        server.may_go_on.set()
        await writer.join()
        assert await reader.join() == b"all"


async def test_a_tunnel_ends_as_the_server_ends_it(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    ends = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_headers()
        assert [name for name, _ in request.fields if name.startswith(":")] == [":method", ":authority"]
        conversation.send_headers(request.stream_id)
        conversation.send_data(request.stream_id, b"bye", is_last=True)
        ends.append(conversation.wait_for(DATA))
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        request = client.bare.build_request("CONNECT", server.url(), extensions={"target": b"other.example:443"})
        response = await client.send(request, stream=True)
        tunnel: Any = response.extensions["network_stream"]
        assert await face.do(tunnel.read, 100, timeout=5) == b"bye"
        assert await face.do(tunnel.read, 100, timeout=5) == b""
        await face.do(tunnel.aclose if face.is_async else tunnel.close)
        await face.close(response)
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)
    server.close()
    assert (ends[0].flags, ends[0].payload) == (END_STREAM, b"")


async def test_a_tunnel_that_is_dropped_is_reset(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((ENABLE_CONNECT_PROTOCOL, 1))
        request = conversation.read_headers()
        conversation.send_headers(request.stream_id)
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        async with client.stream("CONNECT", server.url(), extensions=WEBSOCKET) as response:
            assert response.status_code == 200
        assert client.pool.idle_count == 1
    server.close()
    assert resets[0].number == CANCEL


async def test_a_refused_tunnel_is_a_response(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet((ENABLE_CONNECT_PROTOCOL, 1))
        request = conversation.read_headers()
        conversation.send_headers(request.stream_id, [(":status", "403")])
        conversation.send_data(request.stream_id, b"no", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        response = await client.request("CONNECT", server.url(), extensions=WEBSOCKET)
        assert (response.status_code, response.content) == (403, b"no")
        assert client.pool.idle_count == 1


async def test_no_protocol_is_asked_for_where_the_server_takes_none(
    h2_client: H2Client, serve_frames: ServeFrames
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.LocalProtocolError, match="8441"):
            await client.request("CONNECT", server.url(), extensions=WEBSOCKET)
        assert (await client.get(server.url())).text == "next"
