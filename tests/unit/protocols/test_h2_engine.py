"""The engine: what it sends, how streams begin and end, and what becomes of what comes too late."""

from __future__ import annotations

from typing import Any

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from httpx._exceptions import RemoteProtocolError
from httpx._protocols.h2.engine import H2Engine
from httpx._protocols.h2.errors import ErrorCode
from httpx._protocols.h2.frames import MAX_STREAM_ID
from httpx._protocols.h2.streams import StreamState

from .h2_wire import GET_FIELDS, OK, Wire, block_of, data, describe

UNKNOWN_FRAME = b"\0\0\1\x63\0\0\0\0\1x"

# Sending.


def test_a_request_without_a_body_is_one_frame() -> None:
    wire = Wire()
    stream = wire.open(fields=[(b"x-a", b"1")])
    (frame,) = wire.sent()
    assert isinstance(frame, HeadersFrame)
    assert (frame.stream_id, set(frame.flags)) == (1, {"END_HEADERS", "END_STREAM"})
    assert wire.decoder.decode(frame.data, raw=True) == [*GET_FIELDS, (b"x-a", b"1")]
    assert stream.state is StreamState.HALF_CLOSED_LOCAL


def test_streams_have_odd_ids_that_rise() -> None:
    wire = Wire()
    assert [wire.open().id for _ in range(3)] == [1, 3, 5]
    assert list(wire.engine.streams) == [1, 3, 5]


def test_a_large_head_is_cut_into_frames() -> None:
    wire = Wire()
    wire.open(fields=[(b"x-large", bytes(range(33, 127)) * 500)])
    frames = wire.sent()
    assert [type(frame) for frame in frames] == [HeadersFrame, ContinuationFrame, ContinuationFrame]
    assert "END_STREAM" in frames[0].flags
    assert dict(wire.decoder.decode(block_of(frames), raw=True))[b"x-large"] == bytes(range(33, 127)) * 500


def test_a_body_goes_out_in_frames_and_ends_the_stream() -> None:
    wire = Wire()
    stream = wire.opened(is_last=False)
    assert wire.engine.send_data(stream, memoryview(b"x" * 40_000), is_last=True) == 40_000
    frames = wire.sent()
    assert [(len(frame.data), "END_STREAM" in frame.flags) for frame in frames if isinstance(frame, DataFrame)] == [
        *((16384, False), (16384, False), (7232, True)),
    ]
    assert stream.state is StreamState.HALF_CLOSED_LOCAL


def test_an_empty_body_ends_the_stream_whatever_the_windows() -> None:
    wire = Wire((4, 0))
    stream = wire.opened(is_last=False)
    assert wire.engine.send_data(stream, memoryview(b""), is_last=True) == 0
    assert describe(wire.sent()) == describe([data(1, b"", "END_STREAM")])


@pytest.mark.parametrize("size", [0, 100])
def test_a_window_below_zero_sends_no_data_but_the_end(size: int) -> None:
    wire = Wire((4, 1000))
    stream = wire.opened(is_last=False)
    wire.engine.send_data(stream, memoryview(bytes(1000)), is_last=False)
    wire.receive(SettingsFrame(0, {4: 10}))
    wire.sent()
    assert not wire.engine.can_send(stream)
    assert wire.engine.send_data(stream, memoryview(bytes(size)), is_last=True) == 0
    # RFC 9113 6.9: a frame without payload takes nothing of the window.
    assert describe(wire.sent()) == ([] if size else describe([data(1, b"", "END_STREAM")]))
    assert stream.is_sent is (size == 0)


def test_what_the_windows_do_not_allow_waits() -> None:
    wire = Wire((4, 100))
    stream = wire.opened(is_last=False)
    assert wire.engine.send_data(stream, memoryview(b"x" * 150), is_last=True) == 100
    assert describe(wire.sent()) == describe([data(1, b"x" * 100)])
    assert wire.engine.send_data(stream, memoryview(b"x" * 50), is_last=True) == 0
    assert wire.sent() == []
    wire.receive(WindowUpdateFrame(1, 60))
    assert wire.woken == [1]
    assert wire.engine.send_data(stream, memoryview(b"x" * 50), is_last=True) == 50
    assert describe(wire.sent()) == describe([data(1, b"x" * 50, "END_STREAM")])


