from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._models import Headers

NAMES = st.sampled_from(["a", "A", "b", "B", "Content-Type", "content-type"])
FIELDS = st.lists(st.tuples(NAMES, st.text("xyz, ", max_size=3)), max_size=8)


def make_headers() -> Headers:
    return Headers([("A", "1"), ("b", "3"), ("a", "2")])


def test_order_case_and_repetition_are_kept_in_raw() -> None:
    assert make_headers().raw == [(b"A", b"1"), (b"b", b"3"), (b"a", b"2")]


def test_raw_is_a_copy() -> None:
    headers = make_headers()
    headers.raw.clear()
    assert len(headers) == 3


def test_mapping_joins_repeated_fields() -> None:
    headers = make_headers()
    assert headers["A"] == headers["a"] == "1, 2"
    assert list(headers) == ["a", "b"]
    assert list(headers.keys()) == ["a", "b"]
    assert list(headers.values()) == ["1, 2", "3"]
    assert dict(headers.items()) == dict(headers) == {"a": "1, 2", "b": "3"}
    assert headers.multi_items() == [("a", "1"), ("b", "3"), ("a", "2")]
    assert len(headers) == 3


def test_get_list_splits_commas_on_demand() -> None:
    headers = Headers([("Vary", "a, b"), ("vary", " c ,,d")])
    assert headers.get_list("VARY") == ["a, b", " c ,,d"]
    assert headers.get_list("vary", split_commas=True) == ["a", "b", "c", "", "d"]
    assert headers.get_list("absent", split_commas=True) == []
    assert Headers({"vary": ""}).get_list("vary", split_commas=True) == [""]


def test_absent_fields() -> None:
    headers = make_headers()
    with pytest.raises(KeyError, match="'Zz'"):
        headers["Zz"]
    with pytest.raises(KeyError, match="'Zz'"):
        del headers["Zz"]
    assert headers.get("zz") is None
    assert headers.get("zz", 3) == 3
    assert "zz" not in headers


def test_setting_replaces_in_the_place_of_the_first() -> None:
    headers = make_headers()
    headers["a"] = "9"
    assert headers.raw == [(b"a", b"9"), (b"b", b"3")]
    assert list(headers.items()) == [("a", "9"), ("b", "3")]
    headers["C"] = "4"
    assert headers.raw == [(b"a", b"9"), (b"b", b"3"), (b"C", b"4")]
    assert headers["c"] == "4"


def test_deleting_removes_all_of_a_name() -> None:
    headers = make_headers()
    del headers["A"]
    assert headers.raw == [(b"b", b"3")]
    assert "a" not in headers


def test_pop_setdefault_and_clear() -> None:
    headers = make_headers()
    assert headers.pop("a") == "1, 2"
    assert headers.pop("a", "none") == "none"
    assert headers.setdefault("b", "7") == "3"
    assert headers.setdefault("D", "8") == "8"
    assert headers.raw == [(b"b", b"3"), (b"D", b"8")]
    headers.clear()
    assert headers.raw == [] and not headers and "b" not in headers


def test_update_moves_replaced_fields_to_the_end() -> None:
    headers = make_headers()
    headers.update([("A", "9"), ("a", "10")])
    assert headers.raw == [(b"b", b"3"), (b"A", b"9"), (b"a", b"10")]
    assert headers["a"] == "9, 10"
    headers.update(None)
    headers.update({})
    assert len(headers) == 3


