from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._models.set_cookie import (
    SetCookie,
    default_path,
    domain_matches,
    is_public_suffix,
    keeps_prefix,
    parent_domains,
    parse_set_cookie,
    path_matches,
)

NOW = 1_000_000.0


def parse(field: str) -> SetCookie:
    cookie = parse_set_cookie(field.encode(), now=NOW)
    assert cookie is not None
    return cookie


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("a=b", "a", "b"),
        (" a \t=\t b ; Path=/", "a", "b"),
        ("a=b=c", "a", "b=c"),
        ('a="b c"', "a", '"b c"'),
        ("a=", "a", ""),
        ("=b", "", "b"),
        ("b", "", "b"),
        ("a=b, c=d", "a", "b, c=d"),
        ("a=é", "a", "é"),
        ("a=\tb\tc", "a", "b\tc"),
    ],
)
def test_name_and_value(field: str, name: str, value: str) -> None:
    cookie = parse(field)
    assert (cookie.name, cookie.value) == (name, value)


@pytest.mark.parametrize("field", [b"", b"=", b" ; Path=/", b"a=b\x00", b"a\x7f=b", b"a=b; Path=/\r\n"])
def test_ignored_fields(field: bytes) -> None:
    assert parse_set_cookie(field, now=NOW) is None


def test_size_of_name_and_value_is_bounded() -> None:
    assert parse_set_cookie(b"n=" + b"x" * 4095, now=NOW) is not None
    assert parse_set_cookie(b"n=" + b"x" * 4096, now=NOW) is None


def test_latin_1_is_read_where_utf_8_does_not_fit() -> None:
    cookie = parse_set_cookie(b"a=\xe9", now=NOW)
    assert cookie is not None and cookie.value == "é"


def test_attributes() -> None:
    cookie = parse("a=b; DOMAIN=.Example.ORG; path=/x; secure; HttpOnly=1; SameSite=Lax; unknown=1")
    assert cookie == SetCookie("a", "b", None, "example.org", "/x", True, True, "Lax")


def test_last_attribute_counts_and_useless_ones_are_absent() -> None:
    assert parse("a=b; Path=/x; Path=/y").path == "/y"
    assert parse("a=b; Path=/x; Path=y").path is None
    assert parse("a=b; Domain=").domain is None
    assert parse("a=b; Domain=x.org; Domain=y.org").domain == "y.org"
    assert parse("a=b; Path=/" + "x" * 1024).path is None


@pytest.mark.parametrize(
    ("attributes", "expires"),
    [
        ("", None),
        ("Max-Age=100", 1_000_100),
        ("Max-Age=0", 0),
        ("Max-Age=-5", 0),
        ("Max-Age=5x", None),
        ("Max-Age=+5", None),
        ("Max-Age=" + "9" * 1000, 253402300799),
        ("Max-Age=100; Max-Age=x", 1_000_100),
        ("Expires=Thu, 01 Jan 1970 00:00:10 GMT", 10),
        ("Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:10 GMT", 1_000_100),
        ("Expires=Thu, 01 Jan 1970 00:00:10 GMT; Expires=never", 10),
    ],
)
def test_expiry(attributes: str, expires: int | None) -> None:
    assert parse("a=b; " + attributes).expires == expires


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wednesday, 21-Oct-15 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2015",
        "21 oct 2015 7:28:0",
        "2015 21 October 07:28:00z",
        "Wed, 21-Oct-2015 07:28:00 +0100",
    ],
)
def test_dates(date: str) -> None:
    expected = datetime.datetime(2015, 10, 21, 7, 28, tzinfo=datetime.UTC).timestamp()
    assert parse("a=b; Expires=" + date).expires == expected


@pytest.mark.parametrize(
    "date",
    ["", "Wed, 21 Oct 2015", "30 Feb 2015 07:28:00", "21 Oct 1600 07:28:00", "21 Oct 2015 24:00:00", "21 Oct 2015 1:2"],
)
def test_unreadable_dates(date: str) -> None:
    assert parse("a=b; Expires=" + date).expires is None


