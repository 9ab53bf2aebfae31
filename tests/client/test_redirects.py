"""Redirects: which request follows, what it carries, and when they end."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face, echoed
from .servers import OK, answering, answering_always

NO_BODY = b"Content-Length: 0\r\n\r\n"


def redirect(location: str, status: int = 302, *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Moved", f"Location: {location}", "Content-Length: 0", *fields, "", ""]
    return "\r\n".join(lines).encode()


def authorizations(request: httpx.Request) -> tuple[str | None, str | None, str | None]:
    """Return the fields that are credentials."""
    headers = request.headers
    return headers.get("authorization"), headers.get("cookie"), headers.get("proxy-authorization")


async def test_redirects_are_not_followed_unless_asked_for(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/redirect/2"))
        assert response.status_code == 302
        assert response.is_redirect and response.has_redirect_location
        assert response.next_request is not None
        assert response.next_request.url == origin.url("/redirect/1")
        response = await client.send(response.next_request)
        assert response.next_request is not None
        response = await client.send(response.next_request)
    assert response.text == "Hello, world!\n"
    assert response.next_request is None


async def test_followed_redirects_leave_a_history(face: Face, origin: Origin) -> None:
    async with face.client(follow_redirects=True) as client:
        response = await client.get(origin.url("/redirect/3"))
    assert response.text == "Hello, world!\n"
    assert response.url == origin.url("/hello")
    assert [step.url.path for step in response.history] == ["/redirect/3", "/redirect/2", "/redirect/1"]
    assert [len(step.history) for step in response.history] == [0, 1, 2]
    assert all(step.is_closed for step in response.history)


async def test_a_request_overrides_what_the_client_does_with_redirects(face: Face, origin: Origin) -> None:
    async with face.client(follow_redirects=True) as client:
        assert (await client.get(origin.url("/redirect/1"), follow_redirects=False)).status_code == 302
        client.bare.follow_redirects = False
        assert (await client.get(origin.url("/redirect/1"), follow_redirects=True)).status_code == 200


async def test_redirects_use_the_kept_connection(face: Face, serve: Serve) -> None:
    server = serve(answering(redirect("/1"), redirect("/2"), OK))
    async with face.client(follow_redirects=True) as client:
        await client.get(server.url())
    assert server.connection_count == 1


async def test_more_redirects_than_allowed_are_an_error(face: Face, origin: Origin) -> None:
    async with face.client(follow_redirects=True, max_redirects=2) as client:
        assert (await client.get(origin.url("/redirect/2"))).status_code == 200
        with pytest.raises(httpx.TooManyRedirects, match="Exceeded maximum allowed redirects") as caught:
            await client.get(origin.url("/redirect/3"))
    assert caught.value.request.url == origin.url("/hello")


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        ("GET", 301, "GET"),
        ("HEAD", 301, "HEAD"),
        ("POST", 301, "GET"),
        ("PUT", 301, "PUT"),
        ("POST", 302, "GET"),
        ("PUT", 302, "GET"),
        ("HEAD", 302, "HEAD"),
        ("QUERY", 302, "QUERY"),
        ("POST", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("DELETE", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
async def test_the_status_decides_on_method_and_body(
    face: Face, serve: Serve, method: str, status: int, expected: str
) -> None:
    server = serve(answering(redirect("/next", status), b"HTTP/1.1 204 No Content\r\n\r\n"))
    content = None if method in ("GET", "HEAD") else b"body"
    async with face.client(follow_redirects=True) as client:
        await client.request(method, server.url(), content=content)
    assert [received.method for received in server.requests] == [method, expected]
    keeps_body = content is not None and expected == method
    assert server.requests[1].body == (b"body" if keeps_body else b"")
    assert server.requests[1].values("content-length") == (["4"] if keeps_body else [])


@pytest.mark.parametrize("status", [300, 304, 305, 399])
async def test_other_statuses_are_no_redirects(face: Face, serve: Serve, status: int) -> None:
    server = serve(answering(redirect("/next", status)))
    async with face.client(follow_redirects=True) as client:
        assert (await client.get(server.url())).status_code == status


async def test_a_body_that_can_start_again_is_sent_again(face: Face, serve: Serve) -> None:
    server = serve(answering(redirect("/next", 307), OK))
    async with face.client(follow_redirects=True) as client:
        await client.post(server.url(), content=face.iterable([b"a", b"b"]))
    assert [received.body for received in server.requests] == [b"ab", b"ab"]


async def test_a_body_that_was_used_up_cannot_follow_a_redirect(face: Face, serve: Serve) -> None:
    server = serve(answering_always(redirect("/next", 307)))
    async with face.client(follow_redirects=True) as client:
        with pytest.raises(httpx.StreamConsumed):
            await client.post(server.url(), content=face.generate([b"a"]))
    assert [received.target for received in server.requests] == ["/"]


async def test_a_one_shot_body_does_not_matter_once_the_method_is_get(face: Face, serve: Serve) -> None:
    server = serve(answering(redirect("/next", 303), OK))
    async with face.client(follow_redirects=True) as client:
        assert (await client.post(server.url(), content=face.generate([b"a"]))).text == "ok"
    assert [received.method for received in server.requests] == ["POST", "GET"]
    assert server.requests[1].values("transfer-encoding") == []


async def test_cookies_on_the_way_are_sent_on(face: Face, origin: Origin) -> None:
    async with face.client(follow_redirects=True) as client:
        response = await client.get(origin.url("/cookies/set?a=1"))
        assert response.json() == {"cookies": {"a": "1"}}
        assert dict(response.history[0].cookies) == {"a": "1"}
        assert dict(client.bare.cookies) == {"a": "1"}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("next", "/a/next?"),
        ("../next", "/next?"),
        ("?q=2", "/a/b?q=2"),
        ("//{netloc}/other", "/other?"),
        ("http://{netloc}/full#own", "/full?"),
        ("http:///no-host", None),
    ],
)
async def test_locations_are_resolved(face: Face, serve: Serve, location: str, expected: str | None) -> None:
    server = serve(answering(redirect(location.format(netloc="127.0.0.1:0")), OK))
    async with face.client() as client:
        response = await client.get(server.url("/a/b?q=1#part"))
    assert response.next_request is not None
    url = response.next_request.url
    if expected is None:
        assert str(url) == "http://127.0.0.1/no-host#part"
    else:
        assert f"{url.path}?{url.query.decode()}" == expected
        assert url.fragment == ("own" if "#own" in location else "part")


async def test_an_invalid_location_matters_only_to_those_who_follow(face: Face, serve: Serve) -> None:
    server = serve(answering_always(redirect("http://a:b:c/")))
    async with face.client() as client:
        response = await client.get(server.url())
        assert (response.status_code, response.next_request) == (302, None)
        with pytest.raises(httpx.RemoteProtocolError, match="Invalid URL in location header") as caught:
            await client.get(server.url("/first"), follow_redirects=True)
    assert caught.value.request.url == server.url("/first")


async def test_a_location_of_another_scheme_is_not_followed(face: Face, serve: Serve) -> None:
    server = serve(answering_always(redirect("file:///etc/passwd")))
    async with face.client(follow_redirects=True) as client:
        with pytest.raises(httpx.UnsupportedProtocol, match="file://"):
            await client.get(server.url())


SECRETS: dict[str, Any] = {"Authorization": "secret", "Cookie": "a=secret", "Proxy-Authorization": "secret"}


async def test_credentials_stay_at_their_origin(face: Face, serve: Serve) -> None:
    server = serve(answering(redirect("/next"), OK))
    async with face.client(follow_redirects=True) as client:
        await client.get(server.url(), headers={"Authorization": "secret"})
    assert server.requests[1].values("authorization") == ["secret"]


async def test_redirect_to_another_origin_drops_credentials_for_good(face: Face, serve: Serve) -> None:
    other = serve(answering(redirect("/2"), OK))
    first = serve(answering(redirect(other.url("/1"))))
    headers = [*SECRETS.items(), *SECRETS.items(), ("X-Kept", "1")]
    async with face.client(follow_redirects=True) as client:
        response = await client.get(first.url(), headers=headers)
    assert first.requests[0].values("authorization") == ["secret", "secret"]
    assert [received.target for received in other.requests] == ["/1", "/2"]
    for received in other.requests:
        assert b"secret" not in received.head
        assert received.values("x-kept") == ["1"]
        assert received.values("host") == [f"127.0.0.1:{other.port}"]
    assert authorizations(response.request) == (None, None, None)


async def test_credentials_do_not_come_back_with_the_way_back(face: Face, serve: Serve) -> None:
    # a -> b -> a: what was dropped at b is not known any more.
    first_scripts: list[bytes] = []
    first = serve(lambda conversation: [conversation.answer(first_scripts[0]), conversation.answer(OK)])
    other = serve(answering(redirect(first.url("/back"))))
    first_scripts.append(redirect(other.url()))
    async with face.client(follow_redirects=True) as client:
        await client.get(first.url(), headers={"Authorization": "secret"})
    assert first.requests[1].target == "/back"
    assert first.requests[1].values("authorization") == []


async def test_another_port_is_another_origin(face: Face, origin: Origin, serve: Serve) -> None:
    first = serve(answering(redirect(origin.url("/echo"))))
    async with face.client(follow_redirects=True) as client:
        response = await client.get(first.url(), headers={"Authorization": "secret"})
    assert "authorization" not in echoed(response)["headers"]


async def test_cookies_of_the_client_go_by_domain_and_not_by_redirect(face: Face, origin: Origin) -> None:
    target = quote(origin.url("/echo").replace("127.0.0.1", "localhost"), safe="")
    async with face.client(follow_redirects=True) as client:
        client.bare.cookies.set("here", "1", domain="127.0.0.1")
        response = await client.get(origin.url(f"/redirect-to?url={target}"))
    assert response.history[0].request.headers["cookie"] == "here=1"
    assert "cookie" not in echoed(response)["headers"]


def moving(location: str, seen: list[httpx.Request]) -> Any:
    """Return a handler that redirects once."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            return httpx.Response(302, headers={"Location": location})
        return httpx.Response(200)

    return handle


