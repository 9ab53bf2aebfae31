"""Bodies of requests: JSON, forms, multipart, and content, with the fields that they bring."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()

URL = "http://example.org/"


def describe(request: httpx.Request) -> object:
    """Return fields and body, with the boundary that was drawn replaced."""
    body = request.read()
    fields = [(name, value) for name, value in request.headers.raw if name != b"Host"]
    drawn = re.match(rb"--([0-9a-f]{32})\r\n", body)
    if drawn:
        fields = [(name, value.replace(drawn[1], b"DRAWN")) for name, value in fields]
        body = body.replace(drawn[1], b"DRAWN")
    return [fields, body, type(request.stream).__name__]


def send_json(value: object) -> object:
    return describe(httpx.Request("POST", URL, json=value))


def send_form(data: Any) -> object:
    return describe(httpx.Request("POST", URL, data=data))


def send_parts(data: Any, files: Any, content_type: str | None = "multipart/form-data; boundary=XX") -> object:
    fields = {} if content_type is None else {"Content-Type": content_type}
    return describe(httpx.Request("POST", URL, data=data, files=files, headers=fields))


CASES.table(
    send_json,
    [
        *[{}, [], "", "a", 0, 1, -1.5, 1e100, True, False, {"a": "b"}, {"a": ["b", None]}, {"é": "€😀"}, {1: 2}],
        *[{None: 1}, {"b": 1, "a": 2}, "\x00\x1f\x7f", "</script>", "\ud800", [[[]]], 10**30, {"a": {"b": {}}}],
        *[b"a", {1, 2}, {"a": 1j}, {(1, 2): 3}],
    ],
)
CASES.table(send_json, [float("nan"), float("inf"), {"a": float("-inf")}], texts=False)
CASES.table(
    send_form,
    [
        {},
        None,
        {"a": "b"},
        {"a": "b", "c": "d"},
        {"a": ""},
        {"": "b"},
        {"a": None},
        {"a": True, "b": False},
        {"a": 1, "b": 2.5},
        {"a": ["b", "c"]},
        {"a": ("b", "c")},
        {"a": []},
        {"a": [1, None, True]},
        {"a": [["b"]]},
        {"a": {"b": "c"}},
        {"a": b"b"},
        {b"a": b"b"},
        {1: 2},
        {"a": "b c+d&e=f%20/?~-._*"},
        {"a b": "é€😀"},
        {"a": "\r\n\x00"},
        {"a": "\n"},
        {"a": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
        {"a": "\ud800"},
        [("a", "b")],
        [("a", "b"), ("a", "c")],
        "a=b",
        b"a=b",
        "",
        b"",
        [b"a", b"b"],
        1,
    ],
)
CASES.table(
    send_parts,
    [
        (None, {"a": b"b"}),
        (None, {"a": "b"}),
        (None, {"a": b""}),
        (None, {}),
        ({}, {"a": b"b"}),
        ({"c": "d"}, {"a": b"b"}),
        ({"c": ["d", "e"]}, {"a": b"b"}),
        ({"c": 1, "d": 2.5, "e": True, "f": None}, {"a": b"b"}),
        ({"c": b"d"}, {"a": b"b"}),
        ({"c": "é€"}, {"a": b"b"}),
        ({"c": []}, {"a": b"b"}),
        ({"c": {"d": "e"}}, {"a": b"b"}),
        ({"c": [{}]}, {"a": b"b"}),
        ({1: "d"}, {"a": b"b"}),
        ({'c"d': "e"}, {"a": b"b"}),
        ({"é": "e"}, {"a": b"b"}),
        ({"c\r\nd": "e"}, {"a": b"b"}),
        ({"c": "a\r\nb"}, {"a": b"b"}),
        (None, {"a": ("name.txt", b"b")}),
        (None, {"a": ("name.txt", "b")}),
        (None, {"a": ("name.html", b"b")}),
        (None, {"a": ("name.png", b"b")}),
        (None, {"a": ("name.json", b"b")}),
        (None, {"a": ("name.unknown", b"b")}),
        (None, {"a": ("name", b"b")}),
        (None, {"a": ("", b"b")}),
        (None, {"a": (None, b"b")}),
        (None, {"a": (None, "b")}),
        (None, {"a": ('na"me.txt', b"b")}),
        (None, {"a": ("na\\me.txt", b"b")}),
        (None, {"a": ("na\r\nme.txt", b"b")}),
        (None, {"a": ("na\x00me\x1f.txt", b"b")}),
        (None, {"a": ("nämé€.txt", b"b")}),
        (None, {"a": ("a/b/name.txt", b"b")}),
        (None, {"a": ("a%22b.txt", b"b")}),
        (None, {"a": ("a b.txt", b"b")}),
        (None, {"a": ("name.txt", b"b", "image/png")}),
        (None, {"a": ("name.txt", b"b", None)}),
        (None, {"a": ("name.txt", b"b", "")}),
        (None, {"a": (None, b"b", "text/plain")}),
        (None, {"a": ("name.txt", b"b", "text/plain", {"X-A": "b"})}),
        (None, {"a": ("name.txt", b"b", None, {"X-A": "b"})}),
        (None, {"a": ("name.txt", b"b", "text/plain", {"Content-Type": "a/b"})}),
        (None, {"a": ("name.txt", b"b", None, {"content-type": "a/b"})}),
        (None, {"a": ("name.txt", b"b", "text/plain", {})}),
        (None, {"a": ("name.txt",)}),
        (None, {"a": ()}),
        (None, {"a": ("name.txt", b"b", "text/plain", {}, 1)}),
        (None, {"a": ("name.txt", 1)}),
        (None, {"a": 1}),
        (None, {"a": None}),
        (None, {1: b"b"}),
        (None, {"": b"b"}),
        (None, {"a": b"b", "c": b"d"}),
        (None, [("a", b"b"), ("a", b"c")]),
        (None, [("a", ("x.txt", b"b")), ("c", ("y.txt", b"d"))]),
        (None, [("a", b"b", b"c")]),
        (None, "a"),
        ([("c", "d")], {"a": b"b"}),
        ("c=d", {"a": b"b"}),
        (None, {"a": b"b"}, None),
        ({"c": "d"}, {"a": b"b"}, None),
        (None, {"a": b"b"}, "multipart/form-data"),
        (None, {"a": b"b"}, "multipart/form-data; boundary="),
        (None, {"a": b"b"}, 'multipart/form-data; boundary="XX"'),
        (None, {"a": b"b"}, 'multipart/form-data; boundary="X X"'),
        (None, {"a": b"b"}, "multipart/form-data; charset=utf-8; boundary=XX"),
        (None, {"a": b"b"}, "multipart/form-data;boundary=XX"),
        (None, {"a": b"b"}, "multipart/mixed; boundary=XX"),
        (None, {"a": b"b"}, "multipart/form-data; BOUNDARY=XX"),
        (None, {"a": b"b"}, "Multipart/Form-Data; boundary=XX"),
        (None, {"a": b"b"}, "text/plain"),
    ],
)


class Sized(io.BytesIO):
    """A file of which only its end is known by seeking."""

    name = "/folder/sized.txt"


class Unseekable(io.RawIOBase):
    """A file that cannot be measured."""

    def __init__(self) -> None:
        self.parts = [b"abc", b"def"]

    def read(self, size: int = -1) -> bytes:
        return self.parts.pop(0) if self.parts else b""


class Named(io.BytesIO):
    """A file whose name is a number, as descriptors have them."""

    name = 5


def moved() -> io.BytesIO:
    file = io.BytesIO(b"abcdef")
    file.seek(3)
    return file


FILES: dict[str, Callable[[], Any]] = {
    "bytes": lambda: io.BytesIO(b"abc"),
    "empty": lambda: io.BytesIO(),
    "named": lambda: Sized(b"abc"),
    "named by a number": lambda: Named(b"abc"),
    "text": lambda: io.StringIO("abc"),
    "unseekable": Unseekable,
    "moved": moved,
    "list": lambda: [b"abc"],
}
FIXED = {"Content-Type": "multipart/form-data; boundary=XX"}


def upload(kind: str) -> object:
    return describe(httpx.Request("POST", URL, files={"a": FILES[kind]()}, headers=FIXED))


def upload_named(kind: str) -> object:
    files = {"a": ("name.bin", FILES[kind](), "text/plain")}
    return describe(httpx.Request("POST", URL, files=files, headers=FIXED))


def join(request: httpx.Request) -> bytes:
    """Return the body; in which parts it comes is nobody's business."""
    assert isinstance(request.stream, httpx.SyncByteStream)
    return b"".join(request.stream)


