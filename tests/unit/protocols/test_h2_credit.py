"""The engine as a receiver: windows and credit, on the stream and on the connection, and what is no flood."""

from __future__ import annotations

import pytest
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, RstStreamFrame, WindowUpdateFrame

from httpx._exceptions import RemoteProtocolError
from httpx._protocols.h2.errors import ErrorCode
from httpx._protocols.h2.floods import MAX_ALLOWANCE, REFILL_RATE
from httpx._protocols.h2.streams import H2Stream
from httpx._protocols.h2.windows import CONNECTION_WINDOW_SIZE, MAX_UNREAD_SIZE, STREAM_WINDOW_SIZE

from .h2_wire import OK, Wire, data, describe, filling


def credits(frames: list[Frame]) -> list[tuple[int, int]]:
    """Return what WINDOW_UPDATE frames, and no others, say."""
    assert all(isinstance(frame, WindowUpdateFrame) for frame in frames)
    return [(frame.stream_id, frame.window_increment) for frame in frames if isinstance(frame, WindowUpdateFrame)]


def fill(wire: Wire, size: int) -> list[H2Stream]:
    """Let so many windows of streams come, each on its own."""
    streams = [wire.answered() for _ in range(0, size, STREAM_WINDOW_SIZE)]
    for stream in streams:
        wire.receive(*filling(stream, STREAM_WINDOW_SIZE))
    return streams


def test_credit_of_a_stream_comes_when_it_is_read() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.receive(*filling(stream, STREAM_WINDOW_SIZE))
    assert wire.sent() == []
    assert len(wire.engine.take(stream)) == STREAM_WINDOW_SIZE
    assert credits(wire.sent()) == [(1, STREAM_WINDOW_SIZE)]


def test_a_complete_stream_needs_no_credit() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.receive(*filling(stream, STREAM_WINDOW_SIZE), data(stream, b"", "END_STREAM"))
    wire.engine.take(stream)
    assert wire.sent() == []


def test_a_failed_stream_needs_no_credit() -> None:
    wire = Wire()
    stream = wire.answered()
    wire.receive(*filling(stream, STREAM_WINDOW_SIZE), RstStreamFrame(1, 2))
    assert len(wire.engine.take(stream)) == STREAM_WINDOW_SIZE
    assert wire.sent() == []


