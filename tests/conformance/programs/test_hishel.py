"""hishel: clients and transports that keep responses, on disk and in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import anysqlite
import pytest
from hishel import AsyncSqliteStorage, SqliteStorage
from hishel.httpx import AsyncCacheClient, AsyncCacheTransport, CacheClient, CacheTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import httpx

from .conftest import ServeApp


class Service:
    """Answers that can be kept, or have to be asked about again."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        paths = {"/fresh": self.fresh, "/validated": self.validated, "/never": self.never, "/streamed": self.streamed}
        self.app = Starlette(routes=[Route(path, endpoint) for path, endpoint in paths.items()])

    async def fresh(self, request: Request) -> Response:
        self.seen.append("fresh")
        headers = {"Cache-Control": "max-age=60", "Vary": "X-Lang"}
        return PlainTextResponse(f"fresh {len(self.seen)} {request.headers.get('x-lang', '')}", headers=headers)

    async def validated(self, request: Request) -> Response:
        self.seen.append(request.headers.get("if-none-match", "first"))
        headers = {"Cache-Control": "no-cache", "ETag": '"1"'}
        if request.headers.get("if-none-match") == '"1"':
            return Response(status_code=304, headers=headers)
        return PlainTextResponse("validated", headers=headers)

    async def never(self, request: Request) -> Response:
        self.seen.append("never")
        return PlainTextResponse("never", headers={"Cache-Control": "no-store"})

    async def streamed(self, request: Request) -> Response:
        self.seen.append("streamed")
        return StreamingResponse(iter([b"part"] * 1000), headers={"Cache-Control": "max-age=60"})


def check(seen: list[str], responses: dict[str, list[httpx.Response]]) -> None:
    def was_kept(name: str) -> list[Any]:
        return [response.extensions["caching"]["from_cache"] for response in responses[name]]

    assert [response.text for response in responses["fresh"]] == ["fresh 1 "] * 2
    assert was_kept("fresh") == [False, True]
    assert [response.text for response in responses["validated"]] == ["validated"] * 2
    assert was_kept("never") == [False, False]
    assert [len(response.content) for response in responses["streamed"]] == [4000, 4000]
    assert was_kept("streamed") == [False, True]
    assert all(isinstance(response, httpx.Response) for found in responses.values() for response in found)
    assert seen == ["fresh", "first", '"1"', "never", "never", "streamed"]


NAMES = ["fresh", "validated", "never", "streamed"]


@pytest.mark.parametrize("place", ["disk", "memory"])
@pytest.mark.parametrize("form", ["client", "transport"])
def test_sync(serve_app: ServeApp, place: str, form: str, tmp_path: Path) -> None:
    service = Service()
    url = serve_app(service.app)
    if place == "disk":
        storage = SqliteStorage(database_path=tmp_path / "cache.db")
    else:
        storage = SqliteStorage(connection=sqlite3.connect(":memory:", check_same_thread=False))
    client: httpx.Client
    if form == "client":
        client = CacheClient(storage=storage, rfc=True, base_url=url)
    else:
        transport = CacheTransport(next_transport=httpx.HTTPTransport(), storage=storage, rfc=True)
        client = httpx.Client(transport=transport, base_url=url)
    with client:
        responses = {name: [client.get(f"/{name}") for _ in range(2)] for name in NAMES}
        check(service.seen, responses)
        # Vary: another language is another answer.
        assert client.get("/fresh", headers={"X-Lang": "fr"}).text == "fresh 7 fr"
    storage.close()


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["disk", "memory"])
@pytest.mark.parametrize("form", ["client", "transport"])
async def test_async(serve_app: ServeApp, place: str, form: str, tmp_path: Path) -> None:
    service = Service()
    url = serve_app(service.app)
    if place == "disk":
        storage = AsyncSqliteStorage(database_path=tmp_path / "cache.db")
    else:
        storage = AsyncSqliteStorage(connection=await anysqlite.connect(":memory:"))
    client: httpx.AsyncClient
    if form == "client":
        client = AsyncCacheClient(storage=storage, rfc=True, base_url=url)
    else:
        transport = AsyncCacheTransport(next_transport=httpx.AsyncHTTPTransport(), storage=storage, rfc=True)
        client = httpx.AsyncClient(transport=transport, base_url=url)
    async with client:
        responses = {name: [await client.get(f"/{name}") for _ in range(2)] for name in NAMES}
        check(service.seen, responses)
    await storage.close()


def test_stream_that_is_read_in_parts(serve_app: ServeApp, tmp_path: Path) -> None:
    service = Service()
    storage = SqliteStorage(database_path=tmp_path / "cache.db")
    with CacheClient(storage=storage, rfc=True, base_url=serve_app(service.app)) as client:
        for _ in range(2):
            with client.stream("GET", "/streamed") as response:
                assert sum(map(len, response.iter_raw())) == 4000
    assert service.seen == ["streamed"]
    storage.close()
