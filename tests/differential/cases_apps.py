"""Applications behind WSGI and ASGI: what they are told, and what becomes of their answers."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import mask

CASES = Cases()

URL = "https://a.example/dir/a%20b?q=%C3%A9&r#frag"

# --- WSGI ---

Start = Callable[..., Any]


_OF_THE_SERVER = ("wsgi.input", "wsgi.errors", "wsgi.input_terminated")


def wsgi_environ(method: str, url: str, options: dict[str, Any]) -> object:
    seen: dict[str, Any] = {}
    options = dict(options)

    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return []

    transport_options = {name: options.pop(name) for name in ("script_name", "remote_addr") if name in options}
    transport = httpx.WSGITransport(app=app, **transport_options)
    httpx.Client(transport=transport).request(method, url, **options)
    told = {name: value for name, value in seen.items() if name not in _OF_THE_SERVER}
    return {name: mask(value) if isinstance(value, str) else value for name, value in sorted(told.items())}


CASES.table(
    wsgi_environ,
    [
        ("GET", "http://a.example/", {}),
        ("GET", URL, {}),
        ("GET", "http://a.example:8080", {}),
        ("GET", "https://a.example/%C3%A9/%2F?a b", {}),
        ("POST", "http://a.example/", {"content": b"abc"}),
        ("POST", "http://a.example/", {"json": [1]}),
        ("GET", "http://a.example/", {"headers": {"X-Own-Field": "1", "Cookie": "a=1"}}),
        ("GET", "http://a.example/", {"script_name": "/mounted", "remote_addr": "10.0.0.1"}),
        ("GET", "http://[::1]:99/", {}),
    ],
)


def wsgi_answers(kind: str, raise_app_exceptions: bool) -> object:
    closed: list[str] = []

    class Body:
        def __init__(self, parts: Iterable[Any]) -> None:
            self.parts = parts

        def __iter__(self) -> Any:
            for part in self.parts:
                if isinstance(part, Exception):
                    raise part
                yield part

        def close(self) -> None:
            closed.append("closed")

    def app(environ: dict[str, Any], start_response: Start) -> Any:
        if kind == "raises":
            raise ValueError("in the app")
        if kind == "no start":
            return [b"x"]
        if kind == "exc_info":
            try:
                raise ValueError("told")
            except ValueError:
                import sys

                start_response("500 Oops", [], sys.exc_info())
            return [b"failed"]
        if kind == "write":
            write = start_response("200 OK", [])
            write(b"written ")
            return [b"returned"]
        headers = [("X-A", "1"), ("X-A", "2"), ("Set-Cookie", "c=1")]
        start_response("299 Own reason" if kind != "bare" else "200", headers)
        return Body([b"", b"a", b"", b"b", *([ValueError("late")] if kind == "late" else [])])

    client = httpx.Client(transport=httpx.WSGITransport(app=app, raise_app_exceptions=raise_app_exceptions))
    try:
        response = client.get("http://a.example/")
    except Exception as exc:
        return [tell(exc)[:3], closed]
    told = [response.status_code, response.reason_phrase, response.headers.multi_items(), response.text]
    return [*told, response.extensions, closed]


CASES.table(
    wsgi_answers,
    [(kind, raises) for kind in ("plain", "bare", "raises", "late", "exc_info", "write") for raises in (True, False)],
)


def wsgi_without_start(raise_app_exceptions: bool) -> object:
    def app(environ: dict[str, Any], start_response: Start) -> Any:
        return [b"x"]

    transport = httpx.WSGITransport(app=app, raise_app_exceptions=raise_app_exceptions)
    return httpx.Client(transport=transport).get("http://a.example/").status_code


CASES.table(wsgi_without_start, [True, False])


def wsgi_errors_go_to() -> object:
    errors = io.StringIO()

    def app(environ: dict[str, Any], start_response: Start) -> Any:
        environ["wsgi.errors"].write("told")
        start_response("200 OK", [])
        return []

    httpx.Client(transport=httpx.WSGITransport(app=app, wsgi_errors=errors)).get("http://a.example/")
    return errors.getvalue()


CASES.add(wsgi_errors_go_to)

# --- ASGI ---

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def asgi_scope(face: Face, method: str, url: str, options: dict[str, Any]) -> object:
    if not face.is_async:
        return "async only"
    options = dict(options)
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        seen.append({name: scope[name] for name in sorted(scope)})
        message = await receive()
        seen.append(message)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    transport_options = {name: options.pop(name) for name in ("root_path", "client") if name in options}
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app, **transport_options))
    await client.request(method, url, **options)
    seen[0]["headers"] = [[name, mask(value.decode("latin-1"))] for name, value in seen[0]["headers"]]
    return seen


add_programs(
    CASES,
    asgi_scope,
    [
        ("GET", "http://a.example/", {}),
        ("GET", URL, {}),
        ("GET", "http://a.example:8080", {}),
        ("GET", "https://a.example/%C3%A9/%2F?a b", {}),
        ("POST", "http://a.example/", {"content": b"abc"}),
        ("POST", "http://a.example/", {"json": [1]}),
        ("GET", "http://a.example/", {"root_path": "/mounted", "client": ("10.0.0.1", 5)}),
        ("GET", "http://a.example/", {"headers": [("X-A", "1"), ("X-A", "2")]}),
    ],
)


async def asgi_answers(face: Face, kind: str, raise_app_exceptions: bool) -> object:
    if not face.is_async:
        return "async only"
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if kind == "raises first":
            raise ValueError("in the app")
        if kind == "returns":
            return
        headers = [(b"x-a", b"1"), (b"x-a", b"2"), (b"set-cookie", b"c=1")]
        start: dict[str, Any] = {"type": "http.response.start", "status": 299, "headers": headers}
        if kind == "no headers":
            del start["headers"]
        await send(start)
        if kind == "raises after start":
            raise ValueError("late")
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        if kind == "raises in body":
            raise ValueError("later")
        await send({"type": "http.response.body", "body": b""} if kind == "empty" else {"type": "http.response.body"})
        if kind == "receives after":
            seen.append(await receive())
            seen.append(await receive())
        if kind == "raises at end":
            raise ValueError("after the end")

    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=raise_app_exceptions))
    response = await face.attempt(client.get, "http://a.example/")
    if not isinstance(response, httpx.Response):
        return [tell(response)[:3], seen]
    told = [response.status_code, response.reason_phrase, response.headers.multi_items(), response.text]
    return [*told, response.extensions, seen]


add_programs(
    CASES,
    asgi_answers,
    [
        (kind, raises)
        for kind in (
            "plain",
            "empty",
            "no headers",
            "raises first",
            "raises in body",
            "raises at end",
            "receives after",
        )
        for raises in (True, False)
    ],
)


async def asgi_app_breaks_the_protocol(face: Face, kind: str) -> object:
    """Tell whether an application that breaks the protocol is told so; what it is told is Python's own text."""
    if not face.is_async:
        return "async only"

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if kind == "nothing":
            return
        if kind == "body first":
            await send({"type": "http.response.body", "body": b"a"})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if kind == "start twice":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a"})
        if kind == "body after the end":
            await send({"type": "http.response.body", "body": b"a"})

    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    result = await face.attempt(client.get, "http://a.example/")
    return result.status_code if isinstance(result, httpx.Response) else type(result).__name__


