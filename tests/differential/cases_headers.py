"""Headers: what makes them, look-ups, changes, encodings, order, equality, copies and reprs."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe_headers(given: object) -> object:
    """Return all that headers tell about themselves."""
    return describe(httpx.Headers(given))  # type: ignore[arg-type]  # rows hold what is refused, too


def describe(headers: httpx.Headers) -> object:
    return {
        "raw": headers.raw,
        "repr": repr(headers),
        "str": str(headers),
        "keys": list(headers.keys()),
        "values": list(headers.values()),
        "items": list(headers.items()),
        "multi_items": headers.multi_items(),
        "length": len(headers),
        "truth": bool(headers),
        "encoding": headers.encoding,
    }


CASES.table(
    describe_headers,
    [
        None,
        {},
        [],
        ((),),
        {"a": "b"},
        {"A-Name": "B"},
        {b"A-Name": b"B"},
        {"a": b"b"},
        {"a": ""},
        {"": "b"},
        {" a ": " b "},
        {"a": "é"},
        {"a": "€"},
        {"a": "\n"},
        {"é": "a"},
        {"a": b"\xc3\xa9"},
        {"a": b"\xff"},
        {"a": b"\xe2\x82\xac"},
        {"A": "1", "a": "2"},
        {"a": "b, c"},
        {"a": None},
        {"a": 1},
        {"a": 1.5},
        {"a": True},
        {"a": ["b", "c"]},
        {1: "a"},
        {None: "a"},
        [("a", "b")],
        [("a", "b"), ("A", "c"), ("d", "e")],
        [(b"a", b"b")],
        [["a", "b"]],
        [("a", "b", "c")],
        [("a",)],
        ["ab"],
        ["abc"],
        "a",
        "",
        b"a",
        1,
        {"Authorization": "Basic secret"},
        {"Proxy-Authorization": "Basic secret"},
        {"authorization": "a", "x": "b"},
        [("Authorization", "a"), ("Authorization", "b")],
        {"X-Api-Key": "secret"},
        {"a": "'\"\\"},
        [("a", "é"), ("b", "€")],
        {"a": bytearray(b"b")},
    ],
)
CASES.table(describe_headers, [((("a", "b"), ("c", "d")),)])


CHANGES: dict[str, Callable[[Any], object]] = {
    "set a name that is there": lambda headers: headers.__setitem__("a", "x"),
    "set a name that is there twice": lambda headers: headers.__setitem__("B", "x"),
    "set a name in other letters": lambda headers: headers.__setitem__("A", "x"),
    "set a new name": lambda headers: headers.__setitem__("New", "x"),
    "set bytes": lambda headers: headers.__setitem__(b"a", b"x"),
    "set None": lambda headers: headers.__setitem__("a", None),
    "set a number": lambda headers: headers.__setitem__("a", 1),
    "set an accented letter": lambda headers: headers.__setitem__("a", "é"),
    "set a letter beyond latin-1": lambda headers: headers.__setitem__("a", "€"),
    "delete a name": lambda headers: headers.__delitem__("a"),
    "delete a name that is there twice": lambda headers: headers.__delitem__("b"),
    "delete a name that is not there": lambda headers: headers.__delitem__("x"),
    "delete bytes": lambda headers: headers.__delitem__(b"a"),
    "update by a mapping": lambda headers: headers.update({"a": "x", "new": "y"}),
    "update by pairs": lambda headers: headers.update([("b", "x"), ("b", "y")]),
    "update by headers": lambda headers: headers.update(httpx.Headers([("B", "x"), ("b", "y"), ("Z", "z")])),
    "update by nothing": lambda headers: headers.update(),
    "update by None": lambda headers: headers.update(None),
    "update by words": lambda headers: headers.update(a="x"),
    "update by a number": lambda headers: headers.update(1),
    "pop": lambda headers: headers.pop("a"),
    "pop a name that is there twice": lambda headers: headers.pop("b"),
    "pop a name that is not there": lambda headers: headers.pop("x"),
    "pop with a default": lambda headers: headers.pop("x", "y"),
    "pop an item": lambda headers: headers.popitem(),
    "clear": lambda headers: headers.clear(),
    "set a default that is there": lambda headers: headers.setdefault("A", "x"),
    "set a default that is not there": lambda headers: headers.setdefault("New", "x"),
    "set a default of None": lambda headers: headers.setdefault("New"),
    "set an encoding": lambda headers: setattr(headers, "encoding", "utf-8"),
    "set an encoding that is none": lambda headers: setattr(headers, "encoding", "nothing"),
    "set raw": lambda headers: setattr(headers, "raw", []),
    "change raw": lambda headers: headers.raw.clear(),
    "change a copy": lambda headers: headers.copy().clear(),
    "change multi_items": lambda headers: headers.multi_items().clear(),
    "set another attribute": lambda headers: setattr(headers, "other", 1),
}


def change(name: str) -> object:
    """Return what a change gives, and the headers after it."""
    headers = httpx.Headers([("A", "1"), ("B", "2"), ("c", "3"), ("b", "4")])
    given = CHANGES[name](headers)
    return [given, describe(headers)]


def edit(pairs: list[tuple[str, str]], steps: list[tuple[str, list[Any]]]) -> object:
    """Return what a row of method calls gives, and the headers after it."""
    headers = httpx.Headers(pairs)
    given: list[object] = []
    for name, arguments in steps:
        try:
            given.append(getattr(headers, name)(*arguments))
        except (KeyError, ValueError) as exc:
            given.append(type(exc).__name__)
    return [given, describe(headers)]


CASES.table(
    edit,
    [
        ([("A", "1"), ("b", "2"), ("a", "3")], [("__setitem__", ["a", "4"]), ("__setitem__", ["A", "5"])]),
        ([("A", "1"), ("b", "2"), ("a", "3")], [("__delitem__", ["a"]), ("__delitem__", ["a"])]),
        ([("A", "1"), ("b", "2")], [("update", [{"B": "3", "c": "4"}]), ("pop", ["C"]), ("setdefault", ["d", "5"])]),
        ([("A", "1")], [("update", [[("a", "2"), ("a", "3")]]), ("get_list", ["a"]), ("popitem", [])]),
        ([("a", "1, 2")], [("get_list", ["A", True]), ("__contains__", ["A"]), ("clear", []), ("get", ["a"])]),
    ],
)


def decode(raw: bytes, encoding: str | None) -> object:
    headers = httpx.Headers([(b"a", raw)], encoding=encoding)
    return [headers.encoding, headers["a"], repr(headers), headers.raw]


CASES.table(change, CHANGES)
CASES.table(
    decode,
    [
        (raw, encoding)
        for raw in [b"a", b"\xc3\xa9", b"\xe9", b"\xa4", b"\x81"]
        for encoding in [None, "ascii", "utf-8", "latin-1", "iso-8859-15", "cp1252", "nothing"]
    ],
)
CASES.expressions(
    """
