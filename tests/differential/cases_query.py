"""Query parameters: what makes them, what they give, how they are written, and their immutable changes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe_params(given: object) -> object:
    """Return all that query parameters tell about themselves."""
    params = httpx.QueryParams(given)  # type: ignore[arg-type]  # rows hold what is refused, too
    return {
        "str": str(params),
        "repr": repr(params),
        "keys": list(params.keys()),
        "values": list(params.values()),
        "items": list(params.items()),
        "multi_items": params.multi_items(),
        "length": len(params),
        "truth": bool(params),
    }


def edit(text: str, steps: list[tuple[str, list[Any]]]) -> object:
    """Return the query after a row of method calls, each of which gives another one."""
    params = httpx.QueryParams(text)
    told: list[object] = []
    for name, arguments in steps:
        given = getattr(params, name)(*arguments)
        told.append(given)
        params = given if isinstance(given, httpx.QueryParams) else params
    return [told, str(params), hash(params) == hash(httpx.QueryParams(str(params)))]


CASES.table(
    edit,
    [
        ("a=1&b=2&a=3", [("set", ["a", "4"]), ("add", ["b", None]), ("remove", ["c"])]),
        ("a=1&b=2&a=3", [("merge", [{"a": ["5", "6"], "c": ""}]), ("get_list", ["a"]), ("keys", [])]),
        ("a=1", [("merge", [None]), ("merge", ["b=2"]), ("remove", ["a"]), ("get", ["a"])]),
        ("", [("add", ["a", True]), ("set", ["a", 1.5]), ("multi_items", []), ("values", [])]),
    ],
)


def write_value(value: str) -> object:
    """Return how the value is written as a name and as a value."""
    return [str(httpx.QueryParams({value: "a"})), str(httpx.QueryParams({"a": value}))]


CASES.table(
    describe_params,
    [
        None,
        "",
        "a",
        "a=",
        "a=b",
        "a=b&a=c",
        "a=b&c=d&a=e",
        "=b",
        "=",
        "&",
        "a&&b",
        "a=b=c",
        "a+b=c+d",
        "a%20b=c%20d",
        "a=%",
        "a=%zz",
        "a=%2",
        "a=%ff",
        "a=é",
        "a=%C3%A9",
        "?a=b",
        "a=b;c=d",
        "a=b#c",
        " a = b ",
        "a=\n",
        b"a=b",
        b"a=%C3%A9",
        b"",
        b"a=\xc3\xa9",
        b"a=\xff",
        {},
        {"a": "b"},
        {"a": ""},
        {"a": None},
        {"a": True, "b": False},
        {"a": 1, "b": 2.5, "c": -0.0, "d": 1e100},
        {"a": ["b", "c"]},
        {"a": ("b", "c")},
        {"a": []},
        {"a": [None, True, 1]},
        {"a": [["b"]]},
        {"a": b"b"},
        {"a": {"b": "c"}},
        {1: 2},
        {None: "a"},
        {True: "a"},
        {b"a": b"b"},
        {"a": 1 + 2j},
        [],
        [("a", "b"), ("a", "c"), ("d", "e")],
        [["a", "b"]],
        [("a", ["b", "c"])],
        [("a", None), ("b", 1), ("c", True)],
        ((),),
        [("a",)],
        [("a", "b", "c")],
        ["ab"],
        ["a"],
        [1],
        1,
        1.5,
        True,
        False,
        0,
    ],
)
CASES.table(describe_params, [(("a", "b"),), ((("a", "b"), ("a", "c")),)])
CASES.table(
    write_value,
    [
        *[chr(number) for number in [0, 9, 10, 13, *range(32, 48), *range(58, 65), *range(91, 97), *range(123, 128)]],
        *["é", "😀", "a b", "a+b", "%20", "%zz", "a&b=c", "\ud800", "ü\u2003", "/?:@", "~-._"],
    ],
)

CASES.expressions(
    """
