"""Bodies of responses: texts and charsets, JSON, parts of a given size, lines, and codings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()

REQUEST = httpx.Request("GET", "http://example.org/")


def decode(content_type: str | None, content: bytes) -> object:
    """Return how a body of this type is read as text."""
    fields = {} if content_type is None else {"Content-Type": content_type}
    response = httpx.Response(200, headers=fields, content=content)
    return [response.encoding, response.charset_encoding, response.text, list(response.iter_text())]


LETTERS = b"a\xc3\xa9\xe2\x82\xac"
CASES.table(
    decode,
    [
        (content_type, content)
        for content_type in [
            None,
            "text/plain",
            "text/plain; charset=utf-8",
            "text/plain; charset=UTF-8",
            "text/plain;charset=latin-1",
            'text/plain; charset="iso-8859-15"',
            "text/plain; charset='utf-8'",
            "text/plain; CHARSET=cp1252",
            "text/plain; charset=utf-16-le",
            "text/plain; charset=ascii",
            "text/plain; charset=nothing",
            "text/plain; charset=",
            "text/plain; charset",
            "text/plain; charset=a b",
            "text/plain; a=b; charset=shift_jis; c=d",
            "text/plain; charset=latin-1; charset=utf-8",
            "application/json",
            "application/json; charset=latin-1",
            "charset=latin-1",
            "; charset=latin-1",
            "",
            "text/html; charset=gb2312",
            "text/plain; charset=utf-8-sig",
            "text/plain; charset*=utf-8''latin-1",
            "text/plain; charset=\x00",
        ]
        for content in [LETTERS, b"\xff\xfea\x00", b"\xef\xbb\xbfa", b"\x80\xe9"]
    ],
)
CASES.table(
    decode, [("text/plain; charset=utf-8", content) for content in [b"", b"\xe2", b"\xe2\x82", b"\xff", b"a\xc3"]]
)


def read_json(content: bytes, **options: Any) -> object:
    return httpx.Response(200, content=content).json(**options)


CASES.table(
    read_json,
    [
        b"{}",
        b'{"a": "b"}',
        b"[1, 2.5, null, true]",
        b'"\xc3\xa9"',
        '{"a": "é"}'.encode("utf-16"),
        '{"a": "é"}'.encode("utf-16-le"),
        '{"a": "é"}'.encode("utf-32"),
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"1",
        b" {} ",
    ],
)
CASES.table(read_json, [b"", b"{", b"\xff", b"a", b"{} {}", b"\xe9"], texts=False)
CASES.expressions('read_json(b"1.5", parse_float=str)', names={"read_json": read_json})


class Stream(httpx.SyncByteStream):
    """A body that comes in these parts."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts


class AsyncStream(httpx.AsyncByteStream):
    """The same for asynchronous reading."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part


PARTS = (b"abc", b"", b"defgh", b"i")
# What compresses differs from system to system, so these were compressed once: b"hello " * 10.
BODIES = {
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9W\xc8 \x8b\x04\x00\xe4M\xd0Y<\x00\x00\x00",
    "deflate": b"x\x9c\xcbH\xcd\xc9\xc9W\xc8 \x8b\x04\x00\xa6\xc0\x16\t",
    "raw deflate": b"\xcbH\xcd\xc9\xc9W\xc8 \x8b\x04\x00",
    "plain": b"hello " * 10,
    "broken gzip": b"\x1f\x8b\x08nonsense",
    "empty": b"",
}


def iterate(method: str, size: int | None) -> object:
    response = httpx.Response(200, stream=Stream(*PARTS))
    return [
        list(getattr(response, method)(size)),
        response.num_bytes_downloaded,
        response.is_closed,
        response.is_stream_consumed,
    ]


async def iterate_async(method: str, size: int | None) -> object:
    response = httpx.Response(200, stream=AsyncStream(*PARTS))
    return [
        [part async for part in getattr(response, method)(size)],
        response.num_bytes_downloaded,
        response.is_closed,
        response.is_stream_consumed,
    ]


def iterate_read(method: str, size: int | None) -> object:
    return list(getattr(httpx.Response(200, content=b"abcdefgh"), method)(size))


def iterate_text(content_type: str, size: int | None, *parts: bytes) -> object:
    response = httpx.Response(200, headers={"Content-Type": content_type}, stream=Stream(*parts))
    return list(response.iter_text(size))


def split_lines(*parts: bytes) -> object:
    response = httpx.Response(200, headers={"Content-Type": "text/plain; charset=utf-8"}, stream=Stream(*parts))
    return list(response.iter_lines())


def decompress(coding: str, body: str, size: int | None) -> object:
    response = httpx.Response(200, headers={"Content-Encoding": coding}, stream=Stream(BODIES[body]), request=REQUEST)
    return [list(response.iter_bytes(size)), response.num_bytes_downloaded]


SIZES = [None, 1, 2, 3, 4, 9, 100]
CASES.table(iterate, [(method, size) for method in ("iter_bytes", "iter_raw", "iter_text") for size in SIZES])
CASES.table(iterate_async, [(method, size) for method in ("aiter_bytes", "aiter_raw", "aiter_text") for size in SIZES])
CASES.table(
    iterate_read, [(method, size) for method in ("iter_bytes", "iter_raw", "iter_text") for size in (None, 3, 8)]
)
CASES.table(
    iterate_text,
    [
        (content_type, size, *parts)
        for content_type in ("text/plain", "text/plain; charset=utf-16-le", "text/plain; charset=latin-1")
        for size in (None, 1, 3)
        for parts in [(b"a\xc3", b"\xa9b"), (b"a\xe2\x82", b"", b"\xacb\xc3"), (b"\xff", b"\xfe", b"a\x00"), ()]
    ],
)
CASES.table(
    split_lines,
    [
        (),
        b"",
        b"a",
        b"a\n",
        b"a\nb",
        b"a\r\nb\r\n",
        b"a\rb\r",
        b"\n",
        b"\n\n",
        b"a\n\nb",
        (b"a\r", b"\nb"),
        (b"a", b"b\nc", b"d"),
        (b"a\r", b"b"),
        (b"a\n", b"", b"\n"),
        (b"\r", b"\n", b"\r"),
        b"a\x0bb\x0cc",
        "a\u2028b\u0085c".encode(),
    ],
)
CASES.table(
    decompress,
    [
        (coding, body, size)
        for coding, body in [
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("deflate", "deflate"),
            ("deflate", "raw deflate"),
            ("identity", "plain"),
            ("nothing", "plain"),
            ("", "plain"),
            ("gzip, identity", "gzip"),
            ("gzip, nothing", "gzip"),
            ("gzip", "empty"),
            ("deflate", "empty"),
            ("br", "empty"),
            ("compress", "plain"),
        ]
        for size in (None, 7)
    ],
)
# These texts are of the library that decodes, and there are two of them.
CASES.table(decompress, [("gzip", "broken gzip", None), ("gzip", "plain", 7), ("deflate", "plain", None)], texts=False)
