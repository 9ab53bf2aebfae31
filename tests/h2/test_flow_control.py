"""Windows in both directions, slow readers, uploads that meet an answer, and bodies that go both ways at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import httpx
from httpx._protocols.h2.windows import CONNECTION_WINDOW_SIZE, MAX_STREAM_WINDOW_SIZE
from tests.client.faces import Face, FaceClient
from tests.network.colours import ASYNCIO, PATIENCE, Colour

from .conftest import ServeFrames
from .scripted import (
    CANCEL,
    DATA,
    END_STREAM,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    NO_ERROR,
    RST_STREAM,
    WINDOW_UPDATE,
    FrameConversation,
    answering_each,
)

H2Client = Callable[..., FaceClient]

REFUSED = [(":status", "413")]


async def test_a_small_window_is_kept_to(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    sizes: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 10))
        conversation.answer(conversation.read_request().stream_id)
        request = conversation.read_headers()
        while True:
            received = conversation.wait_for(DATA)
            sizes.append(len(received.payload))
            if received.flags & END_STREAM:
                break
            conversation.update_window(request.stream_id, 10)
        conversation.answer(request.stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        assert (await client.post(server.url(), content=b"x" * 35)).text == "ok"
    assert sizes == [10, 10, 10, 5]


async def test_the_window_of_the_connection_is_kept_to(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    received: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 1_000_000))
        total = 0
        while total < 65535:
            total += len(conversation.wait_for(DATA).payload)
        received.append(total)
        conversation.server.wait()
        conversation.update_window(0, 1_000_000)
        ended: list[int] = []
        while len(ended) < 2:
            last = conversation.wait_for(DATA)
            total += len(last.payload)
            if last.flags & END_STREAM:
                ended.append(last.stream_id)
        received.append(total)
        for stream_id in ended:
            conversation.answer(stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        tasks = [colour.start(post, client, server.url(), b"x" * 100_000) for _ in range(2)]
        await colour.until(lambda: received)
        server.may_go_on.set()
        for task in tasks:
            assert (await task.join()).text == "ok"
    assert received == [65535, 200_000]


async def post(client: FaceClient, url: str, content: Any) -> httpx.Response:
    return await client.post(url, content=content)


async def test_uploads_share_a_window_that_is_given_in_drops(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    turns: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 1_000_000))
        poll = conversation.read_headers()
        total = 0
        while total < 65535:
            total += len(conversation.wait_for(DATA).payload)
        conversation.server.wait()
        for _ in range(8):
            conversation.update_window(0, 1000)
            turns.append(conversation.wait_for(DATA).stream_id)
        conversation.update_window(0, 1_000_000)
        ended: list[int] = []
        while len(ended) < 2:
            last = conversation.wait_for(DATA)
            if last.flags & END_STREAM:
                ended.append(last.stream_id)
        for stream_id in (*ended, poll.stream_id):
            conversation.answer(stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        # It reads for all, and so nobody else looks at every window that comes.
        poll = colour.start(client.get, server.url())
        await colour.until(lambda: server.received_size)
        tasks = [colour.start(post, client, server.url(), b"x" * 90_000) for _ in range(2)]
        await colour.until(lambda: len(client.pool._shelves.active) == 1 and _blocked_count(client) == 2)
        server.may_go_on.set()
        for task in (*tasks, poll):
            assert (await task.join()).text == "ok"
    # Each drop is taken by one of them; which one is first is up to the threads.
    assert len(turns) == 8 and set(turns) <= {3, 5}


def _blocked_count(client: FaceClient) -> int:
    (connection,) = client.pool._shelves.active
    return len(connection.engine._send_windows._blocked)


async def test_the_end_of_a_body_needs_no_window(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 1000))
        conversation.answer(conversation.read_request().stream_id)
        request = conversation.read_headers()
        conversation.wait_for(DATA)
        conversation.greet((INITIAL_WINDOW_SIZE, 100))
        # The response begins; that is what the body waits for, and so the window is below zero then.
        conversation.send_headers(request.stream_id)
        last = conversation.wait_for(DATA)
        assert (last.payload, last.flags) == (b"", END_STREAM)
        conversation.send_data(request.stream_id, b"ok", is_last=True)
        conversation.read_to_end()

    def parts() -> Iterator[bytes]:
        yield b"x" * 1000
        # Pulled when the response is read.

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        assert (await client.post(server.url(), content=face.generate(parts()))).text == "ok"


async def test_a_refusal_is_noticed_while_another_request_reads(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    """The upload waits for room in the socket, of a server that reads no more."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 2**31 - 1))
        conversation.update_window(0, 2**31 - 65536)
        poll, upload = conversation.read_headers(), conversation.read_headers()
        conversation.server.wait()
        conversation.send_headers(upload.stream_id, REFUSED, is_last=True)
        conversation.answer(poll.stream_id)
        ended.wait(PATIENCE)

    ended = threading.Event()
    server = serve_frames(script)
    async with h2_client() as client:
        poll = colour.start(client.get, server.url())
        await colour.until(lambda: server.received_size)
        upload = colour.start(post, client, server.url(), b"x" * 50_000_000)
        await colour.until(lambda: _is_blocked(client))
        server.may_go_on.set()
        try:
            assert (await upload.join()).status_code == 413
            assert (await poll.join()).text == "ok"
        finally:
            ended.set()


