"""starlette's and FastAPI's TestClient, as the tests of applications use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, UploadFile
from fastapi.testclient import TestClient as FastAPITestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import httpx


async def echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "url": str(request.url),
            "query": request.query_params.multi_items(),
            "headers": dict(request.headers),
            "cookies": request.cookies,
            "body": (await request.body()).decode(),
            "client": request.client and request.client.host,
        }
    )


async def upload(request: Request) -> Response:
    async with request.form() as form:
        fields: dict[str, Any] = {}
        for name, value in form.multi_items():
            fields[name] = value if isinstance(value, str) else [value.filename, (await value.read()).decode()]
    return JSONResponse(fields)


async def set_cookie(request: Request) -> Response:
    response = PlainTextResponse("set")
    response.set_cookie("flavour", "oat", domain=request.query_params.get("domain"))
    return response


async def leave(request: Request) -> Response:
    return RedirectResponse("/echo?from=leave", status_code=int(request.query_params.get("status", 307)))


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"line {number}\n"

    return StreamingResponse(parts(), media_type="text/plain")


async def fail(request: Request) -> Response:
    raise LookupError("a defect of the application")


async def talk(socket: WebSocket) -> None:
    await socket.accept(subprotocol="chat", headers=[(b"x-room", b"1")])
    await socket.send_json({"query": socket.query_params.get("q"), "cookie": socket.cookies.get("flavour")})
    try:
        while True:
            await socket.send_text((await socket.receive_text()).upper())
    except WebSocketDisconnect as exc:
        assert exc.code == 1000


async def refuse(socket: WebSocket) -> None:
    await socket.close(code=4001)


@pytest.fixture
def app() -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        app.state.events = ["up"]
        yield {"number": 7}
        app.state.events.append("down")

    async def state(request: Request) -> Response:
        return JSONResponse(request.state.number)

    paths: dict[str, Callable[..., Any]] = {
        "/set-cookie": set_cookie,
        "/stream": stream,
        "/fail": fail,
        "/state": state,
    }
    routes = [Route(path, endpoint) for path, endpoint in paths.items()]
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
    routes += [Route("/echo", echo, methods=methods), Route("/leave", leave, methods=methods)]
    routes += [Route("/upload", upload, methods=["POST"])]
    sockets = [WebSocketRoute("/talk", talk), WebSocketRoute("/refuse", refuse)]
    return Starlette(routes=[*routes, *sockets], lifespan=lifespan)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_methods(app: Starlette, method: str) -> None:
    response = getattr(TestClient(app), method)("/echo", params={"a": ["1", "2"]}, headers={"X-Name": "value"})
    assert isinstance(response, httpx.Response)
    told = response.json()
    assert (response.status_code, told["method"]) == (200, method.upper())
    assert told["url"] == "http://testserver/echo?a=1&a=2" and told["query"] == [["a", "1"], ["a", "2"]]
    assert told["headers"]["x-name"] == "value"
    assert (told["headers"]["host"], told["headers"]["user-agent"]) == ("testserver", "testclient")
    assert told["client"] == "testclient"


def test_bodies(app: Starlette) -> None:
    client = TestClient(app)
    assert client.head("/echo").content == b""
    assert client.post("/echo", json={"a": "ü"}).json()["body"] == '{"a":"ü"}'
    assert client.post("/echo", content=b"bytes").json()["body"] == "bytes"
    assert client.post("/echo", content=iter([b"by", b"tes"])).json()["body"] == "bytes"
    assert client.post("/echo", data={"a": "b c"}).json()["body"] == "a=b+c"
    told = client.post("/upload", data={"title": "t"}, files={"file": ("name.txt", b"content", "text/plain")}).json()
    assert told == {"title": "t", "file": ["name.txt", "content"]}


def test_streams(app: Starlette) -> None:
    with TestClient(app).stream("GET", "/stream") as response:
        assert list(response.iter_lines()) == [f"line {number}" for number in range(5)]


@pytest.mark.parametrize("domain", [None, "testserver", "testserver.local"])
def test_cookies_come_back(app: Starlette, domain: str | None) -> None:
    client = TestClient(app, cookies={"own": "1"})
    response = client.get("/set-cookie", params={"domain": domain} if domain else {})
    assert response.cookies["flavour"] == client.cookies["flavour"] == "oat"
    assert client.get("/echo").json()["cookies"] == {"own": "1", "flavour": "oat"}


@pytest.mark.parametrize("domain", ["example.com", "localhost"])
def test_cookies_of_others_are_refused(app: Starlette, domain: str) -> None:
    response = TestClient(app).get("/set-cookie", params={"domain": domain})
    assert len(response.cookies) == 0


def test_redirects(app: Starlette) -> None:
    client = TestClient(app)
    response = client.post("/leave", content=b"kept")
    assert response.json()["method"] == "POST" and response.json()["body"] == "kept"
    assert [past.status_code for past in response.history] == [307]
    assert client.post("/leave?status=303", content=b"lost").json()["method"] == "GET"
    response = client.get("/leave", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "/echo?from=leave")
    assert not response.has_redirect_location or response.next_request is not None
    assert TestClient(app, follow_redirects=False).get("/leave").is_redirect


def test_failures_of_the_application(app: Starlette) -> None:
    with pytest.raises(LookupError, match="a defect"):
        TestClient(app).get("/fail")
    response = TestClient(app, raise_server_exceptions=False).get("/fail")
    assert (response.status_code, response.text) == (500, "Internal Server Error")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_lifespan(app: Starlette, backend: Any) -> None:
    with TestClient(app, backend=backend) as client:
        assert app.state.events == ["up"]
        assert client.get("/state").json() == 7
    assert app.state.events == ["up", "down"]


def test_settings(app: Starlette) -> None:
    client = TestClient(
        app, base_url="https://api.example/v1/", headers={"X-Name": "v"}, root_path="/v1", client=("10.0.0.1", 5)
    )
    told = client.get("/echo").json()
    assert told["url"].startswith("https://api.example/") and told["client"] == "10.0.0.1"
    assert told["headers"]["host"] == "api.example" and told["headers"]["x-name"] == "v"
    assert client.get("https://other.example/echo").json()["headers"]["host"] == "other.example"


def test_websockets(app: Starlette) -> None:
    client = TestClient(app, cookies={"flavour": "oat"})
    with client.websocket_connect("/talk?q=1", subprotocols=["chat"]) as socket:
        assert socket.accepted_subprotocol == "chat"
        assert (b"x-room", b"1") in socket.extra_headers
        assert socket.receive_json() == {"query": "1", "cookie": "oat"}
        socket.send_text("hello")
        assert socket.receive_text() == "HELLO"
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/refuse"):
        raise AssertionError("the application refuses")
    assert refused.value.code == 4001


def make_api() -> FastAPI:
    api = FastAPI()

    async def find_user(token: str = Header(alias="X-Token")) -> str:
        if token != "secret":
            raise HTTPException(status_code=401, detail="who are you?", headers={"X-Hint": "X-Token"})
        return "user"

    @api.get("/items/{item_id}")
    async def read_item(item_id: int, user: str = Depends(find_user), q: str | None = None) -> dict[str, Any]:
        return {"id": item_id, "user": user, "q": q}

    @api.post("/files", status_code=201)
    def write_file(file: UploadFile) -> dict[str, Any]:
        return {"name": file.filename, "size": len(file.file.read()), "type": file.content_type}

    return api


def test_fastapi() -> None:
    client = FastAPITestClient(make_api())
    response = client.get("/items/5?q=x", headers={"X-Token": "secret"})
    assert response.json() == {"id": 5, "user": "user", "q": "x"}
    response = client.get("/items/5", headers={"X-Token": "guess"})
    assert (response.status_code, response.headers["x-hint"]) == (401, "X-Token")
    assert client.get("/items/five", headers={"X-Token": "secret"}).json()["detail"][0]["loc"] == ["path", "item_id"]
    response = client.post("/files", files={"file": ("a.csv", b"1,2", "text/csv")})
    assert (response.status_code, response.json()) == (201, {"name": "a.csv", "size": 3, "type": "text/csv"})
    assert client.get("/openapi.json").json()["info"]["title"] == "FastAPI"


@pytest.mark.anyio
async def test_async_client_for_an_application() -> None:
    transport = httpx.ASGITransport(app=make_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/items/5", headers={"X-Token": "secret"})
    assert response.json()["id"] == 5


@pytest.mark.anyio
async def test_cancelled_request_waits_for_a_shielded_clean_up() -> None:
    events: list[str] = []
    api = FastAPI()

    async def dependency() -> AsyncIterator[None]:
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)
                events.append("clean")

    @api.get("/")
    async def endpoint(_: None = Depends(dependency)) -> None:
        events.append("endpoint")
        scope.cancel()
        await anyio.sleep_forever()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as client:
        with anyio.CancelScope() as scope:
            await client.get("/")
    assert scope.cancelled_caught
    assert events == ["endpoint", "clean"]


@pytest.mark.anyio
async def test_clean_up_that_fails_takes_the_place_of_the_cancellation() -> None:
    api = FastAPI()

    async def dependency() -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise LookupError("a defect of the clean-up")

    @api.get("/")
    async def endpoint(_: None = Depends(dependency)) -> None:
        scope.cancel()
        await anyio.sleep_forever()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as client:
        with anyio.CancelScope() as scope, pytest.raises(LookupError, match="a defect"):
            await client.get("/")


@pytest.mark.anyio
async def test_application_that_has_ended_before_it_was_cancelled() -> None:
    api = FastAPI()

    @api.get("/")
    async def endpoint() -> str:
        scope.cancel()
        return "done"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as client:
        with anyio.CancelScope() as scope:
            response = await client.get("/")
    assert response.json() == "done" and not scope.cancelled_caught
