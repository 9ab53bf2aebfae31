"""zapros, over its standard handlers."""

from __future__ import annotations

import ssl
from typing import Any

import zapros

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, make_async_parts, make_parts


class Async(AsyncAdapter):
    """`zapros.AsyncClient`."""

    async def open(self) -> None:
        transport = zapros.AsyncIOTransport(**make_transport_arguments(self.settings))
        handler = zapros.AsyncStdNetworkHandler(transport=transport, **make_arguments(self.settings))
        self._client = zapros.AsyncClient(wrap(handler, self.settings))

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status, response.headers["content-type"], await response.aread())

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url)
        await response.aread()
        return Answer(response.status, response.headers["content-type"], response.json)

    async def stream(self, url: str) -> Answer:
        count = 0
        async with self._client.stream("GET", url) as response:
            async for part in response.async_iter_bytes():
                count += len(part)
            return Answer(response.status, response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, body=body)
        return Answer(response.status, response.headers["content-type"], await response.aread())

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._client.post(url, body=make_async_parts(size))
        return Answer(response.status, response.headers["content-type"], await response.aread())


class Sync(SyncAdapter):
    """`zapros.Client`."""

    def open(self) -> None:
        transport = zapros.SyncTransport(**make_transport_arguments(self.settings))
        handler = zapros.StdNetworkHandler(transport=transport, **make_arguments(self.settings))
        self._client = zapros.Client(wrap(handler, self.settings))

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return Answer(response.status, response.headers["content-type"], response.read())

    def get_json(self, url: str) -> Answer:
        response = self._client.get(url)
        response.read()
        return Answer(response.status, response.headers["content-type"], response.json)

    def stream(self, url: str) -> Answer:
        with self._client.stream("GET", url) as response:
            count = sum(map(len, response.iter_bytes()))
            return Answer(response.status, response.headers["content-type"], count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._client.post(url, body=body)
        return Answer(response.status, response.headers["content-type"], response.read())

    def upload(self, url: str, size: int) -> Answer:
        response = self._client.post(url, body=make_parts(size))
        return Answer(response.status, response.headers["content-type"], response.read())


def make_transport_arguments(settings: Settings) -> dict[str, Any]:
    if settings.authority is None:
        return {}
    return {"ssl_context": ssl.create_default_context(cafile=settings.authority)}


def make_arguments(settings: Settings) -> dict[str, Any]:
    http1 = {
        "max_connections_per_host": settings.connections,
        "max_idle_connections_per_host": settings.connections,
        "max_idle_seconds": 600,
    }
    return {"http1": False if settings.http2 else http1, "http2": settings.http2}


def wrap(handler: Any, settings: Settings) -> Any:
    if settings.follow_redirects:
        handler = zapros.RedirectMiddleware(handler)
    if settings.cookies:
        handler = zapros.CookieMiddleware(handler)
    return handler