def upload_twice(kind: str) -> object:
    request = httpx.Request("POST", URL, files={"a": FILES[kind]()}, headers=FIXED)
    return [join(request), join(request)]


def send_file(kind: str) -> object:
    return describe(httpx.Request("POST", URL, content=FILES[kind]()))


async def upload_async(kind: str) -> object:
    request = httpx.Request("POST", URL, files={"a": FILES[kind]()}, headers=FIXED)
    return await request.aread()


CASES.table(upload, FILES)
CASES.table(upload_named, FILES)
CASES.table(upload_twice, FILES)
CASES.table(send_file, FILES)
CASES.table(upload_async, FILES)
CASES.expressions(
    """
httpx.Request("POST", URL, data={"a": "b"}, json={}).read()
httpx.Request("POST", URL, files={"a": b"b"}, content=b"c").read()
httpx.Request("POST", URL, files={"a": b"b"}, json={}, headers=FIXED).read()
httpx.Request("POST", URL, data=b"a", files={"a": b"b"}, headers=FIXED).read()
type(httpx.Request("POST", URL, files={"a": b"b"}).stream).__name__
join(httpx.Request("POST", URL, files={"a": b"b"}, headers=FIXED))
join(httpx.Request("POST", URL, data={"c": "d"}, files={"a": b"b"}, headers=FIXED))
len(join(httpx.Request("POST", URL, files={"a": io.BytesIO(b"b" * 70000)}, headers=FIXED)))
[len(part) for part in httpx.Request("POST", URL, content=io.BytesIO(b"b" * 200000)).stream]
httpx.Request("POST", URL, files={"a": b"b"}, headers={"Content-Length": "3", **FIXED}).headers.raw
httpx.Request("POST", URL, files={"a": b"b"}, headers={"Transfer-Encoding": "chunked", **FIXED}).headers.raw
len(httpx.Request("POST", URL, files={"a": b"b"}).headers["Content-Type"])
httpx.Request("GET", URL, files={}).headers.raw
httpx.Request("POST", URL, files={}).headers.raw
httpx.Request("POST", URL, files=[]).headers.raw
httpx.Request("POST", URL, files=None).headers.raw
httpx.Request("POST", URL, data={"a": "b"}, files={}).read()
httpx.Request("POST", URL, data={"a": "b"}, files=[]).headers.raw
""",
    names={"URL": URL, "FIXED": FIXED, "io": io, "join": join},
)
