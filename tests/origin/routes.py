"""What the origin answers: one function a route, found by the first segment of the path.

/hello                        text
/json                         a JSON object
/echo                         the method, target, fields and body of the request, as JSON
/upload                       the length and the SHA-256 of the request's body, as JSON
/bytes/SIZE                   that many bytes, with Content-Length
/stream/SIZE/PART             that many bytes, in chunks of PART bytes
/drip?seconds=2&parts=10      a head at once, then one byte at a time, spread over so many seconds
/delay?seconds=2              nothing for so many seconds, then text
/status/CODE                  that status
/redirect/COUNT               so many redirects, the last of them to /hello
/redirect-to?url=URL&status=  a redirect to a URL, 302 unless told otherwise
/cookies                      the cookies of the request, as JSON
/cookies/set?NAME=VALUE       sets cookies, and redirects to /cookies
/basic-auth/USER/PASSWORD     text for those credentials, else 401 and a challenge
/gzip /deflate /brotli        JSON in that content coding
/close                        text, and closes the connection
/early-413                    413 without reading the request's body, and closes the connection
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from .messages import PART_SIZE, Answer, Request

Route = Callable[[Request], Coroutine[Any, Any, Answer]]


async def respond(request: Request) -> Answer:
    """Answer a request by its route; 404 if there is none, or the path does not fit it."""
    route = ROUTES.get(request.segments[0])
    if route is None:
        return make_text("There is nothing here.\n", status=404)
    try:
        return await route(request)
    except (LookupError, ValueError) as exc:
        return make_text(f"That path does not fit its route: {exc!r}\n", status=404)


def make_text(text: str, *, status: int = 200) -> Answer:
    """Make an answer of plain text."""
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode())


def make_json(value: object) -> Answer:
    """Make an answer of JSON."""
    return Answer(200, [("Content-Type", "application/json")], json.dumps(value).encode())


# Private from here on.


async def _hello(request: Request) -> Answer:
    return make_text("Hello, world!\n")


async def _json(request: Request) -> Answer:
    return make_json({"greeting": "Hello, world!", "numbers": [1, 2, 3], "nothing": None})


async def _echo(request: Request) -> Answer:
    body = await request.body.read()
    return make_json(
        {
            "method": request.method,
            "target": request.target,
            "query": request.query,
            "headers": request.headers,
            "fields": request.fields,  # as they came: order, case and repetition kept
            "body": body.decode("utf-8", "replace"),
        }
    )


async def _upload(request: Request) -> Answer:
    size = 0
    digest = hashlib.sha256()
    async for part in request.body:
        size += len(part)
        digest.update(part)
    return make_json({"length": size, "sha256": digest.hexdigest()})


async def _bytes(request: Request) -> Answer:
    size = int(request.segments[1])
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))]
    return Answer(200, fields, _make_parts(size, PART_SIZE))


async def _stream(request: Request) -> Answer:
    size, part_size = int(request.segments[1]), int(request.segments[2])
    return Answer(200, [("Content-Type", "application/octet-stream")], _make_parts(size, part_size))


async def _make_parts(size: int, part_size: int) -> AsyncIterator[bytes]:
    pattern = bytes(range(256)) * (part_size // 256 + 2)
    for start in range(0, size, part_size):
        offset = start % 256
        yield pattern[offset : offset + min(part_size, size - start)]


async def _drip(request: Request) -> Answer:
    query = dict(request.query)
    seconds, count = float(query.get("seconds", "1")), int(query.get("parts", "10"))

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(count):
            await asyncio.sleep(seconds / count)
            yield b"."

    return Answer(200, [("Content-Type", "text/plain")], drip())


async def _delay(request: Request) -> Answer:
    await asyncio.sleep(float(dict(request.query)["seconds"]))
    return make_text("Here at last.\n")


async def _status(request: Request) -> Answer:
    status = int(request.segments[1])
    if not 200 <= status <= 999:
        raise ValueError(status)
    return make_text(f"{status}\n", status=status)


async def _redirect(request: Request) -> Answer:
    count = int(request.segments[1])
    return _make_redirect(f"/redirect/{count - 1}" if count > 1 else "/hello")


async def _redirect_to(request: Request) -> Answer:
    query = dict(request.query)
    return _make_redirect(query["url"], status=int(query.get("status", "302")))


def _make_redirect(location: str, *, status: int = 302) -> Answer:
    return Answer(status, [("Location", location)])


async def _cookies(request: Request) -> Answer:
    if request.segments[1:] == ["set"]:
        answer = _make_redirect("/cookies")
        answer.fields += [("Set-Cookie", f"{name}={value}; Path=/") for name, value in request.query]
        return answer
    pairs = [pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";")]
    return make_json({"cookies": {name: value for name, equals, value in pairs if equals}})


async def _basic_auth(request: Request) -> Answer:
    user, password = request.segments[1:3]
    expected = base64.b64encode(f"{user}:{password}".encode()).decode()
    if request.headers.get("authorization") != f"Basic {expected}":
        answer = make_text("Who are you?\n", status=401)
        answer.fields.append(("WWW-Authenticate", 'Basic realm="origin"'))
        return answer
    return make_text(f"Welcome, {user}!\n")


async def _gzip(request: Request) -> Answer:
    return _make_coded("gzip", gzip.compress)


async def _deflate(request: Request) -> Answer:
    return _make_coded("deflate", zlib.compress)


async def _brotli(request: Request) -> Answer:
    try:
        import brotli
    except ImportError:
        import brotlicffi as brotli  # what PyPy has in place of brotli
    return _make_coded("br", brotli.compress)


def _make_coded(coding: str, compress: Callable[[bytes], bytes]) -> Answer:
    answer = make_json({"coding": coding, "text": "Hello, world! " * 20})
    assert isinstance(answer.body, bytes)
    answer.body = compress(answer.body)
    answer.fields.append(("Content-Encoding", coding))
    return answer


async def _close(request: Request) -> Answer:
    answer = make_text("Goodbye!\n")
    answer.is_last = True
    return answer


async def _early_413(request: Request) -> Answer:
    answer = make_text("Too much.\n", status=413)
    answer.is_last = True
    return answer


ROUTES: dict[str, Route] = {
    "hello": _hello,
    "json": _json,
    "echo": _echo,
    "upload": _upload,
    "bytes": _bytes,
    "stream": _stream,
    "drip": _drip,
    "delay": _delay,
    "status": _status,
    "redirect": _redirect,
    "redirect-to": _redirect_to,
    "cookies": _cookies,
    "basic-auth": _basic_auth,
    "gzip": _gzip,
    "deflate": _deflate,
    "brotli": _brotli,
    "close": _close,
    "early-413": _early_413,
}
