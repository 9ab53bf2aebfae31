"""Read and write the frames of HTTP/2 (RFC 9113 4 and 6), without knowing what they mean for a connection.

Writing is a function a frame type, which returns the whole frame. Reading is one class, `FrameReader`, which cuts what
comes into frames; the sizes that a type of frame prescribes are checked by whoever takes the frame apart.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Iterator

from ..fields import quote
from .errors import ConnectionFault, ErrorCode

# RFC 9113 3.4: what a client begins with, before its SETTINGS.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HEADER_SIZE = 9  # bytes; RFC 9113 4.1
MIN_MAX_FRAME_SIZE = 2**14  # bytes; RFC 9113 6.5.2: what every peer takes, and the default
MAX_MAX_FRAME_SIZE = 2**24 - 1

DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9
# RFC 9218 7.1
PRIORITY_UPDATE = 0x10

# Flags. END_STREAM is of DATA and HEADERS, ACK of SETTINGS and PING.
END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

# What a stream id may be; the highest bit is reserved, and ignored by who receives it.
MAX_STREAM_ID = 2**31 - 1

# One frame as it is read: type, flags, stream id, payload.
Frame = tuple[int, int, int, bytes]


class Setting(enum.IntEnum):
    """The parameters of SETTINGS that this side sends or understands."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    # RFC 8441 3
    ENABLE_CONNECT_PROTOCOL = 0x8
    # RFC 9218 2.1
    NO_RFC7540_PRIORITIES = 0x9


def write_header(frame_type: int, flags: int, stream_id: int, size: int) -> bytes:
    """Return the header of a frame whose payload has this size."""
    return _HEADER.pack(size >> 8, size & 0xFF, frame_type, flags, stream_id)


def write_headers(stream_id: int, block: bytes, *, is_last: bool, max_frame_size: int) -> bytes:
    """Return a field block as HEADERS, and CONTINUATION for what does not fit in there."""
    flags = END_STREAM if is_last else 0
    if len(block) <= max_frame_size:
        # Speed: `write_header`, without the call.
        size = len(block)
        return _HEADER.pack(size >> 8, size & 0xFF, HEADERS, flags | END_HEADERS, stream_id) + block
    pieces = [block[start : start + max_frame_size] for start in range(0, len(block), max_frame_size)]
    parts = [write_header(HEADERS, flags, stream_id, len(pieces[0])), pieces[0]]
    for piece in pieces[1:-1]:
        parts += write_header(CONTINUATION, 0, stream_id, len(piece)), piece
    parts += write_header(CONTINUATION, END_HEADERS, stream_id, len(pieces[-1])), pieces[-1]
    return b"".join(parts)


def write_rst_stream(stream_id: int, code: int) -> bytes:
    return write_header(RST_STREAM, 0, stream_id, 4) + _NUMBER.pack(code)


def write_settings(settings: Iterable[tuple[int, int]]) -> bytes:
    payload = b"".join(_SETTING.pack(key, value) for key, value in settings)
    return write_header(SETTINGS, 0, 0, len(payload)) + payload


def write_settings_ack() -> bytes:
    return write_header(SETTINGS, ACK, 0, 0)


def write_ping(opaque: bytes, *, is_ack: bool) -> bytes:
    """Return a PING; opaque has 8 bytes."""
    return write_header(PING, ACK if is_ack else 0, 0, 8) + opaque


def write_goaway(last_stream_id: int, code: int, debug: bytes = b"") -> bytes:
    return write_header(GOAWAY, 0, 0, 8 + len(debug)) + _NUMBER_PAIR.pack(last_stream_id, code) + debug


def write_window_update(stream_id: int, increment: int) -> bytes:
    return write_header(WINDOW_UPDATE, 0, stream_id, 4) + _NUMBER.pack(increment)


def write_priority_update(stream_id: int, priority: bytes) -> bytes:
    """Return a PRIORITY_UPDATE: it is a frame of stream 0 that names the stream it is about."""
    return write_header(PRIORITY_UPDATE, 0, 0, 4 + len(priority)) + _NUMBER.pack(stream_id) + priority


