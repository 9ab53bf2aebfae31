"""Small programs of hostile users: clients called from within themselves, odd values, transports by hand."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import Origin, answer, mask

CASES = Cases()

URL = "https://a.example/"

OK = httpx.Response

# Extensions of ours.
_ADDED = {"timings"}

# --- a client that is called while it works ---


class _Fetching(httpx.Auth):
    """A flow that fetches something by the very client before it goes on."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen
        self.client: Any = None

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self.seen.append(self.client.get(f"{URL}auth", auth=None).text)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        self.seen.append((await self.client.get(f"{URL}auth", auth=None)).text)
        yield request


async def client_called_from_everywhere(face: Face) -> object:
    seen: list[str] = []
    client: Any = None

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(f"handler {request.url.path}")
        return OK(200, text=request.url.path)

    async def hook(response: httpx.Response) -> None:
        if response.url.path == "/":
            seen.append((await client.get(f"{URL}hook")).text)

    def hook_sync(response: httpx.Response) -> None:
        if response.url.path == "/":
            seen.append(client.get(f"{URL}hook").text)

    async def body() -> AsyncGenerator[bytes, None]:
        yield (await client.get(f"{URL}body")).content

    def body_sync() -> Generator[bytes, None, None]:
        yield client.get(f"{URL}body").content

    auth = _Fetching(seen)
    hooks = {"response": [hook if face.is_async else hook_sync]}
    auth.client = client = face.client(handler, event_hooks=hooks)
    result = await face.attempt(client.post, URL, content=body() if face.is_async else body_sync(), auth=auth)
    return [tell(result), seen]


async def body_that_fetches_on_the_wire(face: Face) -> object:
    with Origin(answer("200 OK", b"one"), answer("200 OK", b"two")) as origin:
        client = face.client(trust_env=False)

        async def body() -> AsyncGenerator[bytes, None]:
            yield (await client.get(origin.url)).content

        def body_sync() -> Generator[bytes, None, None]:
            yield client.get(origin.url).content

        response = await face.attempt(client.post, origin.url, content=body() if face.is_async else body_sync())
        await face.close(client)
    return [tell(response)[0], response.content]


async def hook_that_closes_its_client(face: Face, kind: str) -> object:
    client: Any = None

    async def close(argument: Any) -> None:
        await client.aclose()

    def close_sync(argument: Any) -> None:
        client.close()

    client = face.client(
        lambda request: OK(200, text="x"), event_hooks={kind: [close if face.is_async else close_sync]}
    )
    return [tell(await face.attempt(client.get, URL)) for _ in range(2)]


async def hooks_that_change_the_hooks(face: Face, way: str) -> object:
    told: list[str] = []
    client: Any = None

    def first(request: httpx.Request) -> None:
        told.append("first")
        if way == "append" and len(client.event_hooks["request"]) < 3:
            client.event_hooks["request"].append(face.hook(lambda request: told.append("appended")))
        elif way == "replace":
            client.event_hooks = {"response": [face.hook(lambda response: told.append("new"))]}
        elif way == "clear":
            client.event_hooks["response"].clear()

    client = face.client(
        lambda request: OK(200),
        event_hooks={"request": [face.hook(first)], "response": [face.hook(lambda response: told.append("old"))]},
    )
    for _ in range(2):
        told.append("get")
        await face.do(client.get, URL)
    return told


async def hook_that_sends_it_elsewhere(face: Face) -> object:
    def redirect(request: httpx.Request) -> None:
        request.url = httpx.URL("https://b.example/changed")
        request.method = "PUT"

    def handler(request: httpx.Request) -> httpx.Response:
        return OK(200, json=[request.method, str(request.url), request.headers["host"]])

    client = face.client(handler, event_hooks={"request": [face.hook(redirect)]})
    response = await face.do(client.get, URL)
    return [tell(response), response.json()]


# --- odd values ---


async def transport_that_answers(face: Face, value: Any) -> object:
    client = face.client(transport=face.transport(lambda request: value))
    return tell(await face.attempt(client.get, URL))[:2]


async def following_given_as(face: Face, value: Any) -> object:
    client = face.client(lambda request: OK(302, headers={"location": "/two"}) if request.url.path == "/" else OK(200))
    return tell(await face.attempt(client.get, URL, follow_redirects=value))