def test_years_of_two_digits_and_dates_before_1970() -> None:
    assert parse("a=b; Expires=01 Jan 70 00:00:05").expires == 5
    assert parse("a=b; Expires=01 Jan 69 00:00:00").expires == 3124224000
    assert parse("a=b; Expires=01 Jan 1601 00:00:00").expires == 0


@pytest.mark.parametrize(
    ("field", "is_kept"),
    [
        ("__Secure-a=b; Secure", True),
        ("__secure-a=b", False),
        ("__Host-a=b; Secure; Path=/", True),
        ("__HOST-a=b; Secure", False),
        ("__Host-a=b; Secure; Path=/x", False),
        ("__Host-a=b; Path=/", False),
        ("__Host-a=b; Secure; Path=/; Domain=example.org", False),
        ("=__Host-a=b; Secure; Path=/", False),
        ("__Secure-a; Secure", False),
        ("a=__Host-b", True),
    ],
)
def test_prefixes(field: str, is_kept: bool) -> None:
    assert keeps_prefix(parse(field)) is is_kept


@pytest.mark.parametrize(
    ("path", "default"), [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("", "/"), ("*", "/")]
)
def test_default_path(path: str, default: str) -> None:
    assert default_path(path) == default


@pytest.mark.parametrize(
    ("path", "cookie_path", "is_match"),
    [
        ("/", "/", True),
        ("/a", "/", True),
        ("/a", "/a", True),
        ("/a/", "/a", True),
        ("/a/b", "/a", True),
        ("/a/b", "/a/", True),
        ("/ab", "/a", False),
        ("/a", "/a/", False),
        ("/A", "/a", False),
    ],
)
def test_path_match(path: str, cookie_path: str, is_match: bool) -> None:
    assert path_matches(path, cookie_path) is is_match


@pytest.mark.parametrize(
    ("host", "domain", "is_match"),
    [
        ("example.org", "example.org", True),
        ("a.example.org", "example.org", True),
        ("xexample.org", "example.org", False),
        ("example.org", "a.example.org", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.1", False),
        ("::1", "1", False),
    ],
)
def test_domain_match(host: str, domain: str, is_match: bool) -> None:
    assert domain_matches(host, domain) is is_match


def test_parent_domains() -> None:
    assert parent_domains("a.b.example.org") == ("b.example.org", "example.org", "org")
    assert parent_domains("localhost") == parent_domains("127.0.0.1") == parent_domains("fe80::1") == ()


@pytest.mark.parametrize(
    ("domain", "is_public"),
    [
        ("org", True),
        ("localhost", True),
        ("unknown-suffix", True),
        ("example.org", False),
        ("co.uk", True),
        ("example.co.uk", False),
        ("github.io", True),
        ("somebody.github.io", False),
        ("anything.ck", True),  # a wildcard rule
        ("www.ck", False),  # and its exception
        ("x.www.ck", False),
        ("city.kawasaki.jp", False),
        ("xn--p1ai", True),
        ("xn--55qx5d.cn", True),  # written with Chinese letters in the list
        ("example.xn--55qx5d.cn", False),
        ("xn--.example", False),
    ],
)
def test_public_suffixes(domain: str, is_public: bool) -> None:
    assert is_public_suffix(domain) is is_public


def test_public_suffixes_agree_with_the_package() -> None:
    from publicsuffixlist import PublicSuffixList

    suffixes = PublicSuffixList()
    for rule in ("com", "co.jp", "kobe.jp", "city.kobe.jp", "a.kobe.jp", "s3.amazonaws.com", "blogspot.com", "nom.br"):
        for domain in (rule, "a." + rule, "a.b." + rule):
            assert is_public_suffix(domain) is suffixes.is_public(domain), domain


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"a=b; Expires=", b"a=b; Max-Age=", b"a=b; Domain=", b"a=b; Path="])
)
def test_any_bytes_are_read_or_ignored(data: bytes, prefix: bytes) -> None:
    cookie = parse_set_cookie(prefix + data, now=NOW)
    if cookie is not None:
        keeps_prefix(cookie)
        assert cookie.name or cookie.value
