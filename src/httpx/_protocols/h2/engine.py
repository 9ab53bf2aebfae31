"""One HTTP/2 connection of a client, without I/O (RFC 9113): bytes in, the state of streams and bytes out.

The engine knows no time but the one it is given, waits for nothing, and is called under the lock of its connection.
What it wants sent goes to `put`, in the order in which it must reach the wire; who may have something to look at is
told by `wake`, with the id of the stream, and by `wake_others` if no stream is meant. What a peer does wrong about one
stream resets that, and what it does wrong about the connection is raised, after a GOAWAY was put: the connection is
over then.
"""

from __future__ import annotations

from collections.abc import Callable

from ..._exceptions import RemoteProtocolError
from . import frames
from .errors import ConnectionFault, ErrorCode, StreamFault, name_code
from .field_blocks import BlockGatherer
from .floods import FrameAllowance
from .frames import ACK, END_STREAM, MAX_STREAM_ID, FrameReader
from .hpack_decoder import HeaderListTooLarge, HpackDecoder, HpackError
from .hpack_encoder import HpackEncoder
from .request_fields import RequestHead
from .response_fields import HeadMemory
from .send_windows import SendWindows
from .settings import LOCAL_SETTINGS, MAX_FIELD_LIST_SIZE, PeerSettings
from .streams import H2Stream, StreamState
from .windows import CONNECTION_WINDOW_SIZE, DEFAULT_WINDOW_SIZE, ConnectionWindow

# Bytes of DATA that one call makes. More would only lie in the queue, in memory and ahead of other streams.
MAX_PRODUCED_SIZE = 256 * 1024