async def auth_given_as(face: Face, value: Any) -> object:
    client = face.client(lambda request: OK(200, json=request.headers.get("authorization")), auth=("a", "b"))
    result = await face.attempt(client.get, URL, auth=value)
    return result.json() if isinstance(result, httpx.Response) else tell(result)


async def stream_set_to(face: Face, value: Any) -> object:
    request = httpx.Request("POST", URL)
    request.stream = value
    return tell(await face.attempt(face.client(lambda request: OK(200)).send, request))


add_programs(CASES, hook_that_closes_its_client, ["request", "response"])
add_programs(CASES, hooks_that_change_the_hooks, ["append", "replace", "clear"])
add_programs(CASES, transport_that_answers, [None, 5, "text"])
add_programs(CASES, following_given_as, [None, 0, 1, ""])
add_programs(CASES, auth_given_as, [None, ("x", "y"), "text", 5, False, ["x", "y"]])
add_programs(CASES, stream_set_to, [b"x", None])

# --- transports by hand ---


async def transport_by_hand(face: Face) -> object:
    with Origin(answer("200 OK", b"hello", "X-A: 1")) as origin:
        transport: Any = httpx.AsyncHTTPTransport() if face.is_async else httpx.HTTPTransport()
        handle = transport.handle_async_request if face.is_async else transport.handle_request
        response = await face.do(handle, httpx.Request("GET", origin.url))
        told: list[Any] = [
            response.status_code,
            response.headers.multi_items(),
            sorted({*response.extensions} - _ADDED),
        ]
        told += [response.is_closed, response.is_stream_consumed]
        told += [tell(await face.attempt(getattr, response, name)) for name in ("content", "request", "elapsed")]
        told.append(await face.read(response))
        told += [
            tell(await face.attempt(handle, httpx.Request("GET", url)))[:3] for url in ("foo://a.example", "/relative")
        ]
        for _ in range(2):
            await face.do(transport.aclose if face.is_async else transport.close)
    return told


async def transport_of_the_other_colour(face: Face) -> object:
    transport: Any = httpx.HTTPTransport() if face.is_async else httpx.AsyncHTTPTransport()
    return tell(await face.attempt(face.client(transport=transport).get, URL))


async def stream_read_again_and_again(face: Face) -> object:
    with Origin(answer("200 OK", b"abc" * 10)) as origin:
        client = face.client(trust_env=False)
        manager = client.stream("GET", origin.url)
        response = await face.enter(manager)
        told: list[Any] = [await face.parts(response, "bytes", 7)]
        for way in ("bytes", "raw", "text", "lines"):
            told.append(tell(await face.attempt(face.parts, response, way)))
        told.append(tell(await face.attempt(face.read, response)))
        await face.leave(manager)
        told += [response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded]
        told.append(tell(await face.attempt(face.enter, manager))[:2])
        await face.close(client)
    return told


async def read_response_iterated(face: Face) -> object:
    with Origin(answer("200 OK", b"a\nbc", "Content-Type: text/plain")) as origin:
        client = face.client(trust_env=False)
        response = await face.do(client.get, origin.url)
        told: list[Any] = [tell(await face.attempt(face.parts, response, way)) for way in ("bytes", "text", "lines")]
        told.append(tell(await face.attempt(face.parts, response, "raw")))
        told += [response.num_bytes_downloaded, sorted({*response.extensions} - _ADDED), response.encoding]
        await face.close(client)
    return told


async def digest_of_a_stream(face: Face) -> object:
    seen: list[str] = []
    closed: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization", "")[:6])
        fields = {"www-authenticate": 'Digest realm="a", nonce="b", qop="auth"'} if len(seen) == 1 else {}
        return OK(401 if fields else 200, headers=fields, stream=face.stream([b"body"], closed))

    client = face.client(transport=face.transport(handler), auth=httpx.DigestAuth("a", "b"))
    manager = client.stream("GET", URL)
    response = await face.enter(manager)
    told = [tell(response), response.is_closed, list(closed), [past.content for past in response.history], seen]
    await face.leave(manager)
    return [*told, closed]


async def cookies_come_and_go(face: Face) -> object:
    fields = [("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/x"), ("set-cookie", "a=3; Domain=a.example")]
    client = face.client(lambda request: OK(200, headers=fields, json=request.headers.get("cookie")))
    response = await face.do(client.get, URL)
    told: list[Any] = [sorted((cookie.name, cookie.value, cookie.domain) for cookie in client.cookies.jar)]
    told += [tell(await face.attempt(client.cookies.__getitem__, "a")), client.cookies.get("b")]
    told += [(await face.do(client.get, f"{URL}x")).json(), tell(await face.attempt(dict, response.cookies))]
    client.cookies.delete("b")
    client.cookies.delete("b")
    client.cookies.delete("a")
    client.cookies.clear(domain="a.example")
    return [*told, len(client.cookies.jar)]