add_programs(CASES, asgi_app_breaks_the_protocol, ["nothing", "body first", "start twice", "body after the end"])


async def asgi_reads_a_streamed_body(face: Face) -> object:
    if not face.is_async:
        return "async only"
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            seen.append(message)
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    await client.post("http://a.example/", content=face.body([b"a", b"b"]))
    return b"".join(message["body"] for message in seen)


add_program(CASES)(asgi_reads_a_streamed_body)


async def asgi_app_does(face: Face, kind: str, method: str) -> object:
    if not face.is_async:
        return "async only"
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if kind == "receives":
            seen.append([await receive() for _ in range(2)])
        headers: Any = [(b"content-length", b"9")] if kind == "wrong length" else []
        if kind == "upper case":
            headers = [(b"X-Upper", b"1"), [b"x-list", b"2"]]
        status = {"204": 204, "304": 304}.get(kind, 200)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if kind == "many parts":
            for number in range(200):
                await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
        if kind == "other message":
            await send({"type": "own", "body": b"x"})
        body = bytearray(b"abc") if kind == "bytearray" else b"abc"
        await send({"type": "http.response.body", "body": body, "more_body": False})
        seen.append("end")

    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    response = await face.attempt(client.request, method, "http://a.example/")
    if not isinstance(response, httpx.Response):
        return [type(response).__name__, seen]
    return [tell(response), response.headers.raw, response.content, seen]


