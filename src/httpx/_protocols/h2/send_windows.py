"""What the server allows to be sent (RFC 9113 6.9): on the connection, on each stream, and who waits for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .errors import ConnectionFault, ErrorCode, StreamFault
from .streams import H2Stream
from .windows import DEFAULT_WINDOW_SIZE, MAX_WINDOW_SIZE


class SendWindows:
    """The window of the connection, and the streams that have more to send than theirs or this one allows.

    The window of each stream is kept in the stream.
    """

    __slots__ = ("_blocked", "_size", "wake")

    def __init__(self, wake: Callable[[int], None]) -> None:
        self.wake = wake
        self._size = DEFAULT_WINDOW_SIZE
        self._blocked: dict[int, H2Stream] = {}

    def allow(self, stream: H2Stream, size: int) -> int:
        """Return how many of size bytes may be sent, 0 or less for none; the stream is woken when it may be more."""
        allowed = min(size, stream.send_window, self._size)
        blocked = self._blocked
        if blocked:
            blocked.pop(stream.id, None)
        if allowed < size:
            # Behind all others, whose turn it is when there is more for all.
            blocked[stream.id] = stream
        return allowed

    def spend(self, stream: H2Stream, size: int) -> None:
        """Count bytes that are sent."""
        stream.send_window -= size
        self._size -= size

    def is_open(self, stream: H2Stream) -> bool:
        """Tell whether any byte may be sent."""
        return stream.send_window > 0 and self._size > 0

    def forget(self, stream: H2Stream) -> None:
        """Note that a stream has nothing more to send."""
        self._blocked.pop(stream.id, None)

    def add(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection.

        Raises:
            ConnectionFault: the increment is 0, or the window becomes too large.
        """
        self._size += increment
        if not increment or self._size > MAX_WINDOW_SIZE:
            raise ConnectionFault(_code_of(increment), f"WINDOW_UPDATE of {increment} for the connection")
        self._wake_blocked()

    def add_to(self, stream: H2Stream, increment: int) -> None:
        """Take a WINDOW_UPDATE of a stream.

        Raises:
            StreamFault: the increment is 0, or the window becomes too large.
        """
        stream.send_window += increment
        if not increment or stream.send_window > MAX_WINDOW_SIZE:
            raise StreamFault(_code_of(increment), f"WINDOW_UPDATE of {increment}")
        if stream.id in self._blocked:
            self.wake(stream.id)

    def shift(self, streams: Iterable[H2Stream], difference: int) -> None:
        """Change the window of every stream by what their initial size has changed.

        Raises:
            ConnectionFault: one becomes too large.
        """
        # RFC 9113 6.9.2: one may be below zero after that.
        for stream in streams:
            stream.send_window += difference
            if stream.send_window > MAX_WINDOW_SIZE:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS that make a window too large")
        self._wake_blocked()

    # Private from here on.

    def _wake_blocked(self) -> None:
        # They stay blocked: those who are woken first may use it all up, and the others go back to sleep.
        for stream_id in self._blocked:
            self.wake(stream_id)


# Private from here on.


def _code_of(increment: int) -> ErrorCode:
    # RFC 9113 6.9: an increment of 0 is a PROTOCOL_ERROR, and 6.9.1: one that is too much a FLOW_CONTROL_ERROR.
    return ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
