"""punkreq, the async client over httpunk (Rust), with its asyncio backend."""

from __future__ import annotations

import ssl

import punkreq.asyncio

from .base import Answer, AsyncAdapter, make_async_parts


class Async(AsyncAdapter):
    """`punkreq.asyncio.Client`."""

    async def open(self) -> None:
        settings = self.settings
        self._client = punkreq.asyncio.Client(
            verify=True if settings.authority is None else ssl.create_default_context(cafile=settings.authority),
            http1=not settings.http2,
            http2=settings.http2,
            cookies={} if settings.cookies else None,
            follow_redirects=settings.follow_redirects,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.close()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], await response.read())

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url)
        return Answer(response.status_code, response.headers["content-type"], await response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with self._client.get(url) as response:
            async for part in response.iter_bytes():
                count += len(part)
            return Answer(response.status_code, response.headers["content-type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, content=body)
        return Answer(response.status_code, response.headers["content-type"], await response.read())

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._client.post(url, content=make_async_parts(size))
        return Answer(response.status_code, response.headers["content-type"], await response.read())
