"""Requests: method, URL, the fields that are added and their order, bodies, reading, streams, copies and reprs."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()

URL = "http://example.org/path?a=b"


def describe(request: httpx.Request) -> object:
    return {
        "method": request.method,
        "url": str(request.url),
        "fields": request.headers.raw,
        "stream": type(request.stream).__name__,
        "kinds": [isinstance(request.stream, kind) for kind in (httpx.SyncByteStream, httpx.AsyncByteStream)],
        "extensions": request.extensions,
        "repr": repr(request),
        "content": request.read(),
    }


def make(options: dict[str, Any]) -> object:
    """Return all that a request tells about itself."""
    arguments = {"method": "POST", "url": URL, **options}
    return describe(httpx.Request(**arguments))


CASES.table(
    make,
    [
        *[{"method": method} for method in ["GET", "get", "Post", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "X-y"]],
        *[{"method": method} for method in ["", "G T", "é", "a\n", b"GET", b"get", None, 1]],
        *[
            {"url": url}
            for url in ["", "/a", "http://a:80", "HTTP://A", "http://u:p@a", "http://é/é", "http://[::1]:8"]
        ],
        *[{"url": url} for url in ["https://a:443/", "https://a:80/", "http://a#b", "//a", "http://", "a b", 1, None]],
        {"url": httpx.URL("http://a/b")},
        {"url": "http://:8080/"},
        {"url": "//:80"},
        {"params": {"c": "d"}},
        {"params": {}},
        {"params": None},
        {"params": ""},
        {"params": "c=d"},
        {"params": "&"},
        {"params": {"a": []}},
        {"params": 0},
        {"params": b"c=d"},
        {"params": [("c", "d"), ("c", "e")]},
        {"params": {"c": None, "d": True, "e": 1.5}},
        {"params": 1},
        {"headers": {"A": "b"}},
        {"headers": {"host": "other"}},
        {"headers": {"Host": "other", "A": "b"}},
        {"headers": [("A", "b"), ("a", "c")]},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"Content-Length": "5"}, "content": b"a"},
        {"headers": {"content-type": "a/b"}, "json": {}},
        {"headers": {"Content-Type": "a/b"}, "data": {"a": "b"}},
        {"headers": {"A": "é"}},
        {"headers": {"A": "€"}},
        {"headers": {"A": None}},
        {"headers": {"A": 1}},
        {"headers": {b"A": b"b"}},
        {"headers": 1},
        {"cookies": {"a": "b"}},
        {"cookies": {"a": "b", "c": "d"}},
        {"cookies": [("a", "b")]},
        {"cookies": {}},
        {"cookies": {"a": "b"}, "url": ""},
        {"cookies": {"a": "b"}, "url": "/a"},
        {"cookies": {"a": "b"}, "headers": {"Cookie": "c=d"}},
        {"cookies": httpx.Cookies({"a": "b"})},
        {"content": b""},
        {"content": ""},
        {"content": b"abc"},
        {"content": "abc"},
        {"content": "é"},
        {"content": bytearray(b"abc")},
        {"content": 1},
        {"content": {"a": "b"}},
        {"content": None},
        {"json": {"a": "b"}},
        {"json": None},
        {"json": ""},
        {"json": 0},
        {"json": []},
        {"data": {"a": "b"}},
        {"data": {}},
        {"data": b"abc"},
        {"data": "abc"},
        {"content": b"a", "json": {}},
        {"content": b"a", "data": {"a": "b"}},
        {"data": {"a": "b"}, "json": {}},
        {"method": "GET", "content": b""},
        {"method": "GET", "content": b"abc"},
        {"method": "GET", "data": {}},
        {"method": "DELETE", "json": {}},
        {"method": "PATCH", "content": b""},
        {"extensions": {"a": 1}},
        {"extensions": {}},
        {"extensions": None},
        {"nothing": 1},
    ],
)


def parts() -> Iterator[bytes]:
    yield b"abc"
    yield b""
    yield b"def"


async def async_parts() -> AsyncIterator[bytes]:
    yield b"abc"
    yield b"def"


class Stream(httpx.SyncByteStream):
    """A stream of the user's."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"abc"


BODIES: dict[str, Callable[[], Any]] = {
    "a generator": parts,
    "a list": lambda: [b"abc", b"def"],
    "a tuple": lambda: (b"abc", b"def"),
    "a file": lambda: io.BytesIO(b"abc"),
    "a text file": lambda: io.StringIO("abc"),
    "a stream": Stream,
    "an async generator": async_parts,
    "strings": lambda: ["abc", "def"],
}


def describe_iterable(kind: str) -> object:
    return describe(httpx.Request("POST", URL, content=BODIES[kind]()))


