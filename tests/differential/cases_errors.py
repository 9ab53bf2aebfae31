"""What users see when something fails: in what they wrote themselves, on the network, and in the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any

import httpx
from tests.differential.cases import Cases, name_class
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import Origin, answer, client_context

CASES = Cases()

URL = "https://a.example/"

KINDS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (
        ValueError,
        StopIteration,
        StopAsyncIteration,
        GeneratorExit,
        KeyboardInterrupt,
        SystemExit,
        OSError,
        ConnectionResetError,
        TimeoutError,
        asyncio.CancelledError,
        RuntimeError,
        AssertionError,
        httpx.ReadError,
        httpx.ConnectTimeout,
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamConsumed,
    )
}


def make(kind: str) -> BaseException:
    made = KINDS[kind]
    return made() if made is httpx.StreamConsumed else made("from the user")


def shown(result: Any) -> object:
    """Tell an exception with the chain of those that led to it."""
    told = tell(result)
    if not isinstance(result, BaseException):
        return told
    # The text of RuntimeError that stands for StopIteration is Python's own.
    if isinstance(result, RuntimeError) and "StopIteration" in str(result):
        told[2] = "raised StopIteration"
    cause = result.__cause__
    return [told, None if cause is None else name_class(type(cause))]


async def raised_in(face: Face, place: str, kind: str) -> object:
    """Tell what comes of an exception that the user's code raises in some place."""
    # A body that is thrown away says so on some versions of Python.
    closed: list[str] = []

    def fail(argument: Any = None) -> Any:
        raise make(kind)

    options: dict[str, Any] = {}
    if place in ("request hook", "response hook"):
        options["event_hooks"] = {place.removesuffix(" hook"): [face.hook(fail)]}
    elif place == "transport":
        options["transport"] = face.transport(fail)
    elif place == "auth function":
        options["auth"] = fail
    elif place.startswith("auth flow"):
        options["auth"] = _Failing(kind, steps=0 if place == "auth flow first" else 1)
    parts = [b"a", make(kind)] if place == "response body" else [b"a"]
    if "transport" not in options:
        options["transport"] = face.transport(lambda request: httpx.Response(200, stream=face.stream(parts, closed)))
    client = face.client(**options)
    result = await face.attempt(client.get, URL)
    return [shown(result), closed, client.is_closed]


class _Failing(httpx.Auth):
    """A flow that fails at once, or after its first response."""

    def __init__(self, kind: str, *, steps: int) -> None:
        self.kind, self.steps = kind, steps

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for _ in range(self.steps):
            yield request
        raise make(self.kind)


add_programs(
    CASES,
    raised_in,
    [
        (place, kind)
        for place in (
            "request hook",
            "response hook",
            "transport",
            "auth flow first",
            "auth flow then",
            "auth function",
        )
        for kind in KINDS
    ],
)
add_programs(
    CASES,
    raised_in,
    [("response body", kind) for kind in KINDS if kind not in ("StopIteration", "StopAsyncIteration")],
)


async def raised_in_a_request_body(face: Face, kind: str) -> object:
    with Origin(answer()) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.post, origin.url, content=face.body([b"a", make(kind)]))
        await face.close(client)
    return tell(result)[1:3]


add_programs(
    CASES,
    raised_in_a_request_body,
    [kind for kind in KINDS if kind not in ("StopIteration", "StopAsyncIteration", "GeneratorExit")],
)


async def raised_while_a_stream_is_read(face: Face, kind: str) -> object:
    closed: list[str] = []
    stream = face.stream([b"a", make(kind)], closed)
    client = face.client(transport=face.transport(lambda request: httpx.Response(200, stream=stream)))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    result = await face.attempt(face.parts, response)
    told: list[Any] = [shown(result), response.is_closed, response.is_stream_consumed, closed]
    again = await face.attempt(face.parts, response)
    return [*told, tell(again)[1:3]]


add_programs(
    CASES,
    raised_while_a_stream_is_read,
    ["ValueError", "OSError", "TimeoutError", "KeyboardInterrupt", "ReadError", "RuntimeError"],
)


async def raised_in_the_block_of_stream(face: Face, kind: str) -> object:
    closed: list[str] = []
    client = face.client(
        transport=face.transport(lambda request: httpx.Response(200, stream=face.stream([b"a"], closed)))
    )

    async def block() -> None:
        async with client.stream("GET", URL):
            raise make(kind)

    def block_sync() -> None:
        with client.stream("GET", URL):
            raise make(kind)

    return [shown(await face.attempt(block if face.is_async else block_sync)), closed]


add_programs(
    CASES,
    raised_in_the_block_of_stream,
    ["ValueError", "OSError", "KeyboardInterrupt", "ReadError", "TimeoutError"],
)


