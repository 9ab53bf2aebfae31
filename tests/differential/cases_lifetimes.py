"""How clients are opened and closed, and how their responses are read, streamed and closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import mask

CASES = Cases()

URL = "https://a.example/"

OK = httpx.Response


# --- states ---


async def client_states(face: Face) -> object:
    told: list[str] = []
    client = face.client(transport=face.transport(lambda request: OK(200), told))
    seen: list[Any] = [client.is_closed]
    await face.do(client.get, URL)
    seen.append(client.is_closed)
    await face.close(client)
    seen.append(client.is_closed)
    await face.close(client)
    for call in (client.get, lambda url: client.send(httpx.Request("GET", url))):
        seen.append(tell(await face.attempt(call, URL)))
    seen.append(tell(await face.attempt(face.enter, client)))
    return [seen, told]


async def client_as_a_context(face: Face) -> object:
    told: list[str] = []
    client = face.client(transport=face.transport(lambda request: OK(200), told))
    seen: list[Any] = [await face.enter(client) is client]
    seen.append(tell(await face.attempt(face.enter, client)))
    await face.do(client.get, URL)
    await face.leave(client)
    seen += [client.is_closed, tell(await face.attempt(face.enter, client)), tell(await face.attempt(client.get, URL))]
    return [seen, told]


async def client_used_and_then_entered(face: Face) -> object:
    client = face.client(OK(200))
    await face.do(client.get, URL)
    return tell(await face.attempt(face.enter, client))


async def mounts_are_entered_and_closed(face: Face) -> object:
    told: list[str] = []
    other: list[str] = []
    client = face.client(
        transport=face.transport(lambda request: OK(200), told),
        mounts={"all://b.example": face.transport(lambda request: OK(201), other), "all://c.example": None},
    )
    await face.enter(client)
    codes = [(await face.do(client.get, f"https://{name}.example/")).status_code for name in "abc"]
    await face.leave(client)
    await face.close(client)
    return [codes, told, other]


async def stream_that_is_not_closed(face: Face) -> object:
    closed: list[str] = []
    client = face.client(lambda request: OK(200, stream=face.stream([b"a", b"b"], closed)))
    manager = client.stream("GET", URL)
    response = await face.enter(manager)
    seen: list[Any] = [response.is_closed, response.is_stream_consumed]
    for name in ("content", "text", "elapsed", "num_bytes_downloaded"):
        seen.append(tell(await face.attempt(getattr, response, name)))
    seen.append(tell(await face.attempt(response.json)))
    await face.leave(manager)
    seen += [response.is_closed, closed, tell(await face.attempt(face.read, response))]
    seen.append(tell(await face.attempt(getattr, response, "content")))
    seen.append(type(response.elapsed) is timedelta)
    return seen


async def stream_is_read_in_parts(face: Face, way: str) -> object:
    closed: list[str] = []
    client = face.client(lambda request: OK(200, stream=face.stream([b"ab\nc", b"\nd\xc3", b"\xa9"], closed)))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    seen = [await face.parts(response, way), response.is_closed, response.is_stream_consumed, closed]
    seen.append(tell(await face.attempt(face.parts, response, way)))
    return [*seen, response.num_bytes_downloaded]


async def send_options(face: Face, name: str, options: dict[str, Any]) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/two":
            return httpx.Response(200, stream=face.stream([b"body"]))
        return httpx.Response(302, headers={"location": "/two"}, stream=face.stream([b"moved"]))

    client = face.client(handler)
    response = await face.attempt(client.send, client.build_request("GET", URL), **options)
    if isinstance(response, TypeError):
        return "TypeError"
    following = response.next_request
    return [tell(response), response.is_closed, str(following.url) if following else None]


add_programs(
    CASES,
    send_options,
    [
        ("none", {}),
        ("stream", {"stream": True}),
        ("follow", {"follow_redirects": True}),
        ("follow and stream", {"follow_redirects": True, "stream": True}),
        ("auth", {"auth": ("a", "b")}),
        ("wrong auth", {"auth": 5}),
        ("unknown", {"timeout": 5}),
    ],
)
add_programs(CASES, stream_is_read_in_parts, ["bytes", "text", "lines", "raw"])


async def next_request_can_be_sent(face: Face) -> object:
    client = face.client(
        lambda request: OK(302, headers={"location": "/two#f"}) if request.url.path == "/" else OK(200),
        headers={"X-A": "1"},
        cookies={"c": "1"},
    )
    response = await face.do(client.post, URL, content=b"x")
    following = response.next_request
    told = [following.method, str(following.url), dict(following.headers), following.read(), following.extensions]
    told[2]["user-agent"] = mask(told[2]["user-agent"])
    return [told, tell(await face.do(client.send, following))]


async def what_a_request_is_when_it_is_no_request(face: Face, value: Any) -> object:
    raised = await face.attempt(face.client(OK(200)).send, value)
    return type(raised).__name__


add_programs(CASES, what_a_request_is_when_it_is_no_request, ["https://a.example/", None])


async def request_of_the_other_colour(face: Face) -> object:
    content: Any = [b"a"] if face.is_async else _AsyncParts()
    other = httpx.Request("POST", URL, content=content)
    return tell(await face.attempt(face.client(OK(200)).send, other))


class _AsyncParts:
    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


async def default_encoding(face: Face, encoding: Any) -> object:
    chosen = (lambda content: "cp1252") if encoding == "function" else encoding
    client = face.client(lambda request: OK(200, content=b"\xe9\x80"), default_encoding=chosen)
    response = await face.do(client.get, URL)
    return [response.text, response.encoding]


add_programs(CASES, default_encoding, ["utf-8", "latin-1", "function", "no such"])


async def elapsed_is_a_timedelta(face: Face) -> object:
    client = face.client(OK(200, text="x"))
    response = await face.do(client.get, URL)
    return [
        type(response.elapsed).__name__,
        response.elapsed > timedelta(0),
        tell(await face.attempt(_elapsed_of_none)),
    ]


def _elapsed_of_none() -> object:
    return httpx.Response(200).elapsed


for _program in (
    client_states,
    client_as_a_context,
    client_used_and_then_entered,
    mounts_are_entered_and_closed,
    stream_that_is_not_closed,
    next_request_can_be_sent,
    request_of_the_other_colour,
    elapsed_is_a_timedelta,
):
    add_program(CASES)(_program)


async def lifecycle_that_fails(face: Face, place: str) -> object:
    told: list[str] = []

    def fail(name: str) -> None:
        told.append(name)
        if name == place:
            raise ValueError(name)

    class Sync(httpx.BaseTransport):
        def __enter__(self) -> Any:
            fail("enter")
            return self

        def __exit__(self, *exc_info: Any) -> None:
            fail("exit")

        def close(self) -> None:
            fail("close")

    class Async(httpx.AsyncBaseTransport):
        async def __aenter__(self) -> Any:
            fail("enter")
            return self

        async def __aexit__(self, *exc_info: Any) -> None:
            fail("exit")

        async def aclose(self) -> None:
            fail("close")

    client = face.client(transport=Async() if face.is_async else Sync())
    seen = [tell(await face.attempt(face.enter, client)) if place == "enter" else None]
    if place != "enter":
        await face.enter(client)
    seen.append(tell(await face.attempt(face.leave, client)))
    seen.append(tell(await face.attempt(face.close, client)))
    return [["raised" if seen_one else None for seen_one in seen], client.is_closed, told]


add_programs(CASES, lifecycle_that_fails, ["enter", "exit", "none"])


async def closing_that_fails(face: Face) -> object:
    transport = face.transport(lambda request: OK(200))

    async def fail() -> None:
        raise ValueError("closing")

    def fail_sync() -> None:
        raise ValueError("closing")

    setattr(transport, "aclose" if face.is_async else "close", fail if face.is_async else fail_sync)
    client = face.client(transport=transport)
    first = tell(await face.attempt(face.close, client))
    return [first, client.is_closed, tell(await face.attempt(face.close, client))]


async def exit_tells_the_transport(face: Face) -> object:
    told: list[str] = []
    client = face.client(transport=face.transport(lambda request: OK(200), told))

    async def block() -> None:
        async with client:
            raise ValueError("in the block")

    def block_sync() -> None:
        with client:
            raise ValueError("in the block")

    return [tell(await face.attempt(block if face.is_async else block_sync)), told]


async def cookies_of_a_stock_jar(face: Face) -> object:
    import http.cookiejar

    jar = http.cookiejar.CookieJar()
    client = face.client(lambda request: OK(200, headers={"set-cookie": "a=1"}), cookies=jar)
    await face.do(client.get, URL)
    return [client.cookies.jar is jar, [cookie.name for cookie in jar], dict(client.cookies)]


async def response_can_be_pickled(face: Face) -> object:
    import pickle

    client = face.client(
        lambda request: (
            OK(200, headers={"X-A": "1"}, text="x")
            if request.url.path == "/two"
            else OK(302, headers={"location": "/two"})
        ),
        follow_redirects=True,
    )
    response = await face.do(client.get, URL)
    again = pickle.loads(pickle.dumps(response))
    return [tell(again), again.text, again.headers["x-a"], again.is_closed, again.next_request, again.extensions]


for _program in (closing_that_fails, exit_tells_the_transport, cookies_of_a_stock_jar, response_can_be_pickled):
    add_program(CASES)(_program)


async def one_response_for_all(face: Face, kind: str) -> object:
    closed: list[str] = []
    shared = OK(200, content=b"abc") if kind == "content" else OK(200, stream=face.stream([b"abc"], closed))
    client = face.client(transport=face.transport(lambda request: shared))
    told = []
    for path in ("one", "two"):
        response = await face.attempt(client.get, URL + path)
        told.append(tell(response))
    return [told, closed]


add_programs(CASES, one_response_for_all, ["content", "stream"])


async def bodies_in_parts(face: Face, way: str, size: int) -> object:
    parts = [b"abcdefg", b"", b"h", b"ijklmnopqrst"]
    client = face.client(transport=face.transport(lambda request: OK(200, stream=face.stream(parts))))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    return [await face.parts(response, way, size), response.num_bytes_downloaded]


add_programs(CASES, bodies_in_parts, [(way, size) for way in ("bytes", "text", "raw") for size in (1, 4, 7, 100)])


async def read_after(face: Face, way: str) -> object:
    client = face.client(transport=face.transport(lambda request: OK(200, stream=face.stream([b"a", b"b"]))))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    if way == "first part":
        await face.first_part(response)
    elif way == "close":
        await face.close_response(response)
    elif way == "read":
        await face.read(response)
    else:
        await face.parts(response, way)
    return [tell(await face.attempt(face.read, response)), tell(await face.attempt(face.parts, response))]


add_programs(CASES, read_after, ["raw", "bytes", "text", "lines", "first part", "close", "read"])


async def wrong_colour_of_reading(face: Face, name: str) -> object:
    """Tell what comes of a sync method of a response on an async client, and the other way round."""
    client = face.client(transport=face.transport(lambda request: OK(200, stream=face.stream([b"a"]))))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    other = {"read": "aread", "close": "aclose"}[name] if not face.is_async else name
    return type(await _await_anything(getattr(response, other))).__name__


async def _await_anything(function: Any) -> object:
    try:
        result = function()
        return await result if hasattr(result, "__await__") else result
    except Exception as exc:
        return RuntimeError() if isinstance(exc, RuntimeError) else exc


add_programs(CASES, wrong_colour_of_reading, ["read", "close"])


async def stream_block(face: Face, inside: str) -> object:
    closed: list[str] = []
    client = face.client(transport=face.transport(lambda request: OK(200, stream=face.stream([b"a", b"b"], closed))))
    manager = client.stream("GET", URL)
    response = await face.enter(manager)
    if inside == "read":
        await face.read(response)
    elif inside == "close client":
        await face.close(client)
    await face.leave(manager)
    return [response.is_closed, response.is_stream_consumed, closed, client.is_closed]


add_programs(CASES, stream_block, ["nothing", "read", "close client"])
