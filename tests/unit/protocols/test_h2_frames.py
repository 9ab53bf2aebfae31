"""Frames are written as `hyperframe` reads them, and read as it writes them, however they come."""

from __future__ import annotations

import struct

import pytest
from hyperframe.frame import (
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from httpx._protocols.h2 import frames
from httpx._protocols.h2.errors import ConnectionFault, ErrorCode, name_code
from httpx._protocols.h2.frames import FrameReader, check_shape, read_number, read_settings, unpad

from .h2_wire import block_of, parse

STREAM_IDS = st.integers(1, 2**31 - 1)
NUMBERS = st.integers(0, 2**32 - 1)


@given(STREAM_IDS, NUMBERS)
def test_rst_stream(stream_id: int, code: int) -> None:
    assert frames.write_rst_stream(stream_id, code) == RstStreamFrame(stream_id, code).serialize()


# Of a key the oracle writes the lower byte alone.
@given(st.dictionaries(st.integers(0, 255), NUMBERS))
def test_settings(settings: dict[int, int]) -> None:
    written = frames.write_settings(settings.items())
    assert written == SettingsFrame(0, settings).serialize()
    assert dict(read_settings(written[9:])) == settings
    assert frames.write_settings_ack() == SettingsFrame(0, flags=["ACK"]).serialize()


@given(st.binary(min_size=8, max_size=8), st.booleans())
def test_ping(opaque: bytes, is_ack: bool) -> None:
    expected = PingFrame(0, opaque, flags=["ACK"] if is_ack else [])
    assert frames.write_ping(opaque, is_ack=is_ack) == expected.serialize()


@given(st.integers(0, 2**31 - 1), NUMBERS, st.binary(max_size=50))
def test_goaway(last_stream_id: int, code: int, debug: bytes) -> None:
    expected = GoAwayFrame(0, last_stream_id, code, additional_data=debug)
    assert frames.write_goaway(last_stream_id, code, debug) == expected.serialize()


@given(st.just(0) | STREAM_IDS, st.integers(1, 2**31 - 1))
def test_window_update(stream_id: int, increment: int) -> None:
    assert frames.write_window_update(stream_id, increment) == WindowUpdateFrame(stream_id, increment).serialize()


@given(STREAM_IDS, st.binary(max_size=50))
def test_priority_update(stream_id: int, priority: bytes) -> None:
    # RFC 9218 7.1. The oracle does not know it.
    written = frames.write_priority_update(stream_id, priority)
    (frame,) = parse(written)
    assert (frame.type, frame.stream_id, written[4]) == (0x10, 0, 0)
    assert written[9:] == struct.pack(">I", stream_id) + priority


@given(STREAM_IDS, st.binary(max_size=300), st.booleans(), st.integers(1, 100))
def test_field_blocks_are_cut_into_frames(stream_id: int, block: bytes, is_last: bool, max_frame_size: int) -> None:
    parsed = parse(frames.write_headers(stream_id, block, is_last=is_last, max_frame_size=max_frame_size))
    assert block_of(parsed) == block
    assert {frame.stream_id for frame in parsed} == {stream_id}
    # RFC 9113 6.2: END_STREAM is of the HEADERS, whatever follows.
    assert ["END_STREAM" in frame.flags for frame in parsed] == [is_last] + [False] * (len(parsed) - 1)
    sizes = [frame.body_len for frame in parsed]
    assert all(size == max_frame_size for size in sizes[:-1])
    assert sizes[-1] <= max_frame_size


@given(STREAM_IDS, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**24 - 1))
def test_headers_of_frames(stream_id: int, frame_type: int, flags: int, size: int) -> None:
    written = frames.write_header(frame_type, flags, stream_id, size)
    assert written == size.to_bytes(3, "big") + bytes([frame_type, flags]) + stream_id.to_bytes(4, "big")


# Reading.

# RFC 9113 3.4: SETTINGS come first.
BEGINNING = SettingsFrame(0).serialize()

RAW_FRAMES = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=40))


