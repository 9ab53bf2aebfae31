"""anyio's cancel scopes and time limits around whatever a client waits for; it knows a cancellation by its message."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import anyio
import pytest

import httpx

pytestmark = pytest.mark.anyio

# What a server of HTTP/2 begins with: a frame with no settings.
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


class SilentServer:
    """A server that says the same to everybody, whatever is asked, and then nothing."""

    def __init__(self) -> None:
        self.greeting = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._greet)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (*self._connections, self._listener):
            connection.close()

    def _greet(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            connection.sendall(self.greeting)


@pytest.fixture
def server() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


async def test_a_wait_for_a_response_is_cut_short(server: SilentServer) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(3):
            with anyio.move_on_after(0.02) as scope:
                await client.get(server.url)
            assert scope.cancelled_caught
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.02):
                await client.get(server.url)


async def test_a_wait_for_the_rest_of_a_body_is_cut_short(server: SilentServer) -> None:
    server.greeting = HEAD
    async with httpx.AsyncClient() as client:
        with anyio.move_on_after(0.02) as scope:
            async with client.stream("GET", server.url) as response:
                async for part in response.aiter_raw():
                    assert part == b"half"
        assert scope.cancelled_caught
        assert response.is_closed


async def test_a_wait_for_a_connection_is_cut_short(server: SilentServer) -> None:
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(limits=limits) as client, anyio.create_task_group() as group:
        group.start_soon(client.get, server.url)
        await anyio.sleep(0.02)
        with anyio.move_on_after(0.02) as scope:
            await client.get(server.url)
        assert scope.cancelled_caught
        group.cancel_scope.cancel()


async def test_waits_on_one_http2_connection_are_cut_short_one_by_one(server: SilentServer) -> None:
    server.greeting = SETTINGS
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        scopes = [anyio.CancelScope() for _ in range(5)]
        order: list[int] = []

        async def get(number: int) -> None:
            with scopes[number]:
                await client.get(server.url)
            assert scopes[number].cancelled_caught
            order.append(number)

        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(get, number)
            await anyio.sleep(0.05)
            # One of them reads, the others wait for what it reads.
            for number in (3, 0, 4, 2, 1):
                scopes[number].cancel()
                await anyio.sleep(0.01)
        assert order == [3, 0, 4, 2, 1]


async def test_a_shielded_request_is_not_cut_short(server: SilentServer) -> None:
    server.greeting = HEAD + b"way is"
    async with httpx.AsyncClient() as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                assert (await client.get(server.url)).content == b"halfway is"
            await anyio.sleep_forever()
        assert scope.cancelled_caught


async def test_a_task_group_that_fails_takes_its_requests_with_it(server: SilentServer) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ExceptionGroup) as caught:
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(client.get, server.url)
                await anyio.sleep(0.02)
                raise LookupError
        assert [type(error) for error in caught.value.exceptions] == [LookupError]
