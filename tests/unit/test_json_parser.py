"""JSON bodies mean what they mean to `json.loads`, whichever package parses them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx import Response, _json_parser
from httpx._json_parser import PATIENCE, find_parser, parse_json

# Where two parsers might differ: what only one of them takes, and what each reads in its own way.
ODD_BODIES = [
    *(
        b"-0",
        b"-0.0",
        b"0",
        b"00",
        b"-01",
        b"1.",
        b".5",
        b"+1",
        b"- 1",
        b"1e5",
        b"1E+5",
        b"1e",
        b"0e0",
        b"0x10",
        b"1_0",
    ),
    *(b"1e400", b"-1e400", b"1e-400", b"4.9e-324", b"2.2250738585072011e-308", b"1.7976931348623159e308"),
    *(b"1e0000000001", b"1e-99999999999999999999", b"0e99999999999999999999", b"0." + b"1" * 800),
    *(b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"9" * 400, b"9" * 4301),
    *(b"NaN", b"Infinity", b"-Infinity", b"[NaN]", b"null", b"nul", b"True", b"true", b"false", b"1 2", b"[1 2]"),
    *(b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\ude00\\ud83d"', b'"\xed\xa0\x80"', b'"\xff"', b'"\xc0\x80"'),
    *(
        b'"\x00"',
        b'"\x1f"',
        b'"\x7f"',
        b'"\t"',
        b'"\\x"',
        b'"\\u12"',
        b'"\\u0000"',
        b'"\\/\\b\\f\\n\\r\\t"',
        b'"a',
        b'"\\"',
    ),
    *(b" 1 ", b"1\r\n\t ", b"\x0c1", b"1\x0b", b"\xc2\xa01", b"\xef\xbb\xbf1", b"1\x00", b"", b" ", b"//\n1", b"'a'"),
    *(b"[1,]", b'{"a":1,}', b"{1:2}", b'{"a":1,"b":2,"a":3}', b'{"\\u0061":1,"a":2}', b'{"":{}}', b"[[], {}]"),
    *(text.encode(coding) for text in ("1", '["é"]') for coding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32")),
    *('"\u2028é😀"'.encode(), "\u0661".encode(), b"[" * 100_000, b'{"a":' * 100_000),
]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def fastest() -> None:
    """Hold that the package is there which the differential tests are about."""
    assert find_parser() is not json.loads


def outcome(parse: Any, content: bytes) -> Any:
    """What comes of parsing: the value, made comparable by type and bit, or the error."""
    try:
        return repr(parse(content))
    except RecursionError as exc:
        return type(exc)
    except ValueError as exc:
        return type(exc), str(exc)


@pytest.mark.parametrize("content", ODD_BODIES, ids=lambda content: repr(content[:24]))
def test_odd_bodies(fastest: None, content: bytes) -> None:
    assert outcome(find_parser(), content) == outcome(json.loads, content)


@settings(deadline=None, max_examples=300)
@given(value=values, is_ascii=st.booleans(), indent=st.sampled_from([None, 1]), data=st.data())
def test_any_body_and_what_is_wrong_with_it(
    fastest: None, value: Any, is_ascii: bool, indent: int | None, data: st.DataObject
) -> None:
    content = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    assert outcome(find_parser(), content) == outcome(json.loads, content)
    at = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.sampled_from([b"", *(bytes([byte]) for byte in b'"\\{}[],:0-+.eE \x00\x1f\x80\xc3\xffaNu')]))
    spoilt = content[:at] + junk + content[at + data.draw(st.integers(0, 2)) :]
    assert outcome(find_parser(), spoilt) == outcome(json.loads, spoilt)


@settings(deadline=None, max_examples=300)
@given(st.from_regex(rb"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?", fullmatch=True))
def test_any_number(fastest: None, content: bytes) -> None:
    assert outcome(find_parser(), content) == outcome(json.loads, content)


@pytest.mark.parametrize("parsed_size", [0, PATIENCE])
def test_options_are_those_of_the_standard_library(monkeypatch: pytest.MonkeyPatch, parsed_size: int) -> None:
    monkeypatch.setattr(_json_parser, "_parsed_size", parsed_size)
    assert Response(200, content=b"[1.5, NaN]").json(parse_float=str, parse_constant=str) == ["1.5", "NaN"]
    assert math.isnan(Response(200, content=b"NaN").json())


@pytest.fixture
def anew() -> Iterator[None]:
    """Have the package looked for anew, in the test and after it."""
    find_parser.cache_clear()
    yield
    find_parser.cache_clear()


def test_without_the_package(anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert find_parser() is json.loads
    monkeypatch.setattr(_json_parser, "_parsed_size", PATIENCE)
    assert parse_json(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize(
    ("version", "is_used"),
    [("0.9.1", False), ("0.18.6", False), ("0.19.0", True), ("0.20.0", True), ("0.100.0", True), ("1.8.0", True)],
)
def test_versions_that_misread_integers_are_not_used(
    anew: None, monkeypatch: pytest.MonkeyPatch, version: str, is_used: bool
) -> None:
    monkeypatch.setattr("msgspec.__version__", version)
    assert (find_parser() is not json.loads) is is_used


def test_a_short_script_does_not_import_the_package() -> None:
    # In a process of its own, since here it is imported already.
    program = (
        "import sys\n"
        "from httpx import Response\n"
        "from httpx._json_parser import PATIENCE\n"
        "body = b'[' + b' ' * (PATIENCE // 2) + b']'\n"
        "for is_imported in (False, False, True):\n"
        "    assert Response(200, content=body).json() == []\n"
        "    assert ('msgspec' in sys.modules) is is_imported, is_imported\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
