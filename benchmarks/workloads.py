"""The table of the workloads: what is done, against which origin, and what this package is held to.

A workload is named by what it does, how much of it, and how many at a time. The actions `idle` and `peak_...` measure
memory, `cold_...` a process that has just started; all others are methods of the adapters, done over and over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

KIB = 1024
MIB = 1024 * KIB

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

JSON_RECORDS = {"/json": 89, "/gzip": 867}  # how many come


class Loop(StrEnum):
    """What drives the requests: threads, or an event loop."""

    THREADS = "threads"
    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"
    TRIO = "trio"


class Origin(StrEnum):
    """Which server answers."""

    PLAIN = "http"
    TLS = "https"
    HTTP2 = "http2"


@dataclass(frozen=True)
class Workload:
    """Requests of one kind.

    `size` is that of the body that comes, or goes, or the count of records. `target` is the ratio to the best peer that
    this package is held to, `rivals` are ratios to peers of a name; for `limit`, the cost itself is what is held. A
    workload that is not a default one is done when it is named.
    """

    name: str
    title: str
    action: str
    path: str
    size: int
    loop: Loop = Loop.ASYNCIO
    concurrency: int = 1
    origin: Origin = Origin.PLAIN
    content_type: str = TEXT
    follow_redirects: bool = False
    cookies: bool = False
    hosts: int = 1  # how many origins, all of them with a connection in the pool
    unit: str = "us CPU"
    target: float | None = None
    rivals: tuple[tuple[str, float | None], ...] = ()
    limit: float | None = None
    is_default: bool = True

    @property
    def connections(self) -> int:
        """For how many connections the client is made."""
        return max(100, self.concurrency, self.hosts)


@dataclass(frozen=True)
class Growth:
    """The cost of one workload divided by that of another, of the same client."""

    title: str
    workload: str
    base: str
    target: float | None = None


GROWTHS = (
    Growth("cost at 512 connections over 16", "async-1k-512", "async-1k-16", 1.2),
    Growth("cost with 10,000 pooled origins over 1", "origins-10000", "origins-1"),
)


def make_all() -> Iterator[Workload]:
    """Yield the workloads in the order in which they are shown."""
    yield from make_small()
    yield from make_large()
    yield from make_secure()
    yield from make_sync()
    yield from make_rest()
    yield from make_cold()
    yield from make_memory()


# Private from here on.


def make_small() -> Iterator[Workload]:
    for concurrency in (1, 16, 128, 512):
        workload = Workload(
            f"async-1k-{concurrency}",
            f"GET 1 KiB at {concurrency}, asyncio",
            "get",
            f"/bytes/{KIB}",
            KIB,
            concurrency=concurrency,
            target=0.75,
        )
        yield workload
        name, title = f"uvloop-1k-{concurrency}", f"GET 1 KiB at {concurrency}, uvloop"
        yield replace(workload, name=name, title=title, loop=Loop.UVLOOP, target=0.8)
        if concurrency == 16:
            name, title = "trio-1k-16", "GET 1 KiB at 16, trio"
            yield replace(workload, name=name, title=title, loop=Loop.TRIO, target=None)
            name, title = "unique-1k-16", "GET 1 KiB at 16, no two heads the same"
            yield replace(workload, name=name, title=title, path=f"/unique/{KIB}")
    yield Workload("post-1k-64", "POST 1 KiB at 64", "post", "/upload", KIB, concurrency=64, target=0.85)
    json = Workload(
        "json-10k-16",
        "JSON 10 KiB at 16, parsed",
        "get_json",
        "/json",
        JSON_RECORDS["/json"],
        concurrency=16,
        content_type=JSON,
        target=0.85,
    )
    yield json
    gzip = replace(json, path="/gzip", size=JSON_RECORDS["/gzip"], target=None)
    yield replace(gzip, name="gzip-100k-16", title="gzip JSON 100 KiB at 16, parsed")


def make_large() -> Iterator[Workload]:
    kept = Workload(
        "async-100k-64", "GET 100 KiB at 64", "get", f"/bytes/{100 * KIB}", 100 * KIB, concurrency=64, target=0.8
    )
    yield kept
    yield replace(kept, name="stream-100k-64", title="100 KiB at 64, streamed", action="stream")
    down = Workload("down-64m", "64 MiB streamed down", "stream", f"/bytes/{64 * MIB}", 64 * MIB, target=1.0)
    yield down
    yield replace(down, name="read-64m", title="64 MiB read whole", action="get", target=None)
    up = replace(down, path="/upload")
    yield replace(up, name="up-64m", title="64 MiB up from a generator", action="upload")
    yield replace(up, name="post-64m", title="64 MiB up from bytes", action="post", target=1.1)


def make_secure() -> Iterator[Workload]:
    small = Workload("tls-1k-64", "TLS, GET 1 KiB at 64", "get", f"/bytes/{KIB}", KIB, concurrency=64, target=0.75)
    yield replace(small, origin=Origin.TLS)
    down = Workload("tls-64m", "TLS, 64 MiB streamed down", "stream", f"/bytes/{64 * MIB}", 64 * MIB)
    yield replace(down, origin=Origin.TLS)
    name, title = "http2-1k-64", "HTTP/2, GET 1 KiB, 64 streams on one connection"
    yield replace(small, name=name, title=title, origin=Origin.HTTP2, target=0.8)


def make_sync() -> Iterator[Workload]:
    one = Workload("sync-1k", "sync GET 1 KiB, one thread", "get", f"/bytes/{KIB}", KIB, loop=Loop.THREADS, target=1.05)
    yield one
    yield replace(one, name="sync-tls-1k", title="sync TLS GET 1 KiB, one thread", origin=Origin.TLS)
    eight = replace(
        one,
        name="sync-1k-8",
        title="sync GET 1 KiB, 8 threads on one client",
        concurrency=8,
        target=1.2,
        rivals=(("urllib3", 0.3),),
    )
    yield eight
    yield replace(one, name="sync-down-64m", title="sync, 64 MiB streamed down", action="stream",
                  path=f"/bytes/{64 * MIB}", size=64 * MIB, target=None)  # fmt: skip


def make_rest() -> Iterator[Workload]:
    base = Workload("close-16", "a new connection each, at 16", "get", f"/close/{KIB}", KIB, concurrency=16, target=1.1)
    yield base
    base = replace(base, target=None)
    yield replace(base, name="cookies-16", title="1,000 cookies of 20 sites, at 16", path="/cookies/7", cookies=True)
    yield replace(base, name="redirects-16", title="3 redirects, at 16", path="/redirect/3", follow_redirects=True)
    for hosts in (1, 100, 1000, 10_000):
        name, title = f"origins-{hosts}", f"GET 1 KiB at 16, origins in the pool: {hosts:,}"
        is_default = hosts in (1, 10_000)
        yield replace(base, name=name, title=title, path=f"/bytes/{KIB}", hosts=hosts, is_default=is_default)


def make_cold() -> Iterator[Workload]:
    base = Workload("cold-import", "import", "cold_import", f"/bytes/{KIB}", KIB, loop=Loop.THREADS)
    yield replace(base, rivals=(("httpx", 0.4),))
    yield replace(
        base, name="cold-client", title="first client, after import", action="cold_client", rivals=(("httpx", None),)
    )
    title = "import, first client, first TLS answer"
    yield replace(base, name="cold-tls", title=title, action="cold_tls", origin=Origin.TLS, rivals=(("httpx", 0.6),))
    title = "each later client with its first GET"
    yield replace(base, name="cold-next", title=title, action="cold_next", rivals=(("httpx", 0.1),))


def make_memory() -> Iterator[Workload]:
    idle = Workload(
        "idle-1000", "memory of an idle connection", "idle", "/gate/1000", KIB, concurrency=1000, unit="KiB", limit=15
    )
    yield idle
    yield replace(idle, name="idle-tls-1000", title="memory of an idle TLS connection", origin=Origin.TLS, limit=60)
    transfer = replace(idle, concurrency=1, size=1024 * MIB, limit=20 * KIB, is_default=False)
    for origin in (Origin.PLAIN, Origin.TLS):
        for loop in Loop:
            for action, direction, path in (("stream", "down", f"/bytes/{1024 * MIB}"), ("upload", "up", "/upload")):
                yield replace(
                    transfer,
                    name=f"peak-{direction}-{loop}{'-tls' if origin is Origin.TLS else ''}",
                    title=f"growth of peak memory, 1 GiB {direction}, {loop}, {origin}",
                    action=f"peak_{action}",
                    path=path,
                    loop=loop,
                    origin=origin,
                )


WORKLOADS = {workload.name: workload for workload in make_all()}
