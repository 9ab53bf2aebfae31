"""The network: the bytes that are sent and taken, connections that are used again, and extensions."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Generator
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell
from tests.differential.wire import Origin, answer, client_context

CASES = Cases()

# What our responses tell besides.
_ADDED = {"timings"}
_NOT_COMPARED = _ADDED | {"network_stream"}

# --- what goes over the network ---


async def bytes_on_the_wire(face: Face, method: str, path: str, options: dict[str, Any]) -> object:
    options = dict(options)
    if "parts" in options:
        options["content"] = face.body(options.pop("parts"))
    with Origin(answer()) as origin:
        client = face.client(trust_env=False)
        response = await face.attempt(client.request, method, origin.url + path, **options)
        await face.close(client)
    requests = [request for heard in origin.heard for request in heard]
    return [response.status_code if isinstance(response, httpx.Response) else tell(response)[:2], requests]


add_programs(
    CASES,
    bytes_on_the_wire,
    [
        ("GET", "", {}),
        ("GET", "/", {}),
        ("GET", "/a b?c=d e#frag", {}),
        ("GET", "/%7Ea/%2f/é", {}),
        ("GET", "/a", {"params": {"q": ["1", "2"], "r": "a&b"}}),
        ("HEAD", "/", {}),
        ("OPTIONS", "/", {"extensions": {"target": b"*"}}),
        ("GET", "/", {"extensions": {"target": b"http://other.example/x"}}),
        ("DELETE", "/", {}),
        ("POST", "/", {}),
        ("POST", "/", {"content": b""}),
        ("POST", "/", {"content": b"abc"}),
        ("POST", "/", {"content": "é"}),
        ("POST", "/", {"json": {"a": [1, 2.5, None, True, "é"]}}),
        ("POST", "/", {"data": {"a": "1 2", "b": ["&", "é"]}}),
        ("POST", "/", {"parts": [b"abc", b"", b"defghijklmnopqrs"]}),
        ("POST", "/", {"parts": [b"abc", b"de"], "headers": {"Content-Length": "5"}}),
        ("POST", "/", {"parts": []}),
        (
            "POST",
            "/",
            {
                "files": {"f": ("n.txt", b"data", "text/plain")},
                "headers": {"Content-Type": "multipart/form-data; boundary=b"},
            },
        ),
        ("PUT", "/", {"content": b"abc", "headers": {"Content-Type": "a/b"}}),
        ("own", "/", {}),
        ("GET", "/", {"headers": {"Host": "own.example"}}),
        ("GET", "/", {"headers": {"X-Odd_CASE": "a  b", "x-empty": ""}}),
        ("GET", "/", {"headers": [("X-A", "1"), ("X-B", "2"), ("X-A", "3")]}),
        ("GET", "/", {"headers": {"X-A": "é"}}),
        ("GET", "/", {"headers": {b"X-A": b"\xff"}}),
        ("GET", "/", {"headers": {"Connection": "close"}}),
        ("GET", "/", {"auth": ("user", "secret")}),
        ("GET", "/", {"headers": {"X-A": "a\r\nX-B: b"}}),
        ("GET", "/", {"headers": {"X A": "1"}}),
        ("GET", "/", {"headers": {"": "1"}}),
        ("G T", "/", {}),
        ("", "/", {}),
    ],
)


async def connections_are_used_again(face: Face, kind: str) -> object:
    field = {"keep": "", "close": "Connection: close"}.get(kind, "")
    answers = [answer("200 OK", b"body", *([field] if field else [])) for _ in range(3)]
    if kind == "HTTP/1.0":
        answers = [b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"] * 3
    with Origin(*answers) as origin:
        client = face.client(trust_env=False)
        headers = {"Connection": "close"} if kind == "request close" else {}
        for _ in range(3):
            await face.do(client.get, origin.url, headers=headers)
        await face.close(client)
    return [len(heard) for heard in origin.heard]


add_programs(CASES, connections_are_used_again, ["keep", "close", "HTTP/1.0", "request close"])


async def connections_for(face: Face, kind: str) -> object:
    """Tell how many requests went over each connection."""
    limits = {
        "no keep-alive": httpx.Limits(max_keepalive_connections=0),
        "expired": httpx.Limits(keepalive_expiry=0),
        "one": httpx.Limits(max_connections=1),
    }.get(kind, httpx.Limits())
    body = b"x" * (300_000 if kind in ("half read", "unread") else 3)
    first = {
        "204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        "redirect": b"HTTP/1.1 302 Found\r\nLocation: /two\r\nContent-Length: 3\r\n\r\nabc",
        "challenge": b"HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nabc",
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    }.get(kind, answer("200 OK", body))
    with Origin(first, answer("200 OK", b"two"), answer()) as origin:
        client = face.client(trust_env=False, limits=limits, follow_redirects=True)
        if kind in ("half read", "unread", "read by stream"):
            manager = client.stream("GET", origin.url)
            response = await face.enter(manager)
            if kind == "half read":
                await face.first_part(response)
            elif kind == "read by stream":
                await face.parts(response)
            await face.leave(manager)
        else:
            options = {"auth": _Twice()} if kind == "challenge" else {}
            await face.do(client.request, "HEAD" if kind == "HEAD" else "GET", origin.url, **options)
        await face.do(client.get, origin.url)
        await face.close(client)
    return [len(heard) for heard in origin.heard]


class _Twice(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        yield request
        yield request


add_programs(
    CASES,
    connections_for,
    [
        "plain",
        "no keep-alive",
        "expired",
        "one",
        "204",
        "304",
        "HEAD",
        "redirect",
        "challenge",
        "chunked",
        "half read",
        "unread",
        "read by stream",
    ],
)


def top_level(name: str, options: dict[str, Any]) -> object:
    """Tell what a function of the module sends, and that it closes its connection."""
    with Origin(answer("200 OK", b"abc")) as origin:
        response = getattr(httpx, name)(origin.url, trust_env=False, **options)
    return [tell(response)[0], response.content, origin.heard]


def top_level_stream() -> object:
    with Origin(answer("200 OK", b"abc")) as origin:
        with httpx.stream("POST", origin.url, content=b"x", trust_env=False) as response:
            told = [response.is_closed, response.read()]
        told.append(response.is_closed)
    return [told, origin.heard]


CASES.table(
    top_level,
    [
        ("get", {"params": {"a": "1"}, "headers": {"X-A": "1"}, "cookies": {"c": "1"}, "auth": ("user", "secret")}),
        ("post", {"json": {"a": 1}}),
        ("put", {"content": b"x"}),
        ("patch", {"data": {"a": "1"}}),
        ("delete", {"timeout": None}),
        ("head", {}),
        ("options", {"follow_redirects": True}),
    ],
)
CASES.add(top_level_stream)


async def received(face: Face, name: str, raw: bytes) -> object:
    with Origin(raw) as origin:
        client = face.client(trust_env=False)
        response = await face.attempt(client.get, origin.url)
        await face.close(client)
    if not isinstance(response, httpx.Response):
        return tell(response)[:2]
    extensions = {key: value for key, value in response.extensions.items() if key not in _NOT_COMPARED}
    fields = [[key.decode("latin-1"), value.decode("latin-1")] for key, value in response.headers.raw]
    return [response.status_code, response.reason_phrase, response.http_version, extensions, fields, response.content]


END = b"Connection: close\r\n\r\n"

add_programs(
    CASES,
    received,
    [
        ("plain", answer("200 OK", b"abc", "X-A: 1", "x-a: 2")),
        ("own reason", answer("299 Own  Reason")),
        ("no reason", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
        ("no reason, no space", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        ("reason in latin 1", b"HTTP/1.1 200 \xe9\r\nContent-Length: 0\r\n\r\n"),
        ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
        ),
        ("until close", b"HTTP/1.1 200 OK\r\n" + END + b"until the end"),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + answer("200 OK", b"abc")),
        ("103 first", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer("200 OK", b"abc")),
        ("folded", b"HTTP/1.1 200 OK\r\nX-A: a\r\n  b\r\nContent-Length: 0\r\n\r\n"),
        ("spaces", b"HTTP/1.1 200 OK\r\nX-A:   a b \t\r\nContent-Length: 0\r\n\r\n"),
        ("same lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        ("a list of lengths", b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 3, 3\r\n\r\nabc"),
        ("differing lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n" + END + b"abcd"),
        ("bad length", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n" + END),
        ("negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n" + END),
        ("short", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + END + b"abc"),
        ("short chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + END + b"5\r\nab"),
        ("no last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + END + b"2\r\nab\r\n"),
        ("bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + END + b"zz\r\nab\r\n"),
        ("nothing", b""),
        ("nonsense", b"nonsense\r\n" + END),
        ("no colon", b"HTTP/1.1 200 OK\r\nnonsense\r\n" + END),
        ("space before colon", b"HTTP/1.1 200 OK\r\nX-A : 1\r\n" + END),
        ("HTTP/2.0", b"HTTP/2.0 200 OK\r\n" + END),
        ("half a head", b"HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\n"),
        ("line feeds", b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"),
        ("unknown coding", b"HTTP/1.1 200 OK\r\nContent-Encoding: own\r\nContent-Length: 3\r\n\r\nabc"),
        ("broken gzip", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
        ("chunked of gzip", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n" + END + b"0\r\n\r\n"),
        ("status of 99", b"HTTP/1.1 99 Low\r\n" + END),
        ("status of 999", b"HTTP/1.1 999 High\r\n" + END),
        ("status of 4 digits", b"HTTP/1.1 2000 Long\r\n" + END),
    ],
)

# --- extensions ---


async def network_stream_extension(face: Face) -> object:
    with Origin(answer("200 OK", b"x" * 10)) as origin:
        client = face.client(trust_env=False)
        manager = client.stream("GET", origin.url)
        response = await face.enter(manager)
        stream = response.extensions["network_stream"]
        told = [
            sorted(set(response.extensions) - _ADDED),
            stream.get_extra_info("server_addr") == ("127.0.0.1", origin.port),
            stream.get_extra_info("client_addr")[0],
            stream.get_extra_info("ssl_object"),
            stream.get_extra_info("nothing"),
            stream.get_extra_info("is_readable") in (True, False),
            hasattr(stream.get_extra_info("socket"), "getsockname"),
        ]
        await face.leave(manager)
        await face.close(client)
    return told


async def upgrade_gives_the_stream(face: Face) -> object:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\nhello"
    with Origin(head, b"") as origin:
        client = face.client(trust_env=False)
        manager = client.stream("GET", origin.url, headers={"Connection": "upgrade", "Upgrade": "own"})
        response = await face.enter(manager)
        stream = response.extensions["network_stream"]
        first = await face.do(stream.read, max_bytes=100)
        await face.do(stream.write, b"GET /more HTTP/1.1\r\n\r\n")
        last = await face.attempt(stream.read, max_bytes=100)
        await face.leave(manager)
        await face.close(client)
    return [response.status_code, first, last, origin.heard]


async def tls_over_the_wire(face: Face, name: str, extensions: dict[str, Any]) -> object:
    with Origin(answer("200 OK", b"secure"), is_tls=True) as origin:
        client = face.client(trust_env=False, verify=client_context())
        manager = client.stream("GET", origin.url, extensions=extensions)
        response = await face.attempt(face.enter, manager)
        if not isinstance(response, httpx.Response):
            await face.close(client)
            return tell(response)[:2]
        stream = response.extensions["network_stream"]
        ssl_object = stream.get_extra_info("ssl_object")
        told = [response.status_code, ssl_object.version(), ssl_object.selected_alpn_protocol()]
        told.append(ssl_object.server_hostname)
        await face.leave(manager)
        await face.close(client)
    return told


add_programs(
    CASES,
    tls_over_the_wire,
    [("plain", {}), ("sni", {"sni_hostname": "localhost"}), ("wrong sni", {"sni_hostname": "other.example"})],
)


async def trace_of(face: Face, kind: str) -> object:
    """Tell the names of the events of an exchange, and what they carry."""
    told: list[Any] = []

    def note(name: str, info: dict[str, Any]) -> None:
        told.append([name, sorted(info)])

    async def anote(name: str, info: dict[str, Any]) -> None:
        note(name, info)

    extensions = {"trace": anote if face.is_async else note}
    body = b"x" * (1_000_000 if kind == "half read" else 10)
    with Origin(answer("200 OK", body), answer("200 OK", b"second"), is_tls=kind == "TLS") as origin:
        client = face.client(trust_env=False, **({"verify": client_context()} if kind == "TLS" else {}))
        if kind == "refused":
            with socket.create_server(("127.0.0.1", 0)) as unused:
                port = unused.getsockname()[1]
            told.append(
                type(await face.attempt(client.get, f"http://127.0.0.1:{port}", extensions=extensions)).__name__
            )
        elif kind == "half read":
            manager = client.stream("GET", origin.url, extensions=extensions)
            await face.enter(manager)
            await face.leave(manager)
        elif kind == "POST":
            await face.do(client.post, origin.url, content=b"abc", extensions=extensions)
        elif kind == "POST of parts":
            await face.do(client.post, origin.url, content=face.body([b"a", b"b"]), extensions=extensions)
        else:
            await face.do(client.get, origin.url, extensions=extensions)
        if kind == "again":
            told.append("again")
            await face.do(client.get, origin.url, extensions=extensions)
        told.append("closing")
        await face.close(client)
    return told


add_programs(CASES, trace_of, ["GET", "POST", "POST of parts", "refused", "TLS", "half read", "again"])


async def trace_callback_raises(face: Face, event: str) -> object:
    def note(name: str, info: dict[str, Any]) -> None:
        if name == event:
            raise ValueError(f"at {name}")

    async def anote(name: str, info: dict[str, Any]) -> None:
        note(name, info)

    with Origin(answer()) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.get, origin.url, extensions={"trace": anote if face.is_async else note})
        await face.close(client)
    return tell(result)[:3] if isinstance(result, BaseException) else result.status_code


add_programs(
    CASES,
    trace_callback_raises,
    [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        "http11.send_request_headers.started",
        "http11.receive_response_headers.complete",
        "http11.receive_response_body.complete",
        "http11.response_closed.complete",
    ],
)


async def trace_of_the_wrong_colour(face: Face) -> object:
    warnings.simplefilter("ignore", RuntimeWarning)

    def note(name: str, info: dict[str, Any]) -> None:
        return None

    async def anote(name: str, info: dict[str, Any]) -> None:
        return None

    with Origin(answer()) as origin:
        client = face.client(trust_env=False)
        result = await face.attempt(client.get, origin.url, extensions={"trace": note if face.is_async else anote})
        await face.close(client)
    return type(result).__name__


for _program in (network_stream_extension, upgrade_gives_the_stream, trace_of_the_wrong_colour):
    add_program(CASES)(_program)
