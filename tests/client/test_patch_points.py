"""The places where libraries and programs take a hand in a client: methods that they override, objects that they wrap.

Mock libraries replace what finds or is a transport, and instrumentation wraps transports and the methods that send.
"""

from __future__ import annotations

import inspect
import ssl
import sys
from collections.abc import Callable
from typing import Any

import httpcore
import pytest

import httpx
from tests.origin import Origin

from .faces import Face, FaceClient, echoed

# How often a GET that follows one redirect calls each method.
CALLS = {
    "get": 1,
    "request": 1,
    "build_request": 1,
    "send": 1,
    "_send_single_request": 2,
    "_transport_for_url": 2,
    "_merge_url": 1,
    "_merge_headers": 1,
    "_merge_queryparams": 1,
    "_merge_cookies": 1,
    "_set_timeout": 1,
    "_build_request_auth": 1,
    "_send_handling_auth": 1,
    "_send_handling_redirects": 1,
    "_build_redirect_request": 1,
    "_redirect_method": 1,
    "_redirect_url": 1,
    "_redirect_headers": 1,
    "_redirect_stream": 1,
    "_enforce_trailing_slash": 1,
    "_init_transport": 1,
    "_get_proxy_map": 1,
    "_build_auth": 1,
}


def client_class(face: Face) -> type[httpx.Client] | type[httpx.AsyncClient]:
    return httpx.AsyncClient if face.is_async else httpx.Client


