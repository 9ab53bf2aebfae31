"""Transports: the one for tests, and those of users, of either colour."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import Origin, answer

CASES = Cases()

URL = "https://a.example/dir/a%20b?q=%C3%A9&r#frag"

# --- MockTransport, transports of users ---


async def handler_gets(face: Face) -> object:
    told: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        told.append([request.method, str(request.url), request.content, sorted(request.extensions)])
        return httpx.Response(200, text="x")

    response = await face.do(face.client(handler).post, URL, content=face.body([b"a", b"b"]))
    return [told, tell(response), response.extensions, response.http_version, response.reason_phrase, response.text]


async def handler_of_async_def(face: Face) -> object:
    # Whether a coroutine that is thrown away is closed first is no matter.
    warnings.simplefilter("ignore", RuntimeWarning)

    async def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201)

    return tell(await face.attempt(face.client(handler).get, URL))


async def handler_returns(face: Face, kind: str) -> object:
    value: Any = {"none": None, "text": "x", "number": 200, "class": httpx.Response}[kind]
    raised = await face.attempt(face.client(lambda request: value).get, URL)
    return type(raised).__name__


async def transport_of_the_user(face: Face, kind: str) -> object:
    closed: list[str] = []
    made: dict[str, Callable[[], httpx.Response]] = {
        "content": lambda: httpx.Response(200, content=b"abc"),
        "stream": lambda: httpx.Response(200, stream=face.stream([b"a", b"", b"bc"], closed)),
        "length": lambda: httpx.Response(200, headers={"Content-Length": "9"}, stream=face.stream([b"abc"], closed)),
        "extensions": lambda: httpx.Response(
            200, extensions={"http_version": b"HTTP/3", "reason_phrase": b"Fine", "own": 5}, content=b""
        ),
        "request": lambda: httpx.Response(200, request=httpx.Request("GET", "https://other.example/")),
        "204": lambda: httpx.Response(204),
        "gzip": lambda: httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=face.stream([b"no gzip"], closed)
        ),
    }
    told: list[str] = []
    client = face.client(transport=face.transport(lambda request: made[kind](), told))
    response = await face.attempt(client.get, URL)
    if not isinstance(response, httpx.Response):
        return [tell(response)[:2], closed, told]
    return [
        tell(response),
        response.content,
        response.extensions,
        response.http_version,
        response.is_closed,
        closed,
        told,
    ]


async def transport_of_the_other_colour(face: Face) -> object:
    transport: Any = httpx.BaseTransport() if face.is_async else httpx.AsyncBaseTransport()
    raised = await face.attempt(face.client(transport=transport).get, URL)
    return type(raised).__name__


async def stream_of_the_other_colour(face: Face) -> object:
    class Sync(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"x"

    class Async(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x"

    response = httpx.Response(200, stream=Sync() if face.is_async else Async())
    raised = await face.attempt(face.client(response).get, URL)
    return type(raised).__name__


async def body_of_the_other_colour(face: Face) -> object:
    async def parts() -> Any:
        yield b"x"

    content: Any = iter([b"x"]) if face.is_async else parts()
    with Origin(answer()) as origin:
        client = face.client()
        raised = await face.attempt(client.post, origin.url, content=content)
        await face.close(client)
    return tell(raised)[:3]


async def base_transport_does_nothing(face: Face) -> object:
    transport: Any = httpx.AsyncBaseTransport() if face.is_async else httpx.BaseTransport()
    call = transport.handle_async_request if face.is_async else transport.handle_request
    raised = await face.attempt(call, httpx.Request("GET", URL))
    return [*tell(raised), await face.attempt(transport.aclose if face.is_async else transport.close)]


add_programs(CASES, handler_returns, ["none", "text", "number", "class"])
add_programs(CASES, transport_of_the_user, ["content", "stream", "length", "extensions", "request", "204", "gzip"])
for _program in (
    handler_gets,
    handler_of_async_def,
    transport_of_the_other_colour,
    stream_of_the_other_colour,
    body_of_the_other_colour,
    base_transport_does_nothing,
):
    add_program(CASES)(_program)
