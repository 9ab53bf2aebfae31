"""The table of the clients that are measured: where each is installed, and which adapter drives it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import cast

from benchmarks.adapters.base import AsyncAdapter, SyncAdapter

OURS = "ours"


@dataclass(frozen=True)
class Library:
    """One client.

    `package` is the distribution whose version is reported, if it is one; `requirements` is what pip gets to install it
    with all that makes it fast; the adapters are classes in a module of `benchmarks.adapters`.
    """

    name: str
    title: str
    package: str
    requirements: tuple[str, ...]
    environment: str
    module: str
    async_class: str | None = "Async"
    sync_class: str | None = "Sync"
    is_peer: bool = True  # something that this package is compared with

    def load_async(self) -> type[AsyncAdapter]:
        """Import the async adapter; without one, the class that supports nothing."""
        return cast("type[AsyncAdapter]", self._load(self.async_class) or AsyncAdapter)

    def load_sync(self) -> type[SyncAdapter]:
        """Import the sync adapter; without one, the class that supports nothing."""
        return cast("type[SyncAdapter]", self._load(self.sync_class) or SyncAdapter)

    def _load(self, name: str | None) -> object:
        return name and getattr(importlib.import_module(f"benchmarks.adapters.{self.module}"), name)


# What `environment` may be. scripts/bench makes .venv-bench from the dependency group, and `environments` the others.
PEERS = ".venv-bench-peers"
NIQUESTS = ".venv-bench-niquests"  # it replaces urllib3

ALL = (
    Library(OURS, "this package", "httpx", (), ".venv-bench", "httpx_api", "AsyncHttpx", "SyncHttpx", False),
    Library("bare", "(bare sockets)", "", (), ".venv-bench", "bare", is_peer=False),
    Library(
        "httpx",
        "HTTPX 0.28",
        "httpx",
        ("httpx[http2]==0.28.1", "sniffio", "trio"),
        PEERS,
        "httpx_api",
        "AsyncHttpx",
        "SyncHttpx",
    ),
    Library("httpx2", "httpx2", "httpx2", ("httpx2[http2]",), PEERS, "httpx_api", "AsyncHttpx2", "SyncHttpx2"),
    Library("aiohttp", "aiohttp", "aiohttp", ("aiohttp[speedups]", "isal"), PEERS, "aiohttp", sync_class=None),
    Library("wreq", "wreq (Rust)", "wreq", ("wreq",), PEERS, "wreq"),
    Library("pycurl", "pycurl (C)", "pycurl", ("pycurl",), PEERS, "pycurl"),
    Library("pyreqwest", "pyreqwest (Rust)", "pyreqwest", ("pyreqwest",), PEERS, "pyreqwest"),
    Library("primp", "primp (Rust)", "primp", ("primp",), PEERS, "primp"),
    Library("foghttp", "foghttp (Rust)", "foghttp", ("foghttp",), PEERS, "foghttp"),
    Library("punkreq", "punkreq (Rust)", "punkreq", ("punkreq",), PEERS, "punkreq", sync_class=None),
    Library("zapros", "zapros", "zapros", ("zapros[http2]",), PEERS, "zapros"),
    Library("requests", "requests", "requests", ("requests",), PEERS, "requests_api", None, "SyncRequests"),
    Library("urllib3", "urllib3", "urllib3", ("urllib3",), PEERS, "urllib3", async_class=None),
    Library(
        "niquests", "niquests", "niquests", ("niquests",), NIQUESTS, "requests_api", "AsyncNiquests", "SyncNiquests"
    ),
)

LIBRARIES = {library.name: library for library in ALL}
