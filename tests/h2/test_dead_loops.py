"""Clients whose event loop was closed under their requests: they go on in another loop, and nothing hangs."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable

import pytest

import httpx
from tests.network.colours import PATIENCE

from .conftest import ServeFrames
from .scripted import FrameConversation, answering_each

pytestmark = pytest.mark.usefixtures("sockets_before")


def run_until_closed(function: Callable[[], Awaitable[object]]) -> None:
    """Run function in a loop of its own, which is closed with whatever is still to do there."""

    def work() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(function())
        loop.close()

    # Of its own as well, so that a deadlock is noticed.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it hangs"


def test_requests_that_were_waiting_are_dropped(serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        for _ in range(3):
            conversation.read_request()
        received.set()
        conversation.read_to_end()

    async def begin() -> None:
        # Nothing but the loop holds the tasks.
        for _ in range(3):
            asyncio.ensure_future(client.get(server.url()))  # noqa: RUF006
        await asyncio.to_thread(received.wait, PATIENCE)

    async def go_on() -> None:
        texts.append((await client.get(server.url("/next"))).text)
        await client.aclose()

    received = threading.Event()
    texts: list[str] = []
    server = serve_frames(script, answering_each)
    client = httpx.AsyncClient(http1=False, http2=True)
    run_until_closed(begin)
    run_until_closed(go_on)
    assert texts == ["/next"]
    gc.collect()


def test_responses_of_a_closed_loop_can_be_closed(serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        for _ in range(3):
            conversation.send_headers(conversation.read_request().stream_id)
        conversation.read_to_end()

    async def begin() -> None:
        for _ in range(3):
            responses.append(await client.send(client.build_request("GET", server.url()), stream=True))

    async def go_on() -> None:
        for response in responses:
            await response.aclose()
        texts.append((await client.get(server.url("/next"))).text)
        await client.aclose()

    responses: list[httpx.Response] = []
    texts: list[str] = []
    server = serve_frames(script, answering_each)
    client = httpx.AsyncClient(http1=False, http2=True)
    run_until_closed(begin)
    run_until_closed(go_on)
    assert texts == ["/next"]
