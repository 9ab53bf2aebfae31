"""Take one sample: one client, one workload, in this process, which ends with it.

    python -m benchmarks.sample '{"library": ..., "workload": ..., ...}'

Prints a line of JSON: what was measured, or why it could not be.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from dataclasses import dataclass

from benchmarks import exchanges, memory
from benchmarks.adapters.base import AsyncAdapter, Settings, SyncAdapter, Unsupported
from benchmarks.libraries import LIBRARIES
from benchmarks.processes import pin, raise_file_limit, read_peak_memory
from benchmarks.workloads import WORKLOADS, Loop, Origin, Workload

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Order:
    """What to measure, and where the origin is."""

    library: str
    workload: str
    url: str
    origin_process: int
    authority: str
    seconds: float


def main() -> None:
    """Carry out the order in the first argument."""
    order = Order(**json.loads(sys.argv[1]))
    raise_file_limit()
    pin("first")
    result: Figures | dict[str, str]
    try:
        result = measure(order)
    except (Unsupported, ImportError) as exc:
        result = {"unsupported": str(exc)}
    except Exception as exc:  # a fault of the client's is a result too
        result = {"error": f"{type(exc).__name__}: {exc}"}
    print(json.dumps(result), flush=True)
    # Some clients wait for their threads at the end.
    os._exit(0)


def measure(order: Order) -> Figures:
    """Return the figures of this sample by name."""
    workload = WORKLOADS[order.workload]
    library = LIBRARIES[order.library]
    settings = make_settings(workload, order.authority)
    if workload.loop is Loop.THREADS:
        return measure_sync(workload, library.load_sync()(settings), order)
    return measure_async(workload, library.load_async()(settings), order)


# Private from here on.


def make_settings(workload: Workload, authority: str) -> Settings:
    return Settings(
        connections=workload.connections,
        authority=None if workload.origin is Origin.PLAIN else authority,
        http2=workload.origin is Origin.HTTP2,
        follow_redirects=workload.follow_redirects,
        cookies=workload.cookies,
        timeout=60 if workload.action == "idle" else None,  # its last answer comes when all have connected
    )


def measure_sync(workload: Workload, adapter: SyncAdapter, order: Order) -> Figures:
    if workload.action.startswith("peak_"):
        return {"cost": memory.measure_sync_peak(workload, adapter, order.url)}
    clock = exchanges.Clock(order.seconds, order.origin_process)
    return make_figures(exchanges.run_threads(workload, adapter, order.url, clock))


def measure_async(workload: Workload, adapter: AsyncAdapter, order: Order) -> Figures:
    run = functools.partial(exchanges.run_loop, workload.loop, adapter)
    if workload.action == "idle":
        return {"cost": run(lambda: memory.measure_idle(workload, adapter, order.url))}
    if workload.action.startswith("peak_"):
        return {"cost": run(lambda: memory.measure_async_peak(workload, adapter, order.url))}
    clock = exchanges.Clock(order.seconds, order.origin_process)
    return make_figures(run(lambda: exchanges.run_tasks(workload, adapter, order.url, clock)))


def make_figures(sample: exchanges.Sample) -> Figures:
    latencies = sorted(sample.latencies)
    count = len(latencies)
    return {
        "cost": sample.cpu_time / count * 1e6,
        "rate": count / sample.wall_time,
        "p99": latencies[min(count * 99 // 100, count - 1)] * 1e6,
        "peak": read_peak_memory() / 1024,
        "origin": None if sample.origin_time is None else sample.origin_time / sample.wall_time,
        "requests": count,
    }


if __name__ == "__main__":
    main()
