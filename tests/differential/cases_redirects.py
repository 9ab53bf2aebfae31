"""Redirects: which request follows which response, with which method, URL, headers and body."""

from __future__ import annotations

from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import mask

CASES = Cases()

START = "https://user:secret@a.example:8443/dir/page?q=1#frag"


class Hops:
    """A handler that redirects by a list of Locations, and notes the requests."""

    def __init__(self, *locations: str, status: int = 302) -> None:
        self.locations = list(locations)
        self.status = status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self.locations:
            return httpx.Response(200)
        return httpx.Response(self.status, headers=[("location", self.locations.pop(0))])

    def headers(self) -> list[dict[str, str]]:
        return [{name: mask(value) for name, value in request.headers.items()} for request in self.requests]


async def method_and_body(face: Face, method: str, status: int) -> object:
    hops = Hops("/two", status=status)
    content = None if method in ("GET", "HEAD", "OPTIONS") else b"body"
    client = face.client(hops, follow_redirects=True)
    response = await face.do(client.request, method, "https://a.example/", content=content)
    last = hops.requests[-1]
    fields = {name: value for name, value in last.headers.items() if name.startswith(("content", "transfer"))}
    return [tell(response), len(hops.requests), last.content, fields]


add_programs(
    CASES,
    method_and_body,
    [
        (method, status)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "ODD")
        for status in (300, 301, 302, 303, 304, 305, 307, 308, 399)
    ],
)


