"""An ASGI application for hypercorn: what the origin cannot do, because it speaks HTTP/1.1 behind another server.

/hello        text
/bytes/SIZE   that many bytes, with Content-Length
/upload       the length of the request's body, as JSON
/echo         the body of the request, part by part, before the request is there as a whole
/trailers     text, and a trailer field
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PART = bytes(range(256)) * 256


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    name, _, size = scope["path"].removeprefix("/").partition("/")
    if name == "echo":
        await _echo(receive, send)
    elif name == "upload":
        await _answer(send, json.dumps({"length": await _read(receive)}).encode())
    elif name == "bytes":
        await _send_bytes(send, int(size))
    elif name == "trailers":
        await _start(send, trailers=True)
        await send({"type": "http.response.body", "body": b"text"})
        await send({"type": "http.response.trailers", "headers": [(b"x-checksum", b"abc")]})
    else:
        await _answer(send, b"Hello, world!\n")


# Private from here on.


async def _start(send: Send, *, length: int | None = None, trailers: bool = False) -> None:
    fields = [] if length is None else [(b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": 200, "headers": fields, "trailers": trailers})


async def _answer(send: Send, body: bytes) -> None:
    await _start(send, length=len(body))
    await send({"type": "http.response.body", "body": body})


async def _send_bytes(send: Send, size: int) -> None:
    await _start(send, length=size)
    while size > len(PART):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
        size -= len(PART)
    await send({"type": "http.response.body", "body": PART[:size]})


async def _read(receive: Receive) -> int:
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            return length


async def _echo(receive: Receive, send: Send) -> None:
    await _start(send)
    has_more = True
    while has_more:
        message = await receive()
        has_more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": has_more})
