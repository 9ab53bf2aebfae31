"""The clients with the API of Requests: requests, and niquests, which is async too.

One session, whose adapter keeps as many connections as the workload uses. `trust_env` is off: it would read the
environment for each request.
"""

from __future__ import annotations

import importlib
from typing import Any

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported, make_async_parts, make_parts

STREAM_PART_SIZE = 65536  # bytes; with their defaults they would hand out a few at a time


class SyncRequests(SyncAdapter):
    """`requests.Session`."""

    def open(self) -> None:
        if self.settings.http2:
            raise Unsupported("no HTTP/2")
        requests = importlib.import_module("requests")
        self._session = requests.Session()
        size = self.settings.connections
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(pool_connections=size, pool_maxsize=size))
        configure(self._session, self.settings)

    def close(self) -> None:
        self._session.close()

    def get(self, url: str) -> Answer:
        response = self._session.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    def get_json(self, url: str) -> Answer:
        response = self._session.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    def stream(self, url: str) -> Answer:
        with self._session.get(url, stream=True) as response:
            count = sum(map(len, response.iter_content(STREAM_PART_SIZE)))
            return Answer(response.status_code, response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._session.post(url, data=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    def upload(self, url: str, size: int) -> Answer:
        response = self._session.post(url, data=make_parts(size))
        return Answer(response.status_code, response.headers["content-type"], response.content)


class SyncNiquests(SyncRequests):
    """`niquests.Session`."""

    def open(self) -> None:
        self._session = importlib.import_module("niquests").Session(**make_arguments(self.settings))
        configure(self._session, self.settings)


class AsyncNiquests(AsyncAdapter):
    """`niquests.AsyncSession`."""

    async def open(self) -> None:
        self._session = importlib.import_module("niquests").AsyncSession(**make_arguments(self.settings))
        configure(self._session, self.settings)

    async def close(self) -> None:
        await self._session.close()

    async def get(self, url: str) -> Answer:
        response = await self._session.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    async def get_json(self, url: str) -> Answer:
        response = await self._session.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with await self._session.get(url, stream=True) as response:
            async for part in await response.iter_content(STREAM_PART_SIZE):
                count += len(part)
            return Answer(response.status_code, response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._session.post(url, data=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._session.post(url, data=make_async_parts(size))
        return Answer(response.status_code, response.headers["content-type"], response.content)


def configure(session: Any, settings: Settings) -> None:
    session.trust_env = False
    if settings.authority is not None:
        session.verify = settings.authority


def make_arguments(settings: Settings) -> dict[str, Any]:
    return {
        "pool_connections": settings.connections,
        "pool_maxsize": settings.connections,
        "disable_http1": settings.http2,
        "disable_http2": not settings.http2,
        "disable_http3": True,
    }
