"""Responses that the garbage collector closes, wherever it strikes: also in a thread that has the connection's lock."""

from __future__ import annotations

import gc
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import httpx
from httpx._protocols.h2.engine import H2Engine
from tests.network.colours import PATIENCE
from tests.network.lines import Trust
from tests.network.peers import PlainChannel, TLSChannel

from .conftest import ServeFrames
from .scripted import CANCEL, MAX_CONCURRENT_STREAMS, RST_STREAM, FrameConversation

pytestmark = pytest.mark.usefixtures("sockets_before")


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def script(conversation: FrameConversation) -> None:
    """Begin the first response, and answer all others when the first stream is reset, or at once."""
    conversation.greet((MAX_CONCURRENT_STREAMS, 2))
    first = conversation.read_request()
    conversation.send_headers(first.stream_id)
    conversation.send_data(first.stream_id, b"part")
    second = conversation.read_request()
    conversation.answer(second.stream_id, second.path.encode())
    assert conversation.wait_for(RST_STREAM, first.stream_id).number == CANCEL
    for _ in range(2):
        request = conversation.read_request()
        conversation.answer(request.stream_id, request.path.encode())
    conversation.read_to_end()


def leave_a_response(client: httpx.Client, url: str) -> None:
    """Leave a half-read response behind that only the garbage collector closes."""

    def parts() -> Iterator[bytes]:
        with client.stream("GET", url) as response:
            yield from response.iter_bytes()

    generator = parts()
    assert next(generator) == b"part"
    cycle: list[Any] = [generator]
    cycle.append(cycle)


def collecting(function: Callable[..., Any]) -> Callable[..., Any]:
    def collect(*args: Any) -> Any:
        gc.collect()
        return function(*args)

    return collect


class CollectingBIO:
    """What a TLS stream feeds its engine by, under its lock."""

    def __init__(self, bio: ssl.MemoryBIO) -> None:
        self._bio = bio

    def __getattr__(self, name: str) -> Any:
        gc.collect()
        return getattr(self._bio, name)


@pytest.mark.parametrize("place", ["lock", "tls"])
def test_a_response_is_collected_by_a_thread_that_reads(
    serve_frames: ServeFrames, trust: Trust, monkeypatch: pytest.MonkeyPatch, no_collection: None, place: str
) -> None:
    def ask(path: str) -> None:
        texts.append(client.get(server.url(path, scheme="https")).text)

    context = trust.server_context()
    context.set_alpn_protocols(["h2"])
    server = serve_frames(script, make_channel=lambda sock: TLSChannel(PlainChannel(sock), context))
    texts: list[str] = []
    with httpx.Client(http2=True, verify=trust.client_context()) as client:
        leave_a_response(client, server.url(scheme="https"))
        with monkeypatch.context() as patch:
            if place == "lock":
                patch.setattr(H2Engine, "receive", collecting(H2Engine.receive))
            else:
                (connection,) = client._transport._pool._shelves.active  # type: ignore[attr-defined]  # as below
                patch.setattr(connection.stream, "_incoming", CollectingBIO(connection.stream._incoming))
            # Of its own, so that a deadlock is noticed.
            thread = threading.Thread(target=ask, args=("/second",), daemon=True)
            thread.start()
            thread.join(PATIENCE)
            assert not thread.is_alive(), "it hangs"
        ask("/third")
        ask("/fourth")
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        (connection,) = pool._shelves.idle
        assert (connection.exchange_count, connection.engine.streams) == (0, {})
    assert texts == ["/second", "/third", "/fourth"]
