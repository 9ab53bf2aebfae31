"""What the tests of the HTTP/2 engine share: an engine whose output `hyperframe`, an oracle, takes apart.

Frames for the engine are made by `hyperframe` and field blocks by `hpack`, so nothing here believes our own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import hpack
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame, SettingsFrame

from httpx._protocols.h2.engine import H2Engine
from httpx._protocols.h2.frames import PREFACE
from httpx._protocols.h2.request_fields import RequestHead
from httpx._protocols.h2.streams import H2Stream

Fields = Iterable[tuple[bytes, bytes]]

GET_FIELDS = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")]
OK = [(b":status", b"200")]


def parse(data: bytes) -> list[Frame]:
    """Take bytes apart, which end with a frame."""
    parsed: list[Frame] = []
    view = memoryview(data)
    while view:
        frame, size = Frame.parse_frame_header(view[:9])
        assert len(view) >= 9 + size
        frame.parse_body(view[9 : 9 + size])
        parsed.append(frame)
        view = view[9 + size :]
    return parsed


def describe(frames: Iterable[Frame]) -> list[Any]:
    """Return frames as what can be compared: type, stream, flags and body."""
    return [(type(frame).__name__, frame.stream_id, sorted(frame.flags), frame.serialize_body()) for frame in frames]


class Wire:
    """An engine, what it wants sent, whom it woke, and the server's field compression."""

    def __init__(self, *parameters: tuple[int, int], is_greeted: bool = True) -> None:
        self.output: list[bytes | memoryview] = []
        self.woken: list[int] = []
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.now = 1000.0
        # 0 is those who wait for no stream.
        self.engine = H2Engine(put=self.output.append, wake=self.woken.append, wake_others=lambda: self.woken.append(0))
        self.preface = b"".join(self.output)
        assert self.preface.startswith(PREFACE)
        self.output.clear()
        if is_greeted:
            self.receive(SettingsFrame(0, dict(parameters)))
            self.sent()
            self.woken.clear()

    def take_output(self) -> bytes:
        data = b"".join(self.output)
        self.output.clear()
        return data

    def sent(self) -> list[Frame]:
        """Return the frames that were sent since the last call."""
        return parse(self.take_output())

    def receive(self, *frames: Frame | bytes) -> None:
        """Let all of these frames come at once."""
        data = b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames)
        self.engine.receive(data, self.now)

    def open(
        self, *, method: bytes = b"GET", fields: Fields = (), is_last: bool = True, priority: bytes | None = None
    ) -> H2Stream:
        """Send the head of a request."""
        head = RequestHead([(b":method", method), *GET_FIELDS[1:], *fields], None)
        return self.engine.open(head, is_last=is_last, priority=priority)

    def opened(self, *, method: bytes = b"GET", is_last: bool = True) -> H2Stream:
        """Send the head of a request, and forget that it was sent."""
        stream = self.open(method=method, is_last=is_last)
        self.sent()
        return stream

    def headers(self, stream: H2Stream | int, fields: Fields = OK, *flags: str) -> HeadersFrame:
        """Make the head of a response, in one frame."""
        block = self.encoder.encode(list(fields))
        return HeadersFrame(_id_of(stream), block, flags=["END_HEADERS", *flags])

    def answered(self, fields: Fields = OK, *, method: bytes = b"GET", is_last: bool = True) -> H2Stream:
        """Open a stream that has the head of its response."""
        stream = self.opened(method=method, is_last=is_last)
        self.receive(self.headers(stream, fields))
        self.woken.clear()
        return stream


def data(stream: H2Stream | int, content: bytes = b"", *flags: str, pad_size: int | None = None) -> DataFrame:
    """Make a DATA frame; with a pad_size, even one of 0, it is padded."""
    frame = DataFrame(_id_of(stream), content, flags=list(flags))
    if pad_size is not None:
        frame.flags.add("PADDED")
        frame.pad_length = pad_size
    return frame


def filling(stream: H2Stream | int, size: int) -> Iterator[DataFrame]:
    """Make DATA of that size, in frames as large as they may be."""
    while size > 0:
        yield data(stream, bytes(min(size, 16384)))
        size -= 16384


def block_of(frames: list[Frame]) -> bytes:
    """Return the field block in HEADERS and the CONTINUATION behind it; nothing else may be there."""
    assert isinstance(frames[0], HeadersFrame)
    assert all(isinstance(frame, ContinuationFrame) for frame in frames[1:])
    assert [("END_HEADERS" in frame.flags) for frame in frames] == [False] * (len(frames) - 1) + [True]
    return b"".join(frame.data for frame in frames if isinstance(frame, HeadersFrame | ContinuationFrame))


# Private from here on.


def _id_of(stream: H2Stream | int) -> int:
    return stream if isinstance(stream, int) else stream.id
