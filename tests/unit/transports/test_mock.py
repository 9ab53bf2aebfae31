"""Functions in place of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

import httpx

URL = "https://www.example.org/"


def handle(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=request.content[::-1], headers={"X-Method": request.method})


async def handle_async(request: httpx.Request) -> httpx.Response:
    return handle(request)


async def post_async(handler: Any, content: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        return await client.post(URL, content=content)


async def generate() -> AsyncIterator[bytes]:
    yield b"ab"
    yield b"c"


@pytest.mark.parametrize("content", [b"abc", iter([b"ab", b"c"])], ids=["bytes", "iterator"])
def test_sync_client_gets_what_the_function_returns(content: Any) -> None:
    with httpx.Client(transport=httpx.MockTransport(handle)) as client:
        response = client.post(URL, content=content)
    assert response.content == b"cba"
    assert response.headers["X-Method"] == "POST"
    assert response.request.content == b"abc"


@pytest.mark.parametrize("handler", [handle, handle_async])
@pytest.mark.parametrize("content", [lambda: b"abc", generate], ids=["bytes", "iterator"])
def test_async_client_takes_functions_of_both_kinds(handler: Any, content: Any) -> None:
    assert asyncio.run(post_async(handler, content())).content == b"cba"
    assert trio.run(post_async, handler, content()).content == b"cba"


def test_sync_client_refuses_an_async_function() -> None:
    client = httpx.Client(transport=httpx.MockTransport(handle_async))
    with client, pytest.raises(TypeError, match="Cannot use an async handler in a sync Client"):
        client.get(URL)


def test_exceptions_of_the_function_pass() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("too late")

    with httpx.Client(transport=httpx.MockTransport(fail)) as client, pytest.raises(httpx.ConnectTimeout) as caught:
        client.get(URL)
    assert caught.value.request.url == URL
    with pytest.raises(httpx.ConnectTimeout):
        asyncio.run(post_async(fail, b""))


def test_one_response_may_be_streamed() -> None:
    def stream(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=iter([b"a", b"b"]))

    with httpx.Client(transport=httpx.MockTransport(stream)) as client:
        with client.stream("GET", URL) as response:
            assert list(response.iter_raw()) == [b"a", b"b"]
        assert client.get(URL).content == b"ab"


def test_transport_keeps_its_function() -> None:
    assert httpx.MockTransport(handle).handler is handle
    assert httpx.MockTransport.__module__ == "httpx"
