"""Record the public surface of an installed httpx: every name, with its signature, its members and its bases.

    python tests/conformance/record_surface.py PYTHON > tests/conformance/surface.json

PYTHON is the interpreter of an environment in which HTTPX 0.28.1 is installed. The recorder runs there as a program
of its own and needs nothing but the standard library; the tests read what it wrote, and compare by the same functions.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import subprocess
import sys
from typing import Any

# What every object has, and how classes are made: no part of a surface.
_INTERNALS = frozenset(
    [
        "__abstractmethods__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__class_getitem__",
        "__conditional_annotations__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__getstate__",
        "__match_args__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__qualname__",
        "__reduce__",
        "__repr__",
        "__reversed__",
        "__setstate__",
        "__slots__",
        "__static_attributes__",
        "__str__",
        "__subclasshook__",
        "__weakref__",
    ]
)

# Objects whose repr, text and attributes programs see. Evaluated with `httpx` for the package.
EXPRESSIONS = """
httpx.Client
httpx.ConnectError
httpx.Client()
httpx.AsyncClient()
httpx.HTTPTransport()
httpx.BaseTransport()
httpx.MockTransport(print)
httpx.Auth()
httpx.BasicAuth("user", "secret")
httpx.DigestAuth("user", "secret")
httpx.ByteStream(b"abc")
httpx.Timeout(5)
httpx.Timeout(5.0)
httpx.Timeout(None)
httpx.Timeout(5, connect=60.0)
httpx.Timeout((1, 2.5, None, 4))
httpx.Timeout(connect=1, read=1, write=1, pool=1)
httpx.Limits()
httpx.Limits(max_connections=5, keepalive_expiry=None)
httpx.Proxy("http://proxy.example:8080")
httpx.Proxy("http://user:secret@proxy.example:8080/")
httpx.Proxy("http://proxy.example:8080", auth=("user", "secret"), headers={"X-A": "b"})
httpx.Proxy("socks5://proxy.example")
httpx.URL()
httpx.URL("https://www.example.org")
httpx.URL("https://www.example.org/")
httpx.URL("https://user:secret@www.example.org:8443/a b?c=d e#f g")
httpx.URL("https://user@www.example.org")
httpx.URL("http://xn--fiqs8s.icom.museum/")
httpx.URL("https://[::1]:443/")
httpx.URL("/a?b")
httpx.URL("HTTP://EXAMPLE.ORG/%7Ea")
httpx.QueryParams()
httpx.QueryParams("a=1&a=2&b=")
httpx.QueryParams({"a": [1, True, None, 2.5], "b": "c d"})
httpx.QueryParams([("a", "é")])
httpx.Headers()
httpx.Headers({"X-A": "1", "x-b": "2"})
httpx.Headers([("X-A", "1"), ("x-a", "2")])
httpx.Headers({"Authorization": "Basic abc", "Proxy-Authorization": "Basic abc"})
httpx.Headers({"X-A": "é".encode("utf-8")})
httpx.Headers({"X-A": "é".encode("iso-8859-1")})
httpx.Headers({"X-A": "1"}, encoding="utf-8")
httpx.Cookies()
httpx.Cookies({"a": "1"})
httpx.Request("get", "https://user:secret@www.example.org/a?b=c")
httpx.Request("POST", "https://www.example.org/", json={"a": 1})
httpx.Request("POST", "https://www.example.org/", content=iter([b"a"]))
httpx.Request("QUERY", httpx.URL("/a"))
httpx.Response(200)
httpx.Response(404, text="gone")
httpx.Response(200, json={"a": 1})
httpx.Response(200, html="<p>")
httpx.Response(200, content=iter([b"a"]))
httpx.Response(299)
httpx.Response(200, extensions={"reason_phrase": b"Fine", "http_version": b"HTTP/2"})
httpx.HTTPError("text")
httpx.RequestError("text")
httpx.ConnectTimeout("text", request=httpx.Request("GET", "https://www.example.org"))
httpx.HTTPStatusError("text", request=httpx.Request("GET", "/"), response=httpx.Response(404))
httpx.InvalidURL("text")
httpx.CookieConflict("text")
httpx.StreamError("text")
httpx.StreamConsumed()
httpx.StreamClosed()
httpx.ResponseNotRead()
httpx.RequestNotRead()
httpx.codes.OK
httpx.codes(404)
httpx.codes.get_reason_phrase(418)
httpx.codes.get_reason_phrase(299)
httpx.codes.NOT_FOUND == 404
httpx.codes.not_found
httpx.codes.is_redirect(302)
httpx.USE_CLIENT_DEFAULT
""".strip().split("\n")


def describe_package(name: str = "httpx") -> dict[str, Any]:
    """Return the surface of a package as what JSON can hold."""
    package = importlib.import_module(name)
    return {
        "version": package.__version__,
        "all": sorted(package.__all__),
        "names": {public: describe(getattr(package, public)) for public in sorted(package.__all__)},
        "objects": {expression: describe_object(package, expression) for expression in EXPRESSIONS},
    }


def describe_object(package: Any, expression: str) -> dict[str, Any]:
    """Return how the value of an expression shows, and the attributes that it has besides those of its class."""
    value = eval(expression, {"httpx": package})
    attributes = {} if isinstance(value, type) else getattr(value, "__dict__", {})
    return {
        "repr": describe_default(value),
        "str": str(value) if isinstance(value, (Exception, str)) or " at 0x" not in str(value) else "",
        "attributes": sorted(name for name in attributes if name[0] != "_"),
    }


def describe(value: Any) -> dict[str, Any]:
    """Return what can be told about a public object."""
    if inspect.isclass(value):
        return describe_class(value)
    if callable(value) and hasattr(value, "__name__"):
        return {"kind": "function", "signature": describe_function(value)}
    return {"kind": "value", "type": type(value).__name__, "repr": describe_default(value)}


def describe_class(cls: type) -> dict[str, Any]:
    """Return the bases of a class, what makes its objects, and its members, inherited ones included."""
    described: dict[str, Any] = {
        "kind": "class",
        "module": cls.__module__,
        "bases": [base.__name__ for base in cls.__mro__[1:] if base.__module__ != "typing" and base is not object],
        "hashable": cls.__hash__ is not None,
        "members": {name: describe_member(member) for name, member in sorted(find_members(cls).items())},
    }
    if issubclass(cls, enum.Enum):
        described["values"] = {name: member.value for name, member in cls.__members__.items()}
    return described


def find_members(cls: type) -> dict[str, Any]:
    """Return what a class has for its users: public names, and special methods that it defines."""
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        # What Python's own classes give changes with Python, and is no choice of the package.
        if base.__module__ in ("builtins", "enum", "typing"):
            continue
        constants = base.__members__ if issubclass(base, enum.Enum) else {}
        members.update(
            (name, member)
            for name, member in vars(base).items()
            if name not in _INTERNALS and name not in constants and (name[0] != "_" or name.endswith("__"))
        )
    return members


def describe_member(member: Any) -> str:
    """Return what can be told about an attribute of a class, in the form of a line of Python."""
    if isinstance(member, property):
        getter: Any = member.fget
        access = "" if member.fset is None else ", settable"
        return f"property{access} -> {describe_annotation(inspect.signature(getter).return_annotation)}"
    if isinstance(member, classmethod | staticmethod):
        return f"{type(member).__name__} {describe_function(member.__func__)}"
    if callable(member) and hasattr(member, "__name__"):
        return describe_function(member)
    return f"= {describe_default(member)}"


def describe_function(function: Any) -> str:
    """Return what calling a function gives, and its signature."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "def, of C"
    parameters = [
        parameter.replace(
            annotation=_Shown.make(describe_annotation(parameter.annotation)),
            default=_Shown.make(describe_default(parameter.default)),
        )
        for parameter in signature.parameters.values()
    ]
    shown = inspect.Signature(parameters)
    return f"{find_colour(function)} {shown} -> {describe_annotation(signature.return_annotation)}"


