"""pyreqwest, the Rust client over reqwest: one client, whose pool keeps as many connections as the workload uses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pyreqwest.client import ClientBuilder, SyncClientBuilder

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, make_async_parts, make_parts

Builder = TypeVar("Builder", ClientBuilder, SyncClientBuilder)


class Async(AsyncAdapter):
    """`pyreqwest.client.Client`."""

    async def open(self) -> None:
        self._client = configure(ClientBuilder(), self.settings).build()

    async def close(self) -> None:
        await self._client.close()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url).build().send()
        return Answer(response.status, response.get_header("content-type"), await response.bytes())

    async def get_json(self, url: str) -> Answer:
        response = await self._client.get(url).build().send()
        return Answer(response.status, response.get_header("content-type"), await response.json())

    async def stream(self, url: str) -> Answer:
        count = 0
        async with self._client.get(url).build_streamed() as response:
            reader = response.body_reader
            while (part := await reader.read_chunk()) is not None:
                count += len(part)
            return Answer(response.status, response.get_header("content-type"), count)

    async def post(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url).body_bytes(body).build().send()
        return Answer(response.status, response.get_header("content-type"), await response.bytes())

    async def upload(self, url: str, size: int) -> Answer:
        response = await self._client.post(url).body_stream(make_async_parts(size)).build().send()
        return Answer(response.status, response.get_header("content-type"), await response.bytes())


class Sync(SyncAdapter):
    """`pyreqwest.client.SyncClient`."""

    def open(self) -> None:
        self._client = configure(SyncClientBuilder(), self.settings).build()

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        response = self._client.get(url).build().send()
        return Answer(response.status, response.get_header("content-type"), response.bytes())

    def get_json(self, url: str) -> Answer:
        response = self._client.get(url).build().send()
        return Answer(response.status, response.get_header("content-type"), response.json())

    def stream(self, url: str) -> Answer:
        count = 0
        with self._client.get(url).build_streamed() as response:
            reader = response.body_reader
            while (part := reader.read_chunk()) is not None:
                count += len(part)
            return Answer(response.status, response.get_header("content-type"), count)

    def post(self, url: str, body: bytes) -> Answer:
        response = self._client.post(url).body_bytes(body).build().send()
        return Answer(response.status, response.get_header("content-type"), response.bytes())

    def upload(self, url: str, size: int) -> Answer:
        response = self._client.post(url).body_stream(make_parts(size)).build().send()
        return Answer(response.status, response.get_header("content-type"), response.bytes())


def configure(builder: Builder, settings: Settings) -> Builder:
    builder = (
        builder.max_connections(settings.connections)
        .pool_max_idle_per_host(settings.connections)
        .pool_idle_timeout(timedelta(minutes=10))
        .no_proxy()
        .follow_redirects(settings.follow_redirects)
        .default_cookie_store(settings.cookies)
    )
    builder = builder.http2(True) if settings.http2 else builder.http1_only()
    if settings.authority is not None:
        builder = builder.add_root_certificate_pem(Path(settings.authority).read_bytes())
    return builder
