"""Measure memory in this process: that of idle connections, and how much the peak grows with a large transfer."""

from __future__ import annotations

from benchmarks.adapters.base import AsyncAdapter, SyncAdapter
from benchmarks.exchanges import check, make_arguments, run_together
from benchmarks.processes import read_memory, read_peak_memory
from benchmarks.workloads import KIB, Workload

SMALL = f"/bytes/{KIB}"


async def measure_idle(workload: Workload, adapter: AsyncAdapter, url: str) -> float:
    """Return the KiB that each idle connection takes.

    The origin holds its answers back until all of the requests have come, so that each has a connection of its own.
    """
    await adapter.open()
    await adapter.get(url + SMALL)
    before = read_memory()

    async def get() -> None:
        check(await adapter.get(url + workload.path), workload)

    await run_together([get() for _ in range(workload.concurrency)])
    after = read_memory()
    await adapter.close()
    return (after - before) / workload.concurrency


async def measure_async_peak(workload: Workload, adapter: AsyncAdapter, url: str) -> float:
    """Return by how many KiB the peak grows."""
    await adapter.open()
    await adapter.get(url + SMALL)
    before = read_peak_memory()
    action = workload.action.removeprefix("peak_")
    check(await getattr(adapter, action)(*next(make_arguments(workload, url, action))), workload)
    after = read_peak_memory()
    await adapter.close()
    return after - before


def measure_sync_peak(workload: Workload, adapter: SyncAdapter, url: str) -> float:
    """Return by how many KiB the peak grows."""
    adapter.open()
    adapter.get(url + SMALL)
    before = read_peak_memory()
    action = workload.action.removeprefix("peak_")
    check(getattr(adapter, action)(*next(make_arguments(workload, url, action))), workload)
    after = read_peak_memory()
    adapter.close()
    return after - before