@given(st.lists(RAW_FRAMES, max_size=8), st.lists(st.integers(0, 60), max_size=20))
def test_frames_are_read_however_they_come(raw: list[tuple[int, int, int, bytes]], sizes: list[int]) -> None:
    data = BEGINNING + b"".join(
        struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", frame_type, flags, stream_id) + payload
        for frame_type, flags, stream_id, payload in raw
    )
    # RFC 9113 4.1: the bit before the stream id is ignored.
    expected = [(frames.SETTINGS, 0, 0, b"")]
    expected += [(frame_type, flags, stream_id & 0x7FFFFFFF, payload) for frame_type, flags, stream_id, payload in raw]
    byte_by_byte, in_pieces = FrameReader(), FrameReader()
    assert list(FrameReader().receive(data)) == expected
    assert [frame for byte in data for frame in byte_by_byte.receive(bytes([byte]))] == expected
    pieces = []
    rest = data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert [frame for piece in [*pieces, rest] for frame in in_pieces.receive(piece)] == expected


def test_a_frame_may_have_the_size_that_was_allowed() -> None:
    _, frame = FrameReader().receive(BEGINNING + frames.write_header(frames.DATA, 0, 1, 16384) + bytes(16384))
    assert len(frame[3]) == 16384


def test_a_frame_that_is_too_large_is_refused_by_its_header() -> None:
    reader = FrameReader()
    # What came before it is given out.
    came = reader.receive(BEGINNING + frames.write_header(frames.DATA, 0, 1, 16385))
    assert next(came)[0] == frames.SETTINGS
    with pytest.raises(ConnectionFault, match="16385 bytes, where at most 16384") as caught:
        next(came)
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


# Shapes: type, a stream id that is wrong (None if none is), sizes that are right, sizes that are wrong.
SHAPES = {
    "PRIORITY": (frames.PRIORITY, 0, [5], [4, 6]),
    "RST_STREAM": (frames.RST_STREAM, 0, [4], [0, 3, 5]),
    "SETTINGS": (frames.SETTINGS, 1, [0, 6, 12], []),
    "PUSH_PROMISE": (frames.PUSH_PROMISE, 0, [4, 100], []),
    "PING": (frames.PING, 1, [8], [0, 7, 9]),
    "GOAWAY": (frames.GOAWAY, 1, [8, 100], []),
    "WINDOW_UPDATE": (frames.WINDOW_UPDATE, None, [4], [0, 3, 5]),
    "CONTINUATION": (frames.CONTINUATION, 0, [0, 100], []),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    frame_type, wrong_id, right_sizes, wrong_sizes = SHAPES[name]
    right_id = 0 if wrong_id else 1
    for size in right_sizes:
        check_shape(frame_type, right_id, size)
        if wrong_id is None:
            check_shape(frame_type, 1 - right_id, size)
        else:
            with pytest.raises(ConnectionFault, match=name) as caught:
                check_shape(frame_type, wrong_id, size)
            assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    for size in wrong_sizes:
        with pytest.raises(ConnectionFault, match=f"{name} of {size} bytes") as caught:
            check_shape(frame_type, right_id, size)
        assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


@given(st.binary(max_size=100), st.integers(0, 255))
def test_padding_is_taken_off(content: bytes, pad_size: int) -> None:
    frame = HeadersFrame(1, content, flags=["PADDED"])
    frame.pad_length = pad_size
    assert unpad(frames.PADDED, frame.serialize_body(), frame="HEADERS") == content
    assert unpad(0, content, frame="HEADERS") == content


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x05abcd", b"\xff" + bytes(254)])
def test_padding_is_shorter_than_its_frame(payload: bytes) -> None:
    with pytest.raises(ConnectionFault, match="DATA with more padding than payload") as caught:
        unpad(frames.PADDED, payload, frame="DATA")
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


def test_numbers_are_read_without_sign() -> None:
    assert read_number(b"\xff\xff\xff\xfe") == 2**32 - 2
    assert read_number(b"\x00\x00\x00\x01\x00\x00\x02\x00", 4) == 512


def test_codes_have_names() -> None:
    assert [name_code(code) for code in (0, 0xD, 0xE, 2**32 - 1)] == [
        *("NO_ERROR", "HTTP_1_1_REQUIRED", "error 0xe", "error 0xffffffff"),
    ]


def test_the_preface_is_that_of_the_oracle() -> None:
    import h2.connection

    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    assert connection.data_to_send().startswith(frames.PREFACE)
    assert Frame.parse_frame_header(memoryview(frames.write_settings_ack()))[1] == 0
