"""What tortured clients do, written once for `Client` and `AsyncClient`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any

import httpx
from httpx._network.base import Network

from ..h2.echo import EchoServer
from ..network.colours import Colour, Task, TaskCancelled
from .kernel import Subject
from .server import LARGE_BODY, Server


class ClientSubject(Subject):
    """A client of its colour, on a network that may be faulty."""

    # Seconds; long for a loaded machine, and reached only by requests that are lost.
    timeout = 20.0

    def __init__(self, colour: Colour, network: Network, server: Server | EchoServer, **options: Any) -> None:
        self.colour = colour
        self.url = server.url() if isinstance(server, EchoServer) else server.url
        self._client: Any
        if colour.can_cancel:
            transport: Any = httpx.AsyncHTTPTransport(**options)
            self._client = httpx.AsyncClient(transport=transport, timeout=self.timeout)
        else:
            transport = httpx.HTTPTransport(**options)
            self._client = httpx.Client(transport=transport, timeout=self.timeout)
        self.pool = transport._pool
        self.pool._find_network = lambda *_: network

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self._client.request(method, self.url + path, **options)
        if self.colour.can_cancel:
            response = await response
        assert isinstance(response, httpx.Response)
        return response

    async def read_some(self, path: str) -> None:
        """Stream a response, and close it after its first part."""
        if self.colour.can_cancel:
            async with self._client.stream("GET", self.url + path) as response:
                async for part in response.aiter_raw():
                    assert part
                    break
        else:
            with self._client.stream("GET", self.url + path) as response:
                assert next(response.iter_raw())

    def make_body(self, count: int) -> Iterator[bytes] | AsyncGenerator[bytes]:
        """Return a body in parts that cannot be replayed."""

        def parts() -> Iterator[bytes]:
            for _ in range(count):
                yield bytes(1 << 15)

        async def async_parts() -> AsyncGenerator[bytes]:
            for _ in range(count):
                await self.colour.checkpoint()
                yield bytes(1 << 15)

        return async_parts() if self.colour.can_cancel else parts()

    async def follow_up(self) -> None:
        response = await self.request("GET", "/small")
        assert response.content == b"hello"

    def unrest(self) -> Iterable[str]:
        busy_count = self.pool.connection_count - self.pool.idle_count
        if busy_count:
            yield f"{busy_count} connections are busy"
        if self.pool.waiter_count:
            yield f"{self.pool.waiter_count} requests wait in the pool"

    async def close(self) -> None:
        if self.colour.can_cancel:
            await self._client.aclose()
        else:
            self._client.close()
        if self.pool.connection_count:
            raise AssertionError(f"{self.pool.connection_count} connections are left in a closed pool")


class Get(ClientSubject):
    async def run(self) -> None:
        assert (await self.request("GET", "/small")).content == b"hello"


class GetAgain(ClientSubject):
    """The second request finds the connection of the first."""

    async def run(self) -> None:
        await self.request("GET", "/small")
        assert (await self.request("GET", "/small")).content == b"hello"


class GetLarge(ClientSubject):
    async def run(self) -> None:
        assert (await self.request("GET", "/large")).content == LARGE_BODY


class Upload(ClientSubject):
    async def run(self) -> None:
        body = self.make_body(4)
        try:
            response = await self.request("POST", "/length", content=body)
            assert response.text == str(4 << 15)
        finally:
            # Trio complains of an async generator that nobody closes; that is its owner's business.
            if isinstance(body, AsyncGenerator):
                await body.aclose()


class HalfRead(ClientSubject):
    async def run(self) -> None:
        await self.read_some("/large")


class Redirect(ClientSubject):
    async def run(self) -> None:
        response = await self.request("GET", "/redirect", follow_redirects=True)
        assert response.content == b"hello"


class Queue(ClientSubject):
    """Three requests at a pool of one connection; one of them drops it."""

    async def run(self) -> None:
        tasks: list[Task[Any]] = [
            self.colour.start(self.request, "GET", "/small"),
            self.colour.start(self.read_some, "/large"),
            self.colour.start(self.request, "GET", "/small"),
        ]
        errors: list[BaseException] = []
        for task in tasks:
            try:
                await task.join()
            except BaseException as exc:
                errors.append(exc)
        # One call was struck, so that the other requests must succeed.
        assert len(errors) <= 1, errors
        for error in errors:
            raise error


class Together(ClientSubject):
    """Three requests at once, over one connection where it can be shared; one of them drops its response."""

    async def run(self) -> None:
        tasks: list[Task[Any]] = [
            self.colour.start(self.request, "GET", "/large"),
            self.colour.start(self.read_some, "/large"),
            self.colour.start(self.post),
        ]
        errors: list[BaseException] = []
        for task in tasks:
            try:
                await task.join()
            except BaseException as exc:
                errors.append(exc)
        # An interrupt may cost the connection that they share; what struck one comes first, then.
        for error in sorted(errors, key=lambda error: isinstance(error, httpx.TransportError)):
            raise error

    async def post(self) -> None:
        assert (await self.request("POST", "/length", content=bytes(100_000))).text == "100000"


class Crowd(ClientSubject):
    """Sixteen threads or tasks share one client and few connections; each bears its own faults."""

    async def run(self) -> None:
        for task in [self.colour.start(self.be_one, number) for number in range(16)]:
            with contextlib.suppress(httpx.TransportError, TaskCancelled, KeyboardInterrupt):
                await task.join()

    async def be_one(self, number: int) -> None:
        for turn in range(4):
            if (number + turn) % 4:
                await self.follow_up()
            else:
                await self.read_some("/large")
