"""Connections that stop speaking HTTP: upgrades and tunnels, through `network_stream`."""

from __future__ import annotations

import ssl
import sys
from typing import Any

import httpcore
import pytest

import httpx
from tests.network.lines import Trust
from tests.network.peers import PlainChannel, TLSChannel
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import Conversation, answering_always

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
HEADERS = {"Connection": "Upgrade", "Upgrade": "echo"}


def echoing(conversation: Conversation) -> None:
    """Switch protocols, say hello in the same write, and echo."""
    conversation.read_request()
    conversation.send(SWITCHING + b"hello")
    while data := conversation.channel.recv():
        conversation.send(data)


async def read_exactly(face: Face, stream: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = await face.do(stream.read, size - len(data), timeout=5)
        assert part
        data += part
    return data


async def test_an_upgraded_connection_is_read_and_written(face: Face, serve: Serve) -> None:
    server = serve(echoing)
    async with face.client() as client:
        async with client.stream("GET", server.url(), headers=HEADERS) as response:
            assert response.status_code == 101
            stream = response.extensions["network_stream"]
            assert await face.do(stream.read, 2, timeout=5) == b"he"
            assert await face.do(stream.read, 100) == b"llo"
            await face.do(stream.write, b"x" * 1000, timeout=5)
            assert await read_exactly(face, stream, 1000) == b"x" * 1000
            with pytest.raises(httpx.ReadTimeout):
                await face.do(stream.read, 1, timeout=0.05)
        assert client.pool.connection_count == 0


async def test_the_end_of_an_upgraded_connection_is_empty_bytes(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(SWITCHING)

    server = serve(script)
    async with face.client() as client, client.stream("GET", server.url(), headers=HEADERS) as response:
        stream = response.extensions["network_stream"]
        assert await face.do(stream.read, 100, timeout=5) == b""


async def test_connect_makes_a_tunnel(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        received = conversation.read_request()
        assert (received.method, received.target) == ("CONNECT", "a.example:443")
        # RFC 9110 9.3.6: a Content-Length means nothing in this answer.
        conversation.send(b"HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n")
        while data := conversation.channel.recv():
            conversation.send(data.upper())

    server = serve(script)
    async with face.client() as client:
        request = client.bare.build_request("CONNECT", server.url(), extensions={"target": b"a.example:443"})
        response = await client.send(request, stream=True)
        assert response.status_code == 200
        stream = response.extensions["network_stream"]
        await face.do(stream.write, b"hello")
        assert await read_exactly(face, stream, 5) == b"HELLO"
        await face.close(response)
        assert client.pool.connection_count == 0


async def test_a_refused_tunnel_is_an_ordinary_response(face: Face, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
    async with face.client() as client:
        response = await client.request("CONNECT", server.url(), extensions={"target": b"a.example:443"})
        assert (response.status_code, response.text) == (403, "no")
        assert client.pool.idle_count == 1


async def test_tls_starts_inside_a_tunnel(face: Face, serve: Serve, trust: Trust) -> None:
    server_context = trust.server_context()

    def script(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
        channel = TLSChannel(PlainChannel(conversation.channel.raw), server_context)
        channel.sendall(channel.recv().upper())
        channel.recv()

    server = serve(script)
    async with face.client() as client:
        request = client.bare.build_request("CONNECT", server.url(), extensions={"target": b"localhost:443"})
        response = await client.send(request, stream=True)
        plain = response.extensions["network_stream"]
        stream = await face.do(plain.start_tls, trust.client_context(), server_hostname="localhost", timeout=5)
        assert isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject)
        await face.do(stream.write, b"secret")
        assert await read_exactly(face, stream, 6) == b"SECRET"
        await face.close(response)


async def test_network_stream_tells_about_the_connection(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/bytes/1000000")) as response:
        stream = response.extensions["network_stream"]
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", origin.port)
        assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
        assert stream.get_extra_info("socket").getpeername() == ("127.0.0.1", origin.port)
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("something else") is None


@pytest.mark.parametrize("is_imported", [True, False])
async def test_errors_are_those_of_httpcore_too_where_it_is_imported(
    face: Face, serve: Serve, is_imported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_imported:
        monkeypatch.delitem(sys.modules, "httpcore")
    server = serve(echoing)
    async with face.client() as client, client.stream("GET", server.url(), headers=HEADERS) as response:
        stream = response.extensions["network_stream"]
        assert await read_exactly(face, stream, 5) == b"hello"
        with pytest.raises(httpx.ReadTimeout, match=r"0\.05") as timed_out:
            await face.do(stream.read, 1, timeout=0.05)
        assert isinstance(timed_out.value, httpcore.ReadTimeout) is is_imported
        assert isinstance(timed_out.value, httpcore.TimeoutException) is is_imported
        assert repr(timed_out.value).startswith("ReadTimeout(")
        await face.do(stream.aclose if face.is_async else stream.close)
        with pytest.raises(httpx.WriteError) as failed:
            await face.do(stream.write, b"lost")
        assert isinstance(failed.value, httpcore.WriteError) is is_imported
