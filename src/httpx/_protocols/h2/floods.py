"""Bound what a peer may make this side do for nothing: frames that bring no response any further.

Every frame costs some microseconds, and a peer can send hundreds of thousands of them in a few packets: empty DATA,
PING, SETTINGS, WINDOW_UPDATE, RST_STREAM, PRIORITY, frames of unknown types. Each may be sent, and none of them is
wrong in itself. So there is one allowance for all of them together. Each takes one off; what moves something (a
response, a part of its body) gives one back, and so does time, for a connection on which nothing happens but a PING now
and then lives for days.

WINDOW_UPDATE is what an upload gets in return, one for the stream and one for the connection each time that the server
has read a little: hundreds for a DATA frame. So what was sent pays for them, by its bytes.
"""

from __future__ import annotations

from .errors import ConnectionFault, ErrorCode

# Frames. A peer that sends an empty frame with each part of a body is never near it.
MAX_ALLOWANCE = 1000

# Bytes that a server reads at a time, at the least, and then gives credit for. Go's takes some kilobytes.
MIN_CREDITED_SIZE = 256

# Frames a second that are given back; RFC 9113 10.5 leaves it to us. Some proxies send a PING with every few responses.
REFILL_RATE = 20.0


class FrameAllowance:
    """Count frames that bring nothing, against those that do."""

    __slots__ = ("_filled_at", "_left", "_sent_size")

    def __init__(self) -> None:
        self._left = MAX_ALLOWANCE
        # When the allowance was last filled; at first, when something was taken of it.
        self._filled_at = 0.0
        # Bytes of DATA that no WINDOW_UPDATE was paid with, counted for the stream and for the connection.
        self._sent_size = 0

    def spend(self, now: float, what: str) -> None:
        """Count a frame that brings nothing.

        Raises:
            ConnectionFault: they are too many.
        """
        self._left -= 1
        if not self._filled_at:
            self._filled_at = now
        if self._left < 0:
            refill = min(int((now - self._filled_at) * REFILL_RATE), MAX_ALLOWANCE)
            self._filled_at = now
            if refill < 1:
                raise ConnectionFault(
                    ErrorCode.ENHANCE_YOUR_CALM,
                    f"more than {MAX_ALLOWANCE} frames that bring nothing, the last of them {what}",
                )
            self._left = refill - 1

    def spend_update(self, now: float) -> None:
        """Count a WINDOW_UPDATE.

        Raises:
            ConnectionFault: they are too many.
        """
        if self._sent_size >= MIN_CREDITED_SIZE:
            self._sent_size -= MIN_CREDITED_SIZE
        else:
            self.spend(now, "WINDOW_UPDATE")

    def count_sent(self, size: int) -> None:
        """Count bytes of DATA that this side sent."""
        self._sent_size += 2 * size

    def earn(self) -> None:
        """Count a frame that moves something."""
        if self._left < MAX_ALLOWANCE:
            self._left += 1