class FrameReader:
    """Cut what a server sends into frames, however it comes."""

    __slots__ = ("_has_begun", "_max_frame_size", "_rest")

    def __init__(self, max_frame_size: int = MIN_MAX_FRAME_SIZE) -> None:
        self._max_frame_size = max_frame_size
        self._has_begun = False
        self._rest = b""

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete. To be exhausted before it is called again.

        Raises:
            ConnectionFault: a frame is larger than this side has allowed, or the first one is no SETTINGS.
        """
        if self._rest:
            data = self._rest + data
        if not self._has_begun and len(data) >= HEADER_SIZE:
            self._has_begun = True
            _check_beginning(data)
        position, end = 0, len(data)
        unpack, max_frame_size = _HEADER.unpack_from, self._max_frame_size
        # A fault ends the connection, and with it the need for a rest.
        self._rest = b""
        while end - position >= HEADER_SIZE:
            high, low, frame_type, flags, stream_id = unpack(data, position)
            size = high << 8 | low
            if size > max_frame_size:
                raise ConnectionFault(
                    ErrorCode.FRAME_SIZE_ERROR, f"a frame of {size} bytes, where at most {max_frame_size} are allowed"
                )
            start = position + HEADER_SIZE
            if end - start < size:
                break
            position = start + size
            yield frame_type, flags, stream_id & MAX_STREAM_ID, data[start:position]
        if position < end:
            self._rest = data[position:]


def check_shape(frame_type: int, stream_id: int, size: int) -> None:
    """Check what the type of a frame other than DATA and HEADERS says about its stream and its size.

    Raises:
        ConnectionFault: it has a stream and should have none, or the other way round, or it has the wrong size.
    """
    name, has_stream, right_size = _SHAPES[frame_type]
    if bool(stream_id) is not has_stream and has_stream is not None:
        what = f"of the stream {stream_id}" if stream_id else "without a stream"
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{name} {what}")
    if right_size is not None and size != right_size:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"{name} of {size} bytes")


def read_number(payload: bytes, position: int = 0) -> int:
    """Return 4 bytes as a number without sign."""
    number: int = _NUMBER.unpack_from(payload, position)[0]
    return number


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the parameters of SETTINGS, in their order; the size of payload is a multiple of 6."""
    return list(_SETTING.iter_unpack(payload))


def unpad(flags: int, payload: bytes, *, frame: str) -> bytes:
    """Return the payload of DATA or HEADERS without padding.

    Raises:
        ConnectionFault: the padding is as long as the payload, or longer.
    """
    if not flags & PADDED:
        return payload
    # RFC 9113 6.1: the length of the padding is less than what follows it.
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{frame} with more padding than payload")
    return payload[1 : len(payload) - payload[0]]


# Private from here on.


def _check_beginning(data: bytes) -> None:
    """Check that a server begins with SETTINGS of its own: RFC 9113 3.4."""
    high, low, frame_type, flags, _ = _HEADER.unpack_from(data)
    if frame_type == SETTINGS and not flags & ACK:
        return
    if (high << 8 | low) > MIN_MAX_FRAME_SIZE:
        # Most likely HTTP/1.1, and no frame at all.
        text = f"{quote(data)} is no HTTP/2. With http1=True, HTTP/2 is spoken only with servers that offer it"
    else:
        text = f"a frame of type {frame_type} came first, and not SETTINGS"
    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, text)


# A length of 24 bits in two parts, type, flags, stream id.
_HEADER = struct.Struct(">HBBBI")
_NUMBER = struct.Struct(">I")
_NUMBER_PAIR = struct.Struct(">II")
_SETTING = struct.Struct(">HI")

# Name, whether it is of a stream (None: it may be), and the size if there is only one; RFC 9113 6.
_SHAPES: dict[int, tuple[str, bool | None, int | None]] = {
    PRIORITY: ("PRIORITY", True, 5),
    RST_STREAM: ("RST_STREAM", True, 4),
    SETTINGS: ("SETTINGS", False, None),
    PUSH_PROMISE: ("PUSH_PROMISE", True, None),
    PING: ("PING", False, 8),
    GOAWAY: ("GOAWAY", False, None),
    WINDOW_UPDATE: ("WINDOW_UPDATE", None, 4),
    CONTINUATION: ("CONTINUATION", True, None),
}