def test_trailers_end_a_request() -> None:
    wire = Wire()
    stream = wire.opened(is_last=False)
    wire.engine.send_data(stream, memoryview(b"body"), is_last=False)
    wire.engine.send_trailers(stream, [(b"x-checksum", b"1")])
    body, trailers = wire.sent()
    assert describe([body]) == describe([data(1, b"body")])
    assert isinstance(trailers, HeadersFrame)
    assert set(trailers.flags) == {"END_HEADERS", "END_STREAM"}
    assert stream.is_sent


def test_a_priority_goes_before_its_request() -> None:
    wire = Wire()
    wire.open(priority=b"u=1, i")
    update, head = wire.sent()
    assert isinstance(update, ExtensionFrame)
    assert (update.type, update.stream_id, update.body) == (0x10, 0, b"\0\0\0\x01u=1, i")
    assert head.stream_id == 1


def test_larger_frames_are_sent_where_they_are_allowed() -> None:
    wire = Wire((5, 30_000))
    stream = wire.opened(is_last=False)
    wire.engine.send_data(stream, memoryview(bytes(40_000)), is_last=True)
    assert [frame.body_len for frame in wire.sent()] == [30_000, 10_000]


def test_ids_run_out() -> None:
    wire = Wire()
    wire.engine._next_id = MAX_STREAM_ID - 2
    wire.open()
    assert wire.engine.has_room
    assert wire.open().id == MAX_STREAM_ID
    assert wire.engine.is_closing
    assert not wire.engine.has_room
    # It is a stream like any other.
    wire.receive(wire.headers(MAX_STREAM_ID, OK, "END_STREAM"))
    assert wire.woken == [MAX_STREAM_ID]


def test_the_server_limits_how_many_streams_there_are() -> None:
    wire = Wire((3, 2))
    first, second = wire.opened(), wire.opened(is_last=False)
    assert not wire.engine.has_room
    # A stream counts until both sides are done with it: RFC 9113 5.1.2.
    wire.receive(wire.headers(second, OK, "END_STREAM"))
    assert not wire.engine.has_room
    wire.engine.send_data(second, memoryview(b""), is_last=True)
    assert wire.engine.has_room
    wire.receive(SettingsFrame(0, {3: 1}))
    assert not wire.engine.has_room
    wire.engine.reset(first, ErrorCode.CANCEL)
    assert wire.engine.has_room
    wire.receive(SettingsFrame(0, {3: 0}))
    assert not wire.engine.has_room


# Receiving.


def test_a_response_is_read_and_its_stream_forgotten() -> None:
    wire = Wire()
    stream = wire.opened()
    wire.receive(wire.headers(stream, [*OK, (b"x-a", b"1")]), data(stream, b"hello"), data(stream, b"", "END_STREAM"))
    assert stream.head is not None
    assert (stream.status_code, stream.head.fields) == (200, [(b"x-a", b"1")])
    assert stream.is_complete
    assert set(wire.woken) == {1}
    assert wire.engine.streams == {}
    assert wire.engine.take(stream) == b"hello"
    assert wire.engine.take(stream) == b""
    assert wire.sent() == []


def test_settings_are_acknowledged_and_wake_those_who_wait_to_open() -> None:
    wire = Wire(is_greeted=False)
    wire.receive(SettingsFrame(0, {3: 5}))
    assert describe(wire.sent()) == describe([SettingsFrame(0, flags=["ACK"])])
    assert wire.woken == [0]
    assert wire.engine.peer.is_known
    wire.receive(SettingsFrame(0, flags=["ACK"]))
    assert wire.sent() == []


