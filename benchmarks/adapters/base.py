"""The interface through which every client is driven, so that all of them do the same work.

A method makes one request, reads its whole response, and returns an `Answer`. What a client cannot do, it leaves to
these classes, which raise `Unsupported`: the table then shows a dash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

UPLOAD_PART = b"y" * 65536


class Unsupported(Exception):
    """The client, or its adapter, has no such feature."""


class Answer(NamedTuple):
    """What came, for the check: the status, the Content-Type, and the body.

    The body is a bytes-like object, or the parsed JSON, or for a streamed one the count of its bytes.
    """

    status: int
    content_type: str | bytes | memoryview | None
    body: Any


@dataclass(frozen=True)
class Settings:
    """How a client is to be made: for so many connections at a time, and with what a workload needs."""

    connections: int = 100
    authority: str | None = None  # the path of the certificate to trust, in PEM
    http2: bool = False
    follow_redirects: bool = False
    cookies: bool = False
    timeout: float | None = None  # seconds, where its own default would be too short; `None` leaves it at that


class AsyncAdapter:
    """One open client that is awaited."""

    runs_on_trio = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def open(self) -> None:
        """Make the client, in the running event loop."""
        raise Unsupported("no async client")

    async def close(self) -> None:
        """Close the client."""

    async def get(self, url: str) -> Answer:
        """GET, and read the body at once."""
        raise Unsupported("no GET")

    async def get_json(self, url: str) -> Answer:
        """GET, and parse the body as JSON by the client's own means."""
        raise Unsupported("no JSON")

    async def stream(self, url: str) -> Answer:
        """GET, and take the body in parts, as they come."""
        raise Unsupported("no streamed responses")

    async def post(self, url: str, body: bytes) -> Answer:
        """POST these bytes."""
        raise Unsupported("no POST")

    async def upload(self, url: str, size: int) -> Answer:
        """POST so many bytes that a generator makes while they are sent."""
        raise Unsupported("no streamed uploads")


class SyncAdapter:
    """One open client that blocks; used by several threads at once in some workloads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self) -> None:
        """Make the client."""
        raise Unsupported("no sync client")

    def close(self) -> None:
        """Close the client."""

    def get(self, url: str) -> Answer:
        """GET, and read the body at once."""
        raise Unsupported("no GET")

    def get_json(self, url: str) -> Answer:
        """GET, and parse the body as JSON by the client's own means."""
        raise Unsupported("no JSON")

    def stream(self, url: str) -> Answer:
        """GET, and take the body in parts, as they come."""
        raise Unsupported("no streamed responses")

    def post(self, url: str, body: bytes) -> Answer:
        """POST these bytes."""
        raise Unsupported("no POST")

    def upload(self, url: str, size: int) -> Answer:
        """POST so many bytes that a generator makes while they are sent."""
        raise Unsupported("no streamed uploads")


def make_parts(size: int) -> Iterator[bytes]:
    """Yield so many bytes in parts of 64 KiB."""
    for _ in range(size // len(UPLOAD_PART)):
        yield UPLOAD_PART


async def make_async_parts(size: int) -> AsyncIterator[bytes]:
    """Yield so many bytes in parts of 64 KiB."""
    for _ in range(size // len(UPLOAD_PART)):
        yield UPLOAD_PART