httpx.QueryParams()
httpx.QueryParams(a="b", c=1)
httpx.QueryParams("a=b", c="d")
httpx.QueryParams("a=b", "c=d")
httpx.QueryParams(httpx.QueryParams("a=b&a=c"))
httpx.QueryParams(a=["b", "c"])
httpx.QueryParams({"a": "b"})["a"]
httpx.QueryParams("a=b&a=c")["a"]
httpx.QueryParams("a=b")["c"]
httpx.QueryParams("a=b").get("a")
httpx.QueryParams("a=b").get("c")
httpx.QueryParams("a=b").get("c", "d")
httpx.QueryParams("a=b").get(1)
httpx.QueryParams("1=b").get(1)
httpx.QueryParams("a=b&a=c").get_list("a")
httpx.QueryParams("a=b").get_list("c")
"a" in httpx.QueryParams("a=b")
"c" in httpx.QueryParams("a=b")
1 in httpx.QueryParams("a=b")
list(httpx.QueryParams("a=b&c=d&a=e"))
httpx.QueryParams("a=b").set("a", "c")
httpx.QueryParams("a=b&d=e&a=c").set("a", "f")
httpx.QueryParams("a=b").set("c", None)
httpx.QueryParams("a=b").set("c")
httpx.QueryParams("a=b").set("c", 1)
httpx.QueryParams("a=b").set("c", ["d", "e"])
httpx.QueryParams("a=b").add("a", "c")
httpx.QueryParams("a=b").add("c", True)
httpx.QueryParams("a=b").add("c")
httpx.QueryParams("a=b").add("c", ["d"])
httpx.QueryParams("a=b&a=c&d=e").remove("a")
httpx.QueryParams("a=b").remove("c")
httpx.QueryParams("a=b&c=d").merge({"a": "e", "f": "g"})
httpx.QueryParams("a=b&a=c").merge("a=d")
httpx.QueryParams("a=b&c=d").merge("c=1&c=2&a=3")
httpx.QueryParams("a=b").merge({})
httpx.QueryParams("a=b").merge(None)
httpx.QueryParams("a=b").merge("")
httpx.QueryParams("a=b").merge(1)
httpx.QueryParams("a=b").update({"a": "c"})
httpx.QueryParams("a=b").update()
httpx.QueryParams("a=b").__setitem__("a", "c")
httpx.QueryParams("a=b").__delitem__("a")
httpx.QueryParams("a=b").pop("a")
httpx.QueryParams("a=b") == httpx.QueryParams({"a": "b"})
httpx.QueryParams("a=b&c=d") == httpx.QueryParams("c=d&a=b")
httpx.QueryParams("a=b&a=c") == httpx.QueryParams("a=c&a=b")
httpx.QueryParams("a=b") == "a=b"
httpx.QueryParams("a=b") == {"a": "b"}
httpx.QueryParams("a=b") == [("a", "b")]
httpx.QueryParams("a=b") != httpx.QueryParams("a=b")
httpx.QueryParams(a=1) == httpx.QueryParams(a="1")
httpx.QueryParams("") == httpx.QueryParams(None)
hash(httpx.QueryParams("a=b")) == hash(httpx.QueryParams({"a": "b"}))
len({httpx.QueryParams("a=b"), httpx.QueryParams({"a": "b"}), httpx.QueryParams("a=c")})
dict(httpx.QueryParams("a=b&a=c"))
list(httpx.QueryParams("a=b&a=c").items())
bool(httpx.QueryParams(""))
bool(httpx.QueryParams("a"))
copy.copy(httpx.QueryParams("a=b"))
copy.deepcopy(httpx.QueryParams("a=b&a=c"))
pickle.loads(pickle.dumps(httpx.QueryParams("a=b&a=c&d=é")))
repr(httpx.QueryParams({"a": "'\\"é"}))
type(httpx.QueryParams("a=b").keys()).__name__
type(httpx.QueryParams("a=b").values()).__name__
type(httpx.QueryParams("a=b").items()).__name__
isinstance(httpx.QueryParams(), dict)
isinstance(httpx.QueryParams(), typing.Mapping)
isinstance(httpx.QueryParams(), typing.MutableMapping)
""",
    names={"copy": copy, "pickle": pickle, "typing": __import__("typing")},
)
