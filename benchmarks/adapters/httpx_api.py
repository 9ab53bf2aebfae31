"""The clients with HTTPX's API: this package, HTTPX 0.28 in the other environment, and its successor httpx2.

With limits that keep every connection, a TLS context of the workload's, and one client for all requests.
"""

from __future__ import annotations

import importlib
import ssl
from typing import Any

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported, make_async_parts, make_parts


class AsyncHttpx(AsyncAdapter):
    """`AsyncClient` of the module named `module`."""

    module = "httpx"
    runs_on_trio = True

    async def open(self) -> None:
        self._client = make_client(self.module, "AsyncClient", self.settings)

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


class AsyncHttpx2(AsyncHttpx):
    """`AsyncClient` of httpx2."""

    module = "httpx2"


class SyncHttpx(SyncAdapter):
    """`Client` of the module named `module`."""

    module = "httpx"

    def open(self) -> None:
        self._client = make_client(self.module, "Client", self.settings)

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


class SyncHttpx2(SyncHttpx):
    """`Client` of httpx2."""

    module = "httpx2"


def make_client(module: str, name: str, settings: Settings) -> Any:
    library = importlib.import_module(module)
    arguments: dict[str, Any] = {
        "limits": library.Limits(
            max_connections=settings.connections,
            max_keepalive_connections=settings.connections,
            keepalive_expiry=600,
        ),
        "follow_redirects": settings.follow_redirects,
    }
    if settings.authority is not None:
        arguments["verify"] = ssl.create_default_context(cafile=settings.authority)
    if settings.http2:
        arguments["http2"] = True
    if settings.timeout is not None:
        arguments["timeout"] = settings.timeout
    try:
        return getattr(library, name)(**arguments)
    except (ImportError, NotImplementedError, TypeError) as exc:
        raise Unsupported(str(exc)) from exc