@pytest.mark.parametrize(
    ("url", "location", "is_kept"),
    [
        ("http://a.example/", "https://a.example/", True),
        ("http://a.example:80/", "https://a.example:443/", True),
        ("http://a.example/", "https://b.example/", False),
        ("http://a.example/", "https://a.example:444/", False),
        ("http://a.example:81/", "https://a.example/", False),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://sub.a.example/", False),
        ("https://a.example/", "https://A.EXAMPLE:443/", True),
    ],
)
async def test_only_the_upgrade_to_https_of_a_host_keeps_authorization(
    face: Face, url: str, location: str, is_kept: bool
) -> None:
    seen: list[httpx.Request] = []
    async with face.client(transport=httpx.MockTransport(moving(location, seen)), follow_redirects=True) as client:
        await client.get(url, headers={"Authorization": "secret"})
    assert (seen[1].headers.get("authorization") == "secret") is is_kept


async def test_client_authentication_is_asked_once_for_a_chain(face: Face, origin: Origin, serve: Serve) -> None:
    first = serve(answering(redirect(origin.url("/echo"))))
    async with face.client(follow_redirects=True, auth=("user", "pass")) as client:
        response = await client.get(first.url())
    assert first.requests[0].values("authorization") == ["Basic dXNlcjpwYXNz"]
    assert "authorization" not in echoed(response)["headers"]


async def test_total_is_one_deadline_for_all_redirects(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        while True:
            conversation.read_request()
            conversation.server.may_go_on.wait(0.05)
            conversation.send(redirect("/next"))

    server = serve(script)
    async with face.client(follow_redirects=True, max_redirects=1000) as client:
        with pytest.raises(httpx.TimeoutException):
            await client.get(server.url(), timeout=httpx.Timeout(5.0, total=0.3))
    assert 1 <= len(server.requests) <= 7


async def test_a_streamed_request_follows_redirects_before_its_body_is_read(face: Face, serve: Serve) -> None:
    server = serve(answering(redirect("/next"), OK))
    async with (
        face.client(follow_redirects=True) as client,
        client.stream("GET", server.url()) as response,
    ):
        assert len(response.history) == 1
        assert await face.read(response) == b"ok"