add_programs(
    CASES,
    asgi_app_does,
    [
        (kind, method)
        for kind in ("plain", "wrong length", "upper case", "204", "304", "many parts", "bytearray")
        for method in ("GET", "HEAD")
    ],
)


async def asgi_redirects_and_cookies(face: Face) -> object:
    if not face.is_async:
        return "async only"
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        seen.append([scope["path"], headers.get(b"cookie")])
        is_first = scope["path"] == "/"
        fields = [(b"location", b"/two"), (b"set-cookie", b"a=1")] if is_first else []
        await send({"type": "http.response.start", "status": 302 if is_first else 200, "headers": fields})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", follow_redirects=True) as client:
        return [tell(await client.get("/")), seen]


add_program(CASES)(asgi_redirects_and_cookies)


def wsgi_app_does(kind: str, method: str) -> object:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Start) -> Any:
        body = environ["wsgi.input"]
        if kind == "lines":
            seen.append([body.readline(), list(body)])
        elif kind == "parts":
            seen.append([body.read(2), body.read(2), body.read()])
        elif kind == "length":
            seen.append(body.read(int(environ["CONTENT_LENGTH"])))
        status = "204 No Content" if kind == "204" else "200 OK"
        start_response(status, [("Content-Length", "9")] if kind == "wrong length" else [("X-A", "\xe9")])
        if kind == "generator":
            return (part for part in (b"a", b"b"))
        return [b"abc"]

    client = httpx.Client(transport=httpx.WSGITransport(app=app))
    response = client.request(method, "http://a.example/", content=b"one\ntwo\nthree" if method == "POST" else None)
    return [tell(response), response.headers.raw, response.content, seen]


CASES.table(
    wsgi_app_does,
    [
        ("plain", "GET"),
        ("plain", "HEAD"),
        ("204", "GET"),
        ("wrong length", "GET"),
        ("generator", "GET"),
        ("lines", "POST"),
        ("parts", "POST"),
        ("length", "POST"),
        ("parts", "GET"),
    ],
)


def wsgi_late_start() -> object:
    def app(environ: dict[str, Any], start_response: Start) -> Any:
        start_response("201 Created", [("X-A", "1")])
        yield b""
        yield b"abc"

    response = httpx.Client(transport=httpx.WSGITransport(app=app)).get("http://a.example/")
    return [response.status_code, response.headers.multi_items(), response.text]


def wsgi_streams() -> object:
    told: list[Any] = []

    def app(environ: dict[str, Any], start_response: Start) -> Any:
        start_response("200 OK", [])
        for number in range(3):
            told.append(number)
            yield b"%d" % number

    with httpx.Client(transport=httpx.WSGITransport(app=app)).stream("GET", "http://a.example/") as response:
        told.append("response")
        parts = list(response.iter_raw())
    return [told, parts]


CASES.add(wsgi_late_start)
CASES.add(wsgi_streams)