def find_colour(function: Any) -> str:
    """Return what calling gives: something at once, a coroutine, an iterator, or a context manager."""
    block = getattr(function, "block", None)
    if block is not None:
        return "async context manager def" if hasattr(block, "__aenter__") else "context manager def"
    wrapped = inspect.unwrap(function)
    # A context manager made of a generator is a plain function, with the generator in sight.
    manager = "" if wrapped is function else "context manager "
    if inspect.isasyncgenfunction(wrapped):
        return f"async {manager or 'generator '}def"
    if inspect.isgeneratorfunction(wrapped):
        return f"{manager or 'generator '}def"
    return "async def" if inspect.iscoroutinefunction(wrapped) else "def"


def describe_annotation(annotation: Any) -> str:
    """Return an annotation as text; the members of a union in alphabetical order, since theirs means nothing."""
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for module in ("typing.", "collections.abc.", "builtins.", "datetime."):
        text = text.replace(module, "")
    members, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            members.append("")
        else:
            members[-1] += character
    return " | ".join(sorted(member.strip() for member in members))


def describe_default(value: Any) -> str:
    """Return the repr of a value, or its type if it stands for an argument that was not given."""
    if value is inspect.Parameter.empty:
        return ""
    is_sentinel = " at 0x" in repr(value) or type(value).__name__ in ("UnsetType", "UseClientDefault")
    return f"<{type(value).__name__}>" if is_sentinel else repr(value)


class _Shown:
    """Text that shows as itself in a signature, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def make(cls, text: str) -> Any:
        """Return the text in a form for a signature, which has a word of its own for nothing."""
        return cls(text) if text else inspect.Parameter.empty

    def __repr__(self) -> str:
        return self._text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(subprocess.run([sys.argv[1], "-I", __file__]).returncode)
    json.dump(describe_package(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
