"""Flow control (RFC 9113 5.2 and 6.9): how much this side may send, and when it allows the peer to send more.

What is received is counted twice, for the stream and for the connection, and given back at two different times:

* A stream gets its credit back when its reader has taken the bytes. So a reader that is slow stops its own stream, and
  what lies here unread for it is bounded by its window.
* The connection gets its credit back when the bytes arrive. Otherwise one slow reader would use up what all streams
  share, and stop the others. Only when too much lies unread on the connection as a whole, credit is held back.

Both are given in large portions, one WINDOW_UPDATE for half a window. A stream's window doubles while its reader keeps
up, which is when it takes what came in small portions: then the window, and not the reader, may be what slows the peer
down.
"""

from __future__ import annotations

MAX_WINDOW_SIZE = 2**31 - 1  # bytes; RFC 9113 6.9.1
DEFAULT_WINDOW_SIZE = 2**16 - 1  # bytes; RFC 9113 6.9.2: of streams and connections, until something else is said

# Bytes. What a stream begins with, and what it may grow to: enough for 1 GBit/s over 32 ms.
STREAM_WINDOW_SIZE = 256 * 1024
MAX_STREAM_WINDOW_SIZE = 4 * 1024 * 1024

# Bytes. What all streams of a connection share (Chromium has 15 MiB); and how much may lie unread before credit for it
# is held back: four sleeping readers of streams at their largest. Both together bound what lies unread.
CONNECTION_WINDOW_SIZE = 16 * 1024 * 1024
MAX_UNREAD_SIZE = 16 * 1024 * 1024


class StreamWindow:
    """What one stream may still receive."""

    __slots__ = ("_limit", "_owed", "_size")

    def __init__(self) -> None:
        self._limit = STREAM_WINDOW_SIZE
        # What the peer may still send, and what the reader has taken without credit being given for it.
        self._size = STREAM_WINDOW_SIZE
        self._owed = 0

    def receive(self, size: int) -> bool:
        """Count bytes that came; return False if they are more than was allowed."""
        self._size -= size
        return self._size >= 0

    def consume(self, size: int) -> int:
        """Count bytes that the reader took at once; return the credit to give for it, 0 if it is not worth a frame."""
        self._owed += size
        if self._owed * 2 < self._limit:
            return 0
        credit = self._owed
        if size * 2 <= self._limit < MAX_STREAM_WINDOW_SIZE:
            credit += self._limit
            self._limit *= 2
        self._owed = 0
        self._size += credit
        return credit


class ConnectionWindow:
    """What all streams of a connection together may still receive."""

    __slots__ = ("_owed", "_size", "is_held_back", "unread_size")

    def __init__(self) -> None:
        self._size = CONNECTION_WINDOW_SIZE
        self._owed = 0
        # Bytes that were received and that no reader has taken.
        self.unread_size = 0
        # Whether credit is due that unread bytes stand in the way of: without it nothing may come that would free it.
        self.is_held_back = False

    def receive(self, size: int) -> bool:
        """Count bytes that came; return False if they are more than was allowed."""
        self._size -= size
        self._owed += size
        self.unread_size += size
        return self._size >= 0

    def consume(self, size: int) -> None:
        """Count bytes that a reader took, or that nobody wants."""
        self.unread_size -= size

    def take_credit(self) -> int:
        """Return the credit to give at this time, 0 if it is not worth a frame or too much lies unread."""
        if self._owed * 2 < CONNECTION_WINDOW_SIZE:
            return 0
        self.is_held_back = self.unread_size > MAX_UNREAD_SIZE
        if self.is_held_back:
            return 0
        credit, self._owed = self._owed, 0
        self._size += credit
        return credit