class H2Engine:
    """The client's side of a connection.

    Attributes:
        streams: those that are not closed, by id.
        peer: what the server has announced.
        is_closing: no stream may be opened any more.
        pong_count: how many answers to PING came.
        answer_count: how many answers to PING and SETTINGS were put.
        received_at: the time of the last bytes that came.
    """

    def __init__(
        self, *, put: Callable[[bytes | memoryview], None], wake: Callable[[int], None], wake_others: Callable[[], None]
    ) -> None:
        self._put = put
        self._wake = wake
        self._wake_others = wake_others
        self.streams: dict[int, H2Stream] = {}
        self.peer = PeerSettings()
        self.is_closing = False
        self.pong_count = self.answer_count = 0
        self.received_at = 0.0
        self._next_id = 1
        # The highest id that the server will process, and why it said so.
        self._last_id = MAX_STREAM_ID
        self._goaway = ""
        self._frames = FrameReader()
        self._gatherer = BlockGatherer()
        self._encoder = HpackEncoder()
        self._decoder = HpackDecoder(max_list_size=MAX_FIELD_LIST_SIZE)
        self._send_windows = SendWindows(wake)
        self._window = ConnectionWindow()
        self._heads = HeadMemory()
        self._allowance = FrameAllowance()
        self._handlers: tuple[Callable[[int, int, bytes], None], ...] = (
            self._receive_data,
            self._receive_headers,
            self._receive_priority,
            self._receive_rst_stream,
            self._receive_settings,
            self._receive_push_promise,
            self._receive_ping,
            self._receive_goaway,
            self._receive_window_update,
            self._receive_continuation,
        )
        put(frames.PREFACE)
        put(frames.write_settings(LOCAL_SETTINGS))
        put(frames.write_window_update(0, CONNECTION_WINDOW_SIZE - DEFAULT_WINDOW_SIZE))

    # What is sent.

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
        block = self._encoder.encode(head.fields)
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
            self._give_credit()
        return data

    def reset(self, stream: H2Stream, code: ErrorCode) -> None:
        """End a stream that is not closed, whatever its state, and forget what was not taken of it."""
        self._drop_unread(stream)
        if self.streams.pop(stream.id, None) is not None:
            stream.state = StreamState.CLOSED
            self._send_windows.forget(stream)
            self._put(frames.write_rst_stream(stream.id, code))

    def ping(self, opaque: bytes) -> None:
        """Send a PING; `pong_count` tells of its answer."""
        self._put(frames.write_ping(opaque, is_ack=False))

    def say_goodbye(self) -> None:
        """Tell the server that nothing more will come."""
        self.is_closing = True
        self._put(frames.write_goaway(0, ErrorCode.NO_ERROR))

    # What is received.

    def receive(self, data: bytes, now: float) -> None:
        """Take what was received at this time.

        Raises:
            RemoteProtocolError: the server broke the protocol; the connection is over.
        """
        self.received_at = now
        handlers = self._handlers
        try:
            for frame_type, flags, stream_id, payload in self._frames.receive(data):
                if self._gatherer.stream_id:
                    block = self._gatherer.go_on(frame_type, flags, stream_id, payload)
                    if block is not None:
                        self._receive_block(block.stream_id, block.data, is_last=block.is_last)
                elif frame_type < len(handlers):
                    if frame_type > frames.HEADERS:
                        frames.check_shape(frame_type, stream_id, len(payload))
                    handlers[frame_type](flags, stream_id, payload)
                else:
                    # RFC 9113 4.1: types that are unknown are ignored.
                    self._allowance.spend(now, f"a frame of the unknown type {frame_type}")
        except ConnectionFault as fault:
            self.is_closing = True
            self._put(frames.write_goaway(0, fault.code))
            raise RemoteProtocolError(f"The server broke the HTTP/2 protocol ({fault.code.name}): {fault}") from fault
        self._give_credit()

    def receive_end(self) -> None:
        """Take the end of what the server sends: no stream will get anything more."""
        self.is_closing = True
        for stream in list(self.streams.values()):
            if self._goaway:
                text = f"Server disconnected before the response was complete, after {self._goaway}"
            elif stream.has_received:
                text = "peer closed connection without sending complete message body"
            else:
                text = "Server disconnected without sending a response."
            self._fail(stream, text)

    # Private from here on.

    def _finish_sending(self, stream: H2Stream) -> None:
        stream.finish_sending()
        self._send_windows.forget(stream)
        if stream.state is StreamState.CLOSED:
            self.streams.pop(stream.id, None)

    def _fail(self, stream: H2Stream, text: str, *, is_unprocessed: bool = False) -> None:
        self.streams.pop(stream.id, None)
        self._send_windows.forget(stream)
        stream.fail(RemoteProtocolError(text), is_unprocessed=is_unprocessed)
        self._wake(stream.id)

    def _reset_faulty(self, stream: H2Stream, fault: StreamFault) -> None:
        """End a stream about which the server broke a rule: RFC 9113 5.4.2."""
        self._put(frames.write_rst_stream(stream.id, fault.code))
        self._fail(stream, f"The server broke the HTTP/2 protocol ({fault.code.name}): {fault}")

    def _drop_unread(self, stream: H2Stream) -> None:
        if stream.unread_size:
            self._window.consume(stream.unread_size)
            stream.parts.clear()
            stream.unread_size = 0

    def _give_credit(self) -> None:
        credit = self._window.take_credit()
        if credit:
            self._put(frames.write_window_update(0, credit))

    def _find(self, stream_id: int, what: str) -> H2Stream | None:
        """Return a stream; None if it is closed, about which the server may not know yet.

        Raises:
            ConnectionFault: it was never opened.
        """
        stream = self.streams.get(stream_id)
        if stream is None and (stream_id >= self._next_id or not stream_id & 1):
            # RFC 9113 5.1: on an idle stream nothing may come.
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{what} of the stream {stream_id}, which is not open")
        return stream

    def _receive_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        stream = self.streams.get(stream_id)
        size = len(payload)
        # RFC 9113 6.9.1: padding counts, and so does DATA of streams that are closed.
        if size and not self._window.receive(size):
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window of the connection allows")
        if stream is None:
            self._find(stream_id, "DATA")
            self._window.consume(size)
            self._allowance.spend(self.received_at, "DATA of a closed stream")
            return
        data = frames.unpad(flags, payload, frame="DATA") if flags & frames.PADDED else payload
        unread_size = stream.unread_size
        try:
            # A body that comes in one frame, no larger than any window, needs none of its own.
            is_whole = flags & END_STREAM and not stream.has_window
            if size and not is_whole and not stream.window.receive(size):
                raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window of the stream allows")
            stream.receive_data(data)
            if flags & END_STREAM:
                self._receive_end_of(stream)
            elif data:
                self._allowance.earn()
            else:
                self._allowance.spend(self.received_at, "empty DATA")
        except StreamFault as fault:
            # What came before is still to be read.
            self._window.consume(size - (stream.unread_size - unread_size))
            self._reset_faulty(stream, fault)
            return
        if size != len(data):
            self._return_padding(stream, size - len(data))
        self._wake(stream_id)

    def _return_padding(self, stream: H2Stream, size: int) -> None:
        self._window.consume(size)
        credit = stream.window.consume(size)
        if credit and not stream.is_complete:
            self._put(frames.write_window_update(stream.id, credit))

    def _receive_end_of(self, stream: H2Stream) -> None:
        stream.receive_end()
        self._allowance.earn()
        if stream.state is StreamState.CLOSED:
            del self.streams[stream.id]

    def _receive_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & ~END_STREAM == frames.END_HEADERS:
            # Speed: nothing to gather, and nothing around it.
            self._receive_block(stream_id, payload, is_last=bool(flags & END_STREAM))
        elif (block := self._gatherer.begin(flags, stream_id, payload)) is not None:
            self._receive_block(block.stream_id, block.data, is_last=block.is_last)

    def _receive_block(self, stream_id: int, data: bytes, *, is_last: bool) -> None:
        stream = self.streams.get(stream_id) or self._find(stream_id, "HEADERS")
        try:
            # Also for a stream that is closed: RFC 9113 4.3, the table must stay the same on both sides.
            decoded = self._decoder.decode(data)
        except HeaderListTooLarge as exc:
            # Read to its end, so that the others are not concerned.
            self._allowance.spend(self.received_at, "HEADERS that are too large")
            if stream is not None:
                self._reset_faulty(stream, StreamFault(ErrorCode.ENHANCE_YOUR_CALM, str(exc)))
            return
        except HpackError as exc:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, str(exc)) from exc
        if stream is None:
            self._allowance.spend(self.received_at, "HEADERS of a closed stream")
            return
        try:
            stream.receive_fields(decoded, is_last=is_last)
            if is_last:
                self._receive_end_of(stream)
            elif not stream.status_code:
                self._allowance.spend(self.received_at, "an informational response")
        except StreamFault as fault:
            self._reset_faulty(stream, fault)
            return
        except RemoteProtocolError as exc:
            self._reset_faulty(stream, StreamFault(ErrorCode.PROTOCOL_ERROR, str(exc)))
            return
        self._wake(stream_id)

    def _receive_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        # RFC 9113 5.3.2: deprecated, and nothing to a client.
        self._allowance.spend(self.received_at, "PRIORITY")

    def _receive_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> None:
        stream = self._find(stream_id, "RST_STREAM")
        if stream is None:
            self._allowance.spend(self.received_at, "RST_STREAM of a closed stream")
            return
        code = frames.read_number(payload)
        if code == ErrorCode.REFUSED_STREAM:
            # RFC 9113 8.7: nothing was done about it. What is refused here is better asked for elsewhere.
            self.is_closing = True
            self._fail(stream, "The server refused the stream (REFUSED_STREAM).", is_unprocessed=True)
        else:
            self._fail(stream, f"The server reset the stream ({name_code(code)}).")

    def _receive_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) % 6 or (flags & ACK and payload):
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"SETTINGS of {len(payload)} bytes")
        self._allowance.spend(self.received_at, "SETTINGS")
        if flags & ACK:
            return
        last_window_size = self.peer.initial_window_size
        for size in self.peer.apply(frames.read_settings(payload)):
            self._encoder.set_max_table_size(size)
        self._put(frames.write_settings_ack())
        self.answer_count += 1
        difference = self.peer.initial_window_size - last_window_size
        if difference:
            self._send_windows.shift(self.streams.values(), difference)
        self._wake_others()

    def _receive_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        # RFC 9113 8.4: this side has switched it off.
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE, which was switched off")

    def _receive_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._allowance.spend(self.received_at, "PING")
        if not flags & ACK:
            self._put(frames.write_ping(payload, is_ack=True))
            self.answer_count += 1
            return
        self.pong_count += 1
        self._wake_others()

    def _receive_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) < 8:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"GOAWAY of {len(payload)} bytes")
        self._allowance.spend(self.received_at, "GOAWAY")
        self.is_closing = True
        # RFC 9113 6.8: it may come again, with a lower id.
        self._last_id = min(self._last_id, frames.read_number(payload) & MAX_STREAM_ID)
        debug = f" {payload[8:208]!r}" if payload[8:] else ""
        self._goaway = f"GOAWAY ({name_code(frames.read_number(payload, 4))}){debug}"
        for stream in [stream for stream in self.streams.values() if stream.id > self._last_id]:
            self._fail(stream, f"The server closed the connection by {self._goaway}.", is_unprocessed=True)
        self._wake_others()

    def _receive_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._allowance.spend_update(self.received_at)
        increment = frames.read_number(payload) & MAX_STREAM_ID
        if not stream_id:
            self._send_windows.add(increment)
            return
        stream = self._find(stream_id, "WINDOW_UPDATE")
        if stream is not None:
            try:
                self._send_windows.add_to(stream, increment)
            except StreamFault as fault:
                self._reset_faulty(stream, fault)

    def _receive_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
