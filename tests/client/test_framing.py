"""Where responses end, and what it means when they end elsewhere."""

from __future__ import annotations

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import OK, Conversation, answering, answering_always


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_responses_without_a_body_are_empty_and_keep_the_connection(
    face: Face, serve: Serve, method: str, response: bytes
) -> None:
    server = serve(answering(response, response, OK))
    async with face.client() as client:
        assert (await client.request(method, server.url())).content == b""
        async with client.stream(method, server.url()) as streamed:
            assert await face.read(streamed) == b""
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 1


async def test_a_chunked_body_with_extensions_and_trailers(face: Face, serve: Serve) -> None:
    response = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"2;name=value\r\nok\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n"
    )
    server = serve(answering_always(response))
    async with face.client() as client:
        for _ in range(2):
            received = await client.get(server.url())
            assert received.text == "ok0123456789"
            assert "x-sum" not in received.headers
    assert server.connection_count == 1


async def test_a_response_that_comes_byte_by_byte(face: Face, serve: Serve) -> None:
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    def script(conversation: Conversation) -> None:
        while True:
            conversation.read_request()
            for byte in response:
                conversation.send(bytes([byte]))

    server = serve(script)
    async with face.client() as client:
        for _ in range(2):
            received = await client.get(server.url())
            assert (received.text, received.headers["x-a"]) == ("ok", "b")
    assert server.connection_count == 1


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_the_server_ends_is_not_kept(face: Face, serve: Serve, response: bytes) -> None:
    server = serve(answering_always(response))
    async with face.client() as client:
        for _ in range(2):
            assert (await client.get(server.url())).text == "ok"
            assert client.pool.connection_count == 0
    assert server.connection_count == 2


async def test_a_request_that_says_close_ends_the_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        for _ in range(2):
            assert (await client.get(server.url(), headers={"Connection": "close"})).text == "ok"
            assert client.pool.connection_count == 0
    assert server.connection_count == 2


async def test_http_1_0_with_keep_alive_keeps_the_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"))
    async with face.client() as client:
        for _ in range(2):
            response = await client.get(server.url())
            assert (response.text, response.http_version) == ("ok", "HTTP/1.0")
    assert server.connection_count == 1


async def test_a_body_without_length_ends_with_the_connection(face: Face, origin: Origin, serve: Serve) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000))
    async with face.client() as client:
        assert (await client.get(server.url())).content == b"x" * 300_000
        assert client.pool.connection_count == 0
        assert (await client.get(origin.url("/close"))).text == "Goodbye!\n"


TRUNCATED = [
    (b"", "without sending a response"),
    (b"HTTP/1.1 200", "head|headers"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "head|headers"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "2.*3|1 byte"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "0.*3|3 byte"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "chunk"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "chunk|trailer"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nok", "chunk"),
]


@pytest.mark.parametrize(("response", "message"), TRUNCATED)
async def test_a_truncated_response_is_an_error(face: Face, serve: Serve, response: bytes, message: str) -> None:
    server = serve(answering(response))
    async with face.client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match=message) as caught:
            await client.get(server.url())
        assert client.pool.connection_count == 0
    assert caught.value.request.url == server.url()


@pytest.mark.parametrize(("response", "message"), TRUNCATED[3:])
async def test_a_truncated_stream_is_an_error_of_its_reader(
    face: Face, serve: Serve, response: bytes, message: str
) -> None:
    server = serve(answering(response))
    async with face.client() as client:
        async with client.stream("GET", server.url()) as streamed:
            with pytest.raises(httpx.RemoteProtocolError, match=message) as caught:
                await face.read(streamed)
        assert caught.value.request is streamed.request
        assert client.pool.connection_count == 0


async def test_a_truncated_coding_is_an_error(face: Face, serve: Serve) -> None:
    import gzip

    content = gzip.compress(b"x" * 1000)[:-9]
    server = serve(
        answering_always(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content) + content
        )
    )
    async with face.client() as client:
        with pytest.raises(httpx.DecodingError) as caught:
            await client.get(server.url())
    assert caught.value.request.url == server.url()


@pytest.mark.parametrize(
    "response",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokNO\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: unasked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    ],
)
async def test_a_malformed_response_is_a_remote_error(face: Face, serve: Serve, response: bytes) -> None:
    server = serve(answering_always(response))
    async with face.client() as client:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await client.get(server.url())
        assert client.pool.connection_count == 0
    assert str(caught.value)
    assert caught.value.request.url == server.url()


async def test_what_rfc_9112_tells_a_user_agent_to_take_is_taken(face: Face, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.1 200\nContent-Length: 2\nContent-Length: 2\nX: a\n b\n\nok"))
    async with face.client() as client:
        response = await client.get(server.url())
    assert (response.text, response.headers["x"]) == ("ok", "a b")