httpx.Headers()["a"]
httpx.Headers({"a": "b"})["a"]
httpx.Headers({"a": "b"})["A"]
httpx.Headers({"a": "b"})[b"a"]
httpx.Headers({"a": "b"})[1]
httpx.Headers({"a": "b"})[None]
httpx.Headers([("a", "b"), ("a", "c")])["a"]
httpx.Headers({"a": "b"}).get("A")
httpx.Headers({"a": "b"}).get("c")
httpx.Headers({"a": "b"}).get("c", "d")
httpx.Headers({"a": "b"}).get("c", 1)
httpx.Headers({"a": "b"}).get(b"a")
httpx.Headers([("a", "b"), ("A", "c, d")]).get_list("a")
httpx.Headers([("a", "b"), ("A", "c, d")]).get_list("a", split_commas=True)
httpx.Headers([("a", " b ,c,, d ")]).get_list("a", split_commas=True)
httpx.Headers([("a", "")]).get_list("a", split_commas=True)
httpx.Headers([("a", "")]).get_list("a")
httpx.Headers({"a": "b"}).get_list("c")
httpx.Headers({"a": "b"}).get_list("c", split_commas=True)
"a" in httpx.Headers({"A": "b"})
"A" in httpx.Headers({"a": "b"})
b"a" in httpx.Headers({"a": "b"})
1 in httpx.Headers({"a": "b"})
None in httpx.Headers({"a": "b"})
"c" in httpx.Headers({"a": "b"})
list(httpx.Headers([("A", "b"), ("c", "d"), ("a", "e")]))
len(httpx.Headers([("A", "b"), ("c", "d"), ("a", "e")]))
httpx.Headers([("A", "b"), ("c", "d"), ("a", "e")]).raw
dict(httpx.Headers([("A", "b"), ("c", "d"), ("a", "e")]))
httpx.Headers({"a": "b"}) == httpx.Headers({"A": "b"})
httpx.Headers({"a": "b"}) == httpx.Headers({"a": "B"})
httpx.Headers({"a": "b"}) == {"A": "b"}
httpx.Headers({"a": "b"}) == [("A", "b")]
httpx.Headers({"a": "b"}) == "a: b"
httpx.Headers({"a": "b"}) == None
httpx.Headers({"a": "b"}) == 1
httpx.Headers([("a", "b"), ("c", "d")]) == [("c", "d"), ("a", "b")]
httpx.Headers([("a", "b"), ("a", "c")]) == [("a", "c"), ("a", "b")]
httpx.Headers([("a", "b"), ("a", "c")]) == {"a": "b, c"}
httpx.Headers({"a": "b"}) != {"a": "b"}
httpx.Headers() == {}
{} == httpx.Headers()
bool(httpx.Headers())
hash(httpx.Headers())
httpx.Headers(httpx.Headers([("A", "b"), ("a", "c")])).raw
httpx.Headers(httpx.Headers({"a": b"\\xc3\\xa9"}), encoding="latin-1")["a"]
httpx.Headers({"a": "é"}, encoding="utf-8").raw
httpx.Headers({"a": "€"}, encoding="utf-8").raw
httpx.Headers({"a": "é"}, encoding="latin-1").raw
httpx.Headers({"é": "a"}, encoding="utf-8").raw
repr(httpx.Headers({"a": "é"}, encoding="utf-8"))
repr(httpx.Headers({"a": "b"}, encoding="latin-1"))
repr(httpx.Headers({"a": "b"}, encoding="ascii"))
repr(httpx.Headers([("a", "b"), ("a", "c")]))
repr(httpx.Headers({"Authorization": "a"}))
repr(httpx.Headers({"Cookie": "a=b"}))
repr(httpx.Headers({"Set-Cookie": "a=b"}))
repr(httpx.Headers([("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]))
repr(httpx.Headers({"a": ""}))
httpx.Headers({"Authorization": "a"})["authorization"]
list(httpx.Headers({"Authorization": "a"}).items())
copy.copy(httpx.Headers([("A", "b"), ("a", "c")])).raw
copy.deepcopy(httpx.Headers([("A", "b"), ("a", "c")])).raw
httpx.Headers({"a": "é"}, encoding="utf-8").copy().encoding
pickle.loads(pickle.dumps(httpx.Headers([("A", "b"), ("a", "c")]))).raw
pickle.loads(pickle.dumps(httpx.Headers({"a": "é"}))).encoding
type(httpx.Headers().keys()).__name__
type(httpx.Headers().values()).__name__
type(httpx.Headers().items()).__name__
isinstance(httpx.Headers(), typing.MutableMapping)
""",
    names={"copy": copy, "pickle": pickle, "typing": __import__("typing")},
)
