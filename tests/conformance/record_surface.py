"""Record the public surface of an installed httpx: every name, with its signature, its members and its bases.

    python tests/conformance/record_surface.py PYTHON > tests/conformance/surface.json

PYTHON is the interpreter of an environment in which HTTPX 0.28.1 is installed. The recorder runs there as a program
of its own and needs nothing but the standard library; the tests read what it wrote, and compare by the same functions.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import json
import subprocess
import sys
from typing import Any

# What every object has, and how classes are made: no part of a surface.
_INTERNALS = frozenset(
    """
    __abstractmethods__ __annotations__ __annotate__ __annotate_func__ __annotations_cache__ __class_getitem__
    __classcell__ __conditional_annotations__ __dict__ __doc__ __firstlineno__ __getstate__ __module__ __orig_bases__
    __parameters__ __qualname__ __reduce__ __reversed__ __setstate__ __slots__ __static_attributes__ __subclasshook__
    __weakref__
    """.split()
)


def describe_package(name: str = "httpx") -> dict[str, Any]:
    """Return the surface of a package as what JSON can hold."""
    package = importlib.import_module(name)
    return {
        "version": package.__version__,
        "all": sorted(package.__all__),
        "names": {public: describe(getattr(package, public)) for public in sorted(package.__all__)},
    }


def describe(value: Any) -> dict[str, Any]:
    """Return what can be told about a public object."""
    if inspect.isclass(value):
        return describe_class(value)
    if callable(value) and hasattr(value, "__name__"):
        return {"kind": "function", **describe_function(value)}
    return {"kind": "value", "type": type(value).__name__, "repr": repr(value)}


def describe_class(cls: type) -> dict[str, Any]:
    """Return the bases of a class, what makes its objects, and its members, inherited ones included."""
    described: dict[str, Any] = {
        "kind": "class",
        "module": cls.__module__,
        "bases": [base.__name__ for base in cls.__mro__[1:] if base is not object],
        "hashable": cls.__hash__ is not None,
        "members": {
            name: describe_member(inspect.getattr_static(cls, name)) for name in dir(cls) if is_member(cls, name)
        },
    }
    if issubclass(cls, enum.Enum):
        described["values"] = {name: member.value for name, member in cls.__members__.items()}
        described["members"] = {n: m for n, m in described["members"].items() if n not in cls.__members__}
    return described


def is_member(cls: type, name: str) -> bool:
    """Tell whether a name of a class is for its users: public, or a special method that `object` does not have."""
    if name in _INTERNALS or not (name.startswith("__") and name.endswith("__")):
        return not name.startswith("_")
    return inspect.getattr_static(cls, name) is not inspect.getattr_static(object, name, None)


def describe_member(member: Any) -> dict[str, Any]:
    """Return what can be told about an attribute of a class."""
    if isinstance(member, property):
        return {"kind": "property", "settable": member.fset is not None, "deletable": member.fdel is not None}
    if isinstance(member, classmethod | staticmethod):
        return {"kind": type(member).__name__, **describe_function(member.__func__)}
    if callable(member) and hasattr(member, "__name__"):
        return {"kind": "method", **describe_function(member)}
    return {"kind": "value", "repr": repr(member)}


def describe_function(function: Any) -> dict[str, Any]:
    """Return the colour of a function and its parameters; None for those that C does not tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return {"colour": find_colour(function), "parameters": None}
    return {
        "colour": find_colour(function),
        "parameters": [describe_parameter(parameter) for parameter in signature.parameters.values()],
    }


def find_colour(function: Any) -> str:
    """Return what calling gives: a coroutine, a generator, an async generator, a context manager, or plainly a value."""
    # A context manager made of a generator wraps it in a plain function, with what it wraps in sight.
    if hasattr(function, "__wrapped__"):
        wrapped = inspect.unwrap(function)
        if inspect.isasyncgenfunction(wrapped):
            return "async context manager"
        if inspect.isgeneratorfunction(wrapped):
            return "context manager"
    function = function.func if isinstance(function, functools.partial) else function
    if inspect.isasyncgenfunction(function):
        return "async generator"
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isgeneratorfunction(function):
        return "generator"
    return "plain"


def describe_parameter(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return name and kind of a parameter, and the repr of its default unless that shows an address."""
    described: dict[str, Any] = {"name": parameter.name, "kind": parameter.kind.name.lower()}
    if parameter.default is not parameter.empty:
        shown = repr(parameter.default)
        described["default"] = f"<{type(parameter.default).__name__}>" if " at 0x" in shown else shown
    return described


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(subprocess.run([sys.argv[1], "-I", __file__]).returncode)
    json.dump(describe_package(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
