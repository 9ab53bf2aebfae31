"""One timer for all reads of a loop: who is ended when, and who is looked at no more."""

from __future__ import annotations

import asyncio
import time

from httpx._network.read_limits import ReadLimits


class Reader:
    """A read that is overdue at some time, or that ended before."""

    def __init__(self, until: float | None) -> None:
        self.until = until
        self.checked_at: list[float] = []
        self.ended_at = 0.0

    def check_limit(self, now: float) -> float | None:
        self.checked_at.append(now)
        if self.until is not None and self.until <= now:
            self.ended_at, self.until = now, None
        return self.until


def test_each_read_ends_in_its_time() -> None:
    async def test() -> None:
        limits = ReadLimits(asyncio.get_running_loop())
        start = time.monotonic()
        readers = [Reader(start + delay) for delay in (0.2, 0.05, 0.1)]
        for reader in readers:
            assert reader.until is not None
            limits.add(reader, reader.until)
        assert limits.rings_at == start + 0.05
        while not all(reader.ended_at for reader in readers):
            await asyncio.sleep(0.01)
        ends = [reader.ended_at - start for reader in readers]
        assert ends[1] < ends[2] < ends[0]
        assert all(end >= delay for end, delay in zip(ends, (0.2, 0.05, 0.1), strict=True))
        # Nobody is left, and no timer.
        assert limits.rings_at == float("inf")
        assert not limits._readers and limits._timer is None

    asyncio.run(test())


def test_who_reads_no_more_is_not_looked_at_again() -> None:
    async def test() -> None:
        limits = ReadLimits(asyncio.get_running_loop())
        now = time.monotonic()
        finished, gone, waiting = Reader(None), Reader(now + 0.01), Reader(now + 0.1)
        limits.add(finished, now + 0.01)
        limits.add(gone, now + 0.01)
        limits.add(waiting, now + 0.1)
        limits.discard(gone)
        limits.discard(gone)
        while not waiting.ended_at:
            await asyncio.sleep(0.01)
        assert len(finished.checked_at) == 1
        assert not gone.checked_at
        # It was asked along with the first, and told when to ask again.
        assert len(waiting.checked_at) == 2
        limits.add(gone, time.monotonic())
        await asyncio.sleep(0.01)
        assert gone.ended_at

    asyncio.run(test())