def test_union() -> None:
    left, right = Headers({"A": "1", "b": "2"}), {"B": "3"}
    assert (left | right).raw == [(b"A", b"1"), (b"B", b"3")]
    assert (right | left).raw == [(b"A", b"1"), (b"b", b"2")]
    assert isinstance(right | left, Headers)
    assert (left | Headers([("x", "1"), ("x", "2")])).get_list("x") == ["1", "2"]
    same = left
    left |= [("A", "4")]
    assert left is same and left["a"] == "4"
    with pytest.raises(TypeError):
        left | [("a", "b")]  # type: ignore[operator]  # what is tested
    with pytest.raises(TypeError):
        None | left  # type: ignore[operator]  # what is tested


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "b"},
        {b"a": b"b"},
        [("a", "b")],
        [(b"a", b"b")],
        (("a", "b"),),
        iter([("a", "b")]),
        {"a": "b"}.items(),
        Headers({"a": "b"}),
        {"a": b"b"},
    ],
)
def test_what_headers_are_made_of(fields: Any) -> None:
    assert Headers(fields).raw == [(b"a", b"b")]


@pytest.mark.parametrize("value", [1, None, 1.5, True, bytearray(b"x")])
def test_values_are_text_or_bytes(value: Any) -> None:
    with pytest.raises(TypeError, match=f"Header value must be str or bytes, not <class '{type(value).__name__}'>"):
        Headers({"a": value})


def test_equality_ignores_order_and_case_of_names() -> None:
    assert make_headers() == [("a", "2"), ("A", "1"), ("B", "3")]
    assert Headers({"a": "x"}) != {"a": "X"}
    assert Headers([("a", "1"), ("a", "2")]) != {"a": "1, 2"}
    assert Headers({"a": "1"}) == {b"a": b"1"}
    assert Headers() == None  # noqa: E711  # no fields on either side, as in HTTPX 0.28
    for other in (3, "x", "xy", [1], object(), {"a": 1}):
        assert Headers({"a": "1"}) != other


def test_headers_are_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(Headers())


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(b"plain", "ascii"), ("é".encode(), "utf-8"), (b"\xe9", "iso-8859-1"), (b"\xc3", "iso-8859-1")],
)
def test_encoding_is_the_first_that_fits(value: bytes, encoding: str) -> None:
    headers = Headers([(b"a", b"x"), (b"b", value)])
    assert headers["a"] == "x"
    assert headers["b"] == value.decode(encoding)
    assert headers.encoding == encoding


def test_bytes_of_two_values_do_not_make_one_character() -> None:
    assert Headers([(b"a", b"\xc3"), (b"\xa9", b"")]).encoding == "iso-8859-1"


def test_encoding_can_be_given_and_set() -> None:
    headers = Headers({"a": "é"}, encoding="utf-8")
    assert headers.raw == [(b"a", b"\xc3\xa9")]
    assert headers.encoding == "utf-8"
    headers.encoding = "iso-8859-1"
    assert headers["a"] == "Ã©"
    headers.encoding = "ascii"
    with pytest.raises(UnicodeDecodeError):
        headers["a"]
    with pytest.raises(UnicodeEncodeError):
        Headers({"a": "é"})


def test_text_that_is_set_is_utf_8_unless_the_fields_are_in_another_encoding() -> None:
    headers = Headers({"a": "b"})
    assert headers["a"] == "b"
    headers["c"] = "é"
    assert headers["c"] == "é" and headers.encoding == "utf-8"
    latin = Headers([(b"a", b"\xe9")])
    assert latin.encoding == "iso-8859-1"
    latin["b"] = "é"
    assert latin.raw[1] == (b"b", b"\xe9")


def test_repr_shows_each_field() -> None:
    assert repr(Headers({"A": "1", "b": "2"})) == "Headers({'a': '1', 'b': '2'})"
    assert repr(Headers([("A", "1"), ("a", "2")])) == "Headers([('a', '1'), ('a', '2')])"
    assert repr(Headers({"a": "é"}, encoding="utf-8")) == "Headers({'a': 'é'}, encoding='utf-8')"


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie", "SET-COOKIE"])
def test_repr_masks_secrets(name: str) -> None:
    headers = Headers({name: "s3cret"})
    assert repr(headers) == f"Headers({{'{name.lower()}': '[secure]'}})"
    assert headers[name] == "s3cret"


