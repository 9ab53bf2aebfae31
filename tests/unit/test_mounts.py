"""URL patterns, and the proxies of the environment."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest

import httpx
from httpx._mounts import URLPattern, get_environment_proxies, proxy_map, sort_mounts


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Remove the proxies that this machine may have, and let tests set some."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
            monkeypatch.delenv(name)
    # The settings of macOS and Windows are not those of the test.
    monkeypatch.setattr("sys.platform", "linux")
    return monkeypatch


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("", "http://a.example/", True),
        ("all://", "http://a.example/", True),
        ("all://*", "https://a.example:8443/", True),
        ("http://", "http://a.example/", True),
        ("http://", "https://a.example/", False),
        ("http://*", "http://a.example/", True),
        ("all://a.example", "http://a.example/", True),
        ("all://a.example", "http://a.example:123/", True),
        ("all://A.Example", "http://a.example/", True),
        ("all://a.example", "http://www.a.example/", False),
        ("all://a.example", "http://aXexample/", False),
        ("http://a.example", "https://a.example/", False),
        ("all://*.a.example", "http://www.a.example/", True),
        ("all://*.a.example", "http://w.w.a.example/", True),
        ("all://*.a.example", "http://a.example/", False),
        ("all://*.a.example", "http://ba.example/", False),
        ("all://*a.example", "http://www.a.example/", True),
        ("all://*a.example", "http://a.example/", True),
        ("all://*a.example", "http://ba.example/", False),
        ("all://*:8080", "http://a.example:8080/", True),
        ("all://*:8080", "http://a.example/", False),
        ("http://a.example:123", "http://a.example:123/", True),
        ("http://a.example:123", "http://a.example:456/", False),
        ("all://a.example:80", "http://a.example/", True),
        ("all://a.example:80", "https://a.example/", False),
        ("https://a.example:443", "https://a.example/", True),
        ("https://a.example:443", "https://a.example:8443/", False),
        ("all://[::1]", "http://[::1]:80/", True),
        ("all://[::1]:80", "http://[::1]/", True),
        ("all://[::1]:80", "http://[::1]:81/", False),
        ("all://127.0.0.1", "http://127.0.0.1/", True),
        ("all://10.0.0.0/8", "http://10.1.2.3/", True),
        ("all://10.0.0.0/8", "http://11.1.2.3/", False),
        ("all://10.0.0.0/8", "http://10.example/", False),
        ("http://10.0.0.0/8", "https://10.1.2.3/", False),
        ("all://10.1.2.3/255.0.0.0", "http://10.9.9.9:99/", True),
        ("all://fe80::/10", "http://[fe80::1]/", True),
        ("all://[fe80::]/10", "http://[fe80::1]/", True),
        ("all://fe80:0:0:0:0:0:0:1/128", "http://[fe80::1]/", True),
        ("all://fe80::/10", "http://10.1.2.3/", False),
        ("all://müller.de", "http://xn--mller-kva.de/", True),
        ("all://xn--mller-kva.de", "http://müller.de/", True),
        ("all://*müller.de", "http://www.müller.de/", True),
        ("all://*.müller.de", "http://xn--mller-kva.de/", False),
    ],
)
def test_pattern_matches(pattern: str, url: str, expected: bool) -> None:
    assert URLPattern(pattern).matches(httpx.URL(url)) is expected


@pytest.mark.parametrize("pattern", ["http", "all", "a.example"])
def test_pattern_without_a_colon_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="Proxy keys should use proper URL forms rather than plain scheme strings"):
        URLPattern(pattern)


def test_patterns_sort_from_narrow_to_wide() -> None:
    patterns = [
        "http://a.example:123",
        "http://www.a.example",
        "http://a.example",
        "all://a.example",
        "http://",
        "all://",
    ]
    assert [pattern.pattern for pattern in sorted(map(URLPattern, reversed(patterns)))] == patterns


def test_patterns_compare_and_hash_by_their_text() -> None:
    pattern = URLPattern("http://a.example")
    assert pattern == URLPattern("http://a.example")
    assert hash(pattern) == hash(URLPattern("http://a.example"))
    assert pattern != URLPattern("http://b.example")
    assert pattern != "http://a.example"
    assert repr(pattern) == "URLPattern('http://a.example')"
    assert pickle.loads(pickle.dumps(pattern)) == pattern


# The environment.


def test_proxies_are_read_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    assert get_environment_proxies() == {}
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    environment.setenv("https_proxy", "proxy.example")
    environment.setenv("ALL_PROXY", "socks5://socks.example")
    environment.setenv("FTP_PROXY", "http://other.example")
    assert get_environment_proxies() == {
        "http://": "http://127.0.0.1:3128",
        "https://": "http://proxy.example",
        "all://": "socks5://socks.example",
    }


def test_variable_in_lower_case_wins_even_if_it_is_empty(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "upper.example")
    environment.setenv("https_proxy", "lower.example")
    assert get_environment_proxies() == {"https://": "http://lower.example"}
    environment.setenv("https_proxy", "")
    assert get_environment_proxies() == {}


def test_http_proxy_is_not_believed_in_a_cgi_program(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "evil.example")
    environment.setenv("REQUEST_METHOD", "GET")
    assert get_environment_proxies() == {}
    environment.setenv("http_proxy", "good.example")
    assert get_environment_proxies() == {"http://": "http://good.example"}


@pytest.mark.parametrize(
    ("no_proxy", "patterns"),
    [
        ("", []),
        (" , ,", []),
        ("127.0.0.1", ["all://127.0.0.1"]),
        ("127.0.0.1:80", ["all://127.0.0.1:80"]),
        ("10.0.0.0/8", ["all://10.0.0.0/8"]),
        ("::1", ["all://[::1]"]),
        ("[::1]", ["all://[::1]"]),
        ("[::1]:8080", ["all://[::1]:8080"]),
        ("fe80::/10", ["all://fe80::/10"]),
        ("localhost", ["all://localhost"]),
        ("a.example", ["all://*a.example"]),
        (".a.example", ["all://*.a.example"]),
        ("*.a.example", ["all://*.a.example"]),
        ("a.example:8080", ["all://*a.example:8080"]),
        ("http://a.example", ["http://a.example"]),
        ("all://a.example:8080", ["all://a.example:8080"]),
        ("a.example, ,.b.example", ["all://*a.example", "all://*.b.example"]),
        ("müller.de", ["all://*müller.de"]),
        # There is no sense in these, which is no reason to refuse to work.
        ("10.0.0.0/33", []),
        ("fe80::/200", []),
        ("[::1", []),
        ("http://[::1", []),
        ("a.example:port", []),
    ],
)
def test_no_proxy_makes_exceptions(environment: pytest.MonkeyPatch, no_proxy: str, patterns: list[str]) -> None:
    environment.setenv("HTTP_PROXY", "p")
    environment.setenv("NO_PROXY", no_proxy)
    assert get_environment_proxies() == {"http://": "http://p", **dict.fromkeys(patterns)}


@pytest.mark.parametrize("no_proxy", ["*", "a.example, *", "*,a.example"])
def test_no_proxy_for_all(environment: pytest.MonkeyPatch, no_proxy: str) -> None:
    environment.setenv("HTTP_PROXY", "p")
    environment.setenv("NO_PROXY", no_proxy)
    assert get_environment_proxies() == {}


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        ("http://a.example/", "", False),
        ("http://a.example/", "a.example", True),
        ("http://www.a.example/", "a.example", True),
        ("http://ba.example/", "a.example", False),
        ("http://a.example/", ".a.example", False),
        ("http://www.a.example/", ".a.example", True),
        ("http://www.a.example/", "*.a.example", True),
        ("http://a.example:8080/", "a.example:8080", True),
        ("http://a.example/", "a.example:8080", False),
        ("http://a.example/", "A.EXAMPLE", True),
        ("http://localhost:9/", "LocalHost", True),
        ("http://notlocalhost/", "localhost", False),
        ("http://10.2.3.4/", "192.168.0.0/16,10.0.0.0/8", True),
        ("http://127.0.0.1:9/", "127.0.0.1", True),
        ("http://[::1]:9/", "::1", True),
        ("http://[::1]/", "[::1]", True),
        ("http://[fe80::1]/", "fe80::/10", True),
        ("https://a.example/", "http://a.example", False),
        ("http://www.müller.de/", "müller.de", True),
    ],
)
def test_client_goes_round_the_proxy(environment: pytest.MonkeyPatch, url: str, no_proxy: str, is_direct: bool) -> None:
    environment.setenv("NO_PROXY", no_proxy)
    environment.setenv("ALL_PROXY", "http://proxy.example")
    proxies = {URLPattern(pattern): proxy for pattern, proxy in get_environment_proxies().items()}
    mounts = sort_mounts({pattern.pattern: proxy for pattern, proxy in proxies.items()}, None)
    found = next(proxy for pattern, proxy in mounts.items() if pattern.matches(httpx.URL(url)))
    assert (found is None) is is_direct


# Mounts.


def test_proxy_map_prefers_what_is_given(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "env.example")
    environment.setenv("NO_PROXY", "a.example")
    given = httpx.Proxy("http://given.example")
    assert proxy_map(given, allow_env_proxies=True) == {"all://": given}
    (proxy,) = proxy_map("http://given.example", allow_env_proxies=True).values()
    assert proxy is not None
    assert proxy.url == "http://given.example"
    assert proxy_map(None, allow_env_proxies=False) == {}
    proxies = proxy_map(None, allow_env_proxies=True)
    assert list(proxies) == ["http://", "all://*a.example"]
    assert proxies["all://*a.example"] is None


def test_mounts_of_the_user_override_proxies_and_the_narrowest_is_first() -> None:
    mounts = sort_mounts({"all://": 1, "http://": 2, "all://a.example": None}, {"http://": 3, "all://a.example:80": 4})
    assert [(pattern.pattern, value) for pattern, value in mounts.items()] == [
        ("all://a.example:80", 4),
        ("all://a.example", None),
        ("http://", 3),
        ("all://", 1),
    ]
    assert sort_mounts({}, None) == {}


def make_transport(text: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(200, text=text))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://other.example/", "default"),
        ("https://other.example/", "https"),
        ("https://a.example/", "host"),
        ("https://www.a.example/", "subdomain"),
        ("http://direct.example/", "default"),
        ("custom://a/", "scheme"),
    ],
)
def test_client_chooses_the_transport_by_pattern(url: str, expected: str) -> None:
    mounts: Any = {name: make_transport(text) for name, text in [("https://", "https"), ("custom://", "scheme")]}
    mounts |= {"all://a.example": make_transport("host"), "all://*.a.example": make_transport("subdomain")}
    mounts["all://direct.example"] = None
    with httpx.Client(transport=make_transport("default"), mounts=mounts) as client:
        assert client.get(url).text == expected


def test_names_that_programs_import_are_there() -> None:
    from httpx import _utils

    assert _utils.URLPattern is URLPattern
    assert _utils.get_environment_proxies is get_environment_proxies
    assert _utils.is_ipv4_hostname("10.0.0.0/8")
    assert not _utils.is_ipv4_hostname("a.example")
    assert _utils.is_ipv6_hostname("::1")
    assert not _utils.is_ipv6_hostname("[::1]")
    assert (_utils.to_bytes("ü"), _utils.to_bytes(b"a")) == (b"\xc3\xbc", b"a")
    assert (_utils.to_str(b"\xc3\xbc"), _utils.to_str("a")) == ("ü", "a")
    assert (_utils.to_bytes_or_str("a", b""), _utils.to_bytes_or_str("a", "")) == (b"a", "a")
    assert (_utils.unquote('"a"'), _utils.unquote('"a'), _utils.unquote("")) == ("a", '"a', "")
    assert _utils.primitive_value_to_str(True) == "true"
    assert _utils.peek_filelike_length(object()) is None
