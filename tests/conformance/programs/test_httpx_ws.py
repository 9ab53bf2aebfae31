"""httpx-ws: WebSockets over `network_stream`, to a server and to an application."""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx_ws import (
    AsyncWebSocketClient,
    AsyncWebSocketSession,
    WebSocketDisconnect,
    WebSocketNetworkError,
    WebSocketUpgradeError,
    aconnect_ws,
    connect_ws,
)
from httpx_ws.transport import ASGIWebSocketTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from wsproto.utilities import LocalProtocolError

import httpx

from .conftest import ServeApp


async def echo(socket: WebSocket) -> None:
    await socket.accept(subprotocol=socket.scope["subprotocols"][0] if socket.scope["subprotocols"] else None)
    await socket.send_json({"query": socket.query_params.get("q"), "header": socket.headers.get("x-name")})
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "close":
            await socket.close(code=4000, reason="told to")
            return
        await socket.send({"type": "websocket.send", **{kind: message.get(kind) for kind in ("text", "bytes")}})


async def plain(request: Request) -> Response:
    return PlainTextResponse("no socket here")


APP = Starlette(routes=[WebSocketRoute("/echo", echo), Route("/plain", plain)])

pytestmark = pytest.mark.anyio


def test_sync(serve_app: ServeApp) -> None:
    url = serve_app(APP, ws="wsproto")
    with (
        httpx.Client(headers={"X-Name": "v"}) as client,
        connect_ws(f"{url}/echo?q=1", client, subprotocols=["chat"]) as socket,
    ):
        assert socket.subprotocol == "chat"
        assert socket.receive_json(timeout=5) == {"query": "1", "header": "v"}
        socket.send_text("text")
        assert socket.receive_text(timeout=5) == "text"
        socket.send_bytes(b"x" * 100_000)
        assert socket.receive_bytes(timeout=5) == b"x" * 100_000
        socket.send_json({"a": 1})
        assert json.loads(socket.receive_text(timeout=5)) == {"a": 1}
        assert socket.ping(b"p").wait(5)
        socket.send_text("close")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive(timeout=5)
        assert (closed.value.code, closed.value.reason) == (4000, "told to")


async def use(socket: AsyncWebSocketSession) -> None:
    assert await socket.receive_json(timeout=5) == {"query": None, "header": None}
    await socket.send_text("text")
    assert await socket.receive_text(timeout=5) == "text"
    await socket.send_bytes(b"x" * 10_000)
    assert await socket.receive_bytes(timeout=5) == b"x" * 10_000
    await socket.send_text("close")
    with pytest.raises(WebSocketDisconnect):
        await socket.receive(timeout=5)


async def test_async(serve_app: ServeApp) -> None:
    url = serve_app(APP, ws="wsproto")
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            async with aconnect_ws(f"{url}/echo", client) as socket:
                await use(socket)
        assert (await client.get(f"{url}/plain")).text == "no socket here"


async def test_client_for_many_sockets(serve_app: ServeApp) -> None:
    async with httpx.AsyncClient(base_url=serve_app(APP, ws="wsproto")) as client:
        sockets = AsyncWebSocketClient(client)
        async with sockets.connect("/echo") as first, sockets.connect("/echo") as second:
            await use(first)
            await use(second)


async def test_application_without_a_server() -> None:
    async with (
        ASGIWebSocketTransport(app=APP) as transport,
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        async with aconnect_ws("/echo", client) as socket:
            await use(socket)
        assert (await client.get("/plain")).text == "no socket here"


async def test_refused_upgrade(serve_app: ServeApp) -> None:
    url = serve_app(APP, ws="wsproto")
    async with httpx.AsyncClient() as client:
        with pytest.raises(WebSocketUpgradeError) as refused:
            async with aconnect_ws(f"{url}/plain", client):
                raise AssertionError("there is no socket")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("act", ["receive", "send"])
def test_broken_connection_sync(serve_app: ServeApp, act: str) -> None:
    url = serve_app(APP, ws="wsproto")
    with httpx.Client() as client, connect_ws(f"{url}/echo", client, keepalive_ping_interval_seconds=None) as socket:
        socket.receive_json(timeout=5)
        break_connection(socket)
        # Its thread that receives may notice first, and say goodbye, after which nothing may be sent.
        with pytest.raises(WebSocketNetworkError if act == "receive" else (WebSocketNetworkError, LocalProtocolError)):
            if act == "receive":
                socket.receive(timeout=5)
            socket.send_bytes(b"lost")


async def test_broken_connection_async(serve_app: ServeApp) -> None:
    url = serve_app(APP, ws="wsproto")
    async with (
        httpx.AsyncClient() as client,
        aconnect_ws(f"{url}/echo", client, keepalive_ping_interval_seconds=None) as socket,
    ):
        await socket.receive_json(timeout=5)
        break_connection(socket)
        with pytest.raises(WebSocketNetworkError):
            await socket.receive(timeout=5)


def break_connection(socket: Any) -> None:
    socket.response.extensions["network_stream"].get_extra_info("socket").shutdown(2)
