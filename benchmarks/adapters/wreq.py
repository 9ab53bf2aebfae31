"""wreq, the Rust client: one client, whose pool keeps as many connections as the workload uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wreq
import wreq.blocking
from wreq import redirect

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, make_async_parts, make_parts


class Async(AsyncAdapter):
    """`wreq.Client`."""

    async def open(self) -> None:
        self._client = wreq.Client(**make_arguments(self.settings))

    async def close(self) -> None:
        self._client.close()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status.as_int(), response.headers["content-type"], await response.bytes())

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status.as_int(), response.headers["content-type"], await response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        response = await self._client.get(url)
        async with response.stream() as parts:
            async for part in parts:
                count += len(part)
        return Answer(response.status.as_int(), response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, body=body)
        return Answer(response.status.as_int(), response.headers["content-type"], await response.bytes())

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._client.post(url, body=make_async_parts(size))
        return Answer(response.status.as_int(), response.headers["content-type"], await response.bytes())


class Sync(SyncAdapter):
    """`wreq.blocking.Client`."""

    def open(self) -> None:
        self._client = wreq.blocking.Client(**make_arguments(self.settings))

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status.as_int(), response.headers["content-type"], response.bytes())

    def get_json(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status.as_int(), response.headers["content-type"], response.json())

    def stream(self, url: str) -> Answer:
        response = self._client.get(url)
        with response.stream() as parts:
            count = sum(map(len, parts))
        return Answer(response.status.as_int(), response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._client.post(url, body=body)
        return Answer(response.status.as_int(), response.headers["content-type"], response.bytes())

    def upload(self, url: str, size: int) -> Answer:
        response = self._client.post(url, body=make_parts(size))
        return Answer(response.status.as_int(), response.headers["content-type"], response.bytes())


def make_arguments(settings: Settings) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "pool_max_idle_per_host": settings.connections,
        "pool_max_size": settings.connections,
        "cookie_store": settings.cookies,
        "no_proxy": True,
        "http2_only" if settings.http2 else "http1_only": True,
    }
    if settings.follow_redirects:
        arguments["redirect"] = redirect.Policy.limited(20)
    if settings.authority is not None:
        arguments["tls_verify"] = Path(settings.authority)
    return arguments
