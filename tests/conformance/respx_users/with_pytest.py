"""Tests with pytest and respx: its plugin, its fixture, its decorators, its modes."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
import respx
from respx.models import AllMockedAssertionError

import httpx


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def real_url() -> Iterator[str]:
    """The URL of a server that really is there."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@respx.mock
def test_decorator() -> None:
    route = respx.get("https://a.example/users/1").mock(return_value=httpx.Response(200, json={"id": 1}))
    response = httpx.get("https://a.example/users/1")
    assert response.json() == {"id": 1}
    assert route.called and route.call_count == 1
    assert respx.calls.last.request.method == "GET"
    assert respx.calls.last.response.status_code == 200
    assert response.request.url == "https://a.example/users/1"


def test_fixture(respx_mock: respx.MockRouter) -> None:
    respx_mock.post("https://a.example/", json={"a": 1}).respond(201, headers={"X-A": "b"}, text="made")
    with httpx.Client() as client:
        response = client.post("https://a.example/", json={"a": 1})
    assert (response.status_code, response.headers["X-A"], response.text) == (201, "b", "made")


def test_calls_are_kept_as_they_were(respx_mock: respx.MockRouter) -> None:
    class Renewing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["Authorization"] = "first"
            yield request
            request.headers["Authorization"] = "second"
            yield request

    respx_mock.get("https://a.example/").mock(return_value=httpx.Response(200))
    httpx.get("https://a.example/", auth=Renewing())
    assert [call.request.headers["Authorization"] for call in respx_mock.calls] == ["first", "second"]


def test_calls_have_body_and_extensions(respx_mock: respx.MockRouter) -> None:
    seen: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        return httpx.Response(200)

    route = respx_mock.post("https://a.example/").mock(side_effect=answer)
    httpx.post("https://a.example/", timeout=3, data={"a": "1"})
    request = route.calls.last.request
    assert request.extensions["timeout"]["connect"] == seen[0] == 3
    assert isinstance(request.stream, httpx.SyncByteStream)
    assert list(request.stream) == [b"a=1"]


@pytest.mark.respx(base_url="https://api.example/v1/", assert_all_called=False)
def test_fixture_with_a_marker(respx_mock: respx.MockRouter) -> None:
    respx_mock.get("/a", params={"q": "1"}).respond(json=[1])
    respx_mock.get("/never").respond(500)
    assert httpx.get("https://api.example/v1/a?q=1").json() == [1]


def test_async_client() -> None:
    async def main() -> None:
        async with respx.mock(base_url="https://a.example") as router:
            router.get("/").mock(side_effect=[httpx.Response(503), httpx.Response(200, text="ok")])
            async with httpx.AsyncClient() as client:
                assert [(await client.get("https://a.example/")).status_code for _ in range(2)] == [503, 200]

    asyncio.run(main())


@respx.mock
def test_side_effects() -> None:
    respx.get("https://a.example/down").mock(side_effect=httpx.ConnectError)
    respx.get("https://a.example/echo").mock(
        side_effect=lambda request: httpx.Response(200, text=request.headers["X-A"])
    )
    with pytest.raises(httpx.ConnectError) as caught:
        httpx.get("https://a.example/down")
    assert caught.value.request.url == "https://a.example/down"
    assert httpx.get("https://a.example/echo", headers={"X-A": "b"}).text == "b"


@respx.mock
def test_what_is_not_mocked_is_an_error() -> None:
    with pytest.raises(AllMockedAssertionError):
        httpx.get("https://a.example/")


def test_routes_have_to_be_called() -> None:
    with pytest.raises(AssertionError, match="not called"), respx.mock() as router:
        router.get("https://a.example/")


@respx.mock
def test_what_comes_is_no_object_of_the_test() -> None:
    mocked = httpx.Response(200, text="a", extensions={"http_version": b"HTTP/2"})
    respx.get("https://a.example/").mock(return_value=mocked)
    first, second = (httpx.get("https://a.example/") for _ in range(2))
    assert len({id(mocked), id(first), id(second), id(respx.calls.last.response)}) == 4
    assert (first.text, first.http_version, respx.calls.last.response.text) == ("a", "HTTP/2", "a")
    assert first.elapsed.total_seconds() >= 0


