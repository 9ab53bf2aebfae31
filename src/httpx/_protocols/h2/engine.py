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
from .field_blocks import BlockGatherer, FieldBlock
from .frames import ACK, END_HEADERS, END_STREAM, MAX_STREAM_ID, FrameReader
from .hpack_decoder import HeaderListTooLarge, HpackDecoder, HpackError
from .sender import H2Sender
from .settings import MAX_FIELD_LIST_SIZE
from .streams import H2Stream, StreamState


class H2Engine(H2Sender):
    """The client's side of a connection: what `H2Sender` sends, and what is received.

    Attributes:
        pong_count: how many answers to PING came.
        answer_count: how many answers to PING and SETTINGS were put.
        received_at: the time of the last bytes that came.
    """

    def __init__(
        self, *, put: Callable[[bytes | memoryview], None], wake: Callable[[int], None], wake_others: Callable[[], None]
    ) -> None:
        super().__init__(put=put, wake=wake)
        self._wake = wake
        self._wake_others = wake_others
        self.pong_count = self.answer_count = 0
        self.received_at = 0.0
        # The stream that was woken last by what is being received: nobody can have begun to wait for it since.
        self._last_woken = 0
        # The highest id that the server will process, and why it said so.
        self._last_id = MAX_STREAM_ID
        self._goaway = ""
        self._frames = FrameReader()
        self._gatherer = BlockGatherer()
        self._decoder = HpackDecoder(max_list_size=MAX_FIELD_LIST_SIZE)
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

    def receive(self, data: bytes, now: float) -> None:
        """Take what was received at this time.

        Raises:
            RemoteProtocolError: the server broke the protocol; the connection is over.
        """
        self.received_at = now
        self._last_woken = 0
        handlers = self._handlers
        try:
            for frame_type, flags, stream_id, payload in self._frames.receive(data):
                if self._gatherer.stream_id:
                    self._take_block(self._gatherer.go_on(frame_type, flags, stream_id, payload))
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

    def set_wake(self, wake: Callable[[int], None]) -> None:
        """Have another function called with the ids of streams that may have something to look at."""
        self._wake = self._send_windows.wake = wake

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

    def _fail(self, stream: H2Stream, text: str, *, is_unprocessed: bool = False) -> None:
        self.streams.pop(stream.id, None)
        self._send_windows.forget(stream)
        stream.fail(RemoteProtocolError(text), is_unprocessed=is_unprocessed)
        self._wake(stream.id)

    def _reset_faulty(self, stream: H2Stream, fault: StreamFault) -> None:
        """End a stream about which the server broke a rule: RFC 9113 5.4.2."""
        self._put(frames.write_rst_stream(stream.id, fault.code))
        self._fail(stream, f"The server broke the HTTP/2 protocol ({fault.code.name}): {fault}")

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
        if flags == END_STREAM and stream.receive_whole(payload):
            self._allowance.earn()
            del self.streams[stream_id]
            if stream_id != self._last_woken:
                self._last_woken = stream_id
                self._wake(stream_id)
            return
        data = frames.unpad(flags, payload, frame="DATA") if flags & frames.PADDED else payload
        unread_size = stream.unread_size
        try:
            # A body that comes in one frame, no larger than any window, needs none of its own.
            is_whole = flags & END_STREAM and stream.own_window is None
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
        if stream_id != self._last_woken:
            self._last_woken = stream_id
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
        if flags & ~END_STREAM != END_HEADERS:
            self._take_block(self._gatherer.begin(flags, stream_id, payload))
            return
        is_last = bool(flags & END_STREAM)
        stream = self.streams.get(stream_id) or self._find(stream_id, "HEADERS")
        try:
            # Also for a stream that is closed: RFC 9113 4.3, the table must stay the same on both sides.
            decoded = self._decoder.decode(payload)
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
        self._last_woken = stream_id
        self._wake(stream_id)

    def _take_block(self, block: FieldBlock | None) -> None:
        """Take a field block that is complete as if it had come in one frame, without anything around it."""
        if block is not None:
            self._receive_headers(END_HEADERS | (END_STREAM if block.is_last else 0), block.stream_id, block.data)

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
            # That is an answer, too: not to be asked for again.
            stream.has_received = True
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