def test_credit_of_the_connection_comes_on_receipt() -> None:
    wire = Wire()
    fill(wire, CONNECTION_WINDOW_SIZE // 2)
    assert credits(wire.sent()) == [(0, CONNECTION_WINDOW_SIZE // 2)]


def test_more_than_the_window_of_a_stream_resets_it() -> None:
    wire = Wire()
    stream, other = wire.answered(), wire.answered()
    wire.receive(*filling(stream, STREAM_WINDOW_SIZE), data(stream, b"x"))
    assert describe(wire.sent()) == describe([RstStreamFrame(1, ErrorCode.FLOW_CONTROL_ERROR)])
    assert len(wire.engine.take(stream)) == STREAM_WINDOW_SIZE
    assert (wire.engine._window.unread_size, other.failure) == (0, None)


def test_more_than_the_window_of_the_connection_ends_it() -> None:
    wire = Wire()
    size = CONNECTION_WINDOW_SIZE + MAX_UNREAD_SIZE
    fill(wire, size)
    assert sum(credit for _, credit in credits(wire.sent())) == MAX_UNREAD_SIZE
    late = wire.answered()
    with pytest.raises(RemoteProtocolError, match="FLOW_CONTROL_ERROR"):
        wire.receive(data(late, b"x"))
    assert describe(wire.sent()) == describe([GoAwayFrame(0, 0, ErrorCode.FLOW_CONTROL_ERROR)])


@pytest.mark.parametrize("way", ["read", "read to the end", "reset", "reset by the server, then given up"])
def test_credit_that_was_held_back_is_given_when_there_is_room(way: str) -> None:
    """Whoever waits for DATA on another stream, whose head has come, would wait for ever without."""
    wire = Wire()
    streams = fill(wire, CONNECTION_WINDOW_SIZE + MAX_UNREAD_SIZE)
    given = sum(credit for _, credit in credits(wire.sent()))
    if way.startswith("reset by the server"):
        wire.receive(*[RstStreamFrame(stream.id, 2) for stream in streams])
    if way == "read to the end":
        wire.receive(*[data(stream, b"", "END_STREAM") for stream in streams])
    for stream in streams:
        if way.startswith("read"):
            wire.engine.take(stream)
        else:
            wire.engine.reset(stream, ErrorCode.CANCEL)
    given += sum(credit for _, credit in credits([frame for frame in wire.sent() if frame.stream_id == 0]))
    assert given == CONNECTION_WINDOW_SIZE + MAX_UNREAD_SIZE


def test_padding_is_given_back_though_nobody_reads_it() -> None:
    wire = Wire()
    stream = wire.answered()
    for _ in range(STREAM_WINDOW_SIZE // 256 // 2):
        wire.receive(data(stream, b"x", pad_size=254))
    # All but a byte a frame: half of what was allowed is nearly reached, and then is.
    assert credits(wire.sent()) == []
    wire.receive(data(stream, b"x", pad_size=254), data(stream, b"x", pad_size=254), data(stream, b"x", pad_size=254))
    assert [stream_id for stream_id, _ in credits(wire.sent())] == [1]
    assert len(wire.engine.take(stream)) == STREAM_WINDOW_SIZE // 512 + 3
    assert wire.engine._window.unread_size == 0


def test_what_comes_for_closed_streams_is_given_back() -> None:
    wire = Wire()
    for _ in range(CONNECTION_WINDOW_SIZE // STREAM_WINDOW_SIZE // 2):
        stream = wire.answered()
        wire.engine.reset(stream, ErrorCode.CANCEL)
        wire.sent()
        frames = list(filling(stream, STREAM_WINDOW_SIZE))
        wire.receive(*frames[:-1])
        assert wire.sent() == []
        wire.receive(frames[-1])
    assert credits(wire.sent()) == [(0, CONNECTION_WINDOW_SIZE // 2)]
    assert wire.engine._window.unread_size == 0


@pytest.mark.parametrize("length", [b"1", b"100000"])
@pytest.mark.parametrize("pad_size", [None, 200])
def test_faulty_data_lies_not_unread(length: bytes, pad_size: int | None) -> None:
    """Whether the fault is found before its DATA is taken, or after it: a length that is exceeded, or not reached."""
    wire = Wire()
    stream = wire.answered([*OK, (b"content-length", length)])
    wire.receive(data(stream, b"xy", "END_STREAM", pad_size=pad_size))
    assert stream.failure is not None
    wire.engine.take(stream)
    wire.engine.reset(stream, ErrorCode.CANCEL)
    assert wire.engine._window.unread_size == 0


# Floods.


def test_what_moves_a_body_makes_up_for_what_does_not() -> None:
    wire = Wire()
    stream = wire.answered()
    for _ in range(3 * MAX_ALLOWANCE):
        wire.receive(data(stream, b"x"), PingFrame(0))
        wire.engine.take(stream)
    assert stream.failure is None


@pytest.mark.parametrize("step", [512, 4096, 16384])
def test_an_upload_may_be_given_credit_in_small_portions(step: int) -> None:
    """Some servers return what their application reads, part by part, on the stream and on the connection."""
    wire = Wire()
    stream = wire.opened(is_last=False)
    for _ in range(400):
        assert wire.engine.send_data(stream, memoryview(bytes(32768)), is_last=False) == 32768
        wire.take_output()
        for _ in range(32768 // step):
            wire.receive(WindowUpdateFrame(1, step), WindowUpdateFrame(0, step))
    assert stream.failure is None


def test_a_connection_may_be_idle_for_days() -> None:
    wire = Wire()
    for _ in range(5 * MAX_ALLOWANCE):
        wire.now += 60
        wire.receive(PingFrame(0))
    assert wire.engine.has_room


def test_a_flood_after_a_long_time_is_cut_off() -> None:
    wire = Wire()
    wire.receive(PingFrame(0))
    wire.now += 1_000_000
    came = 0
    with pytest.raises(RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
        while came < 10 * MAX_ALLOWANCE:
            wire.receive(PingFrame(0))
            came += 1
    assert came <= 2 * MAX_ALLOWANCE


def test_a_flood_is_one_whatever_the_rate() -> None:
    wire = Wire()
    with pytest.raises(RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
        for _ in range(10 * MAX_ALLOWANCE):
            wire.now += 0.5 / REFILL_RATE
            wire.receive(PingFrame(0))


@pytest.mark.parametrize("kind", ["DATA", "WINDOW_UPDATE", "RST_STREAM", "HEADERS"])
def test_frames_of_closed_streams_are_counted(kind: str) -> None:
    wire = Wire()
    stream = wire.answered()
    wire.engine.reset(stream, ErrorCode.CANCEL)
    with pytest.raises(RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
        for _ in range(MAX_ALLOWANCE + 1):
            frames = {
                "DATA": data(stream, b"x"),
                "WINDOW_UPDATE": WindowUpdateFrame(1, 1),
                "RST_STREAM": RstStreamFrame(1, 0),
                "HEADERS": wire.headers(stream, [(b"x-trailer", b"1")], "END_STREAM"),
            }
            wire.receive(frames[kind])