@respx.mock
def test_pass_through(real_url: str) -> None:
    respx.route(host="127.0.0.1").pass_through()
    assert httpx.post(real_url, content=iter([b"a", b"b"]), headers={"Content-Length": "2"}).text == "ab"

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            assert (await client.post(real_url, content=b"c")).text == "c"

    asyncio.run(main())


@respx.mock
def test_redirects_are_routed_one_by_one() -> None:
    respx.get("https://a.example/").respond(302, headers={"Location": "https://b.example/"})
    respx.get("https://b.example/").respond(200, cookies={"a": "b"})
    with httpx.Client(follow_redirects=True) as client:
        response = client.get("https://a.example/")
        assert [hop.url for hop in response.history] == ["https://a.example/"]
        assert dict(client.cookies) == {"a": "b"}
    assert len(respx.calls) == 2


class Lines(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield from (b"one\n", b"two\n")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for line in self:
            yield line


async def generate_lines() -> AsyncIterator[bytes]:
    for line in Lines():
        yield line


@pytest.mark.parametrize("make", [Lines, lambda: [b"one\n", b"two\n"], lambda: iter(Lines())])
@respx.mock
def test_streams(make: Callable[[], Any]) -> None:
    respx.get("https://a.example/").respond(stream=make())
    with httpx.stream("GET", "https://a.example/") as response:
        assert list(response.iter_lines()) == ["one", "two"]


@pytest.mark.parametrize("make", [Lines, generate_lines])
def test_async_streams(make: Callable[[], Any]) -> None:
    async def main() -> None:
        with respx.mock() as router:
            router.get("https://a.example/").respond(stream=make())
            async with httpx.AsyncClient() as client, client.stream("GET", "https://a.example/") as response:
                assert [line async for line in response.aiter_lines()] == ["one", "two"]

    asyncio.run(main())


@respx.mock
def test_uploads() -> None:
    route = respx.post("https://a.example/").respond(200)
    httpx.post("https://a.example/", files={"file": ("a.txt", b"content")})
    httpx.post("https://a.example/", content=iter([b"a", b"b"]))
    assert b"content" in route.calls[0].request.content
    assert route.calls[1].request.content == b"ab"


async def application(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with what another service says."""
    async with httpx.AsyncClient() as client:
        answer = await client.get("https://other.example/")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"it says " + answer.content})


@respx.mock
def test_client_of_an_application_is_left_alone() -> None:
    respx.get("https://other.example/").respond(text="hello")

    async def main() -> str:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application)) as client:
            return (await client.get("http://testserver/")).text

    assert asyncio.run(main()) == "it says hello"
    assert [call.request.url.host for call in respx.calls] == ["other.example"]


@respx.mock
def test_transport_of_ones_own_is_mocked_below() -> None:
    class Retrying(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            super().handle_request(request)
            return super().handle_request(request)

    respx.get("https://a.example/").mock(side_effect=[httpx.Response(503), httpx.Response(200)])
    with httpx.Client(transport=Retrying()) as client:
        assert client.get("https://a.example/").status_code == 200


@respx.mock
def test_hooks_and_authentication_see_what_is_mocked() -> None:
    seen: list[object] = []
    respx.get("https://a.example/", headers={"Authorization": "Basic dTpw"}).respond(204)
    with httpx.Client(event_hooks={"response": [seen.append]}, auth=("u", "p")) as client:
        assert client.get("https://a.example/").status_code == 204
    assert len(seen) == 1


def test_routers_in_each_other() -> None:
    with respx.mock(assert_all_mocked=True) as outer, respx.mock(using="httpcore") as inner:
        outer.get("https://a.example/").respond(text="outer")
        inner.get("https://b.example/").respond(text="inner")
        assert httpx.get("https://a.example/").text == "outer"
        assert httpx.get("https://b.example/").text == "inner"


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
def test_modes(using: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as client:
            assert (await client.get("https://a.example/")).text == "mocked"

    with respx.mock(using=using) as router:
        route = router.get("https://a.example/").respond(text="mocked")
        assert httpx.get("https://a.example/").text == "mocked"
        asyncio.run(main())
        assert route.call_count == 2


def test_nothing_is_mocked_afterwards(real_url: str) -> None:
    with respx.mock:
        pass
    assert httpx.post(real_url, content=b"a").text == "a"


@respx.mock
def test_body_of_an_async_upload() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            await client.post("https://a.example/", content=parts())

    route = respx.post("https://a.example/").respond(200)
    asyncio.run(main())
    assert route.calls.last.request.content == b"ab"
