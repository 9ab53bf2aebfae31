"""The seam: transports of the user's, mocks, mounts, and transports used by themselves."""

from __future__ import annotations

from typing import Any

import pytest

import httpx
from tests.network.colours import Colour
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import answering_always, silent


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"method": request.method, "text": request.content.decode()})


async def test_a_mock_answers_by_a_function(face: Face) -> None:
    async with face.client(transport=httpx.MockTransport(answer)) as client:
        response = await client.post("https://a.example/", content=face.generate([b"a", b"b"]))
        assert response.json() == {"method": "POST", "text": "ab"}
        assert response.request.url == "https://a.example/"


async def test_a_mock_takes_an_async_function_for_an_async_client(face: Face) -> None:
    async def answer_later(request: httpx.Request) -> httpx.Response:
        return answer(request)

    async with face.client(transport=httpx.MockTransport(answer_later)) as client:
        if face.is_async:
            assert (await client.get("https://a.example/")).status_code == 200
        else:
            with pytest.raises(TypeError, match="async handler"):
                await client.get("https://a.example/")


async def test_cookies_redirects_and_hooks_work_with_a_mock(face: Face) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(302, headers={"Location": "/next", "Set-Cookie": "a=1; Path=/"})
        return httpx.Response(200, text=request.headers["cookie"])

    seen: list[Any] = []
    hooks = {"request": [face.hook(seen.append)]}
    async with face.client(transport=httpx.MockTransport(handle), follow_redirects=True, event_hooks=hooks) as client:
        assert (await client.get("https://a.example/")).text == "a=1"
    assert len(seen) == 2


async def test_errors_of_a_transport_get_their_request(face: Face) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("broken")

    async with face.client(transport=face.transport(fail)) as client:
        with pytest.raises(httpx.ReadError, match="broken") as caught:
            await client.get("https://a.example/")
    assert caught.value.request.url == "https://a.example/"


async def test_a_transport_is_closed_with_its_client(face: Face) -> None:
    transports = [face.transport(answer), face.transport(answer)]
    client = face.client(transport=transports[0], mounts={"http://": transports[1]})
    await client.get("https://a.example/")
    await client.close()
    assert [transport.is_closed for transport in transports] == [True, True]


async def test_a_stream_of_a_transport_is_read_and_closed(face: Face) -> None:
    stream = face.byte_stream([b"a", b"b"])
    async with face.client(transport=face.transport(lambda request: httpx.Response(200, stream=stream))) as client:
        assert (await client.get("https://a.example/")).content == b"ab"
        assert stream.is_closed


async def test_a_stream_of_a_transport_that_is_not_read_is_closed(face: Face) -> None:
    stream = face.byte_stream([b"a", b"b"])
    async with face.client(transport=face.transport(lambda request: httpx.Response(200, stream=stream))) as client:
        async with client.stream("GET", "https://a.example/"):
            assert not stream.is_closed
        assert stream.is_closed


async def test_mounts_go_by_pattern_from_the_most_specific(face: Face) -> None:
    def named(name: str) -> Any:
        return httpx.MockTransport(lambda request: httpx.Response(200, text=name))

    mounts = {
        "all://": named("all"),
        "https://": named("https"),
        "https://*.example": named("sub"),
        "https://a.example:8443": named("port"),
        "http://plain.example": None,
    }
    async with face.client(transport=named("default"), mounts=mounts) as client:
        for url, name in [
            ("http://a.test", "all"),
            ("https://a.test", "https"),
            ("https://a.example", "sub"),
            ("https://a.example:8443", "port"),
            ("http://plain.example", "default"),
        ]:
            assert (await client.get(url)).text == name


async def test_a_transport_can_be_used_by_itself(face: Face, origin: Origin) -> None:
    transport = face.http_transport()
    handle = transport.handle_async_request if face.is_async else transport.handle_request
    response = await face.do(handle, httpx.Request("GET", origin.url("/hello")))
    assert response.status_code == 200
    assert await face.read(response) == b"Hello, world!\n"
    await face.close(response)
    await face.do(transport.aclose if face.is_async else transport.close)


async def test_a_transport_can_wrap_another_one(face: Face, origin: Origin) -> None:
    inner = face.http_transport()

    class SyncWrapper(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response: httpx.Response = inner.handle_request(request)
            response.headers["X-Wrapped"] = "1"
            return response

        def close(self) -> None:
            inner.close()

    class AsyncWrapper(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response: httpx.Response = await inner.handle_async_request(request)
            response.headers["X-Wrapped"] = "1"
            return response

        async def aclose(self) -> None:
            await inner.aclose()

    async with face.client(transport=AsyncWrapper() if face.is_async else SyncWrapper()) as client:
        response = await client.get(origin.url("/bytes/100000"))
        assert response.headers["x-wrapped"] == "1"
        assert len(response.content) == 100_000


async def test_the_class_of_a_transport_can_be_patched(
    face: Face, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer_later(self: Any, request: httpx.Request) -> httpx.Response:
        return httpx.Response(418)

    async with face.client() as client:
        assert (await client.get(origin.url("/hello"))).status_code == 200
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer_later)
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda self, request: httpx.Response(418))
        assert (await client.get(origin.url("/hello"))).status_code == 418


async def test_a_transport_of_the_user_can_be_used_after_a_client_has_closed_it(face: Face, origin: Origin) -> None:
    transport: Any = httpx.AsyncHTTPTransport() if face.is_async else httpx.HTTPTransport()
    for _ in range(2):
        async with face.client(transport=transport) as client:
            for _ in range(2):
                assert (await client.get(origin.url("/hello"))).status_code == 200
            assert transport._pool.connection_count == 1
        assert transport._pool.connection_count == 0


async def test_what_is_under_way_does_not_open_a_closed_transport(face: Face, colour: Colour, serve: Serve) -> None:
    """Nobody would close it any more."""
    server = serve(silent, answering_always())
    transport: Any = httpx.AsyncHTTPTransport if face.is_async else httpx.HTTPTransport
    transport = transport(limits=httpx.Limits(max_connections=1))
    client = face.client(transport=transport)
    other = face.client(transport=transport)
    tasks = [colour.start(lambda: fail(client.get(server.url()))) for _ in range(3)]
    await colour.until(lambda: server.received_size and transport._pool.waiter_count == 2)
    await client.close()
    assert (await other.get(server.url())).status_code == 200
    errors = [await task.join() for task in tasks]
    assert sum("waited for a connection" in str(error) for error in errors) == 2
    assert transport._pool.connection_count == 1
    await other.close()
    assert transport._pool.connection_count == 0


async def fail(call: Any) -> httpx.TransportError:
    with pytest.raises(httpx.NetworkError, match="clos") as caught:
        await call
    return caught.value


def test_functions_make_a_client_for_one_request(origin: Origin) -> None:
    assert httpx.get(origin.url("/hello")).text == "Hello, world!\n"
    for verb in ("get", "options", "head", "delete"):
        assert getattr(httpx, verb)(origin.url("/echo"), params={"a": "1"}).status_code == 200
    for verb in ("post", "put", "patch", "query"):
        assert getattr(httpx, verb)(origin.url("/echo"), json=1).json()["method"] == verb.upper()
    assert httpx.request("GET", origin.url("/redirect/1"), follow_redirects=True).status_code == 200
    with httpx.stream("GET", origin.url("/bytes/100000")) as response:
        assert sum(map(len, response.iter_bytes())) == 100_000


def test_functions_take_a_context(tls_origin: Origin) -> None:
    assert httpx.get(tls_origin.url("/hello"), verify=tls_origin.make_client_context()).status_code == 200
