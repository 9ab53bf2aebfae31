"""Our engine against `h2`'s server, with bytes under way in both directions: bodies, windows and streams agree.

A second engine is told the same and gets the same bytes, only in other pieces: it ends in the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import GoAwayFrame
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from httpx._protocols.h2.engine import H2Engine
from httpx._protocols.h2.errors import ErrorCode
from httpx._protocols.h2.request_fields import RequestHead
from httpx._protocols.h2.streams import H2Stream

from .h2_wire import GET_FIELDS

PATTERN = bytes(range(256)) * 256
RARELY = st.sampled_from([False, False, False, True])
SIZES = st.sampled_from([0, 1, 10, 100, 3000, 20_000])


@dataclass
class Exchange:
    """What either side has sent and received of one request and its response."""

    stream: H2Stream
    twin: H2Stream
    fields: list[tuple[bytes, bytes]]
    sent_size: int = 0
    taken: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    # The server's side.
    received: bytes = b""
    received_fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    received_trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    owed_size: int = 0
    response: list[tuple[bytes, bytes]] = field(default_factory=list)
    response_size: int = 0
    response_trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_answered: bool = False
    has_ended: bool = False
    is_gone: bool = False
    # The client has given it up, or was told to.
    is_dropped: bool = False


class AgainstOracle(RuleBasedStateMachine):
    """Anything that both sides may do, in any order."""

    @initialize(
        window_size=st.sampled_from([10, 5000, 65535]),
        max_streams=st.sampled_from([2, 100]),
        frame_size=st.booleans(),
    )
    def begin(self, window_size: int, max_streams: int, frame_size: bool) -> None:
        self.to_server = bytearray()
        self.to_client = bytearray()
        twin_output: list[bytes | memoryview] = []
        self.twin_output = twin_output
        self.engine = H2Engine(put=self.to_server.extend, wake=lambda stream_id: None, wake_others=lambda: None)
        self.twin = H2Engine(put=twin_output.append, wake=lambda stream_id: None, wake_others=lambda: None)
        self.exchanges: dict[int, Exchange] = {}
        self.now = 1.0
        self.last_id = 2**31 - 1
        self.max_streams = max_streams
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        codes = h2.settings.SettingCodes
        self.server.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                codes.INITIAL_WINDOW_SIZE: window_size,
                codes.MAX_CONCURRENT_STREAMS: max_streams,
                codes.MAX_FRAME_SIZE: 20_000 if frame_size else 16384,
            },
        )
        self.server.max_inbound_frame_size = self.server.local_settings.max_frame_size
        self.server.initiate_connection()
        self.collect()
        self.settle()

    def teardown(self) -> None:
        if hasattr(self, "exchanges"):
            self.settle()

    # The client's side.

    @precondition(lambda self: self.engine.has_room)
    @rule(method=st.sampled_from([b"GET", b"HEAD", b"POST"]), is_last=st.booleans(), is_long=st.booleans())
    def open(self, method: bytes, is_last: bool, is_long: bool) -> None:
        number = b"%d" % len(self.exchanges)
        fields = [(b":method", method), *GET_FIELDS[1:], (b"x-number", number), (b"x-same", b"1")]
        if is_long:
            fields.append((b"x-long", PATTERN[33:127] * 250))
        head = RequestHead(fields, None)
        stream = self.engine.open(head, is_last=is_last)
        self.exchanges[stream.id] = Exchange(stream, self.twin.open(head, is_last=is_last), fields)

    @precondition(lambda self: any(not exchange.stream.is_sent for exchange in self.exchanges.values()))
    @rule(data=st.data(), size=SIZES, is_last=RARELY)
    def send(self, data: st.DataObject, size: int, is_last: bool) -> None:
        exchange = self.draw(data, lambda exchange: not exchange.stream.is_sent)
        if exchange is None:
            return
        content = memoryview(PATTERN)[exchange.sent_size :][:size]
        if not content and exchange.stream.send_window < 0:
            # RFC 9113 6.9.1 lets the end go out, which the oracle takes for a violation.
            is_last = False
        sent_size = self.engine.send_data(exchange.stream, content, is_last=is_last)
        assert self.twin.send_data(exchange.twin, content, is_last=is_last) == sent_size
        assert 0 <= sent_size <= len(content)
        exchange.sent_size += sent_size
        assert exchange.stream.is_sent is (is_last and sent_size == len(content))

    def send_trailers(self, data: st.DataObject) -> None:
        exchange = self.draw(data, lambda exchange: not exchange.stream.is_sent)
        if exchange is not None:
            exchange.trailers = [(b"x-checksum", b"%d" % exchange.sent_size)]
            self.engine.send_trailers(exchange.stream, exchange.trailers)
            self.twin.send_trailers(exchange.twin, exchange.trailers)

    @precondition(lambda self: any(exchange.stream.parts for exchange in self.exchanges.values()))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        exchange = self.draw(data, lambda exchange: bool(exchange.stream.parts))
        if exchange is not None:
            taken = self.engine.take(exchange.stream)
            assert self.twin.take(exchange.twin) == taken
            exchange.taken += taken

    def give_up(self, data: st.DataObject) -> None:
        exchange = self.draw(data, lambda exchange: exchange.stream.id in self.engine.streams)
        if exchange is not None:
            exchange.is_dropped = True
            self.engine.reset(exchange.stream, ErrorCode.CANCEL)
            self.twin.reset(exchange.twin, ErrorCode.CANCEL)

    def ping(self, data: st.DataObject) -> None:
        self.engine.ping(b"12345678")
        self.twin.ping(b"12345678")

    # The server's side.

    @precondition(lambda self: any(map(self.is_open, self.exchanges.values())))
    @rule(data=st.data(), status=st.sampled_from([b"103", b"200", b"204", b"404"]), is_last=RARELY)
    def answer(self, data: st.DataObject, status: bytes, is_last: bool) -> None:
        exchange = self.draw(data, lambda exchange: self.is_open(exchange) and not exchange.is_answered)
        if exchange is None:
            return
        is_final = status != b"103"
        fields = [(b":status", status), (b"x-number", b"%d" % len(exchange.received)), (b"x-same", b"2")]
        is_last = is_final and (is_last or status == b"204" or exchange.fields[0][1] == b"HEAD")
        self.server.send_headers(exchange.stream.id, fields, end_stream=is_last)
        if is_final:
            exchange.response, exchange.is_answered, exchange.has_ended = fields, True, is_last
        self.collect()

    @precondition(lambda self: any(map(self.is_answering, self.exchanges.values())))
    @rule(data=st.data(), size=SIZES, is_last=RARELY, pad_size=st.sampled_from([None, None, 0, 200]))
    def send_body(self, data: st.DataObject, size: int, is_last: bool, pad_size: int | None) -> None:
        exchange = self.draw(data, self.is_answering)
        if exchange is None:
            return
        extra = 0 if pad_size is None else pad_size + 1
        window = min(self.server.local_flow_control_window(exchange.stream.id), self.server.max_outbound_frame_size)
        content = PATTERN[exchange.response_size :][: max(min(size, window - extra), 0)]
        if len(content) + extra > window:
            pad_size = None
        self.server.send_data(exchange.stream.id, content, end_stream=is_last, pad_length=pad_size)
        exchange.response_size += len(content)
        exchange.has_ended = is_last
        self.collect()

    def send_response_trailers(self, data: st.DataObject) -> None:
        exchange = self.draw(data, self.is_answering)
        if exchange is not None:
            exchange.response_trailers = [(b"x-checksum", b"%d" % exchange.response_size)]
            self.server.send_headers(exchange.stream.id, exchange.response_trailers, end_stream=True)
            exchange.has_ended = True
            self.collect()

    def reset(self, data: st.DataObject) -> None:
        code = data.draw(st.sampled_from([0, 1, 8, 0xABCD]))
        exchange = self.draw(data, lambda exchange: bool(exchange.received_fields) and not exchange.is_gone)
        if exchange is not None and not self.is_closed(exchange):
            self.server.reset_stream(exchange.stream.id, code)
            exchange.is_gone = True
            self.collect()

    @precondition(lambda self: any(exchange.owed_size for exchange in self.exchanges.values()))
    @rule(data=st.data())
    def give_credit(self, data: st.DataObject) -> None:
        exchange = self.draw(data, lambda exchange: exchange.owed_size > 0)
        if exchange is not None:
            self.server.acknowledge_received_data(exchange.owed_size, exchange.stream.id)
            exchange.owed_size = 0
            self.collect()

    def open_window(self, data: st.DataObject) -> None:
        increment = data.draw(st.integers(1, 10_000))
        exchange = self.draw(data, lambda exchange: bool(exchange.received_fields) and not self.is_closed(exchange))
        self.server.increment_flow_control_window(increment, None if exchange is None else exchange.stream.id)
        self.collect()

    def change_settings(self, data: st.DataObject) -> None:
        codes = h2.settings.SettingCodes
        # The oracle takes trailers of a stream that it has reset for another stream, so its limit is only raised.
        self.max_streams += data.draw(st.integers(0, 3))
        self.server.update_settings(
            {
                codes.INITIAL_WINDOW_SIZE: data.draw(st.sampled_from([0, 1, 1000, 65535, 100_000])),
                codes.MAX_CONCURRENT_STREAMS: self.max_streams,
                codes.HEADER_TABLE_SIZE: data.draw(st.sampled_from([0, 100, 4096])),
            }
        )
        self.collect()

    def say_goodbye(self, data: st.DataObject) -> None:
        if len(self.exchanges) < 4:
            return
        # The oracle knows no graceful end, so it is not told.
        self.last_id = min(self.last_id, data.draw(st.sampled_from([*self.exchanges, 2**31 - 1])))
        self.to_client += GoAwayFrame(0, self.last_id, 0).serialize()

    @precondition(lambda self: self.exchanges)
    @rule(
        data=st.data(),
        kind=st.sampled_from(
            [
                *("send_trailers", "send_response_trailers", "open_window", "open_window", "change_settings"),
                *("change_settings", "ping", "give_up", "reset", "say_goodbye"),
            ]
        ),
    )
    def disturb(self, data: st.DataObject, kind: str) -> None:
        """Do what is done less often than the rest."""
        getattr(self, kind)(data)

    # The way between the two.

    @rule(size=st.integers(1, 50) | st.just(100_000))
    def deliver_to_server(self, size: int) -> None:
        data, self.to_server[:] = bytes(self.to_server[:size]), self.to_server[size:]
        for event in self.server.receive_data(data):
            self.note(event)
        self.collect()

    @rule(size=st.integers(1, 50) | st.just(100_000), piece=st.integers(1, 100))
    def deliver_to_client(self, size: int, piece: int) -> None:
        data, self.to_client[:] = bytes(self.to_client[:size]), self.to_client[size:]
        self.now += 1
        self.engine.receive(data, self.now)
        for start in range(0, len(data), piece if len(data) < 10_000 else 1000):
            end = start + (piece if len(data) < 10_000 else 1000)
            self.twin.receive(data[start:end], self.now)
        for exchange in self.exchanges.values():
            failure = exchange.stream.failure
            assert failure is None or exchange.is_gone or exchange.stream.id > self.last_id, failure

    @rule()
    def settle(self) -> None:
        """Let everything arrive, and compare."""
        while self.to_server or self.to_client:
            self.deliver_to_server(len(self.to_server) or 1)
            self.deliver_to_client(len(self.to_client) or 1, 7)
        server: Any = self.server
        assert self.engine._send_windows._size == server._inbound_flow_control_window_manager.current_window_size
        assert self.engine._window._size == server.outbound_flow_control_window
        if self.last_id == 2**31 - 1:
            assert len(self.engine.streams) == server.open_inbound_streams
        for stream_id, stream in self.engine.streams.items():
            peer = server.streams[stream_id]
            assert stream.send_window == peer._inbound_window_manager.current_window_size
            assert stream.window._size == peer.outbound_flow_control_window
        for exchange in self.exchanges.values():
            self.compare(exchange)

    @invariant()
    def twins_agree(self) -> None:
        if not hasattr(self, "exchanges"):
            return
        assert self.engine.streams.keys() == self.twin.streams.keys()
        for exchange in self.exchanges.values():
            assert describe(exchange.stream) == describe(exchange.twin)

    # What the rules share.

    def draw(self, data: st.DataObject, is_wanted: Any) -> Exchange | None:
        wanted = [stream_id for stream_id, exchange in self.exchanges.items() if is_wanted(exchange)]
        return self.exchanges[data.draw(st.sampled_from(wanted))] if wanted else None

    def is_closed(self, exchange: Exchange) -> bool:
        stream = self.server.streams.get(exchange.stream.id)
        return stream is None or stream.closed

    def is_open(self, exchange: Exchange) -> bool:
        """Tell whether the server may still send something of a response."""
        has_request = bool(exchange.received_fields) and not self.is_closed(exchange)
        return has_request and not exchange.has_ended and not exchange.is_gone

    def is_answering(self, exchange: Exchange) -> bool:
        return self.is_open(exchange) and exchange.is_answered

    def collect(self) -> None:
        self.to_client += self.server.data_to_send()

    def note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.exchanges[event.stream_id].received_fields = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            exchange = self.exchanges[event.stream_id]
            exchange.received += event.data
            exchange.owed_size += event.flow_controlled_length
        elif isinstance(event, h2.events.TrailersReceived):
            self.exchanges[event.stream_id].received_trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            # By the client; or it is about what came for a stream that the server has reset.
            assert self.exchanges[event.stream_id].is_dropped or self.exchanges[event.stream_id].is_gone
            self.exchanges[event.stream_id].is_gone = True
        elif isinstance(event, h2.events.ConnectionTerminated):
            raise AssertionError("the client gave up the connection")

    def compare(self, exchange: Exchange) -> None:
        stream = exchange.stream
        assert exchange.received_fields == exchange.fields
        if not exchange.is_gone and stream.id <= self.last_id:
            assert exchange.received == PATTERN[: exchange.sent_size]
            assert exchange.received_trailers == exchange.trailers
        assert PATTERN[: exchange.sent_size].startswith(exchange.received)
        response = PATTERN[: exchange.response_size]
        assert response.startswith(exchange.taken + b"".join(stream.parts))
        if not (exchange.is_gone or exchange.is_dropped or stream.id > self.last_id):
            assert exchange.taken + b"".join(stream.parts) == response
            assert stream.is_complete is exchange.has_ended
            assert stream.trailers == exchange.response_trailers
            if exchange.is_answered:
                assert stream.head is not None
                assert [(b":status", b"%d" % stream.status_code), *stream.head.fields] == exchange.response


def describe(stream: H2Stream) -> tuple[Any, ...]:
    """Return all that there is to see of a stream."""
    return (
        *(stream.state, stream.status_code, stream.head and stream.head.fields, b"".join(stream.parts)),
        *(stream.trailers, stream.is_complete, str(stream.failure), stream.is_unprocessed, stream.send_window),
        *(stream.window._size, stream.has_received, stream.unread_size),
    )


TestAgainstOracle = AgainstOracle.TestCase
TestAgainstOracle.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