def test_settings_change_the_windows_of_open_streams() -> None:
    wire = Wire((4, 1000))
    streams = [wire.opened(is_last=False) for _ in range(2)]
    wire.engine.send_data(streams[0], memoryview(bytes(400)), is_last=False)
    wire.receive(SettingsFrame(0, {4: 100}))
    assert [stream.send_window for stream in streams] == [-300, 100]
    assert wire.opened(is_last=False).send_window == 100


def test_a_ping_is_answered_with_what_it_holds() -> None:
    wire = Wire()
    wire.receive(PingFrame(0, b"12345678"))
    assert describe(wire.sent()) == describe([PingFrame(0, b"12345678", flags=["ACK"])])
    assert wire.engine.pong_count == 0


def test_answers_to_a_ping_are_counted() -> None:
    wire = Wire()
    wire.engine.ping(b"abcdefgh")
    assert describe(wire.sent()) == describe([PingFrame(0, b"abcdefgh")])
    wire.receive(PingFrame(0, b"abcdefgh", flags=["ACK"]))
    assert (wire.engine.pong_count, wire.woken, wire.sent()) == (1, [0], [])


def test_unknown_frames_and_priorities_are_ignored() -> None:
    wire = Wire()
    stream = wire.opened()
    wire.receive(UNKNOWN_FRAME, PriorityFrame(1), PriorityFrame(77), wire.headers(stream))
    assert (wire.sent(), stream.status_code) == ([], 200)


# Streams that are over.


def test_a_reset_by_the_server_fails_its_stream() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.receive(data(stream, b"part"), RstStreamFrame(1, 0x8))
    assert str(stream.failure) == "The server reset the stream (CANCEL)."
    assert not stream.is_unprocessed
    assert wire.engine.take(stream) == b"part"
    assert wire.engine.streams == {}
    assert not wire.engine.is_closing


def test_a_refused_stream_was_not_processed() -> None:
    wire = Wire()
    stream, other = wire.opened(), wire.opened()
    wire.receive(RstStreamFrame(1, ErrorCode.REFUSED_STREAM))
    assert stream.is_unprocessed
    assert wire.engine.is_closing
    assert other.failure is None


def test_a_reset_without_error_behind_a_response_ends_the_upload() -> None:
    # RFC 9113 8.1
    wire = Wire()
    stream = wire.answered(is_last=False)
    wire.receive(data(stream, b"enough", "END_STREAM"), RstStreamFrame(1, 0))
    assert (stream.is_complete, stream.failure, stream.is_sent) == (True, None, True)
    assert wire.engine.streams == {}


def test_a_reset_stream_is_told_once() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.engine.reset(stream, ErrorCode.CANCEL)
    wire.engine.reset(stream, ErrorCode.CANCEL)
    assert describe(wire.sent()) == describe([RstStreamFrame(1, 8)])
    assert stream.state is StreamState.CLOSED
    complete = wire.opened()
    wire.receive(wire.headers(complete, OK, "END_STREAM"))
    wire.engine.reset(complete, ErrorCode.CANCEL)
    assert wire.sent() == []


def test_frames_of_closed_streams_are_ignored() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.engine.reset(stream, ErrorCode.CANCEL)
    wire.sent()
    late = [data(1, b"late"), WindowUpdateFrame(1, 5), WindowUpdateFrame(1, 0), data(1, b"", "END_STREAM")]
    wire.receive(*late, wire.headers(1, [(b"x-trailer", b"1")], "END_STREAM"), RstStreamFrame(1, 0))
    assert (wire.sent(), wire.woken) == ([], [])


def test_the_table_of_fields_is_kept_for_closed_streams() -> None:
    # RFC 9113 4.3: the server's encoder refers to what it has sent, whoever read it.
    wire = Wire()
    lost, stream = wire.opened(), wire.opened()
    wire.engine.reset(lost, ErrorCode.CANCEL)
    fields = [(b":status", b"200"), (b"x-long-name", b"a long value")]
    wire.receive(wire.headers(lost, fields))
    again = wire.headers(stream, fields)
    assert len(again.data) < 5
    wire.receive(again)
    assert stream.head is not None
    assert stream.head.fields == [(b"x-long-name", b"a long value")]


