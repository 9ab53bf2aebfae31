"""Who shares a connection, who waits for one, and which requests are sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.client.faces import Face, FaceClient
from tests.client.servers import Conversation, answering_always
from tests.network.colours import ASYNCIO, CANCELLABLE, Colour, TaskCancelled
from tests.network.lines import Trust
from tests.network.peers import PlainChannel, TLSChannel

from .conftest import ServeFrames
from .scripted import (
    CANCEL,
    HTTP_1_1_REQUIRED,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    FrameConversation,
    answering_each,
)

H2Client = Callable[..., FaceClient]


def limited_to(limit: int) -> Callable[[FrameConversation], None]:
    """Return a script that takes so many streams at a time, answers each when as many are there, and checks that."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet((MAX_CONCURRENT_STREAMS, limit))
        while True:
            request = conversation.read_request()
            conversation.answer(request.stream_id, request.path.encode())

    return script


async def ask_all(client: FaceClient, colour: Colour, url: str, count: int) -> list[str]:
    async def ask(number: int) -> str:
        return (await client.get(f"{url}{number}")).text

    tasks = [colour.start(ask, number) for number in range(count)]
    return [await task.join() for task in tasks]


async def test_a_full_connection_makes_room_for_another(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    received: list[str] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((MAX_CONCURRENT_STREAMS, 2))
        requests = [conversation.read_request(), conversation.read_request()]
        received.extend(request.path for request in requests)
        conversation.server.wait()
        for request in requests:
            conversation.answer(request.stream_id, request.path.encode())
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        tasks = [colour.start(client.get, server.url(f"/{number}")) for number in range(6)]
        await colour.until(lambda: len(received) == 6)
        server.may_go_on.set()
        assert [(await task.join()).text for task in tasks] == [f"/{number}" for number in range(6)]
        assert client.pool.connection_count == 3


async def test_requests_wait_for_streams_where_no_other_connection_may_be(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    server = serve_frames(limited_to(2))
    async with h2_client(limits=httpx.Limits(max_connections=1)) as client:
        texts = await ask_all(client, colour, server.url("/"), 20)
        assert texts == [f"/{number}" for number in range(20)]
        assert (client.pool.connection_count, client.pool.waiter_count) == (1, 0)
    assert server.connection_count == 1


async def test_a_limit_of_zero_streams_is_waited_out(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_request()
        conversation.greet((MAX_CONCURRENT_STREAMS, 0))
        conversation.answer(request.stream_id)
        conversation.server.wait()
        conversation.greet((MAX_CONCURRENT_STREAMS, 1))
        conversation.answer(conversation.read_request().stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client(limits=httpx.Limits(max_connections=1)) as client:
        await client.get(server.url())
        with pytest.raises(httpx.PoolTimeout, match="no stream be opened"):
            await client.get(server.url(), timeout=httpx.Timeout(5, pool=0.1))
        server.may_go_on.set()
        assert (await client.get(server.url())).status_code == 200
    assert server.connection_count == 1


# Elsewhere tasks and threads begin in any order.
@pytest.mark.parametrize("colour", ASYNCIO, indirect=True)
async def test_who_waits_for_the_word_of_the_server_goes_in_order(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    """A server that takes a few requests and says goodbye would else refuse the same one again and again."""
    paths: list[str] = []

    def script(conversation: FrameConversation) -> None:
        first = conversation.read_request()
        conversation.server.wait()
        conversation.greet()
        requests = [first, *(conversation.read_request() for _ in range(19))]
        paths.extend(request.path for request in requests)
        for request in requests:
            conversation.answer(request.stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        tasks = [colour.start(client.get, server.url(f"/{number}")) for number in range(20)]
        await colour.until(lambda: any(len(connection._others) == 19 for connection in client.pool._shelves.active))
        server.may_go_on.set()
        for task in tasks:
            assert (await task.join()).text == "ok"
    assert paths == [f"/{number}" for number in range(20)]


async def test_a_raised_limit_is_used(h2_client: H2Client, serve_frames: ServeFrames, colour: Colour) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet((MAX_CONCURRENT_STREAMS, 1))
        first = conversation.read_request()
        conversation.server.wait()
        conversation.greet((MAX_CONCURRENT_STREAMS, 3))
        second, third = conversation.read_request(), conversation.read_request()
        for request in (third, second, first):
            conversation.answer(request.stream_id, request.path.encode())
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client(limits=httpx.Limits(max_connections=1)) as client:
        tasks = [colour.start(client.get, server.url(f"/{number}")) for number in range(3)]
        await colour.until(lambda: client.pool.waiter_count == 2)
        server.may_go_on.set()
        assert sorted([(await task.join()).text for task in tasks]) == ["/0", "/1", "/2"]
    assert server.connection_count == 1


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
async def test_another_one_goes_on_when_who_connects_is_cancelled(
    face: Face, serve_frames: ServeFrames, colour: Colour, trust: Trust
) -> None:
    context = trust.server_context()
    context.set_alpn_protocols(["h2"])
    may_shake_hands = threading.Event()

    def slowly(sock: Any) -> TLSChannel:
        may_shake_hands.wait(10)
        return TLSChannel(PlainChannel(sock), context)

    server = serve_frames(answering_each, make_channel=slowly)
    async with face.client(http2=True, verify=trust.client_context()) as client:
        leader = colour.start(client.get, server.url("/leader", scheme="https"))
        await colour.until(lambda: server.connection_count == 1)
        tasks = [colour.start(client.get, server.url(f"/{number}", scheme="https")) for number in range(5)]
        await colour.until(lambda: client.pool.waiter_count == 5)
        leader.cancel()
        await colour.until(lambda: server.connection_count == 2)
        may_shake_hands.set()
        assert [(await task.join()).text for task in tasks] == [f"/{number}" for number in range(5)]
        assert client.pool.connection_count == 1
    assert server.connection_count == 2


async def test_followers_connect_at_once_where_the_server_has_no_http2(
    face: Face, serve: Any, colour: Colour, trust: Trust
) -> None:
    context = trust.server_context()
    context.set_alpn_protocols(["http/1.1"])

    def script(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.server.wait()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        conversation.read_to_end()

    server = serve(script, make_channel=lambda sock: TLSChannel(PlainChannel(sock), context))
    async with face.client(http2=True, verify=trust.client_context()) as client:
        tasks = [colour.start(client.get, server.url(scheme="https")) for _ in range(4)]
        await colour.until(lambda: server.connection_count == 4)
        server.may_go_on.set()
        for task in tasks:
            assert (await task.join()).http_version == "HTTP/1.1"


async def test_an_http1_server_is_remembered(face: Face, serve: Any, colour: Colour, trust: Trust) -> None:
    context = trust.server_context()
    context.set_alpn_protocols(["http/1.1"])
    server = serve(answering_always(), make_channel=lambda sock: TLSChannel(PlainChannel(sock), context))
    async with face.client(http2=True, verify=trust.client_context()) as client:
        url = server.url(scheme="https")
        await client.get(url)
        # No request waits for another one's handshake any more.
        route = httpx.URL(url)._uri_reference.route_key
        assert not client.pool._connector.may_share(route)


async def test_a_failed_connect_fails_all_alike(h2_client: H2Client, serve_frames: ServeFrames, colour: Colour) -> None:
    server = serve_frames(answering_each)
    url = server.url()
    server.close()
    async with h2_client() as client:
        tasks = [colour.start(client.get, url) for _ in range(5)]
        for task in tasks:
            with pytest.raises(httpx.ConnectError):
                await task.join()
        assert (client.pool.connection_count, client.pool.waiter_count) == (0, 0)


# Requests that were not processed.


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_beyond_the_goaway_is_sent_again(
    h2_client: H2Client, serve_frames: ServeFrames, method: str
) -> None:
    def leaving(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.go_away(0)
        conversation.read_to_end()

    server = serve_frames(leaving, answering_each)
    async with h2_client() as client:
        response = await client.request(method, server.url("/again"), content=b"body")
        assert response.text == "/again"
    assert server.connection_count == 2


async def test_streams_up_to_the_goaway_finish(h2_client: H2Client, serve_frames: ServeFrames, colour: Colour) -> None:
    def leaving(conversation: FrameConversation) -> None:
        conversation.greet()
        first, second = conversation.read_request(), conversation.read_request()
        conversation.go_away(first.stream_id)
        conversation.answer(first.stream_id, b"old " + first.path.encode())
        conversation.read_to_end()
        assert second.stream_id > first.stream_id

    server = serve_frames(leaving, answering_each)
    async with h2_client() as client:
        tasks = [colour.start(client.get, server.url(f"/{number}")) for number in range(2)]
        texts = sorted([(await task.join()).text for task in tasks])
        assert texts in (["/0", "old /1"], ["/1", "old /0"])
        assert (await client.get(server.url("/new"))).text == "/new"
    assert server.connection_count == 2


async def test_a_graceful_goaway_ends_nothing(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def leaving(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_request()
        conversation.go_away(2**31 - 1)
        conversation.go_away(request.stream_id)
        conversation.answer(request.stream_id, b"old")
        conversation.read_to_end()

    server = serve_frames(leaving, answering_each)
    async with h2_client() as client:
        assert (await client.get(server.url("/a"))).text == "old"
        assert (await client.get(server.url("/b"))).text == "/b"
    assert server.connection_count == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_stream_is_sent_again(h2_client: H2Client, serve_frames: ServeFrames, method: str) -> None:
    def refusing(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.reset(conversation.read_request().stream_id, REFUSED_STREAM)
        conversation.read_to_end()

    server = serve_frames(refusing, refusing, answering_each)
    async with h2_client() as client:
        assert (await client.request(method, server.url("/again"))).text == "/again"
    assert server.connection_count == 3


async def test_refusals_are_not_repeated_for_ever(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def refusing(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.reset(conversation.read_request().stream_id, REFUSED_STREAM)
        conversation.read_to_end()

    server = serve_frames(refusing)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="REFUSED_STREAM"):
            await client.get(server.url())
        assert client.pool.connection_count == 0
    assert server.connection_count == 6


async def test_a_body_that_cannot_be_sent_again_is_not(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    def refusing(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.reset(conversation.read_request().stream_id, REFUSED_STREAM)
        conversation.read_to_end()

    server = serve_frames(refusing, answering_each)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="REFUSED_STREAM"):
            await client.post(server.url(), content=face.generate([b"once"]))
    assert server.connection_count == 1


async def test_a_request_is_not_sent_again_after_a_part_of_its_response(
    h2_client: H2Client, serve_frames: ServeFrames
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_request()
        conversation.send_headers(request.stream_id)
        conversation.send_data(request.stream_id, b"part")
        conversation.channel.finish()
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await client.get(server.url())
    assert server.connection_count == 1


def answer_and_close(conversation: FrameConversation) -> None:
    """Answer one request, and close at the second one without a word about it."""
    conversation.greet()
    conversation.answer(conversation.read_request().stream_id)
    conversation.read_request()


async def test_a_get_on_a_dying_connection_is_sent_again(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    server = serve_frames(answer_and_close, answering_each)
    async with h2_client() as client:
        await client.get(server.url())
        assert (await client.get(server.url("/again"))).text == "/again"
    assert server.connection_count == 2


async def test_a_post_on_a_dying_connection_is_not_sent_again(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    server = serve_frames(answer_and_close, answering_each)
    async with h2_client() as client:
        await client.get(server.url())
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.post(server.url("/again"), content=b"x")
    assert server.connection_count == 1


async def test_an_idle_connection_that_was_closed_is_not_used(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    def leaving(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id)
        conversation.go_away(1)

    server = serve_frames(leaving, answering_each)
    async with h2_client() as client:
        await client.get(server.url())
        await colour.until(lambda: server.ended_count == 1)
        # Also a request that could not be sent again.
        assert (await client.post(server.url("/b"), content=b"x")).text == "/b"
    assert server.connection_count == 2


# Exchanges that end early.


async def test_an_end_that_nobody_has_read_yet_is_seen(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames, colour: Colour
) -> None:
    """A response is under way on the connection, but who has it reads nothing at this time."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.send_headers(conversation.read_request().stream_id)
        # The response of the client's second request shows that it has read the first one's head.
        conversation.answer(conversation.read_request().stream_id)

    server = serve_frames(script, answering_each)
    async with h2_client() as client, client.stream("GET", server.url()) as response:
        await client.get(server.url())
        (connection,) = client.pool._shelves.active
        await colour.until(lambda: connection.stream.is_readable() or not connection.is_usable)
        # It could not be sent again.
        assert (await client.post(server.url("/next"), content=b"x")).text == "/next"
        with pytest.raises(httpx.RemoteProtocolError):
            await face.read(response)


async def test_closing_a_response_early_resets_its_stream(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1)
        conversation.send_data(1, b"part")
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        async with client.stream("GET", server.url()) as response:
            assert response.status_code == 200
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)
        assert (await client.get(server.url())).text == "next"
    assert (resets[0].stream_id, resets[0].number) == (1, CANCEL)
    assert server.connection_count == 1


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
async def test_cancelling_a_request_resets_its_stream(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        task = colour.start(client.get, server.url())
        await colour.until(lambda: client.pool.connection_count == 1 and client.pool._shelves.active)
        await colour.network.sleep(0.05)
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task.join()
        assert (await client.get(server.url())).text == "next"
        assert client.pool.connection_count == 1
    assert (resets[0].stream_id, resets[0].number) == (1, CANCEL)


@pytest.mark.parametrize("code", [CANCEL, HTTP_1_1_REQUIRED, NO_ERROR, 0xABCD])
async def test_a_reset_stream_is_an_error_of_its_request_alone(
    h2_client: H2Client, serve_frames: ServeFrames, code: int
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.reset(conversation.read_request().stream_id, code)
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="reset the stream"):
            await client.get(server.url())
        assert (await client.get(server.url())).text == "next"
    assert server.connection_count == 1


async def test_a_reset_stream_is_not_asked_for_again(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    """Only what died with a kept connection is; here the server has spoken."""
    paths = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id)
        while True:
            request = conversation.read_request()
            paths.append(request.path)
            conversation.reset(request.stream_id, INTERNAL_ERROR)

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        with pytest.raises(httpx.RemoteProtocolError, match="INTERNAL_ERROR"):
            await client.get(server.url("/reset"))
    server.close()
    assert paths == ["/reset"]


async def test_closing_the_client_fails_what_is_under_way(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_to_end()

    server = serve_frames(script)
    client = h2_client()
    tasks = [colour.start(client.get, server.url()) for _ in range(3)]
    await colour.until(lambda: any(connection.exchange_count == 3 for connection in client.pool._shelves.active))
    await colour.network.sleep(0.05)
    await client.close()
    for task in tasks:
        with pytest.raises(httpx.NetworkError):
            await task.join()
    assert client.pool.connection_count == 0
