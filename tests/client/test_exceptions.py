"""What all failures have in common: one tree, a request, a message, and nothing foreign."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

import httpx

from .conftest import Serve
from .faces import Face
from .servers import Conversation, answering, answering_always, closing_at_once, silent


def reset_at_once(conversation: Conversation) -> None:
    conversation.channel.reset()


def reset_after_head(conversation: Conversation) -> None:
    conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
    conversation.channel.reset()


def reset_while_uploading(conversation: Conversation) -> None:
    conversation.read_head()
    conversation.channel.reset()


def respond(*lines: bytes, body: bytes = b"") -> Callable[[Conversation], object]:
    return answering(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", body]))


FAILURES: dict[str, tuple[Callable[[Conversation], object], dict[str, Any], type[Exception]]] = {
    "reset before the request": (reset_at_once, {}, httpx.NetworkError),
    "reset in the body": (reset_after_head, {}, httpx.ReadError),
    "reset in an upload": (reset_while_uploading, {"content": b"x" * 20_000_000}, httpx.NetworkError),
    "close without an answer": (closing_at_once, {}, httpx.RemoteProtocolError),
    "cut off head": (answering(b"HTTP/1.1 200 OK\r\nA"), {}, httpx.RemoteProtocolError),
    "cut off body": (respond(b"Content-Length: 5", body=b"x"), {}, httpx.RemoteProtocolError),
    "bad chunk": (respond(b"Transfer-Encoding: chunked", body=b"zz\r\n"), {}, httpx.RemoteProtocolError),
    "no http": (answering(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"), {}, httpx.RemoteProtocolError),
    "read timeout": (silent, {"timeout": 0.05}, httpx.ReadTimeout),
    "total": (silent, {"timeout": httpx.Timeout(None, total=0.05)}, httpx.TimeoutException),
    "bad gzip": (
        respond(b"Content-Encoding: gzip", b"Content-Length: 5", body=b"ungut"),
        {},
        httpx.DecodingError,
    ),
    "cut off gzip": (
        respond(b"Content-Encoding: gzip", b"Connection: close", body=gzip.compress(b"x" * 100)[:20]),
        {},
        httpx.DecodingError,
    ),
    "too many redirects": (
        answering_always(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
        {"follow_redirects": True},
        httpx.TooManyRedirects,
    ),
    "redirect to nowhere": (
        answering_always(b"HTTP/1.1 302 Found\r\nLocation: http://[bad]/\r\nContent-Length: 0\r\n\r\n"),
        {"follow_redirects": True},
        httpx.RemoteProtocolError,
    ),
    "redirect to another scheme": (
        answering_always(b"HTTP/1.1 302 Found\r\nLocation: gopher://a\r\nContent-Length: 0\r\n\r\n"),
        {"follow_redirects": True},
        httpx.UnsupportedProtocol,
    ),
    "bad header": (silent, {"headers": {"a b": "c"}}, httpx.LocalProtocolError),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["read", "streamed"])
async def test_a_failure_is_ours_and_complete(face: Face, serve: Serve, name: str, is_streamed: bool) -> None:
    script, options, kind = FAILURES[name]
    server = serve(script)
    method = "POST" if "content" in options else "GET"
    async with face.client() as client:
        with pytest.raises(Exception) as caught:
            if is_streamed:
                async with client.stream(method, server.url(), **options) as response:
                    await face.read(response)
            else:
                await client.request(method, server.url(), **options)
        check(caught.value, kind)
        assert client.pool.connection_count == client.pool.idle_count
        assert client.pool.waiter_count == 0


def check(error: BaseException, kind: type[Exception]) -> None:
    assert isinstance(error, kind), repr(error)
    assert isinstance(error, httpx.RequestError)
    assert type(error).__module__ == "httpx"
    assert str(error).strip()
    assert isinstance(error.request, httpx.Request)
    assert not isinstance(error, OSError | ssl.SSLError)


async def test_a_refused_connection(face: Face) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with face.client() as client:
        with pytest.raises(Exception) as caught:
            await client.get(f"http://127.0.0.1:{port}/")
    check(caught.value, httpx.ConnectError)
    assert f"127.0.0.1 port {port}" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("host", ["255.255.255.255", "0.0.0.0", "[ff02::1]"])
async def test_addresses_that_cannot_be_reached(face: Face, host: str) -> None:
    async with face.client(timeout=0.2) as client:
        with pytest.raises(Exception) as caught:
            await client.get(f"http://{host}:9/")
    check(caught.value, httpx.TransportError)
    assert isinstance(caught.value, httpx.ConnectError | httpx.ConnectTimeout)


async def test_a_host_name_that_cannot_be_one(face: Face) -> None:
    async with face.client() as client:
        with pytest.raises((httpx.ConnectError, httpx.InvalidURL)) as caught:
            await client.get(f"http://{'a' * 64}.example/")
    assert str(caught.value)


async def test_an_error_keeps_the_request_that_failed_and_not_the_first_one(face: Face, serve: Serve) -> None:
    end = serve(closing_at_once)
    start = serve(
        answering(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % end.url("/x").encode())
    )
    async with face.client(follow_redirects=True) as client:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await client.get(start.url())
    assert caught.value.request.url == end.url("/x")


def test_an_error_outside_of_a_request_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"The \.request property has not been set"):
        _ = httpx.ReadError("alone").request
