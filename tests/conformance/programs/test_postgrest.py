"""postgrest, the client of Supabase, against a fake of a PostgREST server that tells what it was asked."""

from __future__ import annotations

import json

import pytest
from postgrest import APIError, AsyncPostgrestClient, CountMethod, SyncPostgrestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import httpx

from .conftest import ServeApp


async def respond(request: Request) -> Response:
    if request.url.path == "/missing":
        error = {"message": "no such table", "code": "42P01", "hint": None, "details": None}
        return JSONResponse(error, status_code=404)
    body = await request.body()
    told = {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.query_params),
        "prefer": request.headers.get("prefer", ""),
        "profile": request.headers.get("accept-profile") or request.headers.get("content-profile"),
        "key": request.headers.get("apikey"),
        "body": json.loads(body) if body else None,
    }
    is_single = "vnd.pgrst.object" in request.headers["accept"]
    return JSONResponse(told if is_single else [told], headers={"Content-Range": "0-0/7"})


APP = Starlette(routes=[Route("/{path:path}", respond, methods=["GET", "POST", "PATCH", "DELETE", "HEAD"])])


def test_sync(serve_app: ServeApp) -> None:
    with SyncPostgrestClient(serve_app(APP), headers={"apikey": "k"}) as client:
        query = client.from_("users").select("id, name", count=CountMethod.exact).eq("id", 1).in_("name", ["a b", "ü"])
        result = query.order("id", desc=True).limit(5).execute()
        told = result.data[0]
        assert (told["method"], told["path"], told["key"]) == ("GET", "/users", "k")
        assert told["query"] == {
            "select": "id,name",
            "id": "eq.1",
            "name": "in.(a b,ü)",
            "order": "id.desc",
            "limit": "5",
        }
        assert told["prefer"] == "count=exact" and result.count == 7
        assert client.schema("other").from_("t").select("*").single().execute().data["profile"] == "other"


@pytest.mark.anyio
async def test_async(serve_app: ServeApp) -> None:
    async with AsyncPostgrestClient(serve_app(APP)) as client:
        table = client.from_("users")
        told = (await table.insert([{"name": "ü"}]).execute()).data[0]
        assert (told["method"], told["body"]) == ("POST", [{"name": "ü"}])
        assert "return=representation" in told["prefer"]
        told = (await table.upsert({"id": 1}, on_conflict="id").execute()).data[0]
        assert "resolution=merge-duplicates" in told["prefer"] and told["query"]["on_conflict"] == "id"
        told = (await table.update({"name": "b"}).gt("id", 3).execute()).data[0]
        assert (told["method"], told["query"]["id"]) == ("PATCH", "gt.3")
        assert (await table.delete().is_("name", "null").execute()).data[0]["method"] == "DELETE"
        told = (await client.rpc("sum", {"a": 1}).execute()).data[0]
        assert (told["path"], told["body"]) == ("/rpc/sum", {"a": 1})


@pytest.mark.anyio
async def test_errors(serve_app: ServeApp) -> None:
    async with AsyncPostgrestClient(serve_app(APP)) as client:
        with pytest.raises(APIError) as caught:
            await client.from_("missing").select("*").execute()
    assert caught.value.code == "42P01"
    async with AsyncPostgrestClient("http://127.0.0.1:1", retry_enabled=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.from_("users").select("*").execute()


def test_client_of_ones_own(serve_app: ServeApp) -> None:
    url = serve_app(APP)
    own = httpx.Client(transport=httpx.HTTPTransport(retries=1))
    with SyncPostgrestClient(url, http_client=own) as client:
        assert client.from_("users").select("*").execute().data[0]["path"] == "/users"
        client.auth("token")
        assert client.headers["Authorization"] == "Bearer token"
    assert own.is_closed
