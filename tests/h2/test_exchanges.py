"""Whole exchanges over HTTP/2, plain and over TLS."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.client.faces import Face, FaceClient
from tests.client.servers import Conversation
from tests.network.colours import Colour
from tests.network.lines import Trust
from tests.network.peers import PlainChannel, TLSChannel

from .conftest import ServeFrames
from .scripted import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PRIORITY_UPDATE,
    SETTINGS,
    FrameConversation,
    answering_each,
    frame,
    settings,
)

H2Client = Callable[..., FaceClient]


async def test_a_request_and_its_response(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    received = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        received.append(conversation.read_request())
        conversation.send_headers(1, [(":status", "200"), ("x-a", "1"), ("x-a", "2")])
        conversation.send_data(1, b"hello ")
        conversation.send_data(1, b"world", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client(headers={"X-Name": "Value"}) as client:
        response = await client.get(server.url("/path?q=1"))
    assert (response.status_code, response.http_version, response.content) == (200, "HTTP/2", b"hello world")
    assert response.headers.get_list("x-a") == ["1", "2"]
    assert response.reason_phrase == "OK"
    assert response.extensions["stream_id"] == 1
    fields = received[0].fields
    assert fields[:4] == [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", f"127.0.0.1:{server.port}"),
        (":path", "/path?q=1"),
    ]
    assert ("x-name", "Value") in fields
    # RFC 9113 8.2.2: the client's default "Connection: keep-alive" stays here.
    assert not {"host", "connection"} & {name for name, _ in fields}


async def test_tls_chooses_the_protocol(face: Face, serve_frames: ServeFrames, trust: Trust) -> None:
    context = trust.server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = serve_frames(answering_each, make_channel=lambda sock: TLSChannel(PlainChannel(sock), context))
    async with face.client(http2=True, verify=trust.client_context()) as client:
        for path in ("/one", "/two"):
            response = await client.get(server.url(path, scheme="https"))
            assert (response.http_version, response.text) == ("HTTP/2", path)
    assert server.connection_count == 1


async def test_the_connection_is_used_again(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    server = serve_frames(answering_each)
    async with h2_client() as client:
        for number in range(5):
            assert (await client.get(server.url(f"/{number}"))).text == f"/{number}"
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)
    assert server.connection_count == 1


async def test_many_at_once_share_one_connection(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        requests = [conversation.read_request() for _ in range(20)]
        # In another order than that of the requests.
        for request in reversed(requests):
            conversation.answer(request.stream_id, request.path.encode())
        conversation.read_to_end()

    server = serve_frames(script)

    async def ask(number: int) -> str:
        return (await client.get(server.url(f"/{number}"))).text

    async with h2_client() as client:
        tasks = [colour.start(ask, number) for number in range(20)]
        assert [await task.join() for task in tasks] == [f"/{number}" for number in range(20)]
    assert server.connection_count == 1


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
@pytest.mark.parametrize("kind", ["bytes", "generator"])
async def test_a_body_goes_up_and_comes_back(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames, size: int, kind: str
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_request()
        conversation.send_headers(1)
        conversation.send_body(1, request.body)
        conversation.read_to_end()

    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    body: Any = content
    if kind == "generator":
        body = face.generate([content[start : start + 30_000] for start in range(0, size, 30_000)])
    server = serve_frames(script)
    async with h2_client() as client:
        response = await client.post(server.url(), content=body)
    assert response.content == content


async def test_informational_responses_are_passed_over(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1, [(":status", "103"), ("link", "</a>")])
        conversation.send_headers(1, [(":status", "100")])
        conversation.answer(1, b"final")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        assert (await client.get(server.url())).content == b"final"


async def test_trailers_go_both_ways(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    received = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        received.append(conversation.read_request())
        conversation.send_headers(1)
        conversation.server.wait()
        conversation.send_data(1, b"body")
        conversation.send_headers(1, [("x-checksum", "abc")], is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        extensions = {"trailers": lambda: {"X-Digest": "5"}}
        async with client.stream("POST", server.url(), content=b"12345", extensions=extensions) as response:
            server.may_go_on.set()
            assert await face.read(response) == b"body"
    assert response.extensions["trailers"] == [(b"x-checksum", b"abc")]
    assert received[0].body == b"12345"
    assert received[0].trailers == [("x-digest", "5")]


async def test_head_and_no_content_have_no_body(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1, [(":status", "200"), ("content-length", "5")], is_last=True)
        conversation.read_request()
        conversation.send_headers(3, [(":status", "204")], is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        response = await client.request("HEAD", server.url())
        assert (response.content, response.headers["content-length"]) == (b"", "5")
        assert (await client.get(server.url())).status_code == 204


async def test_padding_and_continuation(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        block = conversation.encode([(":status", "200"), ("x-long", "y" * 100)])
        conversation.send_frame(HEADERS, PADDED, 1, b"\x05" + block[:10] + bytes(5))
        conversation.send_frame(9, 0, 1, b"")
        conversation.send_frame(9, END_HEADERS, 1, block[10:])
        conversation.send_frame(DATA, PADDED, 1, b"\xff" + b"ab" + bytes(255))
        conversation.send_frame(DATA, PADDED | END_STREAM, 1, b"\x00" + b"cd")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        response = await client.get(server.url())
    assert (response.content, response.headers["x-long"]) == (b"abcd", "y" * 100)


async def test_a_large_head_is_sent_in_continuations(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    received = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        received.append(conversation.read_request())
        conversation.answer(1)
        conversation.read_to_end()

    server = serve_frames(script)
    value = "".join(chr(33 + number % 90) for number in range(50_000))
    async with h2_client() as client:
        await client.get(server.url(), headers={"X-Large": value})
    assert ("x-large", value) in received[0].fields


async def test_everything_comes_byte_by_byte(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.read_request()
        answer = settings() + frame(SETTINGS, ACK, 0)
        answer += frame(HEADERS, END_HEADERS, 1, conversation.encode([(":status", "200"), ("x-a", "1")]))
        answer += frame(DATA, END_STREAM, 1, b"hello")
        for byte in answer:
            conversation.send(bytes([byte]))
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        assert (await client.get(server.url())).text == "hello"


async def test_a_ping_is_answered(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    answers = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_frame(PING, 0, 0, b"12345678")
        answers.append(conversation.wait_for(PING))
        conversation.answer(1)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
    assert (answers[0].flags, answers[0].payload) == (ACK, b"12345678")


async def test_a_priority_is_sent_before_the_request(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    updates = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        updates.append(conversation.wait_for(PRIORITY_UPDATE))
        conversation.read_request()
        conversation.answer(1)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url(), extensions={"priority": b"u=1, i"})
    assert (updates[0].stream_id, updates[0].payload) == (0, struct.pack(">I", 1) + b"u=1, i")


@pytest.mark.parametrize("priority", [b"u=1\r\nx: y", "u=\u00e9", b"u=1" * 10_000, 5])
async def test_an_illegal_priority_is_refused(h2_client: H2Client, serve_frames: ServeFrames, priority: Any) -> None:
    server = serve_frames(answering_each)
    async with h2_client() as client:
        with pytest.raises(httpx.LocalProtocolError, match="Illegal priority"):
            await client.get(server.url(), extensions={"priority": priority})
        # Nothing is left of it on the connection.
        assert (await client.get(server.url("/next"), extensions={"priority": "u=1, i"})).text == "/next"
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)
    assert server.connection_count == 1


async def test_a_server_without_http2_is_spoken_to_in_http1(face: Face, serve: Any, trust: Trust) -> None:
    context = trust.server_context()
    context.set_alpn_protocols(["http/1.1"])

    def script(conversation: Conversation) -> None:
        while True:
            conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = serve(script, make_channel=lambda sock: TLSChannel(PlainChannel(sock), context))
    async with face.client(http2=True, verify=trust.client_context()) as client:
        for _ in range(2):
            response = await client.get(server.url(scheme="https"))
            assert (response.http_version, response.text) == ("HTTP/1.1", "ok")
    assert server.connection_count == 1


def test_no_protocol_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no protocol to speak"):
        httpx.Client(http1=False, http2=False)
