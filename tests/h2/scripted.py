"""Servers of HTTP/2 that send whatever frames a test wants. Field blocks are made and read by `hpack`, an oracle."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import hpack

from tests.client.servers import ClientClosed, Conversation

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16

END_STREAM = ACK = 1
END_HEADERS = 4
PADDED = 8
HAS_PRIORITY = 32

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED = 11, 13

MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, ENABLE_CONNECT_PROTOCOL = 3, 4, 5, 8

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = Iterable[tuple[str, str]]
OK: Fields = [(":status", "200")]


@dataclass
class Frame:
    """A frame as it came."""

    type: int
    flags: int
    stream_id: int
    payload: bytes

    @property
    def number(self) -> int:
        """The payload of RST_STREAM and WINDOW_UPDATE, or the error code of GOAWAY."""
        value: int = struct.unpack(">I", self.payload[4:8] if self.type == GOAWAY else self.payload[:4])[0]
        return value


@dataclass
class Received:
    """A request that is complete."""

    stream_id: int
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return dict(self.fields)[":path"]


def frame(frame_type: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 255, frame_type, flags, stream_id) + payload


def settings(*parameters: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in parameters))


class FrameConversation:
    """The server's end of one connection: its SETTINGS are sent, and the client's preface is read."""

    def __init__(self, conversation: Conversation, *parameters: tuple[int, int]) -> None:
        self.server = conversation.server
        self.number = conversation.number
        self.channel = conversation.channel
        self.frames: list[Frame] = []
        self._conversation = conversation
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        # Of DATA that `send_body` sent, by stream; 0 is the connection.
        self.sent_sizes: dict[int, int] = {}
        self._requests: dict[int, Received] = {}
        assert conversation.read_exactly(len(PREFACE)) == PREFACE
        first = self.read_frame()
        assert (first.type, first.flags, first.stream_id) == (SETTINGS, 0, 0)
        self.announced = dict(struct.iter_unpack(">HI", first.payload))

    # Sending.

    def greet(self, *parameters: tuple[int, int]) -> None:
        """Send SETTINGS, and acknowledge the client's."""
        self.send(settings(*parameters) + frame(SETTINGS, ACK, 0))

    def send(self, data: bytes) -> None:
        self.channel.sendall(data)

    def send_frame(self, frame_type: int, flags: int, stream_id: int, payload: bytes = b"") -> None:
        self.send(frame(frame_type, flags, stream_id, payload))

    def encode(self, fields: Fields) -> bytes:
        block: bytes = self._encoder.encode(list(fields))
        return block

    def send_headers(self, stream_id: int, fields: Fields = OK, *, is_last: bool = False) -> None:
        self.send_frame(HEADERS, END_HEADERS | (END_STREAM if is_last else 0), stream_id, self.encode(fields))

    def send_data(self, stream_id: int, data: bytes, *, is_last: bool = False) -> None:
        self.send_frame(DATA, END_STREAM if is_last else 0, stream_id, data)

    def answer(self, stream_id: int, body: bytes = b"ok") -> None:
        """Send a whole response in one go."""
        self.send(
            frame(HEADERS, END_HEADERS, stream_id, self.encode(OK)) + frame(DATA, END_STREAM, stream_id, body),
        )

    def send_body(self, stream_id: int, data: bytes, *, is_last: bool = True) -> None:
        """Send DATA as the client's windows allow."""
        view = memoryview(data)
        while view:
            size = min(len(view), 16384, self.window_of(stream_id), self.window_of(0))
            if size > 0:
                self.send_data(stream_id, bytes(view[:size]))
                self.sent_sizes[stream_id] = self.sent_sizes.get(stream_id, 0) + size
                self.sent_sizes[0] = self.sent_sizes.get(0, 0) + size
                view = view[size:]
            else:
                self.wait_for(WINDOW_UPDATE)
        if is_last:
            self.send_data(stream_id, b"", is_last=True)

    def window_of(self, stream_id: int) -> int:
        """Return what the client allows to be sent at this time, as far as it was read."""
        size = self.announced[INITIAL_WINDOW_SIZE] if stream_id else 65535
        credits = [
            received.number
            for received in self.frames
            if received.type == WINDOW_UPDATE and received.stream_id == stream_id
        ]
        return size + sum(credits) - self.sent_sizes.get(stream_id, 0)

    def reset(self, stream_id: int, code: int) -> None:
        self.send_frame(RST_STREAM, 0, stream_id, struct.pack(">I", code))

    def go_away(self, last_stream_id: int, code: int = NO_ERROR, debug: bytes = b"") -> None:
        self.send_frame(GOAWAY, 0, 0, struct.pack(">II", last_stream_id, code) + debug)

    def update_window(self, stream_id: int, increment: int) -> None:
        self.send_frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", increment))

    # Receiving.

    def read_frame(self) -> Frame:
        header = self._conversation.read_exactly(9)
        high, low, frame_type, flags, stream_id = struct.unpack(">HBBBI", header)
        received = Frame(frame_type, flags, stream_id, self._conversation.read_exactly(high << 8 | low))
        self.frames.append(received)
        return received

    def wait_for(self, frame_type: int, stream_id: int | None = None) -> Frame:
        """Read up to a frame of this type, acknowledgements left out."""
        while True:
            received = self.read_frame()
            is_ack = received.type == SETTINGS and received.flags & ACK
            if received.type == frame_type and not is_ack and stream_id in (None, received.stream_id):
                return received

    def read_headers(self) -> Received:
        """Read up to the head of a request; its body may follow."""
        while True:
            received = self.read_frame()
            if received.type == HEADERS:
                return self._begin(received)

    def read_request(self, *, gives_credit: bool = True) -> Received:
        """Read up to the end of a request, any of those under way."""
        while True:
            received = self.read_frame()
            if received.type == HEADERS:
                request = self._begin(received)
            elif received.type == DATA:
                request = self._requests[received.stream_id]
                request.body += received.payload
                if gives_credit and received.payload:
                    self.update_window(0, len(received.payload))
                    if not received.flags & END_STREAM:
                        self.update_window(received.stream_id, len(received.payload))
            else:
                continue
            if received.flags & END_STREAM:
                self._requests.pop(request.stream_id, None)
                return request

    def read_to_end(self) -> list[Frame]:
        """Read what comes until the client closes."""
        start = len(self.frames)
        try:
            while True:
                self.read_frame()
        except (ClientClosed, OSError):
            return self.frames[start:]

    # Private from here on.

    def _begin(self, received: Frame) -> Received:
        block = received.payload
        if received.flags & HAS_PRIORITY:
            block = block[5:]
        flags = received.flags
        while not flags & END_HEADERS:
            continuation = self.read_frame()
            assert continuation.type == CONTINUATION
            block += continuation.payload
            flags = continuation.flags
        fields = [(str(name), str(value)) for name, value in self._decoder.decode(block)]
        request = self._requests.get(received.stream_id)
        if request is not None:
            request.trailers = fields
            return request
        request = self._requests[received.stream_id] = Received(received.stream_id, fields)
        return request


FrameScript = Callable[[FrameConversation], object]


def answering_each(conversation: FrameConversation) -> None:
    """Answer each request with its path."""
    conversation.greet()
    while True:
        request = conversation.read_request()
        conversation.answer(request.stream_id, request.path.encode())