def describe_fields(kind: str, *fields: tuple[str, str]) -> object:
    request = httpx.Request("POST", URL, content=BODIES[kind](), headers=list(fields))
    return [request.headers.raw, type(request.stream).__name__]


async def read_async(kind: str) -> object:
    request = httpx.Request("POST", URL, content=BODIES[kind]())
    content = await request.aread()
    return [content, request.content, type(request.stream).__name__]


def iterate_twice(kind: str) -> object:
    request = httpx.Request("POST", URL, content=BODIES[kind]())
    return [list(request.stream), list(request.stream)]  # type: ignore[arg-type]  # sync here, or an error


def read_after_iterating(kind: str) -> object:
    request = httpx.Request("POST", URL, content=BODIES[kind]())
    list(request.stream)  # type: ignore[arg-type]
    return request.read()


def pickle_with(kind: str) -> object:
    request = httpx.Request("POST", URL, content=BODIES[kind](), headers={"A": "b"})
    again = pickle.loads(pickle.dumps(request))
    return [repr(again), again.headers.raw, again.extensions, type(again.stream).__name__]


CASES.table(describe_iterable, BODIES, texts=False)
CASES.table(describe_fields, BODIES)
CASES.table(describe_fields, [(kind, ("Content-Length", "6")) for kind in BODIES])
CASES.table(describe_fields, [(kind, ("transfer-encoding", "chunked")) for kind in BODIES])
CASES.table(read_async, BODIES, texts=False)
CASES.table(iterate_twice, BODIES)
CASES.table(read_after_iterating, BODIES)
CASES.table(pickle_with, BODIES)


def read(request: httpx.Request) -> httpx.Request:
    request.read()
    return request


CASES.expressions(
    """
make({"stream": httpx.ByteStream(b"abc")})
make({"stream": httpx.ByteStream(b"abc"), "headers": {"A": "b"}})
make({"stream": httpx.ByteStream(b"abc"), "content": b"a"})
httpx.Request("GET", URL)
repr(httpx.Request("GET", "http://user:secret@example.org"))
str(httpx.Request("POST", "/relative"))
httpx.Request("GET", URL).content
httpx.Request("POST", URL, content=b"abc").content
httpx.Request("POST", URL, content=parts()).content
httpx.Request("POST", URL, content=parts()).read()
read(httpx.Request("POST", URL, content=parts())).content
read(httpx.Request("POST", URL, content=parts())).read()
list(read(httpx.Request("POST", URL, content=parts())).stream)
type(read(httpx.Request("POST", URL, content=parts())).stream).__name__
read(httpx.Request("POST", URL, content=parts())).headers.raw
httpx.Request("POST", URL, stream=Stream()).content
httpx.Request("POST", URL, stream=Stream()).read()
httpx.Request("POST", URL, stream=Stream()).headers.raw
type(httpx.Request("POST", URL, stream=Stream()).stream).__name__
httpx.Request("GET", URL).stream.__class__.__name__
list(httpx.Request("GET", URL).stream)
list(httpx.Request("POST", URL, content=b"abc").stream)
pickle.loads(pickle.dumps(httpx.Request("POST", URL, content=b"abc", headers={"A": "b"}))).headers.raw
pickle.loads(pickle.dumps(httpx.Request("POST", URL, content=b"abc"))).content
pickle.loads(pickle.dumps(httpx.Request("POST", URL, content=b"abc"))).read()
pickle.loads(pickle.dumps(httpx.Request("POST", URL, json={"a": 1}, extensions={"b": 1}))).extensions
pickle.loads(pickle.dumps(read(httpx.Request("POST", URL, content=parts())))).content
list(pickle.loads(pickle.dumps(httpx.Request("POST", URL, content=parts()))).stream)
pickle.loads(pickle.dumps(httpx.Request("POST", URL, content=parts()))).content
copy.copy(httpx.Request("POST", URL, content=b"abc")).content
httpx.Request("GET", URL) == httpx.Request("GET", URL)
httpx.Request("GET", URL).nothing
setattr(httpx.Request("GET", URL), "other", 1)
httpx.Request(method="GET", url=URL)
httpx.Request("GET", httpx.URL(URL)).url == URL
httpx.Request("GET", URL, params={}).url
httpx.Request("GET", URL, params={"c": "d"}).url
httpx.Request("GET", URL, params=httpx.QueryParams("x=y")).url
type(httpx.Request("GET", URL).headers).__name__
httpx.Request("GET", URL, headers=(headers := httpx.Headers({"a": "b"}))).headers is headers
httpx.Request("GET", URL, extensions=(given := {"a": 1})).extensions is given
""",
    names={"URL": URL, "make": make, "parts": parts, "read": read, "Stream": Stream, "pickle": pickle, "copy": copy},
)
