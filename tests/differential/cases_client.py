"""Clients: how their settings and those of a call merge into requests."""

from __future__ import annotations

from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_programs
from tests.differential.wire import mask

CASES = Cases()

URL = "https://a.example/"

OK = httpx.Response


# --- URLs ---


def merged_url(base_url: str, url: str) -> object:
    return str(httpx.Client(base_url=base_url).build_request("GET", url).url)


CASES.table(
    merged_url,
    [
        (base_url, url)
        for base_url in (
            "",
            "https://a.example",
            "https://a.example/",
            "https://a.example/v1",
            "https://a.example/v1/",
            "https://a.example/v1?key=1",
            "https://a.example/v1#frag",
            "https://a.example:443/a%20b/",
            "/only/path",
        )
        for url in (
            "",
            "/",
            "path",
            "/path",
            "//b.example/path",
            "../up",
            "?q=1",
            "#frag",
            "/path?q=1#frag",
            "https://b.example/abs",
            "https://b.example",
            "http:/odd",
            "mailto:x",
            "//",
            "a:b",
            "é",
        )
    ],
)


def base_url_shows(base_url: str) -> object:
    client = httpx.Client(base_url=base_url)
    return [str(client.base_url), repr(client.base_url)]


CASES.table(
    base_url_shows,
    ["", "/", "https://a.example", "https://a.example/b", "https://a.example/b/", "https://a.example/b?c=d", "b", "?c"],
)


def merged_params(client_params: Any, url: str, params: Any) -> object:
    client = httpx.Client(params=client_params)
    return str(client.build_request("GET", url, params=params).url)


CASES.table(
    merged_params,
    [
        (client_params, url, params)
        for client_params in (None, {"a": "1"}, {"a": ["1", "2"], "b": ""})
        for url in (URL, URL + "?a=url", URL + "?x=1&x=2")
        for params in (None, {}, {"a": "own"}, {"c": None}, "a=text&d", [("a", "1"), ("a", "2")])
    ],
)

# --- headers ---


def headers_of(client_headers: Any, headers: Any, method: str = "GET", content: Any = None) -> object:
    request = httpx.Client(headers=client_headers).build_request(method, URL, headers=headers, content=content)
    return [[name.decode("latin-1"), mask(value.decode("latin-1"))] for name, value in request.headers.raw]


CASES.table(
    headers_of,
    [
        (None, None),
        ({"X-A": "1"}, None),
        ({"X-A": "1"}, {"x-a": "2"}),
        ({"X-A": "1"}, {"X-B": "2"}),
        ([("X-A", "1"), ("X-A", "2")], None),
        ([("X-A", "1"), ("X-A", "2")], {"X-A": "3"}),
        (None, [("X-A", "1"), ("X-A", "2")]),
        ({"User-Agent": "own"}, None),
        (None, {"user-agent": "own"}),
        ({"Accept": "a/b"}, {"accept-encoding": "identity"}),
        ({"Host": "c.example"}, None),
        (None, {"Host": "d.example"}),
        ({"Connection": "close"}, None),
        ({"Content-Type": "a/b"}, None, "POST", b"x"),
        (None, {"Content-Type": "a/b"}, "POST", "text"),
        (None, None, "POST", b""),
        (None, None, "POST", None),
        (None, None, "PUT", b"abc"),
        (None, None, "DELETE", None),
        (None, {"Content-Length": "3"}, "POST", b"abc"),
        (None, {"X-Empty": ""}),
        ({b"X-Bytes": b"1"}, {b"x-bytes": b"2"}),
        ({"Cookie": "a=1"}, None),
    ],
)


@CASES.add
def removed_default_header() -> object:
    client = httpx.Client()
    del client.headers["Accept"]
    client.headers.pop("user-agent")
    return sorted(client.build_request("GET", URL).headers)


@CASES.add
def headers_set_later_keep_the_defaults() -> object:
    client = httpx.Client(headers={"X-A": "1"})
    setattr(client, "headers", {"X-B": "2"})  # noqa: B010  (checkers want `Headers`)
    return [[name, mask(value)] for name, value in client.headers.items()]


@CASES.add
def header_of_the_request_that_is_none() -> object:
    headers: Any = {"X-A": None}
    return httpx.Client().build_request("GET", URL, headers=headers).headers["x-a"]


# --- options of build_request ---


def built(method: str, options: dict[str, Any]) -> object:
    request = httpx.Client().build_request(method, URL, **options)
    fields = {name: mask(value) for name, value in request.headers.items() if name.startswith(("content", "transfer"))}
    return [request.method, fields, request.read(), request.extensions]


CASES.table(
    built,
    [
        ("get", {}),
        ("post", {"json": {"a": [1, None, "é"]}}),
        ("post", {"json": None}),
        ("post", {"data": {"a": "1", "b": ["2", "3"]}}),
        ("post", {"data": {}}),
        ("post", {"content": "é"}),
        ("odd-Method", {}),
        ("GET", {"content": b"body of GET"}),
        ("GET", {"timeout": None}),
        ("GET", {"timeout": 1}),
        ("GET", {"timeout": (1, 2, 3, 4)}),
        ("GET", {"timeout": {}}),
        ("GET", {"timeout": httpx.Timeout(1.5, pool=None)}),
        ("GET", {"extensions": {"a": 1}}),
        ("GET", {"extensions": {"timeout": {"connect": 9}}}),
        ("GET", {"extensions": {"timeout": {"connect": 9}}, "timeout": 3}),
        ("GET", {"extensions": {}}),
    ],
)