def following(location: str, start: str) -> object:
    """Tell the next request that a Location asks for."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers=[("location", location)])

    response = httpx.Client(transport=httpx.MockTransport(handler)).get(start)
    request = response.next_request
    return None if request is None else [str(request.url), request.headers["host"]]


CASES.table(
    following,
    [
        (location, start)
        for start in (START, "http://a.example")
        for location in (
            "/two",
            "two",
            "../up",
            "./here",
            "?new=2",
            "#new",
            "/two#new",
            "",
            "//b.example/path",
            "https://b.example",
            "https://b.example:443/",
            "http://b.example:443/",
            "https://a.example:8443/two",
            "https://other:pass@b.example/",
            "https:///path",
            "https:/path",
            "https:path",
            "HTTPS://B.EXAMPLE/A",
            "/a b",
            "/a%20b%zz",
            "/é",
            "https://é.example/",
            "/a\\b",
            "mailto:x@b.example",
            "ftp://b.example/",
            "file:///etc/passwd",
            "/a//b/../c",
            "https://b.example/?q=a b&c=%26",
            " /two ",
        )
    ],
)


async def odd_location_is_followed(face: Face, location: str) -> object:
    hops = Hops(location)
    return tell(await face.attempt(face.client(hops, follow_redirects=True).get, "https://a.example/"))


add_programs(
    CASES,
    odd_location_is_followed,
    ["https://b.example:99999/", "https://[::1", "https://b.example:x/", "https:// /", "/ok", "", "https:///path"],
)


def not_followed(fields: list[tuple[str, str]], status: int) -> object:
    """Tell whether a response is a redirect in the eyes of its user."""
    response = httpx.Response(status, headers=fields, request=httpx.Request("GET", "https://a.example/"))
    return [response.is_redirect, response.has_redirect_location, response.next_request]


CASES.table(
    not_followed,
    [
        (fields, status)
        for fields in ([], [("location", "/two")], [("location", "/two"), ("location", "/three")])
        for status in (200, 201, 300, 301, 302, 303, 304, 305, 306, 307, 308)
    ],
)


async def headers_on_the_way(face: Face, *locations: str) -> object:
    hops = Hops(*locations)
    client = face.client(hops, follow_redirects=True, cookies={"jar": "1"})
    headers = {
        "Authorization": "own",
        "Cookie": "own=1",
        "X-Own": "1",
        "Origin": "https://a.example",
        "Referer": "https://a.example/",
    }
    await face.do(client.get, "http://a.example/", headers=headers)
    return [sorted(sent.items()) for sent in hops.headers()[1:]]


add_programs(
    CASES,
    headers_on_the_way,
    [
        "http://a.example/two",
        "https://a.example/two",
        "https://a.example:444/two",
        "http://b.example/two",
        "http://www.a.example/two",
        ("http://b.example/two", "http://a.example/three"),
        ("http://b.example/two", "http://b.example/three"),
        ("https://a.example/two", "https://b.example/three", "https://a.example/four"),
    ],
)


async def proxy_authorization_on_the_way(face: Face, location: str) -> object:
    hops = Hops(location)
    client = face.client(hops, follow_redirects=True)
    await face.do(client.get, "http://a.example/", headers={"Proxy-Authorization": "own"})
    return [sent.get("proxy-authorization") for sent in hops.headers()]


add_programs(CASES, proxy_authorization_on_the_way, ["/two", "https://a.example/", "http://b.example/"])


async def own_host_header(face: Face, location: str) -> object:
    hops = Hops(location)
    await face.do(face.client(hops, follow_redirects=True).get, "https://a.example/", headers={"Host": "own.example"})
    return [sent["host"] for sent in hops.headers()]


add_programs(CASES, own_host_header, ["/two", "https://b.example/", "https://a.example:8443/"])


async def body_that_is_sent_again(face: Face, kind: str, status: int) -> object:
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(status, headers={"location": "/two"}) if len(bodies) == 1 else httpx.Response(200)

    kinds: dict[str, dict[str, Any]] = {
        "bytes": {"content": b"abc"},
        "form": {"data": {"a": "1"}},
        "json": {"json": {"a": 1}},
        "files": {"files": {"f": ("name", b"data")}, "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        "iterator": {"content": face.body([b"a", b"b"])},
    }
    return [tell(await face.attempt(face.client(handler, follow_redirects=True).post, START, **kinds[kind])), bodies]


add_programs(
    CASES,
    body_that_is_sent_again,
    [(kind, status) for kind in ("bytes", "form", "json", "files", "iterator") for status in (302, 307, 308)],
)


async def one_shot_body_and_a_transport_that_reads_it(face: Face, status: int) -> object:
    seen: list[Any] = []

    async def read(request: httpx.Request) -> httpx.Response:
        if face.is_async:
            parts: list[bytes] = [part async for part in request.stream]  # type: ignore[union-attr]
        else:
            parts = list(request.stream)  # type: ignore[arg-type]
        seen.append([request.method, request.headers.get("transfer-encoding"), parts])
        return httpx.Response(status if len(seen) == 1 else 200, headers={"location": "/two"})

    def read_sync(request: httpx.Request) -> httpx.Response:
        seen.append([request.method, request.headers.get("transfer-encoding"), list(request.stream)])  # type: ignore[arg-type]
        return httpx.Response(status if len(seen) == 1 else 200, headers={"location": "/two"})

    client = face.client(transport=face.transport(read if face.is_async else read_sync), follow_redirects=True)
    response = await face.attempt(client.post, "https://a.example/", content=face.body([b"a", b"b"]))
    return [tell(response), seen]


add_programs(CASES, one_shot_body_and_a_transport_that_reads_it, [301, 302, 303, 307, 308])


async def limit_is_reached(face: Face, limit: int, hops: int) -> object:
    handler = Hops(*(f"/{number}" for number in range(hops)))
    client = face.client(handler, follow_redirects=True, max_redirects=limit)
    return [tell(await face.attempt(client.get, "https://a.example/")), len(handler.requests)]


add_programs(CASES, limit_is_reached, [(0, 0), (0, 1), (1, 1), (1, 2), (20, 20), (20, 21), (-1, 0)])


async def loop_ends_at_the_limit(face: Face) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"location": str(request.url)})

    return tell(await face.attempt(face.client(handler, follow_redirects=True).get, "https://a.example/"))


async def history_of_each_hop(face: Face) -> object:
    handler = Hops("/1", "/2", "/3")
    response = await face.do(face.client(handler, follow_redirects=True).get, "https://a.example/0")
    return [
        [[str(earlier.url) for earlier in each.history] for each in [*response.history, response]],
        [earlier.is_closed for earlier in response.history],
        [earlier.next_request is None for earlier in response.history],
        response.next_request,
    ]


async def redirect_bodies_are_read_and_closed(face: Face) -> object:
    closed: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(302, headers={"location": "/two"}, stream=face.stream([b"moved"], closed))
        return httpx.Response(200, stream=face.stream([b"here"], closed))

    client = face.client(handler)
    response = await face.do(
        client.send, client.build_request("GET", "https://a.example/"), stream=True, follow_redirects=True
    )
    return [closed, response.history[0].content, response.is_closed, await face.read(response), closed]


async def streamed_redirect_is_followed_by_hand(face: Face) -> object:
    handler = Hops("/two")
    client = face.client(handler)
    response = await face.do(client.send, client.build_request("POST", "https://a.example/", json=[1]), stream=True)
    following_request = response.next_request
    await face.close_response(response)
    return [response.is_closed, tell(await face.do(client.send, following_request))]


async def cookies_along_a_redirect(face: Face) -> object:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([str(request.url), request.headers.get("cookie")])
        number = len(seen)
        targets = ["https://a.example/two", "https://b.example/", "https://a.example/three"]
        if number > len(targets):
            return httpx.Response(200)
        fields = [("location", targets[number - 1]), ("set-cookie", f"c{number}=1; Path=/")]
        return httpx.Response(302, headers=fields)

    client = face.client(handler, follow_redirects=True)
    response = await face.do(client.get, "https://a.example/")
    return [seen, [dict(each.cookies) for each in [*response.history, response]], sorted(client.cookies)]


async def cookie_of_a_call_along_a_redirect(face: Face) -> object:
    hops = Hops("/two", "https://b.example/")
    await face.do(face.client(hops, follow_redirects=True).get, "https://a.example/", cookies={"a": "1"})
    return [sent.get("cookie") for sent in hops.headers()]


async def extensions_along_a_redirect(face: Face) -> object:
    hops = Hops("/two")
    await face.do(face.client(hops, follow_redirects=True).get, "https://a.example/", timeout=3, extensions={"own": 1})
    return [request.extensions for request in hops.requests]


async def redirect_to_another_mount(face: Face) -> object:
    told: list[str] = []
    client = face.client(
        Hops("https://b.example/"),
        mounts={"all://b.example": face.transport(lambda request: httpx.Response(201), told)},
        follow_redirects=True,
    )
    return [tell(await face.do(client.get, "https://a.example/")), told]


async def follow_argument_against_client(face: Face) -> object:
    told = []
    for client_follows in (False, True):
        for follows in (False, True, None):
            client = face.client(Hops("/two"), follow_redirects=client_follows)
            options = {} if follows is None else {"follow_redirects": follows}
            told.append((await face.do(client.get, "https://a.example/", **options)).status_code)
    return told


async def raise_for_status_of_a_redirect(face: Face) -> object:
    response = await face.do(face.client(Hops("/two#x")).get, "https://a.example/")
    return tell(await face.attempt(response.raise_for_status))


async def multiple_location_fields(face: Face) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        fields = [("location", "/two"), ("location", "/three")]
        return httpx.Response(302, headers=fields) if request.url.path == "/" else httpx.Response(200)

    return tell(await face.attempt(face.client(handler, follow_redirects=True).get, "https://a.example/"))


async def location_in_latin_1_and_utf_8(face: Face, raw: bytes) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers=[(b"location", raw)])

    response = await face.attempt(face.client(handler).get, "https://a.example/")
    if isinstance(response, BaseException):
        return tell(response)
    return None if response.next_request is None else str(response.next_request.url)


add_programs(CASES, location_in_latin_1_and_utf_8, [b"/\xe9", b"/\xc3\xa9", b"/a\tb", b"/a\x00b", b"\xff\xfe"])

for _program in (
    loop_ends_at_the_limit,
    history_of_each_hop,
    redirect_bodies_are_read_and_closed,
    streamed_redirect_is_followed_by_hand,
    cookies_along_a_redirect,
    cookie_of_a_call_along_a_redirect,
    extensions_along_a_redirect,
    redirect_to_another_mount,
    follow_argument_against_client,
    raise_for_status_of_a_redirect,
    multiple_location_fields,
):
    add_program(CASES)(_program)
