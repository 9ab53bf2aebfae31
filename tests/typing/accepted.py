"""What type checkers must accept from users, and the types that they must see. Checked, never run."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, assert_type

import httpx


def functions() -> None:
    assert_type(httpx.get("https://example.org"), httpx.Response)
    assert_type(httpx.request("GET", httpx.URL("https://example.org")), httpx.Response)
    assert_type(httpx.post("https://example.org", json={"a": [1, None]}), httpx.Response)
    httpx.get("https://example.org", verify=False, trust_env=False, follow_redirects=True)
    httpx.get("https://example.org", verify=ssl.create_default_context())
    with httpx.stream("GET", "https://example.org") as response:
        assert_type(response, httpx.Response)


def arguments(client: httpx.Client, jar: CookieJar, path: Path) -> None:
    client.get("/", params={"a": 1, "b": "2", "c": [1, 2], "d": None, "e": True})
    client.get("/", params=[("a", 1), ("a", "2")])
    client.get("/", params="a=1")
    client.get("/", params=httpx.QueryParams({"a": "1"}))
    client.get("/", headers={"a": "1"})
    client.get("/", headers={b"a": b"1"})
    client.get("/", headers=[("a", "1"), ("a", "2")])
    client.get("/", headers=httpx.Headers({"a": "1"}))
    client.get("/", cookies={"a": "1"})
    client.get("/", cookies=jar)
    client.get("/", cookies=httpx.Cookies({"a": "1"}))
    client.get("/", timeout=1)
    client.get("/", timeout=None)
    client.get("/", timeout=(1.0, None, 2.0, 3.0))
    client.get("/", timeout=httpx.Timeout(5.0, connect=1.0))
    client.get("/", timeout=httpx.USE_CLIENT_DEFAULT)
    client.get("/", auth=("user", "password"))
    client.get("/", auth=None)
    client.get("/", auth=httpx.DigestAuth("user", "password"))
    client.get("/", auth=sign)
    client.get("/", extensions={"trace": print})
    client.post("/", content="text")
    client.post("/", content=b"bytes")
    client.post("/", content=parts())
    client.post("/", data={"a": "1", "b": ["2", "3"]})
    with path.open("rb") as file:
        client.post("/", content=file)
        client.post("/", files={"file": file})
        client.post("/", files={"file": ("name.txt", file, "text/plain")})
        client.post("/", files=[("file", ("name.txt", b"bytes", "text/plain", {"a": "1"}))])


def parts() -> Iterator[bytes]:
    yield b"part"


async def async_parts() -> AsyncIterator[bytes]:
    yield b"part"


def sign(request: httpx.Request) -> httpx.Request:
    return request


def client_settings() -> None:
    with httpx.Client(
        auth=("user", "password"),
        params={"a": "1"},
        headers={"a": "1"},
        cookies={"a": "1"},
        http2=False,
        proxy="http://proxy.example:3128",
        mounts={"all://": httpx.HTTPTransport(retries=1), "all://example.org": None},
        timeout=5.0,
        limits=httpx.Limits(max_connections=10, max_keepalive_connections=None),
        event_hooks={"request": [print], "response": [print]},
        base_url="https://example.org",
    ) as client:
        assert_type(client, httpx.Client)
        assert_type(client.base_url, httpx.URL)
        client.base_url = "https://example.org"
        client.timeout = 5.0
        client.headers = {"a": "1"}
        assert_type(client.headers, httpx.Headers)
        assert_type(client.cookies, httpx.Cookies)
        assert_type(client.timeout, httpx.Timeout)
        assert_type(client.send(client.build_request("GET", "/")), httpx.Response)


async def async_client() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        assert_type(client, httpx.AsyncClient)
        assert_type(await client.get("/"), httpx.Response)
        await client.post("/", content=async_parts())
        async with client.stream("GET", "/") as response:
            assert_type(await response.aread(), bytes)
            async for part in response.aiter_bytes():
                assert_type(part, bytes)
            async for line in response.aiter_lines():
                assert_type(line, str)


def response_members(response: httpx.Response) -> None:
    assert_type(response.status_code, int)
    assert_type(response.headers["a"], str)
    assert_type(response.headers.get_list("a"), list[str])
    assert_type(response.url, httpx.URL)
    assert_type(response.request, httpx.Request)
    assert_type(response.content, bytes)
    assert_type(response.text, str)
    assert_type(response.encoding, str | None)
    assert_type(response.json(), Any)
    assert_type(response.is_success, bool)
    assert_type(response.raise_for_status(), httpx.Response)
    for part in response.iter_bytes():
        assert_type(part, bytes)
    for line in response.iter_lines():
        assert_type(line, str)


def url_members(url: httpx.URL) -> None:
    assert_type(url.host, str)
    assert_type(url.port, int | None)
    assert_type(url.raw_path, bytes)
    assert_type(url.join("/path"), httpx.URL)
    assert_type(url.copy_with(scheme="https"), httpx.URL)
    assert_type(url.params["a"], str)


def event_streams(client: httpx.Client, response: httpx.Response) -> None:
    with client.sse("/", method="POST", json={"a": 1}, max_event_size=None, reconnect=5) as source:
        assert_type(source, httpx.EventSource)
        for event in source:
            assert_type(event, httpx.ServerSentEvent)
            assert_type(event.data, str)
            assert_type(event.retry, int | None)
    for event in httpx.EventSource(response, 1000):
        assert_type(event.json(), object)


async def async_event_streams(client: httpx.AsyncClient) -> None:
    async with client.sse("/", reconnect=True) as source:
        async for event in source:
            assert_type(event, httpx.ServerSentEvent)


class OwnAuth(httpx.Auth):
    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        assert_type(response, httpx.Response)


class OwnAsyncAuth(httpx.Auth):
    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        response = yield request
        assert_type(response, httpx.Response)


class OwnTransport(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"a": 1}, request=request)


class OwnAsyncTransport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=OwnStream())


class OwnStream(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"part"


def exceptions() -> None:
    try:
        httpx.get("https://example.org")
    except httpx.HTTPStatusError as exc:
        assert_type(exc.response, httpx.Response)
    except httpx.RequestError as exc:
        assert_type(exc.request, httpx.Request)
    except (httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError):
        raise


def proxies_and_tls(response: httpx.Response, path: Path) -> None:
    proxy = httpx.Proxy("http://proxy.example", auth=("user", "secret"), auth_scheme="digest")
    context = httpx.create_ssl_context(verify=False, fingerprints=["00:11"], allow_truncation=True)
    assert_type(context, ssl.SSLContext)
    httpx.Client(proxy=proxy, verify=context)
    for cert in (b"PEM", "client.pem", path):
        httpx.Client(cert=cert)
    httpx.Client(cert=(b"PEM", path))
    httpx.AsyncClient(cert=("client.pem", b"PEM", "password"))
    httpx.HTTPTransport(cert=("client.pem", None, "password"))
    extensions = {"proxy": None, "verify": context, "cert": b"PEM"}
    httpx.Client().get("/", extensions=extensions)
    timings: httpx.Timings = response.extensions["timings"]
    assert_type(timings.wait, float | None)
    assert_type(timings.as_dict(), dict[str, float | None])
