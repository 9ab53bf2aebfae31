"""Whatever a server sends: a RemoteProtocolError may come of it, and nothing else; and what follows still works."""

from __future__ import annotations

import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from httpx._exceptions import RemoteProtocolError
from httpx._protocols.h2.errors import ErrorCode

from .h2_wire import Wire, parse

FLAGS = st.sampled_from([0, 1, 4, 5, 8, 9, 0x0C, 0x20, 0x24, 0x2D, 0xFF]) | st.integers(0, 255)
STREAM_IDS = st.sampled_from([0, 1, 3, 5, 7, 2, 9, 2**31 - 1, 2**31 + 1])
BLOCKS = st.sampled_from(
    [
        *(b"\x88", b"\x89", b"\x8d", b"\x08\x03100", b"\x08\x03101", b"\x00\x01a\x01b", b"\x40\x01a\x01b", b"\xbe"),
        *(b"\x0f\x0d\x011", b"\x0f\x0d\x0210", b"\x3f\xe1\x1f", b"\x20", b"\x82", b""),
    ]
)
PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.lists(BLOCKS, max_size=5).map(b"".join),
    st.integers(0, 2**32 - 1).map(lambda number: struct.pack(">I", number)),
    st.tuples(st.integers(0, 10), st.sampled_from([0, 1, 2, 16384, 65535, 2**24 - 1, 2**31 - 1, 2**32 - 1])).map(
        lambda parameter: struct.pack(">HI", *parameter)
    ),
    st.sampled_from([b"", bytes(5), bytes(8), bytes(16384), b"\x00" * 300]),
)


def write(frame_type: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    header = struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 255, frame_type, flags, stream_id)
    return header + payload


FRAMES = st.builds(write, st.integers(0, 9) | st.integers(0, 255), FLAGS, STREAM_IDS, PAYLOADS)
SETTINGS = write(4, 0, 0, b"")


def play(data: bytes, size: int) -> None:
    """Let this come in pieces, for streams in all states; use what came, and see that the output can be read."""
    wire = Wire(is_greeted=False)
    streams = [wire.open(is_last=False), wire.open(), wire.open(is_last=False), wire.open(method=b"HEAD")]
    wire.engine.reset(streams[2], ErrorCode.CANCEL)
    is_over = False
    try:
        for start in range(0, len(data), size):
            wire.receive(data[start : start + size])
            wire.engine.take(streams[1])
            if not streams[0].is_sent:
                wire.engine.send_data(streams[0], memoryview(b"x" * 10), is_last=False)
    except RemoteProtocolError as exc:
        is_over = True
        assert wire.engine.is_closing
        assert str(exc)
    for stream in streams:
        wire.engine.take(stream)
        if stream.status_code:
            assert 200 <= stream.status_code <= 999
        if not stream.is_sent:
            wire.engine.send_data(stream, memoryview(b"last"), is_last=True)
        wire.engine.reset(stream, ErrorCode.CANCEL)
    wire.engine.receive_end()
    assert all(stream.unread_size == 0 for stream in streams)
    assert not wire.engine.streams
    assert is_over or wire.engine._window.unread_size == 0
    parse(wire.take_output())


@settings(max_examples=300)
@given(st.lists(FRAMES, max_size=12), st.integers(1, 2000))
@example([write(0, 0, 1, b"x")], 5)
def test_frames(frames: list[bytes], size: int) -> None:
    play(SETTINGS + b"".join(frames), size)


@given(st.binary(max_size=300), st.booleans(), st.integers(1, 50))
def test_bytes(data: bytes, has_begun: bool, size: int) -> None:
    play(SETTINGS + data if has_begun else data, size)


@settings(max_examples=200)
@given(st.data())
def test_bytes_that_are_changed_in_a_good_response(data: st.DataObject) -> None:
    wire = Wire()
    good = bytearray(SETTINGS)
    for stream_id in (1, 3, 7):
        good += wire.headers(stream_id, [(b":status", b"200"), (b"content-length", b"5"), (b"x-a", b"1")]).serialize()
        good += write(0, 0, stream_id, b"he") + write(0, 1, stream_id, b"llo")
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    play(bytes(good), data.draw(st.integers(1, 100)))
