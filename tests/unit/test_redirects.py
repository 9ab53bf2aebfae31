"""Which request a redirect asks for, and what must not go along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import httpx
from httpx._policies.redirects import is_https_upgrade, is_same_origin

Redirects = dict[str, tuple[int, str]]

CREDENTIALS = [
    ("Authorization", "Bearer one"),
    ("AUTHORIZATION", "Bearer two"),
    ("Proxy-Authorization", "Basic x"),
    ("Cookie", "by=hand"),
]


def serve(redirects: Redirects, requests: list[httpx.Request]) -> Callable[[httpx.Request], httpx.Response]:
    """Return a handler that redirects by URL, answers all else, and writes down what it is sent."""

    def handle(request: httpx.Request) -> httpx.Response:
        # Requests are kept as they were sent.
        requests.append(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))
        redirect = redirects.get(str(request.url).partition("#")[0])
        if redirect is None:
            return httpx.Response(200)
        return httpx.Response(redirect[0], headers=[(b"Location", redirect[1].encode())])

    return handle


def follow(url: str, redirects: Redirects, method: str = "GET", **arguments: Any) -> list[httpx.Request]:
    """Follow redirects, and return the requests that were sent."""
    requests: list[httpx.Request] = []
    transport = httpx.MockTransport(serve(redirects, requests))
    with httpx.Client(transport=transport, follow_redirects=True, trust_env=False) as client:
        client.request(method, url, **arguments)
    return requests


def redirect_once(url: str, location: str, status: int = 302, method: str = "GET", **arguments: Any) -> httpx.Request:
    _, request = follow(url, {url.partition("#")[0]: (status, location)}, method, **arguments)
    return request


# Methods and bodies: RFC 9110 15.4.2 to 15.4.9.


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "OTHER"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_method_of_the_next_request(method: str, status: int) -> None:
    turns_to_get = {
        301: method == "POST",
        302: method not in ("HEAD", "QUERY"),
        303: method != "HEAD",
        307: False,
        308: False,
    }[status]
    headers = {"Content-Type": "text/plain"}
    request = redirect_once("https://a.example/", "/next", status, method, content=b"body", headers=headers)
    assert request.url == "https://a.example/next"
    if turns_to_get and method != "GET":
        assert (request.method, request.content) == ("GET", b"")
        assert "Content-Length" not in request.headers
    else:
        assert (request.method, request.content) == (method, b"body")
        assert request.headers["Content-Length"] == "4"


def test_framing_of_a_body_that_is_gone_is_dropped() -> None:
    request = redirect_once("https://a.example/", "/next", 303, "POST", content=iter([b"a"]))
    assert "Transfer-Encoding" not in request.headers
    assert "Content-Length" not in request.headers


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
def test_other_statuses_are_not_followed(status: int) -> None:
    assert len(follow("https://a.example/", {"https://a.example/": (status, "/next")})) == 1


def test_redirect_without_location_is_a_response() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(302))
    with httpx.Client(transport=transport, follow_redirects=True) as client:
        response = client.get("https://a.example/")
    assert response.status_code == 302
    assert response.next_request is None


class ReadingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Consumes bodies as a connection does, and redirects once with 307."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        return self.respond(request, b"".join(request.stream))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return self.respond(request, b"".join([part async for part in request.stream]))

    def respond(self, request: httpx.Request, body: bytes) -> httpx.Response:
        if request.url.path == "/next":
            return httpx.Response(200, content=body)
        return httpx.Response(307, headers={"Location": "/next"})


def test_body_that_can_be_sent_again_is() -> None:
    with httpx.Client(transport=ReadingTransport(), follow_redirects=True) as client:
        for content in (b"body", [b"bo", b"dy"]):
            assert client.post("https://a.example/", content=content).content == b"body"


def test_body_that_cannot_be_sent_again_is_an_error() -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"body"

    async def post() -> None:
        async with httpx.AsyncClient(transport=ReadingTransport(), follow_redirects=True) as client:
            await client.post("https://a.example/", content=generate())

    client = httpx.Client(transport=ReadingTransport(), follow_redirects=True)
    with client, pytest.raises(httpx.StreamConsumed):
        client.post("https://a.example/", content=iter([b"body"]))
    with pytest.raises(httpx.StreamConsumed):
        asyncio.run(post())


# Where to.


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "https://jo@www.example.org:8443/x#frag"),
        ("x", "https://jo@www.example.org:8443/a/x#frag"),
        ("?q", "https://jo@www.example.org:8443/a/b?q#frag"),
        ("../..", "https://jo@www.example.org:8443/#frag"),
        ("#other", "https://jo@www.example.org:8443/a/b?c=d#other"),
        ("/x#other", "https://jo@www.example.org:8443/x#other"),
        ("//other.example/y", "https://other.example/y#frag"),
        ("https://other.example/y#z", "https://other.example/y#z"),
        ("https://OTHER.example", "https://other.example#frag"),
        ("https:///x", "https://www.example.org/x#frag"),
        ("/é ü", "https://jo@www.example.org:8443/%C3%A9%20%C3%BC#frag"),
        ("https://müller.de/", "https://xn--mller-kva.de/#frag"),
    ],
)
def test_url_of_the_next_request(location: str, expected: str) -> None:
    url = "https://jo@www.example.org:8443/a/b?c=d#frag"
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) > 1:
            return httpx.Response(200)
        return httpx.Response(302, headers=[(b"Location", location.encode())])

    with httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=True) as client:
        assert client.get(url).url == expected


@pytest.mark.parametrize("location", ["https://[::1", "https://a.example:port/", "mailto:jo@a.example", "data:,x"])
def test_location_that_is_no_url_is_an_error_for_those_who_follow(location: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="Invalid URL in location header") as caught:
        follow("https://a.example/", {"https://a.example/": (302, location)})
    assert caught.value.request.url == "https://a.example/"
    with httpx.Client(transport=httpx.MockTransport(serve({"https://a.example/": (302, location)}, []))) as client:
        response = client.get("https://a.example/")
    assert response.status_code == 302
    assert response.next_request is None


def test_next_request_is_there_for_those_who_do_not_follow() -> None:
    handler = serve({"https://a.example/": (303, "https://b.example/next")}, [])
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        response = client.post("https://a.example/", content=b"body", headers={"Authorization": "x"})
        request = response.next_request
        assert request is not None
        assert (request.method, str(request.url)) == ("GET", "https://b.example/next")
        assert "Authorization" not in request.headers
        assert client.send(request).status_code == 200


def test_redirects_are_counted() -> None:
    requests: list[httpx.Request] = []
    handler = serve({"https://a.example/": (302, "/")}, requests)
    client = httpx.Client(transport=httpx.MockTransport(handler), follow_redirects=True, max_redirects=3)
    with client, pytest.raises(httpx.TooManyRedirects) as caught:
        client.get("https://a.example/")
    assert len(requests) == 4
    assert caught.value.request.url == "https://a.example/"


def test_history_holds_the_redirects() -> None:
    redirects = {"https://a.example/": (302, "/2"), "https://a.example/2": (301, "https://b.example/3")}
    with httpx.Client(transport=httpx.MockTransport(serve(redirects, [])), follow_redirects=True) as client:
        response = client.get("https://a.example/")
    assert [str(answer.url) for answer in response.history] == ["https://a.example/", "https://a.example/2"]
    assert [len(answer.history) for answer in response.history] == [0, 1]


# Credentials.


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://a.example/", "https://b.example/"),
        ("https://a.example/", "https://www.a.example/"),
        ("https://www.a.example/", "https://a.example/"),
        ("https://a.example/", "https://a.example:8443/"),
        ("https://a.example/", "http://a.example/"),
        ("http://a.example/", "https://a.example:8443/"),
        ("http://a.example:8080/", "https://a.example/"),
        ("http://a.example/", "https://b.example/"),
        ("https://a.example/", "//b.example/"),
        ("https://a.example/", "https://a.example@b.example/"),
    ],
)
def test_redirect_to_other_origin_drops_credentials(url: str, location: str) -> None:
    request = redirect_once(url, location, headers=[*CREDENTIALS, ("X-Other", "stays")])
    for name in ("Authorization", "Proxy-Authorization", "Cookie"):
        assert name not in request.headers
    assert request.headers["X-Other"] == "stays"


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://a.example/", "/next"),
        ("https://a.example/", "https://a.example:443/next"),
        ("https://a.example/", "https://A.EXAMPLE/next"),
        ("https://müller.de/", "https://xn--mller-kva.de/next"),
        ("http://a.example/", "https://a.example/"),
        ("http://a.example:80/", "https://a.example:443/"),
    ],
)
def test_redirect_within_the_origin_or_to_its_https_keeps_authorization(url: str, location: str) -> None:
    _, request = follow(str(httpx.URL(url)), {str(httpx.URL(url)): (302, location)}, headers=CREDENTIALS)
    assert request.headers.get_list("Authorization") == ["Bearer one", "Bearer two"]


def test_dropped_credentials_stay_dropped() -> None:
    redirects = {
        "https://a.example/": (302, "https://b.example/"),
        "https://b.example/": (302, "https://b.example/2"),
        "https://b.example/2": (302, "https://a.example/3"),
    }
    requests = follow("https://a.example/", redirects, headers=CREDENTIALS, auth=("jo", "secret"))
    assert [request.headers.get("Authorization") for request in requests] == ["Basic am86c2VjcmV0", None, None, None]
    assert [request.headers.get("Cookie") for request in requests] == ["by=hand", None, None, None]


def test_userinfo_goes_to_its_own_origin_only() -> None:
    first, second = follow(
        "https://jo:secret@a.example/", {"https://jo:secret@a.example/": (302, "https://b.example/")}
    )
    assert first.headers["Authorization"] == "Basic am86c2VjcmV0"
    assert "Authorization" not in second.headers
    assert second.url.userinfo == b""


def test_cookies_are_chosen_anew_for_the_next_request() -> None:
    redirects = {"https://a.example/": (302, "https://b.example/")}
    requests: list[httpx.Request] = []
    transport = httpx.MockTransport(serve(redirects, requests))
    with httpx.Client(transport=transport, follow_redirects=True) as client:
        client.cookies.set("for-a", "1", domain="a.example")
        client.cookies.set("for-b", "2", domain="b.example")
        client.get("https://a.example/")
    assert [request.headers["Cookie"] for request in requests] == ["for-a=1", "for-b=2"]


def test_cookie_of_the_redirect_goes_with_the_next_request() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/next":
            return httpx.Response(200, text=request.headers["Cookie"])
        return httpx.Response(302, headers={"Location": "/next", "Set-Cookie": "a=b"})

    with httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=True) as client:
        assert client.get("https://a.example/").text == "a=b"


# Host.


def test_host_is_that_of_the_next_url() -> None:
    request = redirect_once("https://a.example/", "https://b.example:8443/", headers={"Host": "custom.example"})
    assert request.headers.get_list("Host") == ["b.example:8443"]


def test_host_that_was_given_stays_within_the_origin() -> None:
    request = redirect_once("https://a.example/", "/next", headers={"Host": "custom.example"})
    assert request.headers.get_list("Host") == ["custom.example"]


# Origins.


@pytest.mark.parametrize(
    ("url", "other", "expected"),
    [
        ("https://a.example/x", "https://a.example:443/y", True),
        ("http://a.example", "http://a.example:80", True),
        ("http://a.example", "https://a.example", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "https://a.example:444", False),
    ],
)
def test_same_origin(url: str, other: str, expected: bool) -> None:
    assert is_same_origin(httpx.URL(url), httpx.URL(other)) is expected


@pytest.mark.parametrize(
    ("url", "location", "expected"),
    [
        ("http://a.example", "https://a.example", True),
        ("http://a.example:80", "https://a.example:443", True),
        ("http://a.example:8080", "https://a.example", False),
        ("http://a.example", "https://a.example:8443", False),
        ("http://a.example", "https://b.example", False),
        ("https://a.example", "http://a.example", False),
    ],
)
def test_https_upgrade(url: str, location: str, expected: bool) -> None:
    assert is_https_upgrade(httpx.URL(url), httpx.URL(location)) is expected