def recording(function: Callable[..., Any], calls: list[str], name: str) -> Callable[..., Any]:
    """Return what does the same as a function of either colour, and notes its calls."""
    if inspect.iscoroutinefunction(function):

        async def record_async(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return await function(*args, **options)

        return record_async

    def record(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return function(*args, **options)

    return record


def handler_name(face: Face) -> str:
    return "handle_async_request" if face.is_async else "handle_request"


@pytest.mark.parametrize("name", CALLS)
async def test_method_of_a_subclass_is_called(face: Face, origin: Origin, name: str) -> None:
    calls: list[str] = []
    base = client_class(face)
    subclass: Any = type("Subclass", (base,), {name: recording(getattr(base, name), calls, name)})
    async with FaceClient(face, subclass()) as client:
        assert (await client.get(origin.url("/redirect/1"), follow_redirects=True)).status_code == 200
    assert len(calls) == CALLS[name]


@pytest.mark.parametrize("name", ["send", "_send_single_request", "_transport_for_url"])
async def test_method_can_be_patched_on_the_class_while_clients_exist(
    face: Face, origin: Origin, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    calls: list[str] = []
    async with face.client() as client:
        await client.get(origin.url("/hello"))
        monkeypatch.setattr(client_class(face), name, recording(getattr(client_class(face), name), calls, name))
        await client.get(origin.url("/hello"))
        async with client.stream("GET", origin.url("/hello")):
            pass
    assert calls == [name, name]


@pytest.mark.parametrize("name", ["send", "request", "_send_single_request", "_transport_for_url"])
async def test_method_can_be_set_on_a_client(face: Face, origin: Origin, name: str) -> None:
    calls: list[str] = []
    async with face.client() as client:
        setattr(client.bare, name, recording(getattr(client.bare, name), calls, name))
        await client.get(origin.url("/hello"))
    assert calls == [name]


async def test_transport_for_url_decides(face: Face) -> None:
    class Mine(client_class(face)):  # type: ignore[misc]  # a base that depends on the face
        def _transport_for_url(self, url: httpx.URL) -> Any:
            return face.transport(lambda request: httpx.Response(200, text=f"mine: {url}"))

    async with FaceClient(face, Mine()) as client:
        assert (await client.get("https://www.example.org/")).text == "mine: https://www.example.org/"


async def test_merge_url_decides(face: Face, origin: Origin) -> None:
    class Mine(client_class(face)):  # type: ignore[misc]  # a base that depends on the face
        def _merge_url(self, url: httpx.URL | str) -> httpx.URL:
            return httpx.URL(origin.url("/echo?merged=1"))

    async with FaceClient(face, Mine()) as client:
        assert echoed(await client.get("anything"))["target"] == "/echo?merged=1"


async def test_build_request_decides(face: Face, origin: Origin) -> None:
    class Mine(client_class(face)):  # type: ignore[misc]  # a base that depends on the face
        def build_request(self, *args: Any, **options: Any) -> httpx.Request:
            request: httpx.Request = super().build_request(*args, **options)
            request.headers["X-Mine"] = "1"
            return request

    async with FaceClient(face, Mine()) as client:
        assert echoed(await client.get(origin.url("/echo")))["headers"]["x-mine"] == "1"


async def test_handler_can_be_set_on_the_transport_of_a_client(face: Face, origin: Origin) -> None:
    calls: list[str] = []
    async with face.client() as client:
        transport: Any = client.bare._transport
        name = handler_name(face)
        setattr(transport, name, recording(getattr(transport, name), calls, name))
        assert (await client.get(origin.url("/redirect/1"), follow_redirects=True)).status_code == 200
    assert calls == [name, name]


async def test_transport_of_a_client_can_be_replaced(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        bare: Any = client.bare
        original = bare._transport
        await client.get(origin.url("/hello"))
        bare._transport = face.transport(lambda request: httpx.Response(418))
        assert (await client.get(origin.url("/hello"))).status_code == 418
        bare._transport = original
        assert (await client.get(origin.url("/hello"))).status_code == 200


async def test_mounts_of_a_client_can_be_replaced_and_added(face: Face, origin: Origin) -> None:
    from httpx._utils import URLPattern

    mounted = face.transport(lambda request: httpx.Response(200, text="mounted"))
    async with face.client(mounts={"all://mounted.example": mounted}) as client:
        bare: Any = client.bare
        assert (await client.get("https://mounted.example")).text == "mounted"
        for pattern in bare._mounts:
            bare._mounts[pattern] = face.transport(lambda request: httpx.Response(200, text="replaced"))
        assert (await client.get("https://mounted.example")).text == "replaced"
        bare._mounts[URLPattern("all://127.0.0.1")] = face.transport(lambda request: httpx.Response(418))
        assert (await client.get(origin.url("/hello"))).status_code == 418
        bare._mounts.clear()
        assert (await client.get(origin.url("/hello"))).status_code == 200
    await face.do(mounted.aclose if face.is_async else mounted.close)


async def test_settings_of_a_client_can_be_changed_between_requests(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        bare = client.bare
        bare.headers["X-Later"] = "1"
        bare.params = bare.params.add("a", "b")
        bare.cookies.set("session", "1")
        bare.base_url = httpx.URL(origin.url("/"))
        bare.timeout = httpx.Timeout(9.0)
        bare.follow_redirects = True
        bare.auth = ("user", "secret")
        response = await client.get("/echo")
        assert response.request.extensions["timeout"]["read"] == 9.0
        echo = echoed(response)
    assert echo["target"] == "/echo?a=b"
    assert echo["headers"]["x-later"] == "1"
    assert echo["headers"]["cookie"] == "session=1"
    assert echo["headers"]["authorization"].startswith("Basic ")


async def test_request_can_be_changed_before_it_is_sent(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        request = client.bare.build_request("GET", origin.url("/hello"))
        request.method = "POST"
        request.url = httpx.URL(origin.url("/echo"))
        request.headers = httpx.Headers({"Host": request.url.netloc.decode(), "Content-Length": "3", "X-A": "1"})
        request.stream = httpx.ByteStream(b"abc")
        request.extensions = {**request.extensions, "mine": 1}
        echo = echoed(await client.send(request))
    assert (echo["method"], echo["body"], echo["headers"]["x-a"]) == ("POST", "abc", "1")


async def test_response_can_be_changed_by_a_transport(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        transport: Any = client.bare._transport
        name = handler_name(face)
        original = getattr(transport, name)

        def change(response: httpx.Response) -> httpx.Response:
            response.status_code = 203
            response.headers = httpx.Headers({"X-A": "1", "Content-Type": "text/plain; charset=utf-8"})
            response.extensions = {**response.extensions, "mine": 1}
            return response

        async def handle_async(request: httpx.Request) -> httpx.Response:
            return change(await original(request))

        setattr(transport, name, handle_async if face.is_async else lambda request: change(original(request)))
        response = await client.get(origin.url("/hello"))
    assert (response.status_code, response.headers["x-a"], response.extensions["mine"]) == (203, "1", 1)
    assert response.text == "Hello, world!\n"


async def test_methods_of_responses_can_be_patched(face: Face, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    name = "aread" if face.is_async else "read"
    monkeypatch.setattr(httpx.Response, name, recording(getattr(httpx.Response, name), calls, name))
    iterate = "aiter_raw" if face.is_async else "iter_raw"
    monkeypatch.setattr(httpx.Response, iterate, recording(getattr(httpx.Response, iterate), calls, iterate))
    async with face.client() as client:
        assert (await client.get(origin.url("/hello"))).content == b"Hello, world!\n"
    assert calls == [name, iterate]


async def test_pool_shows_its_requests(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        assert len(client.pool._requests) == 0
        async with client.stream("GET", origin.url("/bytes/1000000")):
            assert len(client.pool._requests) == 1
            async with client.stream("GET", origin.url("/bytes/1000000")):
                assert len(client.pool._requests) == 2
        assert len(client.pool._requests) == 0


async def test_pool_shows_its_settings_as_httpcore_does(face: Face, origin: Origin) -> None:
    context = httpx.create_ssl_context()
    make: Any = httpx.AsyncHTTPTransport if face.is_async else httpx.HTTPTransport
    transport = make(verify=context, retries=2, local_address="127.0.0.1", socket_options=[(6, 1, 1)])
    pool = transport._pool
    assert pool._ssl_context is context
    assert (pool._http1, pool._http2, pool._retries, pool._uds) == (True, False, 2, None)
    assert (pool._local_address, list(pool._socket_options)) == ("127.0.0.1", [(6, 1, 1)])
    assert (pool._max_connections, pool._max_keepalive_connections) == (100, 20)
    bare = make(verify=False, http2=True, limits=httpx.Limits(max_connections=None, max_keepalive_connections=7))._pool
    assert (bare._http2, bare._max_connections, bare._max_keepalive_connections) == (True, sys.maxsize, 7)
    assert bare._ssl_context.verify_mode == ssl.CERT_NONE
    async with face.client(transport=transport) as client:
        await client.get(origin.url("/hello"))
        assert len(pool.connections) == len(pool._connections) == 1


async def test_urls_that_count_as_absolute_are_not_merged(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """As libraries have it that take URLs of files through a transport of their own."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=str(request.url))

    absolute = property(lambda url: bool(url._uri_reference.scheme or url._uri_reference.host))
    monkeypatch.setattr(httpx.URL, "is_absolute_url", absolute)
    mounts: Any = {"file://": httpx.MockTransport(answer)}
    async with face.client(mounts=mounts) as client:
        assert (await client.get("file:///tmp/x")).text == "file:/tmp/x"


def test_pool_shows_its_proxy_as_httpcore_does(face: Face) -> None:
    proxy = httpx.Proxy("http://user:pass@proxy.example:8080", headers={"X-Name": "value"})
    pool = face.http_transport(proxy=proxy)._pool
    assert isinstance(pool, httpcore.AsyncHTTPProxy if face.is_async else httpcore.HTTPProxy)
    assert not isinstance(pool, httpcore.HTTPProxy if face.is_async else httpcore.AsyncHTTPProxy)
    url = pool._proxy_url
    assert (url.scheme, url.host, url.port, url.target) == (b"http", b"proxy.example", 8080, b"/")
    assert pool._proxy_headers == [(b"Proxy-Authorization", b"Basic dXNlcjpwYXNz"), (b"X-Name", b"value")]


@pytest.mark.parametrize("proxy", [None, "socks5://proxy.example"])
def test_other_pools_are_no_pools_of_httpcore_for_proxies(face: Face, proxy: str | None) -> None:
    pool = face.http_transport(proxy=proxy)._pool
    assert not isinstance(pool, httpcore.HTTPProxy | httpcore.AsyncHTTPProxy)


def test_pool_is_itself_where_nobody_knows_httpcore(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "httpcore")
    pool = face.http_transport(proxy="http://proxy.example")._pool
    assert pool.__class__ is type(pool)


@pytest.mark.parametrize("name", ["_merge_url", "_merge_headers", "_merge_cookies", "_merge_queryparams"])
def test_what_merges_settings_is_called_where_a_class_has_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    original = getattr(httpx.Client, name)

    def count(self: httpx.Client, *args: Any) -> Any:
        calls.append(name)
        return original(self, *args)

    class Mine(httpx.Client):
        pass

    with httpx.Client() as plain, Mine() as mine:
        monkeypatch.setattr(Mine, name, count, raising=False)
        mine.build_request("GET", "http://example.org")
        plain.build_request("GET", "http://example.org")
        assert calls == [name]
        monkeypatch.setattr(httpx.Client, name, count)
        with httpx.Client() as later:
            later.build_request("GET", "http://example.org")
        assert calls == [name, name]
