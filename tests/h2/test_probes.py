"""A sign of life is asked for before a connection is used that was silent for long."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from tests.client.faces import FaceClient

from .conftest import ServeFrames
from .scripted import ACK, PING, FrameConversation, answering_each

H2Client = Callable[..., FaceClient]


async def test_a_live_connection_answers_and_is_used(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    pings = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id, b"first")
        ping = conversation.wait_for(PING)
        pings.append(ping)
        conversation.send_frame(PING, ACK, 0, ping.payload)
        conversation.answer(conversation.read_request().stream_id, b"second")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client(limits=httpx.Limits(probe_after=0.0)) as client:
        assert (await client.get(server.url())).text == "first"
        assert (await client.post(server.url(), content=b"x")).text == "second"
    assert server.connection_count == 1
    assert (len(pings), pings[0].flags) == (1, 0)


async def test_a_dead_connection_is_left_for_another_one(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def dying(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id, b"first")
        # It takes what comes, and says nothing any more.
        conversation.read_to_end()

    def living(conversation: FrameConversation) -> None:
        conversation.greet()
        while True:
            received = conversation.read_frame()
            if received.type == PING:
                conversation.send_frame(PING, ACK, 0, received.payload)
            elif received.type == 1:
                conversation.answer(received.stream_id, b"second")

    server = serve_frames(dying, living)
    async with h2_client(limits=httpx.Limits(probe_after=0.0), timeout=httpx.Timeout(5, connect=0.1)) as client:
        assert (await client.get(server.url())).text == "first"
        # Also what could not be sent again.
        assert (await client.post(server.url(), content=b"x")).text == "second"
        assert client.pool.connection_count == 1
    assert server.connection_count == 2


async def test_nothing_is_asked_by_default(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    server = serve_frames(answering_each)
    async with h2_client() as client:
        for _ in range(3):
            await client.get(server.url("/a"))
    assert server.connection_count == 1
