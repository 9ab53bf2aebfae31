"""aiohttp: one `ClientSession`, with a connector that keeps as many connections as the workload uses."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp

from .base import Answer, AsyncAdapter, Unsupported, make_async_parts

try:
    from isal import isal_zlib
except ImportError:
    pass
else:
    # What its documentation recommends for speed.
    aiohttp.set_zlib_backend(isal_zlib)


class Async(AsyncAdapter):
    """`aiohttp.ClientSession`."""

    async def open(self) -> None:
        if self.settings.http2:
            raise Unsupported("no HTTP/2")
        tls: Any = True
        if self.settings.authority is not None:
            tls = ssl.create_default_context(cafile=self.settings.authority)
        connector = aiohttp.TCPConnector(limit=self.settings.connections, ssl=tls, keepalive_timeout=600)
        jar = aiohttp.CookieJar(unsafe=True) if self.settings.cookies else None  # "unsafe" means from IP addresses
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar)
        self._follow = self.settings.follow_redirects

    async def close(self) -> None:
        await self._session.close()

    async def get(self, url: str) -> Answer:
        async with self._session.get(url, allow_redirects=self._follow) as response:
            return Answer(response.status, response.headers["Content-Type"], await response.read())

    async def get_json(self, url: str) -> Answer:
        async with self._session.get(url, allow_redirects=self._follow) as response:
            return Answer(response.status, response.headers["Content-Type"], await response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with self._session.get(url) as response:
            async for part in response.content.iter_any():
                count += len(part)
            return Answer(response.status, response.headers["Content-Type"], count)

    async def post(self, url: str, body: bytes) -> Answer:
        async with self._session.post(url, data=body) as response:
            return Answer(response.status, response.headers["Content-Type"], await response.read())

    async def upload(self, url: str, size: int) -> Answer:
        async with self._session.post(url, data=make_async_parts(size)) as response:
            return Answer(response.status, response.headers["Content-Type"], await response.read())
