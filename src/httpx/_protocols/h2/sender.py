"""What a client sends over one HTTP/2 connection: requests, their bodies, resets, and credit for what was read."""

from __future__ import annotations

from collections.abc import Callable

from . import frames
from .errors import ErrorCode
from .floods import FrameAllowance
from .frames import END_STREAM, MAX_STREAM_ID
from .hpack_encoder import HpackEncoder
from .request_fields import RequestHead
from .response_fields import HeadMemory
from .send_windows import SendWindows
from .settings import LOCAL_SETTINGS, PeerSettings
from .streams import H2Stream, StreamState
from .windows import CONNECTION_WINDOW_SIZE, DEFAULT_WINDOW_SIZE, ConnectionWindow

# Bytes of DATA that one call makes. More would only lie in the queue, in memory and ahead of other streams.
MAX_PRODUCED_SIZE = 256 * 1024


class H2Sender:
    """The sending half of an `H2Engine`.

    Attributes:
        streams: those that are not closed, by id.
        peer: what the server has announced.
        is_closing: no stream may be opened any more.
    """

    def __init__(self, *, put: Callable[[bytes | memoryview], None], wake: Callable[[int], None]) -> None:
        self._put = put
        self.streams: dict[int, H2Stream] = {}
        self.peer = PeerSettings()
        self.is_closing = False
        self._next_id = 1
        self._encoder = HpackEncoder()
        self._send_windows = SendWindows(wake)
        self._window = ConnectionWindow()
        # For the streams, which read them.
        self._heads = HeadMemory()
        self._allowance = FrameAllowance()
        put(frames.PREFACE)
        put(frames.write_settings(LOCAL_SETTINGS))
        put(frames.write_window_update(0, CONNECTION_WINDOW_SIZE - DEFAULT_WINDOW_SIZE))

    @property
    def has_room(self) -> bool:
        """Tell whether the server takes another stream at this time."""
        return len(self.streams) < self.peer.max_concurrent_streams and not self.is_closing

    def open(self, head: RequestHead, *, is_last: bool, priority: bytes | None = None) -> H2Stream:
        """Send the head of a request. To be called while there is room."""
        stream_id = self._next_id
        self._next_id += 2
        if self._next_id > MAX_STREAM_ID:
            self.is_closing = True
        stream = H2Stream(
            stream_id,
            method=head.fields[0][1],
            send_window=self.peer.initial_window_size,
            is_sent=is_last,
            heads=self._heads,
        )
        self.streams[stream_id] = stream
        if priority is not None:
            # RFC 9218 7.1: it may come before the stream is opened, and so counts for all of it.
            self._put(frames.write_priority_update(stream_id, priority))
        block = self._encoder.encode(head.fields, is_kept=head.is_kept)
        self._put(frames.write_headers(stream_id, block, is_last=is_last, max_frame_size=self.peer.max_frame_size))
        return stream

    def send_data(self, stream: H2Stream, data: memoryview, *, is_last: bool) -> int:
        """Send as much of data as the windows allow, and the end of the stream behind it; return how much that was."""
        # RFC 9113 6.9.1: the end of the stream alone needs no window, also where that is below 0.
        size = max(min(self._send_windows.allow(stream, len(data)), MAX_PRODUCED_SIZE), 0)
        if not size and (data or not is_last):
            return 0
        is_last = is_last and size == len(data)
        put, max_frame_size, start = self._put, self.peer.max_frame_size, 0
        while True:
            end = min(start + max_frame_size, size)
            flags = END_STREAM if is_last and end == size else 0
            put(frames.write_header(frames.DATA, flags, stream.id, end - start))
            put(data[start:end])
            if end == size:
                break
            start = end
        self._send_windows.spend(stream, size)
        self._allowance.count_sent(size)
        if is_last:
            self._finish_sending(stream)
        return size

    def send_trailers(self, stream: H2Stream, fields: list[tuple[bytes, bytes]]) -> None:
        """End a request with trailer fields."""
        block = self._encoder.encode(fields)
        self._put(frames.write_headers(stream.id, block, is_last=True, max_frame_size=self.peer.max_frame_size))
        self._finish_sending(stream)

    def can_send(self, stream: H2Stream) -> bool:
        """Tell whether the windows allow any DATA of a stream."""
        return self._send_windows.is_open(stream)

    def take(self, stream: H2Stream) -> bytes:
        """Return what came of a body, b"" if nothing did, and allow the server to send more."""
        parts = stream.parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        stream.unread_size = 0
        self._window.unread_size -= len(data)
        if not stream.is_complete and stream.failure is None:
            credit = stream.window.consume(len(data))
            if credit:
                self._put(frames.write_window_update(stream.id, credit))
        elif not self._window.is_held_back:
            # Speed: what is due is given with the next frame that comes.
            return data
        self._give_credit()
        return data

    def reset(self, stream: H2Stream, code: ErrorCode) -> None:
        """End a stream that is not closed, whatever its state, and forget what was not taken of it."""
        self._drop_unread(stream)
        if self.streams.pop(stream.id, None) is not None:
            stream.state = StreamState.CLOSED
            self._send_windows.forget(stream)
            self._put(frames.write_rst_stream(stream.id, code))
        self._give_credit()

    def ping(self, opaque: bytes) -> None:
        """Send a PING; `pong_count` tells of its answer."""
        self._put(frames.write_ping(opaque, is_ack=False))

    def say_goodbye(self) -> None:
        """Tell the server that nothing more will come."""
        self.is_closing = True
        self._put(frames.write_goaway(0, ErrorCode.NO_ERROR))

    # For the receiving half.

    def _finish_sending(self, stream: H2Stream) -> None:
        stream.finish_sending()
        self._send_windows.forget(stream)
        if stream.state is StreamState.CLOSED:
            self.streams.pop(stream.id, None)

    def _drop_unread(self, stream: H2Stream) -> None:
        if stream.unread_size:
            self._window.consume(stream.unread_size)
            stream.parts.clear()
            stream.unread_size = 0

    def _give_credit(self) -> None:
        credit = self._window.take_credit()
        if credit:
            self._put(frames.write_window_update(0, credit))
