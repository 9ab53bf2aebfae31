"""mcp's clients against its own server, over streamable HTTP and over Server-Sent Events."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import Context, FastMCP
from mcp.shared._httpx_utils import create_mcp_http_client
from starlette.requests import Request

import httpx

from .conftest import ServeApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    # On trio its streamable HTTP client does not end, with HTTPX neither. Its own tests are for asyncio alone.
    return "asyncio"


def make_server(**settings: Any) -> FastMCP:
    server = FastMCP("test", **settings)

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    async def tell(context: Context[Any, Any, Request]) -> str:
        await context.report_progress(1, 2)
        await context.info("under way")
        request = context.request_context.request
        return request.headers.get("x-own", "") if request else ""

    @server.tool()
    def fail() -> None:
        raise LookupError("a defect of the tool")

    @server.resource("memo://{name}")
    def memo(name: str) -> str:
        return f"memo of {name}"

    return server


async def use(session: ClientSession) -> None:
    progress: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    assert (await session.initialize()).serverInfo.name == "test"
    assert {tool.name for tool in (await session.list_tools()).tools} == {"add", "tell", "fail"}
    assert (await session.call_tool("add", {"a": 1, "b": 2})).content[0].text == "3"
    result = await session.call_tool("tell", {}, progress_callback=on_progress)
    assert result.content[0].text == "v"
    assert progress == [1]
    assert (await session.call_tool("fail", {})).isError
    assert (await session.read_resource("memo://me")).contents[0].text == "memo of me"
    await session.send_ping()


@pytest.mark.parametrize("form", ["events", "json", "stateless"])
async def test_streamable_http(serve_app: ServeApp, form: str) -> None:
    server = make_server(json_response=form == "json", stateless_http=form == "stateless")
    url = serve_app(server.streamable_http_app()) + "/mcp"
    async with create_mcp_http_client(headers={"X-Own": "v"}) as client:
        assert isinstance(client, httpx.AsyncClient)
        async with (
            streamable_http_client(url, http_client=client) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            if form == "json":
                assert (await session.initialize()).serverInfo.name == "test"
                assert (await session.call_tool("add", {"a": 1, "b": 2})).content[0].text == "3"
            else:
                await use(session)


async def test_sse(serve_app: ServeApp) -> None:
    url = serve_app(make_server().sse_app()) + "/sse"
    streams: AbstractAsyncContextManager[Any] = sse_client(url, headers={"X-Own": "v"})
    async with streams as (read, write), ClientSession(read, write) as session:
        await use(session)
