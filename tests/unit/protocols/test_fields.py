"""Fields are checked before they are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._exceptions import LocalProtocolError
from httpx._protocols.fields import FieldList, check_fields, join_checked, quote, quote_line

TOKEN_CHARACTERS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"Host", b"a.example")],
        [(b"Host", b"a.example"), (b"X-Empty", b""), (b"Accept", b"*/*")],
        [(b"x", b"inner space\tand tab")],
        [(b"x", bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100)))],
        [(TOKEN_CHARACTERS, b"1")],
    ],
)
def test_good_fields_pass(fields: FieldList) -> None:
    check_fields(fields)


@pytest.mark.parametrize(
    "name", [b"", b"a b", b" a", b"a ", b"a:", b":a", b"a\n", b"a\r\nb", b"a\0b", b"\xe9", b"a\x7f", b'"a"']
)
def test_name_that_is_no_token_is_refused(name: bytes) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_fields([(b"Host", b"a.example"), (name, b"value")])
    assert str(caught.value) == f"Illegal header name {name!r}"


@pytest.mark.parametrize("character", [c for c in range(0x20) if c != 0x09] + [0x7F])
@pytest.mark.parametrize("template", [b"%b", b"%ba", b"a%b", b"a%bb"])
def test_control_character_in_value_is_refused(template: bytes, character: int) -> None:
    value = template % bytes([character])
    with pytest.raises(LocalProtocolError) as caught:
        check_fields([(b"X-Field", value), (b"Host", b"a.example")])
    assert str(caught.value) == f"Illegal header value {value!r}"


@pytest.mark.parametrize("value", [b" ", b"\t", b" a", b"a ", b"\ta", b"a\t"])
def test_outer_whitespace_of_value_is_refused(value: bytes) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_fields([(b"X-Field", value)])
    assert str(caught.value) == f"Illegal header value {value!r}"


@pytest.mark.parametrize(
    "fields",
    [
        [(b"a", b"b\r\nc: d")],
        [(b"a: b\r\nc", b"d")],
        [(b"a: b", b"c")],
        [(b"a", b"b\nc\0d")],
        [(b"a\0b\nc", b"d")],
        [(b"a\0b\0c", b"d")],
        [(b"a", b"b\0"), (b"c", b"d")],
        [(b"a", b"b\n"), (b"c", b"d")],
        [(b"a", b"b"), (b"\nc", b"d")],
        [(b"a", b""), (b"", b"b")],
    ],
)
def test_field_cannot_pass_for_several(fields: FieldList) -> None:
    with pytest.raises(LocalProtocolError):
        check_fields(fields)


@pytest.mark.parametrize("name", [b"Authorization", b"proxy-authorization", b"COOKIE", b"Set-Cookie"])
def test_secret_value_is_masked(name: bytes) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_fields([(name, b"hunter2\n")])
    assert "hunter2" not in str(caught.value)
    assert "Illegal header value b'[secure]'" in str(caught.value)
    assert name.decode() in str(caught.value)


def test_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_fields([(b"x", b"a" * 100_000 + b"\n")])
    assert len(str(caught.value)) < 300
    assert "100001 bytes" in str(caught.value)


def test_quoting() -> None:
    assert quote(bytearray(b"a\r")) == "b'a\\r'"
    assert quote_line(b"X: a\r") == "b'X: a\\r'"
    assert quote_line(b"set-cookie : id=1\0") == "b'set-cookie : [secure]'"


# Bytes at random, and near misses: separators that the check relies on, inside of names and values.
ANY_FIELD = st.tuples(st.binary(max_size=6), st.binary(max_size=6))
NEAR_MISS = st.tuples(
    st.lists(st.sampled_from([b"a", b"B", b"-", b":", b"\0", b"\n"]), max_size=3).map(b"".join),
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\0", b"\n"]), max_size=3).map(b"".join),
)


@given(st.lists(ANY_FIELD | NEAR_MISS, max_size=4))
def test_joined_check_agrees_with_a_check_of_each_field(fields: FieldList) -> None:
    if all(_is_good(name, value) for name, value in fields):
        assert join_checked(fields) == b"\n".join(name + b"\0" + value for name, value in fields)
    else:
        with pytest.raises(LocalProtocolError):
            join_checked(fields)


# Private from here on.


def _is_good(name: bytes, value: bytes) -> bool:
    is_token = bool(name) and all(c in TOKEN_CHARACTERS for c in name)
    has_control = any((c < 0x20 and c != 0x09) or c == 0x7F for c in value)
    return is_token and not has_control and value == value.strip(b" \t")
