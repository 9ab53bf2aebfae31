"""Query strings as an immutable multi-dict: parsing, merging and writing `application/x-www-form-urlencoded`.

The rules are those of the URL standard's form encoding: pairs are separated by "&" alone, "+" is a space, and what
is no valid escape stays as it is. Names keep the order in which they first appear, and the values of one name stand
together.
"""

from __future__ import annotations

import re
import typing
from collections.abc import ItemsView, Iterator, KeysView, ValuesView

from ._types import PrimitiveData, QueryParamTypes
from ._urlparse import quote_match, unquote

__all__ = ["QueryParams", "primitive_value_to_str"]


# typing.Mapping, not collections.abc.Mapping: the class stays a subclass of Generic, as in HTTPX 0.28.
class QueryParams(typing.Mapping[str, str]):
    """Hold the parameters of a query: each name has one or several values.

    Made from a query string (str or ASCII bytes, without "?"), a mapping whose values may be lists or tuples, a
    sequence of pairs, another QueryParams, or keyword arguments. True, False and None become "true", "false" and "".

        >>> params = QueryParams({"tag": ["a", "b"], "page": 1})
        >>> str(params)
        'tag=a&tag=b&page=1'
        >>> params["tag"], params.get_list("tag")
        ('a', ['a', 'b'])

    Instances do not change; `set`, `add`, `remove` and `merge` return changed copies.

    Raises:
        AssertionError: more than one positional argument, or positional and keyword arguments together.
    """

    __module__ = "httpx"

    _dict: dict[str, list[str]]

    def __init__(self, *args: QueryParamTypes | None, **kwargs: typing.Any) -> None:
        # Raised by hand, not by `assert`, so that `python -O` refuses the same calls; the type is HTTPX 0.28's.
        if len(args) > 1:
            raise AssertionError("Too many arguments.")
        if args and kwargs:
            raise AssertionError("Cannot mix named and unnamed arguments.")

        value: typing.Any = args[0] if args else kwargs
        # A dict is what most callers give, and is told fastest: this class is an ABC, which is slow to test for.
        if isinstance(value, dict):
            self._dict = _from_mapping(value)
        elif value is None:
            self._dict = {}
        elif isinstance(value, (str, bytes)):
            self._dict = _parse(value if isinstance(value, str) else value.decode("ascii"))
        elif isinstance(value, (list, tuple)):
            self._dict = {}
            for item in value:
                self._dict.setdefault(str(item[0]), []).append(primitive_value_to_str(item[1]))
        elif isinstance(value, QueryParams):
            # Never written to once it is made, so the copy may share it.
            self._dict = value._dict
        else:
            self._dict = _from_mapping(value)

    def keys(self) -> KeysView[str]:
        """Return the names, each one once."""
        return self._dict.keys()

    def values(self) -> ValuesView[str]:
        """Return the first value of each name."""
        return {name: values[0] for name, values in self._dict.items()}.values()

    def items(self) -> ItemsView[str, str]:
        """Return each name with its first value."""
        return {name: values[0] for name, values in self._dict.items()}.items()

    def multi_items(self) -> list[tuple[str, str]]:
        """Return all pairs; a name that has several values appears several times."""
        return [(name, value) for name, values in self._dict.items() for value in values]

    def get(self, key: typing.Any, default: typing.Any = None) -> typing.Any:
        """Return the first value of that name, or the default."""
        if key in self._dict:
            return self._dict[key][0]
        return default

    def get_list(self, key: str) -> list[str]:
        """Return all values of that name; an empty list if there are none."""
        return list(self._dict.get(str(key), []))

    def set(self, key: str, value: typing.Any = None) -> QueryParams:
        """Return a copy in which that name has this one value.

        >>> str(QueryParams("a=1&a=2&b=3").set("a", 4))
        'a=4&b=3'
        """
        return _wrap({**self._dict, str(key): [primitive_value_to_str(value)]})

    def add(self, key: str, value: typing.Any = None) -> QueryParams:
        """Return a copy in which that name has one more value.

        >>> str(QueryParams("a=1&b=3").add("a", 2))
        'a=1&a=2&b=3'
        """
        return _wrap({**self._dict, str(key): [*self.get_list(key), primitive_value_to_str(value)]})

    def remove(self, key: str) -> QueryParams:
        """Return a copy without that name; a name that is not there is no error."""
        return _wrap({name: values for name, values in self._dict.items() if name != str(key)})

    def merge(self, params: QueryParamTypes | None = None) -> QueryParams:
        """Return a copy to which those parameters are added; they replace the values of names that were there.

        >>> str(QueryParams("a=1&b=2").merge({"b": [3, 4], "c": 5}))
        'a=1&b=3&b=4&c=5'
        """
        return _wrap({**self._dict, **QueryParams(params)._dict})

    def __getitem__(self, key: typing.Any) -> str:
        return self._dict[key][0]

    def __contains__(self, key: typing.Any) -> bool:
        return key in self._dict

    def __iter__(self) -> Iterator[typing.Any]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __bool__(self) -> bool:
        return bool(self._dict)

    def __hash__(self) -> int:
        # Sorted like the comparison: equal parameters in another order have the same hash.
        return hash(tuple(sorted(self.multi_items())))

    def __eq__(self, other: typing.Any) -> bool:
        """Tell whether both hold the same pairs, in any order."""
        if not isinstance(other, self.__class__):
            return False
        return sorted(self.multi_items()) == sorted(other.multi_items())

    def __str__(self) -> str:
        pairs = [(_encode(name), values) for name, values in self._dict.items()]
        return "&".join([f"{name}={_encode(value)}" for name, values in pairs for value in values])

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({str(self)!r})"

    def update(self, params: QueryParamTypes | None = None) -> None:
        """Raise: instances do not change. Use `merge`."""
        raise RuntimeError("QueryParams are immutable since 0.18.0. Use `q = q.merge(...)` to create an updated copy.")

    def __setitem__(self, key: str, value: str) -> None:
        raise RuntimeError(
            "QueryParams are immutable since 0.18.0. Use `q = q.set(key, value)` to create an updated copy."
        )


def primitive_value_to_str(value: PrimitiveData) -> str:
    """Return the text of one value: "true", "false", "" for None, else what `str` makes of it."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return ""
    return str(value)


# Private from here on.

# What form encoding leaves alone: the unreserved characters of RFC 3986 2.3.
_ENCODED = re.compile(r"[^A-Za-z0-9_.~-]+")


def _from_mapping(mapping: typing.Any) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for name, value in mapping.items():
        if isinstance(value, (list, tuple)):
            pairs[str(name)] = [primitive_value_to_str(item) for item in value]
        else:
            pairs[str(name)] = [primitive_value_to_str(value)]
    return pairs


def _wrap(pairs: dict[str, list[str]]) -> QueryParams:
    params = QueryParams()
    params._dict = pairs
    return params


def _parse(query: str) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for pair in query.replace("+", " ").split("&"):
        if pair:
            name, _, value = pair.partition("=")
            pairs.setdefault(unquote(name), []).append(unquote(value))
    return pairs


def _encode(text: str) -> str:
    # Most names and values are plain words, which the C methods tell faster than the pattern does.
    if text.isalnum() and text.isascii():
        return text
    return _ENCODED.sub(_encode_match, text)


def _encode_match(match: re.Match[str]) -> str:
    if match[0] == " ":
        return "+"
    return quote_match(match).replace("%20", "+")
