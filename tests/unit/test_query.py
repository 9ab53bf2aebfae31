"""QueryParams: reading, merging and writing query strings."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx import QueryParams
from httpx._query import primitive_value_to_str


@pytest.mark.parametrize(
    "source",
    [
        "a=123&a=456&b=789",
        b"a=123&a=456&b=789",
        {"a": ["123", "456"], "b": 789},
        {"a": ("123", "456"), "b": 789},
        [("a", "123"), ("a", "456"), ("b", "789")],
        (("a", "123"), ("a", "456"), ("b", "789")),
        QueryParams("a=123&a=456&b=789"),
    ],
)
def test_all_kinds_of_sources_give_the_same_params(source: Any) -> None:
    params = QueryParams(source)
    assert "a" in params
    assert "c" not in params
    assert params["a"] == "123"
    assert params.get("a") == "123"
    assert params.get("nope") is None
    assert params.get("nope", "x") == "x"
    assert params.get_list("a") == ["123", "456"]
    assert params.get_list("nope") == []
    assert list(params) == list(params.keys()) == ["a", "b"]
    assert list(params.values()) == ["123", "789"]
    assert list(params.items()) == [("a", "123"), ("b", "789")]
    assert params.multi_items() == [("a", "123"), ("a", "456"), ("b", "789")]
    assert len(params) == 2
    assert dict(params) == {"a": "123", "b": "789"}
    assert str(params) == "a=123&a=456&b=789"
    assert repr(params) == "QueryParams('a=123&a=456&b=789')"


def test_keyword_arguments_are_names() -> None:
    assert str(QueryParams(a=1, b=[2, 3])) == "a=1&b=2&b=3"


@pytest.mark.parametrize("empty", [None, "", b"", {}, [], ()])
def test_empty_sources(empty: Any) -> None:
    params = QueryParams(empty)
    assert not params
    assert str(params) == ""


def test_too_many_arguments() -> None:
    with pytest.raises(AssertionError, match="Too many arguments"):
        QueryParams("a=1", "b=2")
    with pytest.raises(AssertionError, match="Cannot mix named and unnamed arguments"):
        QueryParams("a=1", b=2)


@pytest.mark.parametrize("source", [1, 0, 1.5, object()])
def test_wrong_kinds_of_sources(source: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'items'"):
        QueryParams(source)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=a", [("", "a")]),
        ("&&a=1&", [("a", "1")]),
        ("a=1;b=2", [("a", "1;b=2")]),
        ("a=b=c", [("a", "b=c")]),
        ("a+b=c%20d", [("a b", "c d")]),
        ("?a=1", [("?a", "1")]),
        ("%zz=%", [("%zz", "%")]),
        ("x=%C3%A9", [("x", "é")]),
        ("x=%e9y", [("x", "\ufffdy")]),
    ],
)
def test_reading_form_encoding(text: str, pairs: list[tuple[str, str]]) -> None:
    assert QueryParams(text).multi_items() == pairs


@pytest.mark.parametrize(
    ("value", "text"),
    [("é ü", "a=%C3%A9+%C3%BC"), ("-._~", "a=-._~"), ("!*'()", "a=%21%2A%27%28%29"), ("a+b&c=d", "a=a%2Bb%26c%3Dd")],
)
def test_writing_form_encoding(value: str, text: str) -> None:
    assert str(QueryParams({"a": value})) == text


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (None, ""), (1, "1"), (0, "0"), (1.5, "1.5"), ("x", "x")]
)
def test_primitive_values(value: Any, text: str) -> None:
    assert primitive_value_to_str(value) == text
    assert QueryParams({"a": value})["a"] == text
    assert QueryParams([("a", value)])["a"] == text


def test_changed_copies_leave_the_original_alone() -> None:
    params = QueryParams("a=1&a=2&b=3")
    assert str(params.set("a", 4)) == "a=4&b=3"
    assert str(params.set("c")) == "a=1&a=2&b=3&c="
    assert str(params.add("a", True)) == "a=1&a=2&a=true&b=3"
    assert str(params.add("c", 4)) == "a=1&a=2&b=3&c=4"
    assert str(params.remove("a")) == "b=3"
    assert str(params.remove("c")) == "a=1&a=2&b=3"
    assert str(params.merge({"b": [5, 6], "c": 7})) == "a=1&a=2&b=5&b=6&c=7"
    assert str(params.merge(None)) == "a=1&a=2&b=3"
    assert str(params) == "a=1&a=2&b=3"
    params.get_list("a").append("9")
    assert str(params) == "a=1&a=2&b=3"


def test_changing_in_place_is_refused() -> None:
    params = QueryParams("a=1")
    with pytest.raises(RuntimeError, match=r"Use `q = q\.merge\(\.\.\.\)`"):
        params.update({"a": 2})
    with pytest.raises(RuntimeError, match=r"Use `q = q\.set\(key, value\)`"):
        params["a"] = "2"


def test_comparison_ignores_the_order_and_hashes_agree() -> None:
    params = QueryParams("a=1&a=2&b=3")
    other = QueryParams("b=3&a=2&a=1")
    assert params == other
    assert hash(params) == hash(other)
    assert params != QueryParams("a=1&b=3")
    assert params != "a=1&a=2&b=3"
    assert params != {"a": "1", "b": "3"}


def test_pickle_and_copy() -> None:
    params = QueryParams("a=1&a=2&b=3")
    for twin in (pickle.loads(pickle.dumps(params)), copy.copy(params), copy.deepcopy(params)):
        assert twin == params
        assert str(twin) == str(params)


def test_subclasses_and_attributes_of_users() -> None:
    class Mine(QueryParams):
        pass

    params = Mine("a=1")
    params.note = "kept"  # type: ignore[attr-defined]  # users set attributes of their own
    assert repr(params) == "Mine('a=1')"
    assert type(params.add("b", 2)) is QueryParams


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=5, alphabet="a é&=+%;#")))
)
def test_what_is_written_reads_back(pairs: list[tuple[str, str]]) -> None:
    params = QueryParams(list(pairs))
    text = str(params)
    assert text.isascii()
    assert QueryParams(text).multi_items() == params.multi_items()
