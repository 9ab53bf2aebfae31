"""The table of the workloads: what is done, how often at a time, and against which origin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

KIB = 1024
MIB = 1024 * 1024


class Loop(StrEnum):
    """What drives the requests: threads, or an event loop."""

    THREADS = "threads"
    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


class Origin(StrEnum):
    """Which server answers."""

    PLAIN = "http"
    TLS = "https"
    HTTP2 = "http2"


@dataclass(frozen=True)
class Workload:
    """Requests of one kind, over and over.

    `action` is a method of the adapters; `size` is that of the body that comes, or goes. `target` is the ratio to the
    best peer that this package is held to.
    """

    name: str
    title: str
    action: str
    path: str
    size: int
    loop: Loop = Loop.ASYNCIO
    concurrency: int = 1
    origin: Origin = Origin.PLAIN
    content_type: str = "text/plain; charset=utf-8"
    follow_redirects: bool = False
    target: float | None = None


def get(name: str, title: str, concurrency: int, size: int = KIB, **others: object) -> Workload:
    """Return a workload of GETs that read the body at once."""
    return Workload(name, title, "get", f"/bytes/{size}", size, concurrency=concurrency, **others)  # type: ignore[arg-type]  # by name


WORKLOADS = {
    workload.name: workload
    for workload in (
        get("async-1k-16", "GET 1 KiB at 16, asyncio", 16, target=0.75),
        get("sync-1k", "sync GET 1 KiB, one thread", 1, loop=Loop.THREADS, target=1.05),
        Workload("post-1k-64", "POST 1 KiB at 64", "post", "/upload", KIB, concurrency=64, target=0.85),
        Workload(
            "stream-100k-64",
            "100 KiB at 64, streamed",
            "stream",
            f"/bytes/{100 * KIB}",
            100 * KIB,
            concurrency=64,
            target=0.8,
        ),
    )
}
