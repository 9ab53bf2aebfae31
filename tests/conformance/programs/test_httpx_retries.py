"""httpx-retries: `RetryTransport` around the transports of this package."""

from __future__ import annotations

import socket

import pytest
from httpx_retries import Retry, RetryTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import httpx

from .conftest import ServeApp

# It waits by asyncio.sleep.
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Service:
    """Fails as often as it is told to, and then answers."""

    def __init__(self, failures: int, status: int = 503, headers: dict[str, str] | None = None) -> None:
        self.bodies: list[str] = []
        self.failures, self.status, self.headers = failures, status, headers
        self.app = Starlette(routes=[Route("/", self.respond, methods=["GET", "PUT", "POST"])])

    async def respond(self, request: Request) -> Response:
        self.bodies.append((await request.body()).decode())
        if len(self.bodies) <= self.failures:
            return PlainTextResponse("busy", self.status, self.headers)
        return PlainTextResponse("done")


def make_free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_statuses(serve_app: ServeApp) -> None:
    service = Service(2)
    with httpx.Client(transport=RetryTransport(retry=Retry(total=3))) as client:
        response = client.put(serve_app(service.app), content=b"body")
    assert (response.status_code, response.text) == (200, "done")
    assert service.bodies == ["body"] * 3


async def test_statuses_async(serve_app: ServeApp) -> None:
    service = Service(2, 429, {"Retry-After": "0"})
    async with httpx.AsyncClient(transport=RetryTransport()) as client:
        assert (await client.get(serve_app(service.app))).text == "done"
    assert len(service.bodies) == 3


def test_total_and_methods(serve_app: ServeApp) -> None:
    service = Service(10)
    url = serve_app(service.app)
    transport = RetryTransport(
        transport=httpx.HTTPTransport(limits=httpx.Limits(max_connections=1)), retry=Retry(total=2)
    )
    with httpx.Client(transport=transport) as client:
        assert client.get(url).status_code == 503
        assert len(service.bodies) == 3
        assert client.post(url).status_code == 503
        assert len(service.bodies) == 4


async def test_exceptions() -> None:
    url = f"http://127.0.0.1:{make_free_port()}"
    attempts: list[httpx.Request] = []

    class Counting(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            attempts.append(request)
            return await super().handle_async_request(request)

    transport = RetryTransport(transport=Counting(), retry=Retry(total=2))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(url)
        assert caught.value.request.url == url
        assert len(attempts) == 3
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("ftp://a.example")
        assert len(attempts) == 4


def test_errors_of_the_network_are_retried() -> None:
    with httpx.Client(transport=RetryTransport(retry=Retry(total=1))) as client, pytest.raises(httpx.ConnectError):
        client.get(f"http://127.0.0.1:{make_free_port()}")
