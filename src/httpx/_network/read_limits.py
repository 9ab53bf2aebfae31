"""How long the reads of one event loop may take: one timer for all of them.

It rings when the first read is overdue that was under way when it was set, or when one with a shorter limit came. Reads
that succeed touch nothing: who is looked at then has mostly begun another one since, and is looked at again when that
would be overdue. With asyncio's own tools a limit costs 5 to 17 us a read (`asyncio.timeout`), and a timer for each
connection a tenth of what it takes to make one.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Protocol


class LimitedReader(Protocol):
    """A stream with a read that has a limit."""

    def check_limit(self, now: float) -> float | None:
        """End a read that is overdue; return when to look again, None if nobody reads."""


class ReadLimits:
    """Looks after the limits of reads; times are on `time.monotonic()`."""

    __slots__ = ("_loop", "_readers", "_timer", "rings_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._readers: dict[LimitedReader, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        # When the readers are looked at next.
        self.rings_at = _NEVER

    def add(self, reader: LimitedReader, until: float) -> None:
        """Look at a reader when its read is overdue, and after that until it says that nobody reads."""
        self._readers[reader] = None
        if until < self.rings_at:
            self._set(until)

    def discard(self, reader: LimitedReader) -> None:
        """Look at a reader no more."""
        self._readers.pop(reader, None)

    # Private from here on.

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.rings_at = when
        # In a context of its own: it outlives the request that sets it, and must not keep its variables.
        delay = max(when - time.monotonic(), 0.0)
        self._timer = self._loop.call_later(delay, self._ring, context=contextvars.Context())

    def _ring(self) -> None:
        self._timer = None
        self.rings_at = _NEVER
        now = time.monotonic()
        first = _NEVER
        for reader in list(self._readers):
            until = reader.check_limit(now)
            if until is None:
                self._readers.pop(reader, None)
            elif until < first:
                first = until
        if first < _NEVER:
            self._set(first)


# Private from here on.

_NEVER = float("inf")