async def request_of_an_error(face: Face, name: str) -> object:
    """Tell the request that an error of a transport gets."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise getattr(httpx, name)("from the transport")

    raised = await face.attempt(face.client(handler).get, URL)
    return [tell(raised), raised.__cause__ is None, isinstance(raised, httpx.HTTPError)]


add_programs(
    CASES,
    request_of_an_error,
    [
        "TimeoutException",
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "NetworkError",
        "ConnectError",
        "ReadError",
        "WriteError",
        "CloseError",
        "ProtocolError",
        "LocalProtocolError",
        "RemoteProtocolError",
        "ProxyError",
        "UnsupportedProtocol",
        "DecodingError",
        "TooManyRedirects",
        "TransportError",
        "RequestError",
    ],
)


async def error_with_a_request_of_its_own(face: Face) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("x", request=httpx.Request("PUT", "https://own.example/"))

    return tell(await face.attempt(face.client(handler).get, URL))


async def error_of_a_body(face: Face) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=face.stream([httpx.ReadError("in the body")]))

    return tell(await face.attempt(face.client(transport=face.transport(handler)).get, URL))


async def broken_coding(face: Face, coding: str) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": coding}, stream=face.stream([b"not of this coding"]))

    raised = await face.attempt(face.client(transport=face.transport(handler)).get, URL)
    return tell(raised)[:2] + tell(raised)[3:]


add_programs(CASES, broken_coding, ["gzip", "deflate", "br", "gzip, br"])


async def raised_by_status(face: Face, status: int) -> object:
    client = face.client(httpx.Response(status, headers={"location": "/two"} if status == 302 else {}))
    response = await face.do(client.get, "https://a.example/path?q=1#f")
    result = await face.attempt(response.raise_for_status)
    same = (
        isinstance(result, httpx.HTTPStatusError) and result.response is response and result.request is response.request
    )
    return [tell(result), same]


add_programs(CASES, raised_by_status, [100, 200, 204, 302, 304, 400, 404, 418, 499, 500, 503, 599, 700])

# --- the network ---


def named(result: Any) -> object:
    """Tell the class of an exception and whether it has a text and a request; the texts say more than there."""
    if not isinstance(result, BaseException):
        return tell(result)
    has_request = isinstance(result, httpx.RequestError) and result._request is not None
    return [name_class(type(result)), has_request]


async def fails_on_the_network(face: Face, kind: str) -> object:
    with Origin(b"") as origin, socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            free = unused.getsockname()[1]
        port = silent.getsockname()[1]
        url, options = {
            "refused": (f"http://127.0.0.1:{free}/", {}),
            "no name": ("http://nothing.invalid/", {}),
            "empty label": ("http://a..example/", {}),
            "read timeout": (f"http://127.0.0.1:{port}/", {"timeout": 0.05}),
            "tls read timeout": (f"https://127.0.0.1:{port}/", {"timeout": 0.05}),
            "tls on plain": (origin.url.replace("http:", "https:"), {}),
            "ends at once": (origin.url, {}),
            "port 0": ("http://127.0.0.1:0/", {}),
            "scheme": ("gopher://a.example/", {}),
            "no scheme": ("//a.example/", {}),
            "no host": ("http:///path", {}),
            "relative": ("/path", {}),
        }[kind]
        client = face.client(trust_env=False, verify=client_context())
        result = await face.attempt(client.get, url, **options)
        await face.close(client)
    exact = kind in ("scheme", "no scheme", "no host", "relative", "ends at once")
    return [named(result), str(result) if exact else ""]


add_programs(
    CASES,
    fails_on_the_network,
    [
        "refused",
        "no name",
        "read timeout",
        "tls read timeout",
        "tls on plain",
        "ends at once",
        "scheme",
        "no scheme",
        "no host",
        "relative",
    ],
)


async def certificate_is_not_trusted(face: Face) -> object:
    with Origin(answer(), is_tls=True) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.get, origin.url)
        await face.close(client)
    return named(result)


async def pool_timeout(face: Face) -> object:
    with Origin(answer("200 OK", b"x" * 200_000)) as origin:
        client = face.client(
            trust_env=False,
            limits=httpx.Limits(max_connections=1),
            timeout=httpx.Timeout(5, pool=0.05),
        )
        manager = client.stream("GET", origin.url)
        await face.enter(manager)
        result = await face.attempt(client.get, origin.url)
        await face.leave(manager)
        await face.close(client)
    return named(result)


async def closed_while_a_stream_is_open(face: Face) -> object:
    with Origin(answer("200 OK", b"x" * 2_000_000)) as origin:
        client = face.client(trust_env=False)
        manager = client.stream("GET", origin.url)
        response = await face.enter(manager)
        await face.leave(manager)
        first = await face.attempt(face.read, response)
        await face.close(client)
    return [named(first), str(first)]


async def short_body_of_a_stream(face: Face) -> object:
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc") as origin:
        client = face.client(trust_env=False)
        manager = client.stream("GET", origin.url)
        response = await face.enter(manager)
        result = await face.attempt(face.parts, response)
        told = [named(result), response.is_closed, response.num_bytes_downloaded]
        await face.leave(manager)
        await face.close(client)
    return told


async def content_length_that_is_wrong(face: Face, parts: list[bytes], length: str) -> object:
    with Origin(answer()) as origin:
        client = face.client(trust_env=False, timeout=2)
        headers = {"Content-Length": length}
        result = await face.attempt(client.post, origin.url, content=face.body(parts), headers=headers)
        await face.close(client)
    return type(result).__name__


add_programs(CASES, content_length_that_is_wrong, [([b"ab"], "1"), ([b"ab", b"c"], "2"), ([b"ab"], "5")])

for _program in (
    error_with_a_request_of_its_own,
    error_of_a_body,
    certificate_is_not_trusted,
    pool_timeout,
    closed_while_a_stream_is_open,
    short_body_of_a_stream,
):
    add_program(CASES)(_program)

# --- the log ---


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append([record.name, record.levelname, record.getMessage()])


@contextlib.contextmanager
def logged(*names: str, level: int = logging.DEBUG) -> Iterator[list[Any]]:
    """Give the lines that loggers write meanwhile."""
    handler = _Lines()
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield handler.lines
    finally:
        for logger, before in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(before)


def mask_line(origin: Origin, line: list[str]) -> list[str]:
    text = origin.mask(line[2])
    text = re.sub(r"<[\w.]+ object at 0xADDRESS>", "<OBJECT>", text)
    text = re.sub(r"<ssl\.SSLContext[^>]*>", "<OBJECT>", text)
    return [line[0], line[1], text]


async def info_lines(face: Face, method: str, url: str, status: int) -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"location": "/"})
        return httpx.Response(status, extensions={"http_version": b"HTTP/2"} if status == 201 else {})

    with logged("httpx", level=logging.INFO) as lines:
        await face.do(face.client(handler, follow_redirects=True).request, method, url)
    return lines


add_programs(
    CASES,
    info_lines,
    [
        ("GET", "https://a.example", 200),
        ("POST", "https://a.example:8443/path", 201),
        ("HEAD", "http://a.example/a%20b/é", 404),
        ("GET", "https://a.example/moved", 200),
        ("own", "https://a.example/", 299),
        ("GET", "https://é.example/", 599),
        ("GET", "https://a.example/path?q=1#frag", 200),
        ("GET", "https://user:secret@a.example/", 200),
    ],
)


async def debug_lines(face: Face, logger: str, kind: str) -> object:
    body = b"x" * (1_000_000 if kind == "half read" else 3)
    with Origin(answer("200 OK", body, "X-A: 1"), answer(), is_tls=kind == "TLS") as origin:
        client = face.client(trust_env=False, **({"verify": client_context()} if kind == "TLS" else {}))
        with logged(logger) as lines:
            if kind == "refused":
                with socket.create_server(("127.0.0.1", 0)) as unused:
                    port = unused.getsockname()[1]
                await face.attempt(client.get, f"http://127.0.0.1:{port}")
                lines = [[*line[:2], line[2].replace(str(port), "PORT").partition("(")[0]] for line in lines]
            elif kind == "half read":
                manager = client.stream("GET", origin.url)
                await face.enter(manager)
                await face.leave(manager)
            elif kind == "POST":
                await face.do(client.post, origin.url, content=b"abc")
            else:
                await face.do(client.get, origin.url)
            if kind == "again":
                await face.do(client.get, origin.url)
            await face.close(client)
    return [mask_line(origin, line) for line in lines]


add_programs(
    CASES,
    debug_lines,
    [
        (logger, kind)
        for logger in ("httpcore.connection", "httpcore.http11", "httpx")
        for kind in ("GET", "POST", "TLS", "refused", "half read", "again")
    ],
)


@CASES.add
def loggers_without_a_handler_print_nothing() -> object:
    with logged("httpx", level=logging.WARNING) as lines:
        httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(500))).get(URL)
    return lines


async def flow_of_its_own_colour_fails(face: Face, kind: str) -> object:
    class Own(httpx.Auth):
        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            yield request
            raise make(kind)

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            yield request
            raise make(kind)

    return shown(await face.attempt(face.client(httpx.Response(200), auth=Own()).get, URL))


add_programs(
    CASES,
    flow_of_its_own_colour_fails,
    ["ValueError", "GeneratorExit", "KeyboardInterrupt", "ReadError", "TimeoutError"],
)
