"""URLs from other URLs: references that are joined, and copies with other components."""

from __future__ import annotations

import httpx
from tests.differential.cases import Cases
from tests.differential.cases_urls import describe_url

CASES = Cases()


def join(base: str, reference: str) -> object:
    return str(httpx.URL(base).join(reference))


def copy_with(base: str, changes: dict[str, object]) -> object:
    return describe_url(str(httpx.URL(base).copy_with(**changes)))


CASES.table(
    join,
    # RFC 3986 5.4.1 and 5.4.2
    [
        ("http://a/b/c/d;p?q", reference)
        for reference in [
            *["g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", "g#s", "g?y#s", ";x", "g;x", "g;x?y#s", "", "."],
            *["./", "..", "../", "../g", "../..", "../../", "../../g", "../../../g", "../../../../g", "/./g", "/../g"],
            *["g.", ".g", "g..", "..g", "./../g", "./g/.", "g/./h", "g/../h", "g;x=1/./y", "g;x=1/../y", "g?y/./x"],
            *["g?y/../x", "g#s/./x", "g#s/../x", "http:g", "g h", "é", "?é", "#é", "g%2fh", "//g:80", "//u:p@g/h"],
        ]
    ],
)
CASES.table(
    join,
    [
        ("http://a", "b"),
        ("http://a", ""),
        ("http://a", "?b"),
        ("http://a", "#b"),
        ("http://a?b", "c"),
        ("http://a?b#c", ""),
        ("http://a?b#c", "#d"),
        ("http://a:8080/b", "//c"),
        ("http://u:p@a/b", "c"),
        ("http://u:p@a/b", "/c"),
        ("http://u:p@a/b", "//c"),
        ("http://u:p@a/b", "http://c"),
        ("https://a/b", "http://a/c"),
        ("https://a/b", "//c:443/"),
        ("/a/b", "c"),
        ("/a/b", "../c"),
        ("/a/b", "../../c"),
        ("a/b", "c"),
        ("a", "b"),
        ("", "a"),
        ("", ""),
        ("", "http://a"),
        ("mailto:a@b", "c"),
        ("http://[::1]/a", "b"),
        ("http://münchen.example/a", "b"),
        ("http://a/b/", "c"),
        ("http://a/b/?c=d", "e?f=g"),
        ("http://a//b", "c"),
        ("http://a/b", "//"),
        ("http://a/b", "/ /"),
        ("http://a/b", "c:d"),
        ("http://a/b", "c;"),
        ("http://a/b", ";"),
        ("http://a/b;c", ""),
        ("http://a/b;c/d;e", "f;g"),
        ("http://a/b?c", "?"),
        ("http://a/b?c", "d?"),
        ("http://a/b", "c#"),
        ("http://a/b", "#"),
        ("http://a/b?", "#c"),
        ("http://a/b", "http:"),
        ("http://a/b", "http://["),
        ("http://a/b", "\n"),
    ],
)
BASE = "http://user:secret@a:8080/b?c=d#e"
CASES.table(
    copy_with,
    [
        (BASE, changes)
        for changes in [
            {},
            {"scheme": "https"},
            {"scheme": "HTTPS"},
            {"scheme": "1"},
            {"scheme": ""},
            {"scheme": None},
            {"scheme": "https", "port": 443},
            {"host": "b"},
            {"host": "é"},
            {"host": "::1"},
            {"host": "[::1]"},
            {"host": "127.0.0.1"},
            {"host": ""},
            {"host": None},
            {"host": "b:80"},
            {"host": "b/c"},
            {"host": "b@c"},
            {"host": "b c"},
            {"port": 80},
            {"port": None},
            {"port": "90"},
            {"port": 0},
            {"port": -1},
            {"port": 70000},
            {"port": "a"},
            {"port": 1.5},
            {"netloc": b"b"},
            {"netloc": b"b:9"},
            {"netloc": b"x@b:9"},
            {"netloc": "b"},
            {"netloc": b"[::1]:1"},
            {"netloc": b":1"},
            {"netloc": b""},
            {"username": "other"},
            {"username": ""},
            {"username": "us/er@:"},
            {"password": "other"},
            {"password": ""},
            {"password": "p/w@:"},
            {"username": "a", "password": "b"},
            {"userinfo": b"x:y"},
            {"userinfo": b""},
            {"userinfo": "x"},
            {"path": "/x"},
            {"path": "x"},
            {"path": ""},
            {"path": "/x y?z#a"},
            {"path": "/%2f%zz"},
            {"path": "//x"},
            {"path": "/é"},
            {"path": None},
            {"path": b"/x"},
            {"raw_path": b"/x"},
            {"raw_path": b"/x?y"},
            {"raw_path": b"/x?"},
            {"raw_path": b""},
            {"raw_path": b"x"},
            {"raw_path": "/x?y"},
            {"query": b"x=y"},
            {"query": b""},
            {"query": None},
            {"query": "x=y"},
            {"query": b"x y"},
            {"query": b"a#b"},
            {"params": {"x": "y z"}},
            {"params": {}},
            {"params": None},
            {"params": "&"},
            {"params": {"a": []}},
            {"params": "x=y"},
            {"params": [("x", "1"), ("x", "2")]},
            {"fragment": "x"},
            {"fragment": ""},
            {"fragment": None},
            {"fragment": "x y#z"},
            {"fragment": b"x"},
            {"nothing": 1},
            {"host": 1},
            {"path": "/\n"},
        ]
    ],
)
CASES.table(
    copy_with,
    [
        ("", {"scheme": "http"}),
        ("", {"host": "a"}),
        ("", {"path": "a"}),
        ("", {"path": "//a"}),
        ("", {"path": "a:b"}),
        ("/a", {"host": "b"}),
        ("/a", {"scheme": "http", "host": "b"}),
        ("a", {"scheme": "http", "host": "b"}),
        ("http://a", {"path": "b"}),
        ("http://a", {"raw_path": b"b"}),
        ("http://[::1]:8/", {"port": None}),
        ("http://[::1]:8/", {"host": "::2"}),
        ("http://é:8/", {"port": None}),
        ("http://a/b%2Fc", {"query": b"d"}),
        ("https://a:444", {"port": 443}),
        ("https://a", {"scheme": "http", "port": 443}),
        ("mailto:a@b", {"path": "c"}),
    ],
)
