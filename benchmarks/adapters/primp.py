"""primp, the Rust client that can impersonate browsers; here it impersonates none."""

from __future__ import annotations

from typing import Any

import primp

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported


class Async(AsyncAdapter):
    """`primp.AsyncClient`."""

    async def open(self) -> None:
        self._client = primp.AsyncClient(**make_arguments(self.settings))

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with await self._client.get(url, stream=True) as response:
            async for part in response.aiter_bytes():
                count += len(part)
            return Answer(response.status_code, response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, content=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)


class Sync(SyncAdapter):
    """`primp.Client`."""

    def open(self) -> None:
        self._client = primp.Client(**make_arguments(self.settings))

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    def get_json(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    def stream(self, url: str) -> Answer:
        with self._client.get(url, stream=True) as response:
            count = sum(map(len, response.iter_bytes()))
            return Answer(response.status_code, response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._client.post(url, content=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)


def make_arguments(settings: Settings) -> dict[str, Any]:
    if settings.connections > 1000:
        raise Unsupported("its pool has no setting for so many connections")
    return {
        "cookie_store": settings.cookies,
        "follow_redirects": settings.follow_redirects,
        "http2_only": settings.http2,
        "ca_cert_file": settings.authority,
    }