@pytest.mark.parametrize("size", [0, 1000])
def test_the_end_of_what_is_sent_closes_a_complete_stream(size: int) -> None:
    wire = Wire()
    stream = wire.answered(is_last=False)
    wire.receive(data(stream, b"early", "END_STREAM"))
    assert (stream.is_complete, stream.is_sent) == (True, False)
    wire.engine.send_data(stream, memoryview(bytes(size)), is_last=True)
    assert stream.state is StreamState.CLOSED
    assert wire.engine.streams == {}


def test_more_after_the_end_of_a_response_is_a_fault() -> None:
    wire = Wire()
    stream = wire.answered(is_last=False)
    wire.receive(data(stream, b"x", "END_STREAM"), data(stream, b"more"))
    assert describe(wire.sent()) == describe([RstStreamFrame(1, ErrorCode.STREAM_CLOSED)])
    assert (stream.is_complete, stream.failure, stream.is_sent) == (True, None, True)


def test_a_fault_of_one_stream_leaves_the_others() -> None:
    wire = Wire()
    stream, other = wire.opened(), wire.opened()
    wire.receive(wire.headers(stream, [*OK, (b"content-length", b"3")]), data(stream, b"12"), data(stream, b"34"))
    assert describe(wire.sent()) == describe([RstStreamFrame(1, ErrorCode.PROTOCOL_ERROR)])
    assert isinstance(stream.failure, RemoteProtocolError)
    assert wire.engine.take(stream) == b"12"
    wire.receive(wire.headers(other, OK, "END_STREAM"))
    assert other.is_complete


# The end of a connection.


def test_a_goaway_lets_the_streams_below_finish() -> None:
    wire = Wire()
    first, second = wire.opened(), wire.opened()
    wire.receive(GoAwayFrame(0, 1, 0, additional_data=b"bye"))
    assert wire.engine.is_closing
    assert (first.failure, second.is_unprocessed) == (None, True)
    assert str(second.failure) == "The server closed the connection by GOAWAY (NO_ERROR) b'bye'."
    wire.receive(wire.headers(first, OK, "END_STREAM"))
    assert first.is_complete
    assert wire.engine.streams == {}


@pytest.mark.parametrize("last_id", [1, 3])
def test_the_last_id_of_a_goaway_only_goes_down(last_id: int) -> None:
    wire = Wire()
    streams = [wire.opened() for _ in range(3)]
    wire.receive(GoAwayFrame(0, 2**31 - 1, 0))
    assert all(stream.failure is None for stream in streams)
    wire.receive(GoAwayFrame(0, last_id, 0), GoAwayFrame(0, 2**31 - 1, 0))
    assert [stream.is_unprocessed for stream in streams] == [stream.id > last_id for stream in streams]


def test_the_end_of_the_connection_fails_what_is_under_way() -> None:
    wire = Wire()
    silent, begun, uploading = wire.opened(), wire.opened(), wire.opened(is_last=False)
    wire.receive(wire.headers(begun), data(begun, b"part"), wire.headers(uploading, OK, "END_STREAM"))
    wire.engine.receive_end()
    assert str(silent.failure) == "Server disconnected without sending a response."
    assert "without sending complete message body" in str(begun.failure)
    assert uploading.failure is None
    assert wire.engine.is_closing
    assert wire.engine.take(begun) == b"part"


def test_an_end_after_a_goaway_tells_of_that() -> None:
    wire = Wire()
    stream = wire.opened()
    wire.receive(GoAwayFrame(0, 1, 11, additional_data=b"too_many_pings"))
    wire.engine.receive_end()
    assert "GOAWAY (ENHANCE_YOUR_CALM) b'too_many_pings'" in str(stream.failure)


