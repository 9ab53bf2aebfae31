"""The SETTINGS of both sides (RFC 9113 6.5): what is announced here, and what the peer has announced."""

from __future__ import annotations

from .errors import ConnectionFault, ErrorCode
from .frames import MAX_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, Setting
from .windows import DEFAULT_WINDOW_SIZE, MAX_WINDOW_SIZE, STREAM_WINDOW_SIZE

# Bytes, with 32 for each field (RFC 9113 10.5.1); as much as a head may have in HTTP/1.1.
MAX_FIELD_LIST_SIZE = 100 * 1024

# Streams opened before the peer has said how many it takes, and at most (RFC 9113 6.5.2 recommends no less than 100).
DEFAULT_MAX_STREAMS = 100

# Above this, more streams only wait for each other.
MAX_STREAMS = 1000

LOCAL_SETTINGS = (
    (Setting.ENABLE_PUSH, 0),
    (Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_SIZE),
    (Setting.MAX_HEADER_LIST_SIZE, MAX_FIELD_LIST_SIZE),
    (Setting.NO_RFC7540_PRIORITIES, 1),
)


class PeerSettings:
    """What the peer has announced; until it does, the defaults of RFC 9113 6.5.2."""

    __slots__ = (
        "enable_connect_protocol",
        "initial_window_size",
        "is_known",
        "max_concurrent_streams",
        "max_frame_size",
    )

    def __init__(self) -> None:
        self.is_known = False
        self.max_concurrent_streams = DEFAULT_MAX_STREAMS
        self.initial_window_size = DEFAULT_WINDOW_SIZE
        self.max_frame_size = MIN_MAX_FRAME_SIZE
        self.enable_connect_protocol = False

    def apply(self, settings: list[tuple[int, int]]) -> list[int]:
        """Take over parameters, in their order; return the sizes of HPACK's table among them.

        RFC 7541 4.2: the smallest of several matters as well as the last one.

        Raises:
            ConnectionFault: a value is outside of its range.
        """
        if not self.is_known:
            self.is_known = True
            # RFC 9113 6.5.2: without a word there is no limit.
            self.max_concurrent_streams = MAX_STREAMS
        table_sizes = []
        for key, value in settings:
            # What is unknown is ignored, and so is what is about things that only clients do.
            if key == Setting.HEADER_TABLE_SIZE:
                table_sizes.append(value)
            elif key == Setting.ENABLE_PUSH:
                _check(key, value, value == 0)  # RFC 9113 6.5.2: a server does not send 1
            elif key == Setting.MAX_CONCURRENT_STREAMS:
                self.max_concurrent_streams = min(value, MAX_STREAMS)
            elif key == Setting.INITIAL_WINDOW_SIZE:
                _check(key, value, value <= MAX_WINDOW_SIZE, ErrorCode.FLOW_CONTROL_ERROR)
                self.initial_window_size = value
            elif key == Setting.MAX_FRAME_SIZE:
                _check(key, value, MIN_MAX_FRAME_SIZE <= value <= MAX_MAX_FRAME_SIZE)
                self.max_frame_size = value
            elif key == Setting.ENABLE_CONNECT_PROTOCOL:
                # RFC 8441 3: 0 or 1, and once 1 it stays so.
                _check(key, value, value == 1 or (value == 0 and not self.enable_connect_protocol))
                self.enable_connect_protocol = value == 1
        return table_sizes


# Private from here on.


def _check(key: int, value: int, is_right: bool, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> None:
    if not is_right:
        raise ConnectionFault(code, f"SETTINGS with {Setting(key).name} = {value}")
