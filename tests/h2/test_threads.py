"""Forty threads on one client that change places as often as they can, and what an interrupt leaves to the others."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust

from .conftest import ServeFrames
from .echo import EchoServer
from .scripted import FrameConversation, answering_each

THREADS_COUNT = 40
REQUESTS_COUNT = 50


@pytest.fixture
def eager_switching() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_forty_threads_get_their_own_answers(eager_switching: None, trust: Trust, is_secure: bool) -> None:
    errors: list[BaseException] = []
    counts: list[int] = []

    def work(name: int) -> None:
        count = 0
        try:
            for number in range(REQUESTS_COUNT):
                path = f"/{name}/{number}"
                if number % 5:
                    response = client.get(server.url(path))
                    assert (response.status_code, response.text) == (200, path)
                else:
                    body = f"{path} ".encode() * (1 + number * 50)
                    assert client.post(server.url(path), content=body).content == body
                count += 1
        except BaseException as exc:
            errors.append(exc)
        counts.append(count)

    context = None
    if is_secure:
        context = trust.server_context()
        context.set_alpn_protocols(["h2"])
    server = EchoServer(context)
    with httpx.Client(http1=False, http2=True, verify=trust.client_context(), timeout=60) as client:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(THREADS_COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        assert not errors
        assert sum(counts) == THREADS_COUNT * REQUESTS_COUNT
        assert pool.connection_count == pool.idle_count == 1
    server.close()


def test_an_interrupted_read_costs_the_connection(serve_frames: ServeFrames) -> None:
    """What was read may be lost with it, so nothing else may be asked for there."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id)
        conversation.read_request()
        conversation.read_to_end()

    class InterruptedStream:
        """Stands in for the connection's stream, whose poll the interrupt strikes."""

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

        async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
            raise KeyboardInterrupt

    server = serve_frames(script, answering_each)
    with httpx.Client(http1=False, http2=True) as client:
        assert client.get(server.url()).text == "ok"
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        (connection,) = pool._shelves.idle
        connection.stream = InterruptedStream(connection.stream)
        with pytest.raises(KeyboardInterrupt):
            client.get(server.url())
        assert pool.connection_count == 0
        assert client.post(server.url("/next"), content=b"x").text == "/next"


def test_the_end_comes_between_two_steps_of_a_reader(serve_frames: ServeFrames) -> None:
    """Another thread reads the rest of a response just after this one took what was there."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1)
        conversation.send_data(1, b"first")
        conversation.server.wait()
        conversation.send_data(1, b" and rest", is_last=True)
        conversation.read_to_end()

    class OvertakenLock:
        """A lock; when it is let go, what the other thread does is done."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection
            self._lock = connection.lock

        def __getattr__(self, name: str) -> Any:
            return getattr(self._lock, name)

        def __enter__(self) -> None:
            self._lock.acquire()

        def __exit__(self, *exc_info: object) -> None:
            self._lock.release()
            if not server.may_go_on.is_set():
                server.may_go_on.set()
                while not self._connection.stream.is_readable():
                    pass
                self._connection.check()

    server = serve_frames(script)
    with httpx.Client(http1=False, http2=True) as client, client.stream("GET", server.url()) as response:
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        (connection,) = pool._shelves.active
        # So that the first part is there, and the second one is not.
        while not connection.engine.streams[1].unread_size:
            connection.check()
        connection.lock = OvertakenLock(connection)
        assert b"".join(response.iter_raw()) == b"first and rest"
