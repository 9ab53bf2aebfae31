"""What the operating system tells about a process: its CPU time and its memory. Linux tells most, others less."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from pathlib import Path


def pin(core: str) -> None:
    """Keep this process on the first or the last core that it may use, where there is such a thing."""
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores) if core == "first" else max(cores)})


def die_with_parent() -> None:
    """Let this process be killed when the one that started it ends, however that comes. Only on Linux."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def raise_file_limit() -> None:
    """Let this process open as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def read_cpu_time(process: int) -> float | None:
    """Return the seconds that the main thread of another process has run, or `None` where nothing tells."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return None


def read_peak_memory() -> int:
    """Return the most KiB that this process had in memory."""
    peak = read_status("VmHWM")
    if peak is None:
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = usage // 1024 if sys.platform == "darwin" else usage
    return peak


def read_memory() -> int:
    """Return the KiB that this process has in memory, without what its allocator could give back. Only on Linux."""
    gc.collect()
    try:
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass
    memory = read_status("VmRSS")
    if memory is None:
        raise OSError("only Linux tells how much memory a process has at the moment")
    return memory


# Private from here on.


def read_status(name: str) -> int | None:
    # Not getrusage: on Linux a process inherits the peak of the one that started it.
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return int(status.split(f"{name}:")[1].split()[0])