async def test_an_upload_reads_on_when_the_reader_leaves(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    """The server reads nothing more before all that it writes is taken."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 2**31 - 1))
        conversation.update_window(0, 2**31 - 65536)
        poll, upload = conversation.read_headers(), conversation.read_headers()
        conversation.server.wait()
        conversation.answer(poll.stream_id)
        is_left.wait(PATIENCE)
        # More than the kernel holds, and less than is taken for a flood.
        for _ in range(900):
            conversation.send_frame(99, 0, 0, bytes(16384))
        size = 0
        while size < 20_000_000:
            size += len(conversation.wait_for(DATA).payload)
        conversation.answer(upload.stream_id)
        conversation.read_to_end()

    is_left = threading.Event()
    server = serve_frames(script)
    async with h2_client() as client:
        poll = colour.start(client.get, server.url())
        await colour.until(lambda: server.received_size)
        upload = colour.start(post, client, server.url(), b"x" * 20_000_000)
        await colour.until(lambda: _is_blocked(client))
        server.may_go_on.set()
        assert (await poll.join()).text == "ok"
        is_left.set()
        assert (await upload.join()).text == "ok"


def _is_blocked(client: FaceClient) -> bool:
    """Tell whether something is unsent, after 200 KB: that is what is handed to the socket at a time."""
    turn = next(iter(client.pool._shelves.active)).turn
    return bool(turn.queued_size > 200_000 and turn.is_behind)


async def test_a_window_may_be_below_zero(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    sizes: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((INITIAL_WINDOW_SIZE, 1000))
        conversation.answer(conversation.read_request().stream_id)
        request = conversation.read_headers()
        sizes.append(len(conversation.wait_for(DATA).payload))
        # 1,000 are used: RFC 9113 6.9.2, the window is -900 after this, and 0 only after the first update.
        conversation.greet((INITIAL_WINDOW_SIZE, 100))
        conversation.update_window(request.stream_id, 900)
        conversation.update_window(request.stream_id, 50)
        sizes.append(len(conversation.wait_for(DATA).payload))
        conversation.greet((INITIAL_WINDOW_SIZE, 10_000))
        sizes.append(len(conversation.wait_for(DATA).payload))
        conversation.answer(request.stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        assert (await client.post(server.url(), content=b"x" * 2000)).text == "ok"
    assert sizes == [1000, 50, 950]


async def test_larger_frames_are_used_where_they_are_allowed(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    sizes: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet((MAX_FRAME_SIZE, 50_000))
        conversation.answer(conversation.read_request().stream_id)
        request = conversation.read_request()
        sizes.extend(len(received.payload) for received in conversation.frames if received.type == DATA)
        conversation.answer(request.stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        await client.post(server.url(), content=b"x" * 60_000)
    assert sizes == [50_000, 10_000]


async def test_an_upload_times_out_without_a_window(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.WriteTimeout, match=r"for 0\.1 s"):
            await client.post(server.url(), content=b"x" * 100_000, timeout=httpx.Timeout(5, write=0.1))
        assert (client.pool.connection_count, client.pool.idle_count) == (1, 1)


async def test_a_download_is_given_credit_and_its_window_grows(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    size = 3_000_000
    credits: list[tuple[int, int]] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1)
        conversation.send_body(1, bytes(size), is_last=False)
        credits.extend(
            (received.stream_id, received.number) for received in conversation.frames if received.type == WINDOW_UPDATE
        )
        conversation.send_data(1, b"", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client, client.stream("GET", server.url()) as response:
        assert sum([len(part) async for part in face.iterate(response, "raw")]) == size
    # Few frames, each for half a window or more, and more than was read: the window grows.
    stream_credits = [credit for stream_id, credit in credits if stream_id == 1]
    assert 0 < len(stream_credits) < 15
    assert max(stream_credits) > 256 * 1024
    assert credits[0] == (0, CONNECTION_WINDOW_SIZE - 65535)


async def test_a_slow_reader_stops_its_own_stream_alone(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        slow = conversation.read_request()
        conversation.send_headers(slow.stream_id)
        # All that its window allows.
        conversation.send_body(slow.stream_id, bytes(conversation.window_of(slow.stream_id)), is_last=False)
        for _ in range(4):
            fast = conversation.read_request()
            conversation.send_headers(fast.stream_id)
            conversation.send_body(fast.stream_id, bytes(2_000_000))
        conversation.send_data(slow.stream_id, b"", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client, client.stream("GET", server.url()) as response:
        for _ in range(4):
            assert len((await client.get(server.url())).content) == 2_000_000
        connection = next(iter(client.pool._shelves.active))
        assert connection.engine._window.unread_size <= MAX_STREAM_WINDOW_SIZE
        assert len(await face.read(response)) == 256 * 1024


# Elsewhere nothing is read while nobody asks, so that the server is stopped sooner.
@pytest.mark.parametrize("colour", ASYNCIO, indirect=True)
async def test_unread_bytes_of_a_connection_are_bounded(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour
) -> None:
    sent: list[int] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        requests = [conversation.read_request() for _ in range(100)]
        for request in requests:
            conversation.send_headers(request.stream_id)
        for request in requests:
            size = min(conversation.window_of(request.stream_id), conversation.window_of(0))
            conversation.send_body(request.stream_id, bytes(size), is_last=False)
        sent.append(conversation.sent_sizes[0])
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client, contextlib.AsyncExitStack() as stack:
        tasks = [colour.start(stack.enter_async_context, client.stream("GET", server.url())) for _ in range(100)]
        for task in tasks:
            await task.join()
        await colour.until(lambda: sent)
    assert sent[0] <= 2 * CONNECTION_WINDOW_SIZE


@pytest.mark.parametrize("kind", ["bytes", "generator"])
async def test_a_refusal_ends_the_upload(h2_client: H2Client, face: Face, serve_frames: ServeFrames, kind: str) -> None:
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_headers()
        conversation.send_headers(request.stream_id, REFUSED)
        conversation.send_data(request.stream_id, b"too large", is_last=True)
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.answer(conversation.read_headers().stream_id, b"next")
        conversation.read_to_end()

    content: Any = b"x" * 1_000_000
    if kind == "generator":
        content = face.generate([b"x" * 50_000] * 20)
    server = serve_frames(script)
    async with h2_client() as client:
        response = await client.post(server.url(), content=content)
        assert (response.status_code, response.content) == (413, b"too large")
        assert (await client.get(server.url())).text == "next"
    assert resets[0].number == CANCEL


async def test_a_reset_without_error_after_the_response_ends_the_upload(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_headers()
        # RFC 9113 8.1: a response that does not need the rest of the request.
        conversation.send_headers(request.stream_id)
        conversation.send_data(request.stream_id, b"enough", is_last=True)
        conversation.reset(request.stream_id, NO_ERROR)
        conversation.answer(conversation.read_headers().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        assert (await client.post(server.url(), content=face.generate([b"x" * 50_000] * 20))).text == "enough"
        assert (await client.get(server.url())).text == "next"
    assert server.connection_count == 1


async def test_a_body_may_be_answered_part_by_part(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    """The response streams while the request does: it is read before the request is sent to its end."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_headers()
        conversation.send_headers(request.stream_id)
        while True:
            received = conversation.wait_for(DATA)
            conversation.send_data(request.stream_id, received.payload.upper(), is_last=bool(received.flags))
            conversation.update_window(0, len(received.payload) or 1)
            if not received.flags & END_STREAM:
                conversation.update_window(request.stream_id, len(received.payload))
            if received.flags & END_STREAM:
                break
        conversation.read_to_end()

    answers: list[bytes] = []
    counts: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(10):
            counts.append(len(answers))
            yield (b"part %d " % number) * 10_000

    async def async_parts() -> AsyncIterator[bytes]:
        for part in parts():
            yield part

    body: Any = async_parts() if face.is_async else parts()
    server = serve_frames(script)
    async with h2_client() as client, client.stream("POST", server.url(), content=body) as response:
        async for answer in face.iterate(response, "raw"):
            answers.append(answer)
    assert b"".join(answers) == b"".join((b"PART %d " % number) * 10_000 for number in range(10))
    # Its last part was asked for when some of the response had been read.
    assert counts[-1] > 0


async def test_an_upload_that_is_too_short_or_too_long_resets_its_stream(
    h2_client: H2Client, face: Face, serve_frames: ServeFrames
) -> None:
    server = serve_frames(answering_each)
    async with h2_client() as client:
        for parts, problem in (([b"123"], "Too little"), ([b"123", b"456"], "Too much")):
            with pytest.raises(httpx.LocalProtocolError, match=problem):
                await client.post(server.url(), content=face.generate(parts), headers={"Content-Length": "5"})
            assert (await client.get(server.url("/next"))).text == "/next"
    assert server.connection_count == 1


async def test_a_total_timeout_ends_a_response_that_drips(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_headers(1)
        while not conversation.server.may_go_on.wait(0.01):
            conversation.send_data(1, b"x")

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.ReadTimeout, match="Total timeout"):
            await client.get(server.url(), timeout=httpx.Timeout(5, total=0.2))
