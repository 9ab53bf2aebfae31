"""foghttp, the Rust client over hyper, with limits that let every request of a workload through."""

from __future__ import annotations

from typing import Any

import foghttp

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported, make_async_parts, make_parts


class Async(AsyncAdapter):
    """`foghttp.AsyncClient`."""

    async def open(self) -> None:
        self._client = foghttp.AsyncClient(**make_arguments(self.settings))

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with self._client.stream("GET", url) as response:
            async for part in response.aiter_bytes():
                count += len(part)
            return Answer(response.status_code, response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, content=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._client.post(url, content=make_async_parts(size))
        return Answer(response.status_code, response.headers["content-type"], response.content)


class Sync(SyncAdapter):
    """`foghttp.Client`."""

    def open(self) -> None:
        self._client = foghttp.Client(**make_arguments(self.settings))

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    def get_json(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], response.json())

    def stream(self, url: str) -> Answer:
        with self._client.stream("GET", url) as response:
            count = sum(map(len, response.iter_bytes()))
            return Answer(response.status_code, response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._client.post(url, content=body)
        return Answer(response.status_code, response.headers["content-type"], response.content)

    def upload(self, url: str, size: int) -> Answer:
        response = self._client.post(url, content=make_parts(size))
        return Answer(response.status_code, response.headers["content-type"], response.content)


def make_arguments(settings: Settings) -> dict[str, Any]:
    if settings.http2:
        raise Unsupported("no HTTP/2 that can be asked for")
    arguments: dict[str, Any] = {
        "limits": foghttp.Limits(
            max_active_requests=settings.connections,
            max_pending_requests=settings.connections,
            max_idle_connections_per_host=settings.connections,
            max_response_body_size=None,
            max_buffered_response_bytes=None,
            idle_timeout=600,
        ),
        "follow_redirects": settings.follow_redirects,
        "cookies": settings.cookies,
    }
    if settings.authority is not None:
        arguments["tls"] = foghttp.TLSConfig(settings.authority, trust_webpki_roots=False)
    return arguments