def test_copies_are_independent() -> None:
    headers = Headers({"a": "é"}, encoding="utf-8")
    for duplicate in (headers.copy(), copy.copy(headers), copy.deepcopy(headers), pickle.loads(pickle.dumps(headers))):
        assert duplicate == headers and duplicate.encoding == "utf-8"
        duplicate["x"] = "y"
        assert "x" not in headers


def test_pickle_keeps_repetition() -> None:
    headers = make_headers()
    assert headers["a"] == "1, 2"
    assert pickle.loads(pickle.dumps(headers)).raw == headers.raw


def test_list_has_the_names_in_lower_case_too() -> None:
    headers = Headers([("X-Name", "1"), ("x-name", "2")])
    assert headers._list == ((b"X-Name", b"x-name", b"1"), (b"x-name", b"x-name", b"2"))
    del headers["x-name"]
    assert not headers._list


def test_raw_access_of_the_core() -> None:
    fields = [(b"Content-Length", b"5"), (b"X", b"1")]
    headers = Headers._from_raw(fields)
    assert headers._fields is fields
    assert headers._get_raw(b"content-length") == b"5"
    assert headers._get_raw(b"y") is None
    headers._append_raw(b"x", b"2")
    assert headers._get_raw(b"x") == b"1, 2"
    assert headers._get_raw_list(b"x") == [b"1", b"2"]


@given(FIELDS, st.lists(st.tuples(st.sampled_from(["set", "del", "update"]), NAMES, st.text("pq", max_size=2))))
def test_the_index_stays_right(fields: list[tuple[str, str]], changes: list[tuple[str, str, str]]) -> None:
    headers = Headers(fields)
    for change, name, value in changes:
        assert "never" not in headers  # builds the index
        if change == "set":
            headers[name] = value
        elif change == "update":
            headers.update({name: value})
        elif name in headers:
            del headers[name]
    fresh = Headers(headers.raw)
    assert list(headers.items()) == list(fresh.items())
    assert headers.multi_items() == fresh.multi_items()


def test_first_lookup_takes_three_calls() -> None:
    headers = Headers._from_raw([(b"Content-Type", b"text/plain"), (b"Content-Length", b"5")])
    calls = []

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            calls.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        headers["content-type"]
    finally:
        sys.setprofile(None)
    assert len(calls) <= 3, calls


CHANGES: list[Callable[[Headers], object]] = [
    lambda headers: headers.update({"b": "3"}),
    lambda headers: headers.update({"c": "3"}),
    lambda headers: headers.clear(),
    lambda headers: headers.__setitem__("a", "3"),
    lambda headers: headers.__setitem__("c", "3"),
    lambda headers: headers.__delitem__("a"),
    lambda headers: headers.pop("b"),
    lambda headers: headers.popitem(),
    lambda headers: headers.setdefault("c", "3"),
    lambda headers: headers.__ior__({"c": "3"}),
    lambda headers: headers._append_raw(b"a", b"3"),
    lambda headers: headers.raw.append((b"c", b"3")),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_headers_share_stays_as_it_is(number: int) -> None:
    fields, index = [(b"A", b"1"), (b"b", b"2")], {b"a": b"1", b"b": b"2"}
    shared = Headers._from_shared(fields, index)
    sibling = Headers._from_shared(fields, index)
    plain = Headers(fields)
    for _ in range(2):
        results = []
        for headers in (shared, plain):
            try:
                results.append(CHANGES[number](headers))
            except KeyError as exc:
                results.append(repr(exc))
        assert results[0] == results[1] or results == [shared, plain]
        assert (shared.raw, list(shared.items())) == (plain.raw, list(plain.items()))
    assert (fields, index) == ([(b"A", b"1"), (b"b", b"2")], {b"a": b"1", b"b": b"2"})
    assert sibling == Headers(fields)
    assert pickle.loads(pickle.dumps(shared)) == shared
    assert copy.deepcopy(sibling) == sibling == copy.copy(sibling)