def test_goodbye() -> None:
    wire = Wire()
    wire.engine.say_goodbye()
    assert describe(wire.sent()) == describe([GoAwayFrame(0, 0, 0)])
    assert not wire.engine.has_room


def promise() -> PushPromiseFrame:
    return PushPromiseFrame(1, 2, b"\x82", flags=["END_HEADERS"])


FAULTS: dict[str, tuple[list[Any], ErrorCode]] = {
    "HEADERS of no stream": ([b"\0\0\1\1\4\0\0\0\0\x88"], ErrorCode.PROTOCOL_ERROR),
    "HEADERS of no stream, in parts": ([b"\0\0\1\1\0\0\0\0\0\x88"], ErrorCode.PROTOCOL_ERROR),
    "HEADERS of the server's": ([HeadersFrame(2, b"\x88", flags=["END_HEADERS"])], ErrorCode.PROTOCOL_ERROR),
    "HEADERS of an idle stream": ([HeadersFrame(3, b"\x88", flags=["END_HEADERS"])], ErrorCode.PROTOCOL_ERROR),
    "DATA of no stream": ([b"\0\0\1\0\0\0\0\0\0x"], ErrorCode.PROTOCOL_ERROR),
    "DATA of an idle stream": ([data(3, b"x")], ErrorCode.PROTOCOL_ERROR),
    "a promise": ([promise()], ErrorCode.PROTOCOL_ERROR),
    "a block of nonsense": ([HeadersFrame(1, b"\xff\xff\xff", flags=["END_HEADERS"])], ErrorCode.COMPRESSION_ERROR),
    "a frame within a block": ([HeadersFrame(1, b"\x88"), PingFrame(0)], ErrorCode.PROTOCOL_ERROR),
    "an unknown frame within a block": ([HeadersFrame(1, b"\x88"), b"\0\0\0\x63\0\0\0\0\1"], ErrorCode.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_connection_is_told_and_raised(name: str) -> None:
    frames, code = FAULTS[name]
    wire = Wire()
    wire.opened()
    with pytest.raises(RemoteProtocolError, match=code.name):
        wire.receive(*frames)
    assert describe(wire.sent()) == describe([GoAwayFrame(0, 0, code)])
    assert wire.engine.is_closing


FIRST_FRAMES: dict[str, bytes | Frame] = {
    "PING": PingFrame(0),
    "WINDOW_UPDATE": WindowUpdateFrame(0, 1),
    "an acknowledgement": SettingsFrame(0, flags=["ACK"]),
    "HEADERS": HeadersFrame(1, b"\x88", flags=["END_HEADERS"]),
    "an unknown frame": UNKNOWN_FRAME,
}


@pytest.mark.parametrize("name", FIRST_FRAMES)
def test_a_server_begins_with_its_settings(name: str) -> None:
    # RFC 9113 3.4
    wire = Wire(is_greeted=False)
    wire.open()
    wire.take_output()
    with pytest.raises(RemoteProtocolError, match=r"PROTOCOL_ERROR.*SETTINGS"):
        wire.receive(FIRST_FRAMES[name])
    assert describe(wire.sent()) == describe([GoAwayFrame(0, 0, ErrorCode.PROTOCOL_ERROR)])


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.0 505 No\r\n\r\n", b"<html>no</html>"]
)
def test_an_answer_that_is_no_http2_is_shown(answer: bytes, size: int) -> None:
    wire = Wire(is_greeted=False)
    with pytest.raises(RemoteProtocolError, match=r"no HTTP/2") as caught:
        for start in range(0, len(answer), size):
            wire.receive(answer[start : start + size])
    assert repr(answer[:9])[:-1] in str(caught.value)


def test_an_engine_begins_with_the_preface() -> None:
    output: list[bytes | memoryview] = []
    H2Engine(put=output.append, wake=print, wake_others=print)
    assert b"".join(output).startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