def client_timeout(timeout: Any) -> object:
    client = httpx.Client(timeout=timeout)
    return [repr(client.timeout), client.build_request("GET", URL).extensions]


CASES.table(client_timeout, [None, 1, 2.5, (1, 2, 3, 4), (1, None, 3, 4), 0], texts=False)

# --- cookies ---


def sent_cookies(client_cookies: Any, cookies: Any, headers: Any) -> object:
    client = httpx.Client(cookies=client_cookies)
    return client.build_request("GET", URL, cookies=cookies, headers=headers).headers.get("cookie")


CASES.table(
    sent_cookies,
    [
        (client_cookies, cookies, headers)
        for client_cookies in (None, {"a": "1"}, [("a", "1"), ("b", "2")])
        for cookies in (None, {}, {"a": "own"}, {"c": "3"})
        for headers in (None, {"Cookie": "h=0"})
    ],
)


async def cookies_stay(face: Face, set_cookie: str, second_url: str) -> object:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers=[("set-cookie", set_cookie)] if len(seen) == 1 else [])

    client = face.client(handler)
    first = await face.do(client.get, "https://www.a.example/dir/page")
    await face.do(client.get, second_url)
    return [seen, dict(first.cookies), dict(client.cookies)]


add_programs(
    CASES,
    cookies_stay,
    [
        ("a=1", "https://www.a.example/"),
        ("a=1", "https://www.a.example/dir/other"),
        ("a=1; Path=/", "https://www.a.example/"),
        ("a=1; Path=/", "http://www.a.example/"),
        ("a=1; Path=/; Secure", "http://www.a.example/"),
        ("a=1; Path=/; Domain=a.example", "https://a.example/"),
        ("a=1; Path=/; Domain=a.example", "https://b.a.example/"),
        ("a=1; Path=/", "https://a.example/"),
        ("a=1; Path=/; Domain=other.example", "https://www.a.example/"),
        ("a=1; Path=/; Max-Age=0", "https://www.a.example/"),
        ("a=1; Path=/; HttpOnly; SameSite=Lax", "https://www.a.example/"),
    ],
)


async def cookies_of_a_call_warn(face: Face, name: str) -> object:
    client = face.client(lambda request: httpx.Response(200, text=request.headers.get("cookie", "")))
    first = await face.do(getattr(client, name), URL, cookies={"a": "1"})
    second = await face.do(getattr(client, name), URL)
    return [first.text, second.text, dict(client.cookies)]


add_programs(CASES, cookies_of_a_call_warn, ["get", "post", "delete", "options", "head", "patch", "put"])

# --- attributes ---

CASES.expressions("""
httpx.Client(follow_redirects=True).follow_redirects
httpx.Client().follow_redirects
httpx.Client().max_redirects
httpx.Client().timeout
httpx.Client().params
httpx.Client(params={"a": 1}).params
httpx.Client().cookies
httpx.Client().auth
httpx.Client().event_hooks
httpx.Client().trust_env
httpx.Client().is_closed
httpx.Client(base_url="http://[::1").base_url
httpx.Client(mounts={"http": None})
httpx.Client(mounts={"http://": None})._transport_for_url(httpx.URL("http://a.example")) is None
httpx.Client().get("relative")
httpx.Client().get("ftp://a.example/")
httpx.Client().get("//a.example/")
httpx.Client().get("https://")
httpx.Client().get("http:///path")
httpx.Client().get(b"http://a.example")
httpx.Client().get(5)
httpx.get("relative")
httpx.get("ftp://a.example/")
httpx.request("GET", "")
""")
CASES.expressions(
    """
httpx.Client(5)
httpx.Client(nothing=5)
httpx.Client().get()
httpx.Client().request("GET")
""",
    texts=False,
)


# --- settings ---


def set_and_show(name: str, value: Any) -> object:
    client = httpx.Client()
    setattr(client, name, value)
    shown = getattr(client, name)
    return [type(shown).__name__, mask(repr(shown)), str(client.build_request("GET", URL).url)]


CASES.table(
    set_and_show,
    [
        ("base_url", "https://b.example/c"),
        ("base_url", ""),
        ("headers", {"X-A": "1"}),
        ("headers", [("X-A", "1"), ("X-A", "2")]),
        ("headers", None),
        ("cookies", {"a": "1"}),
        ("cookies", [("a", "1")]),
        ("cookies", None),
        ("params", {"a": "1"}),
        ("params", "a=1&b"),
        ("params", None),
        ("timeout", 5),
        ("timeout", None),
        ("timeout", (1, 2, 3, 4)),
        ("auth", None),
        ("auth", ("a", "b")),
        ("max_redirects", 3),
        ("follow_redirects", True),
        ("event_hooks", {}),
        ("own", 5),
    ],
)


def set_is_refused(name: str) -> object:
    setattr(httpx.Client(), name, True)
    return "taken"


CASES.table(set_is_refused, ["is_closed", "trust_env"], texts=False)
