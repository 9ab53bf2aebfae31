"""What a server must not send: each is a RemoteProtocolError, told to the server, and never a foreign exception."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable

import pytest

import httpx
from tests.client.faces import Face, FaceClient
from tests.network.colours import PATIENCE, Colour

from .conftest import ServeFrames
from .scripted import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    FrameConversation,
    frame,
    settings,
)

H2Client = Callable[..., FaceClient]

NAMES = {
    PROTOCOL_ERROR: "PROTOCOL_ERROR",
    FLOW_CONTROL_ERROR: "FLOW_CONTROL_ERROR",
    FRAME_SIZE_ERROR: "FRAME_SIZE_ERROR",
    COMPRESSION_ERROR: "COMPRESSION_ERROR",
    ENHANCE_YOUR_CALM: "ENHANCE_YOUR_CALM",
}

# Frames that end the connection: what is sent, and the code of the GOAWAY that the client sends.
CONNECTION_FAULTS = {
    "DATA of no stream": (frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    "DATA of an idle stream": (frame(DATA, 0, 7, b"x"), PROTOCOL_ERROR),
    "DATA of a stream of the server's": (frame(DATA, 0, 2, b"x"), PROTOCOL_ERROR),
    "DATA with more padding than payload": (frame(DATA, PADDED, 1, b"\x05abc"), PROTOCOL_ERROR),
    "DATA with padding and no payload": (frame(DATA, PADDED, 1, b""), PROTOCOL_ERROR),
    "HEADERS of no stream": (frame(HEADERS, END_HEADERS, 0, b"\x88"), PROTOCOL_ERROR),
    "HEADERS of an idle stream": (frame(HEADERS, END_HEADERS, 9, b"\x88"), PROTOCOL_ERROR),
    "HEADERS with too much padding": (frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x88"), PROTOCOL_ERROR),
    "HEADERS too short for a priority": (frame(HEADERS, END_HEADERS | HAS_PRIORITY, 1, b"\x00\x00"), FRAME_SIZE_ERROR),
    "HEADERS that HPACK cannot read": (frame(HEADERS, END_HEADERS, 1, b"\x80"), COMPRESSION_ERROR),
    "HEADERS with an index beyond the table": (frame(HEADERS, END_HEADERS, 1, b"\xff\x80\x01"), COMPRESSION_ERROR),
    "HEADERS that are cut off": (frame(HEADERS, END_HEADERS, 1, b"\x00\x05ab"), COMPRESSION_ERROR),
    "a frame within HEADERS": (frame(HEADERS, 0, 1, b"\x88") + frame(PING, 0, 0, bytes(8)), PROTOCOL_ERROR),
    "CONTINUATION of another stream": (
        frame(HEADERS, 0, 1, b"\x88") + frame(CONTINUATION, END_HEADERS, 3, b""),
        PROTOCOL_ERROR,
    ),
    "CONTINUATION without HEADERS": (frame(CONTINUATION, END_HEADERS, 1, b"\x88"), PROTOCOL_ERROR),
    "PRIORITY of no stream": (frame(PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
    "PRIORITY of a wrong size": (frame(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    "RST_STREAM of no stream": (frame(RST_STREAM, 0, 0, bytes(4)), PROTOCOL_ERROR),
    "RST_STREAM of an idle stream": (frame(RST_STREAM, 0, 5, bytes(4)), PROTOCOL_ERROR),
    "RST_STREAM of a wrong size": (frame(RST_STREAM, 0, 1, bytes(5)), FRAME_SIZE_ERROR),
    "SETTINGS of a stream": (frame(SETTINGS, 0, 1, b""), PROTOCOL_ERROR),
    "SETTINGS of a wrong size": (frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "SETTINGS that acknowledge and say something": (frame(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
    "SETTINGS that switch push on": (settings((2, 1)), PROTOCOL_ERROR),
    "SETTINGS with too large a window": (settings((4, 2**31)), FLOW_CONTROL_ERROR),
    "SETTINGS with too small a frame": (settings((5, 16383)), PROTOCOL_ERROR),
    "SETTINGS with too large a frame": (settings((5, 2**24)), PROTOCOL_ERROR),
    "SETTINGS with another number than 0 and 1": (settings((8, 2)), PROTOCOL_ERROR),
    "SETTINGS that take extended CONNECT back": (settings((8, 1)) + settings((8, 0)), PROTOCOL_ERROR),
    "PUSH_PROMISE": (frame(PUSH_PROMISE, END_HEADERS, 1, bytes([0, 0, 0, 2]) + b"\x82"), PROTOCOL_ERROR),
    "PING of a stream": (frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "PING of a wrong size": (frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "GOAWAY of a stream": (frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "GOAWAY of a wrong size": (frame(GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE of a wrong size": (frame(WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE of 0": (frame(WINDOW_UPDATE, 0, 0, bytes(4)), PROTOCOL_ERROR),
    "WINDOW_UPDATE of an idle stream": (frame(WINDOW_UPDATE, 0, 5, struct.pack(">I", 1)), PROTOCOL_ERROR),
    "WINDOW_UPDATE beyond the window": (frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1)), FLOW_CONTROL_ERROR),
    "a frame that is too large": (frame(DATA, 0, 1, bytes(16385)), FRAME_SIZE_ERROR),
    "HTTP/1.1": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", FRAME_SIZE_ERROR),
}


@pytest.mark.parametrize("name", CONNECTION_FAULTS)
async def test_a_fault_of_the_connection_ends_it(h2_client: H2Client, serve_frames: ServeFrames, name: str) -> None:
    data, code = CONNECTION_FAULTS[name]
    goodbyes: list[Frame] = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send(data)
        goodbyes.extend(received for received in conversation.read_to_end() if received.type == GOAWAY)

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match=NAMES[code]):
            await client.get(server.url())
        assert client.pool.connection_count == 0
    server.close()
    assert goodbyes[0].number == code
    assert server.connection_count == 1


Fields = list[tuple[bytes, bytes]]

# Responses that are malformed: each is a fault of its stream alone.
RESPONSES: dict[str, Fields] = {
    "no status": [(b"x-a", b"1")],
    "nothing": [],
    "a status that is not first": [(b"x-a", b"1"), (b":status", b"200")],
    "two statuses": [(b":status", b"200"), (b":status", b"200")],
    "a status of two digits": [(b":status", b"20")],
    "a status of four digits": [(b":status", b"2000")],
    "a status with a sign": [(b":status", b"+20")],
    "a status that begins with 0": [(b":status", b"020")],
    "a pseudo-field of requests": [(b":status", b"200"), (b":path", b"/")],
    "an unknown pseudo-field": [(b":status", b"200"), (b":other", b"1")],
    "an upper case name": [(b":status", b"200"), (b"X-A", b"1")],
    "an empty name": [(b":status", b"200"), (b"", b"1")],
    "a name with a space": [(b":status", b"200"), (b"x a", b"1")],
    "a name with a colon": [(b":status", b"200"), (b"x:a", b"1")],
    "a name with a LF": [(b":status", b"200"), (b"x\na", b"1")],
    "a name with a NUL": [(b":status", b"200"), (b"x\0a", b"1")],
    "a value with CR": [(b":status", b"200"), (b"x-a", b"1\r2")],
    "a value with LF": [(b":status", b"200"), (b"x-a", b"1\n2")],
    "a value with NUL": [(b":status", b"200"), (b"x-a", b"1\x002")],
    "a value with a space before": [(b":status", b"200"), (b"x-a", b" 1")],
    "a value with a tab behind": [(b":status", b"200"), (b"x-a", b"1\t")],
    "Connection": [(b":status", b"200"), (b"connection", b"close")],
    "Transfer-Encoding": [(b":status", b"200"), (b"transfer-encoding", b"chunked")],
    "Keep-Alive": [(b":status", b"200"), (b"keep-alive", b"timeout=5")],
    "Proxy-Connection": [(b":status", b"200"), (b"proxy-connection", b"close")],
    "Upgrade": [(b":status", b"200"), (b"upgrade", b"h2c")],
    "differing lengths": [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")],
    "a length with a sign": [(b":status", b"200"), (b"content-length", b"+5")],
    "101": [(b":status", b"101")],
}


def literal(fields: Fields) -> bytes:
    """Encode fields in the simplest way, whatever is in them: no index, no Huffman coding, less than 127 bytes each."""
    return b"".join(b"\x00%c%b%c%b" % (len(name), name, len(value), value) for name, value in fields)


@pytest.mark.parametrize("name", RESPONSES)
async def test_a_malformed_response_is_reset_and_no_more(
    h2_client: H2Client, serve_frames: ServeFrames, name: str
) -> None:
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send_frame(HEADERS, END_HEADERS, 1, literal(RESPONSES[name]))
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="PROTOCOL_ERROR"):
            await client.get(server.url())
        assert (await client.get(server.url())).text == "next"
    assert (resets[0].stream_id, resets[0].number) == (1, PROTOCOL_ERROR)


OK = frame(HEADERS, END_HEADERS, 1, b"\x88")
OK_LENGTH_5 = frame(HEADERS, END_HEADERS, 1, b"\x88" + literal([(b"content-length", b"5")]))

# What may not follow on a stream, and the code of its reset.
STREAM_FAULTS = {
    "DATA before HEADERS": (frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
    "the end before HEADERS": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, literal([(b":status", b"103")])),
        PROTOCOL_ERROR,
    ),
    "less than Content-Length": (OK_LENGTH_5 + frame(DATA, END_STREAM, 1, b"1234"), PROTOCOL_ERROR),
    "more than Content-Length": (OK_LENGTH_5 + frame(DATA, 0, 1, b"123456"), PROTOCOL_ERROR),
    "trailers that are not the end": (OK + frame(HEADERS, END_HEADERS, 1, literal([(b"x", b"1")])), PROTOCOL_ERROR),
    "trailers with a pseudo-field": (
        OK + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88"),
        PROTOCOL_ERROR,
    ),
    "WINDOW_UPDATE of 0": (frame(WINDOW_UPDATE, 0, 1, bytes(4)), PROTOCOL_ERROR),
    "WINDOW_UPDATE beyond the window": (frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 2**31 - 1)), FLOW_CONTROL_ERROR),
    "too many informational responses": (
        frame(HEADERS, END_HEADERS, 1, literal([(b":status", b"103")])) * 101,
        ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
async def test_a_fault_of_a_stream_resets_that(h2_client: H2Client, serve_frames: ServeFrames, name: str) -> None:
    data, code = STREAM_FAULTS[name]
    resets = []

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send(data)
        resets.append(conversation.wait_for(RST_STREAM))
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match=NAMES[code]):
            async with client.stream("GET", server.url()) as response:
                await client.face.read(response)
        assert (await client.get(server.url())).text == "next"
    assert (resets[0].stream_id, resets[0].number) == (1, code)


async def test_a_head_request_takes_no_data(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.answer(1, b"body")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="no body"):
            response = await client.request("HEAD", server.url())
            assert not response.content


@pytest.mark.parametrize("has_begun", [True, False], ids=["in the body", "before the response"])
async def test_a_connection_that_ends_is_an_error(
    h2_client: H2Client, serve_frames: ServeFrames, has_begun: bool
) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        if has_begun:
            conversation.send(OK + frame(DATA, 0, 1, b"part"))
        conversation.channel.finish()
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match=r"closed connection|disconnected"):
            await client.get(server.url())
        assert client.pool.connection_count == 0


# Floods: what costs the server a packet must not cost the client seconds.

FLOODS = {
    "empty DATA": OK + frame(DATA, 0, 1) * 430_000,
    "padding alone": OK + frame(DATA, PADDED, 1, b"\x00") * 100_000,
    "PING": frame(PING, 0, 0, bytes(8)) * 100_000,
    "answers to PING": frame(PING, ACK, 0, bytes(8)) * 100_000,
    "SETTINGS": settings() * 100_000,
    "SETTINGS that change the window": (settings((4, 1)) + settings((4, 65535))) * 50_000,
    "acknowledgements": frame(SETTINGS, ACK, 0) * 100_000,
    "PRIORITY": frame(PRIORITY, 0, 1, bytes(5)) * 100_000,
    "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 100_000,
    "WINDOW_UPDATE of the stream": frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)) * 100_000,
    "unknown frames": frame(99, 0, 0, b"") * 100_000,
    "GOAWAY": frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0)) * 100_000,
    "empty CONTINUATION": frame(HEADERS, 0, 1, b"\x88") + frame(CONTINUATION, 0, 1, b"") * 100_000,
    "large CONTINUATION": frame(HEADERS, 0, 1, b"\x88") + frame(CONTINUATION, 0, 1, bytes(16384)) * 200,
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_is_cut_off(h2_client: H2Client, serve_frames: ServeFrames, name: str) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send(FLOODS[name])
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
            await client.get(server.url())
        assert client.pool.connection_count == 0


async def test_a_flood_of_large_field_sections_is_cut_off(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    """They are of a stream that is closed, so that there is nothing to reset."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.answer(conversation.read_request().stream_id)
        conversation.read_request()
        conversation.send(frame(HEADERS, END_HEADERS, 1, b"\x88" * 1001) * 5000)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        await client.get(server.url())
        with pytest.raises(httpx.RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
            await client.post(server.url())


async def test_answers_that_nobody_reads_are_bounded(
    h2_client: H2Client, serve_frames: ServeFrames, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each PING comes with a byte of the response, and so is no flood; the upload has filled the socket."""
    monkeypatch.setattr("httpx._connections.http2.MAX_ANSWERS", 100)

    def script(conversation: FrameConversation) -> None:
        conversation.greet((4, 2**31 - 1))
        conversation.update_window(0, 2**31 - 65536)
        conversation.read_headers()
        conversation.server.wait()
        conversation.send(OK + (frame(PING, 0, 0, bytes(8)) + frame(DATA, 0, 1, b"x")) * 20_000)
        ended.wait(PATIENCE)

    async def post() -> None:
        await client.post(server.url(), content=bytes(50_000_000))

    ended = threading.Event()
    server = serve_frames(script)
    async with h2_client() as client:
        task = colour.start(post)
        await colour.until(lambda: client.pool._shelves.active)
        turn = next(iter(client.pool._shelves.active)).turn
        await colour.until(lambda: turn.queued_size > 200_000 and turn.is_behind)
        server.may_go_on.set()
        try:
            with pytest.raises(httpx.RemoteProtocolError, match="100 answers"):
                await task.join()
        finally:
            ended.set()


async def test_small_parts_take_little_memory(h2_client: H2Client, face: Face, serve_frames: ServeFrames) -> None:
    content = bytes(range(256)) * 400
    parts = [content[start : start + 2] for start in range(0, len(content), 2)]

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send(OK + b"".join(frame(DATA, 0, 1, part) for part in parts))
        conversation.answer(conversation.read_request().stream_id)
        conversation.server.wait()
        conversation.send_data(1, b"", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client, client.stream("GET", server.url()) as response:
        await client.get(server.url())
        (connection,) = client.pool._shelves.active
        stream = connection.engine.streams[1]
        assert stream.unread_size == len(content)
        assert len(stream.parts) <= len(content) / 4096 + 1
        server.may_go_on.set()
        assert await face.read(response) == content


async def test_what_a_field_section_unpacks_to_is_bounded(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    """An HPACK bomb: one large entry, and a byte for each time that it is named again."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        value = b"x" * 3000
        entry = b"\x40\x01a\x7f" + bytes([(3000 - 127) & 127 | 128, (3000 - 127) >> 7]) + value
        conversation.send_frame(HEADERS, END_HEADERS, 1, b"\x88" + entry + b"\xbe" * 12_000)
        # The block was read to its end, so that the others may go on.
        conversation.answer(conversation.read_request().stream_id, b"next")
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="Field list"):
            await client.get(server.url())
        assert (await client.get(server.url())).text == "next"
    assert server.connection_count == 1


async def test_credit_for_what_was_sent_is_no_flood(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    """Go's server gives credit for each read of its handler, twice: for the stream and for the connection."""

    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        request = conversation.read_headers()
        left = 8_000_000
        while left:
            size = len(conversation.wait_for(DATA).payload)
            left -= size
            credits = [min(1024, size - start) for start in range(0, size, 1024)]
            updates = [
                frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", credit))
                for credit in credits
                for stream_id in (0, request.stream_id)
            ]
            conversation.send(b"".join(updates))
        conversation.answer(request.stream_id)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        assert (await client.post(server.url(), content=bytes(8_000_000))).text == "ok"


async def test_frames_now_and_then_are_no_flood(h2_client: H2Client, serve_frames: ServeFrames) -> None:
    def script(conversation: FrameConversation) -> None:
        conversation.greet()
        conversation.read_request()
        conversation.send(OK)
        for _ in range(3000):
            conversation.send(frame(PING, ACK, 0, bytes(8)) + frame(DATA, 0, 1, b"x"))
        conversation.send_data(1, b"", is_last=True)
        conversation.read_to_end()

    server = serve_frames(script)
    async with h2_client() as client:
        assert len((await client.get(server.url())).content) == 3000
