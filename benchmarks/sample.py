"""Take one sample: one client, one workload, in this process, which ends with it.

    python -m benchmarks.sample '{"library": ..., "workload": ..., ...}'

Prints a line of JSON: what was measured, or why it could not be.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks import exchanges
from benchmarks.adapters.base import Settings, Unsupported
from benchmarks.libraries import LIBRARIES
from benchmarks.processes import pin, raise_file_limit, read_peak_memory
from benchmarks.workloads import WORKLOADS, Origin


@dataclass(frozen=True)
class Order:
    """What to measure, and where the origin is."""

    library: str
    workload: str
    url: str
    origin_process: int
    authority: str
    seconds: float
    time_limit: int


def main() -> None:
    """Carry out the order in the first argument."""
    order = Order(**json.loads(sys.argv[1]))
    signal.alarm(order.time_limit)  # nobody need wait for a client that hangs
    raise_file_limit()
    pin("first")
    try:
        result = measure(order)
    except (Unsupported, ImportError) as exc:
        result = {"unsupported": str(exc)}
    except Exception as exc:  # a fault of the client's is a result too
        result = {"error": f"{type(exc).__name__}: {exc}"}
    print(json.dumps(result), flush=True)
    # Some clients wait for their threads at the end.
    os._exit(0)


def measure(order: Order) -> dict[str, Any]:
    """Return the figures of this sample by name."""
    workload = WORKLOADS[order.workload]
    library = LIBRARIES[order.library]
    settings = Settings(
        connections=max(100, workload.concurrency),
        authority=None if workload.origin is Origin.PLAIN else order.authority,
        http2=workload.origin is Origin.HTTP2,
        follow_redirects=workload.follow_redirects,
    )
    clock = exchanges.Clock(order.seconds, order.origin_process)
    sample = exchanges.run(library, workload, settings, order.url, clock)
    latencies = sorted(sample.latencies)
    return {
        "cpu": sample.cpu_time / sample.requests * 1e6,
        "rate": sample.requests / sample.wall_time,
        "p99": latencies[min(len(latencies) * 99 // 100, len(latencies) - 1)] * 1e6,
        "peak": read_peak_memory(),
        "requests": sample.requests,
        "origin": None if sample.origin_time is None else sample.origin_time / sample.wall_time,
    }


if __name__ == "__main__":
    main()