# --- on the wire ---


async def sent_as(face: Face, method: str, options: dict[str, Any]) -> object:
    """Tell the request as it goes out, or what comes of it."""
    options = dict(options)
    if isinstance(options.get("content"), tuple):
        options["content"] = face.body(options["content"])
    with Origin(answer()) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.request, method, origin.url, **options)
        await face.close(client)
    requests = [request for connection in origin.heard for request in connection]
    lines = [mask(line) for request in requests for line in request.split("\r\n")]
    own = [
        line for line in lines if not line.lower().startswith(("host: 127", "accept", "user-agent", "connection: k"))
    ]
    return [type(result).__name__, own]


add_programs(
    CASES,
    sent_as,
    [
        *[("OPTIONS", {"extensions": {"target": target}}) for target in (b"*", b"/x?y", b"http://a/b", b"/a b", b"")],
        *[
            ("GET", {"headers": headers})
            for headers in ({"X": "a"}, {"X": ""}, {"X": "a\tb"}, {"X": "é"}, {"X y": "a"})
        ],
        *[
            ("GET", {"headers": headers})
            for headers in ({"": "a"}, {"X": "a\nb"}, {"Host": "other"}, {"TE": "trailers"})
        ],
        *[(method, {}) for method in ("get", "M-SEARCH", "", "G T", "é", "CONNECT", "TRACE")],
        *[("POST", {"content": content}) for content in (b"", "é", (b"a", b"", b"b"), (), ("text",), (5,))],
        ("POST", {"content": b"abc", "headers": {"Content-Length": "3"}}),
        ("POST", {"content": (b"abc",), "headers": {"Content-Length": "3"}}),
        ("POST", {"content": (b"abc",), "headers": {"Transfer-Encoding": "chunked"}}),
    ],
)


async def received_as(face: Face, raw: bytes) -> object:
    """Tell what becomes of a response."""
    with Origin(raw) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.get, origin.url)
        await face.close(client)
    if not isinstance(result, httpx.Response):
        return type(result).__name__
    told = [result.http_version, result.reason_phrase, result.headers.raw, result.num_bytes_downloaded]
    return [*told, tell(await face.attempt(getattr, result, "content"))]


_DEFLATED = zlib.compress(b"hello")
_GZIPPED = gzip.compress(b"hello", mtime=0)

add_programs(
    CASES,
    received_as,
    [
        *[
            b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % field
            for field in (b"X: a\r\nX: b", b"X:a", b"X: \ta ", b"X: ", b"X: \xc3\xa9", b"X: \xff", b"X: a\r\n b")
        ],
        *[
            b"%b\r\nContent-Length: 0\r\n\r\n" % line
            for line in (b"HTTP/1.1 200 Fine Thing", b"HTTP/1.1 200 ", b"HTTP/1.0 200 OK", b"HTTP/1.1 299 \xe9\xff")
        ],
        *[
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b" % body
            for body in (
                b"5\r\nhello\r\n0\r\n\r\n",
                b"5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
                b"A\r\n0123456789\r\n0\r\n\r\n",
                b"0\r\n\r\n",
                b"x\r\n",
            )
        ],
        *[
            b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)
            for coding, body in (
                (b"gzip", _GZIPPED),
                (b"x-gzip", b"as it is"),
                (b"GZIP", _GZIPPED),
                (b"deflate", _DEFLATED),
                (b"deflate", _DEFLATED[2:-4]),
                (b"identity", b"hello"),
                (b"unknown", b"hello"),
                (b"gzip", b"hello"),
                (b"gzip", b""),
                (b"gzip,", _GZIPPED),
                (b"", b"hello"),
            )
        ],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer("200 OK", b"x"),
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhel",
    ],
)

for _program in (
    client_called_from_everywhere,
    body_that_fetches_on_the_wire,
    hook_that_sends_it_elsewhere,
    transport_by_hand,
    transport_of_the_other_colour,
    stream_read_again_and_again,
    read_response_iterated,
    digest_of_a_stream,
    cookies_come_and_go,
):
    add_program(CASES)(_program)
