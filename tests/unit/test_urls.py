"""URL and Origin: parsing, normalising, copying, joining, and what connections read from them."""

from __future__ import annotations

import copy
import pickle
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import httpx
from httpx import URL, InvalidURL, QueryParams
from httpx._urlparse import _CACHE_SIZE, MAX_URL_LENGTH, PARSED, ParseResult, urlparse
from httpx._urls import Origin


def test_all_components() -> None:
    url = URL("HTTPS://jo%40email.com:a%20secret@Müller.DE:1234/pa%20th?search=ab#anchor%20ab")
    assert url.scheme == "https"
    assert url.raw_scheme == b"https"
    assert url.userinfo == b"jo%40email.com:a%20secret"
    assert url.username == "jo@email.com"
    assert url.password == "a secret"
    assert url.host == "müller.de"
    assert url.raw_host == b"xn--mller-kva.de"
    assert url.port == 1234
    assert url.netloc == b"xn--mller-kva.de:1234"
    assert url.path == "/pa th"
    assert url.query == b"search=ab"
    assert url.params == QueryParams({"search": "ab"})
    assert url.raw_path == b"/pa%20th?search=ab"
    assert url.fragment == "anchor ab"
    assert url.is_absolute_url
    assert not url.is_relative_url
    assert str(url) == "https://jo%40email.com:a%20secret@xn--mller-kva.de:1234/pa%20th?search=ab#anchor%20ab"
    assert repr(url) == ("URL('https://jo%40email.com:[secure]@xn--mller-kva.de:1234/pa%20th?search=ab#anchor%20ab')")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("http://h", "http://h"),
        ("HTTP://Example.ORG/A", "http://example.org/A"),
        ("HTTP://h:80/", "http://h/"),
        ("https://h:443/", "https://h/"),
        ("https://h:80/", "https://h:80/"),
        ("ws://h:80", "ws://h"),
        ("wss://h:443", "wss://h"),
        ("ftp://h:21", "ftp://h"),
        ("http://h:", "http://h"),
        ("http://h:0080/", "http://h/"),
        ("http://h/a/./b/../../c", "http://h/c"),
        ("http://h/../../a", "http://h/a"),
        ("http://h/a/.", "http://h/a"),
        ("http://h/.well-known/x", "http://h/.well-known/x"),
        ("http://h/%2e%2e/a", "http://h/%2e%2e/a"),
        ("http://h//a//b", "http://h//a//b"),
        ("/a/../b", "/a/../b"),
        ("../a", "../a"),
        ("//h/a", "//h/a"),
        ("mailto:a@b", "mailto:a@b"),
        ("://x", "//x"),
        ("1http://h", "1http://h"),
        ("http://h?a?b#c#d", "http://h?a?b#c#d"),
        ("http://h/?#", "http://h/?#"),
        ("http://a@b@c/", "http://a%40b@c/"),
        ("http://@h", "http://h"),
        ("http://[::FFFF]:8080/", "http://[::FFFF]:8080/"),
        ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/"),
        ("http://a。b/", "http://a.b/"),
        ("http://a b/", "http://a%20b/"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    url = URL(text)
    assert str(url) == normal
    assert str(URL(normal)) == normal
    assert url == URL(normal)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ('http://h/a b"<>`{}é', "http://h/a%20b%22%3C%3E%60%7B%7D%C3%A9"),
        ("http://h/!$&'()*+,;=:@[]\\^|~", "http://h/!$&'()*+,;=:@[]\\^|~"),
        ("http://h/%41%zz%2F%", "http://h/%41%zz%2F%"),
        ('http://h/?a b"<>é', "http://h/?a%20b%22%3C%3E%C3%A9"),
        ("http://h/?!$&'()*+,;=:@[]\\^`{|}~/?", "http://h/?!$&'()*+,;=:@[]\\^`{|}~/?"),
        ('http://h/#a b"<>`é', "http://h/#a%20b%22%3C%3E%60%C3%A9"),
        ("http://h/#!$&'()*+,;=:@[]\\^{|}~/?#", "http://h/#!$&'()*+,;=:@[]\\^{|}~/?#"),
        ("http://;=@[\\]^`{|}é:p:q@h", "http://%3B%3D%40%5B%5C%5D%5E%60%7B%7C%7D%C3%A9:p:q@h"),
    ],
)
def test_percent_encoding(text: str, normal: str) -> None:
    assert str(URL(text)) == normal


def test_a_url_without_path_is_requested_at_the_root() -> None:
    url = URL("http://h?q")
    assert url.path == "/"
    assert url.raw_path == url._target == b"/?q"
    assert url == "http://h?q"
    assert url != "http://h/?q"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://h:x", "Invalid port: 'x'"),
        ("http://h:1:2", "Invalid port: '1:2'"),
        ("http://::1", "Invalid port: ':1'"),
        ("http://[::1]x", "Invalid port: 'x'"),
        ("http://1.2.3.256", "Invalid IPv4 address: '1.2.3.256'"),
        ("http://01.2.3.4", "Invalid IPv4 address: '01.2.3.4'"),
        ("http://[]", "Invalid IPv6 address: '[]'"),
        ("http://[v1.x]", "Invalid IPv6 address: '[v1.x]'"),
        ("http://[::1%é]", "Invalid IPv6 address: '[::1%é]'"),
        ("http://😇/", "Invalid IDNA hostname: '😇'"),
        ("http://\uff47oogle.com/", "Invalid IDNA hostname: '\uff47oogle.com'"),
        ("http://\uff11.2.3.4/", "Invalid IDNA hostname: '\uff11.2.3.4'"),
        ("http://h/\n", "Invalid non-printable ASCII character in URL, '\\n' at position 9."),
        ("http://h\x00.org/", "Invalid non-printable ASCII character in URL, '\\x00' at position 8."),
        ("http://h/\x7f", "Invalid non-printable ASCII character in URL, '\\x7f' at position 9."),
        ("::a", "Relative URLs cannot have a path starting with ':'"),
        ("/" * (MAX_URL_LENGTH + 1), "URL too long"),
    ],
)
def test_invalid_urls(text: str, message: str) -> None:
    with pytest.raises(InvalidURL) as info:
        URL(text)
    assert str(info.value) == message


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"path": "a"}, "For absolute URLs, path must be empty or begin with '/'"),
        ({"raw_path": b"a"}, "For absolute URLs, path must be empty or begin with '/'"),
        ({"path": "/a?b"}, "Invalid URL component 'path'"),
        ({"raw_path": b"/a#b"}, "Invalid URL component 'path'"),
        ({"query": b"a#b"}, "Invalid URL component 'query'"),
        ({"userinfo": b"a@b"}, "Invalid URL component 'userinfo'"),
        ({"scheme": "1http"}, "Invalid URL component 'scheme'"),
        ({"path": "/\r"}, "Invalid non-printable ASCII character in URL path component, '\\r' at position 1."),
        ({"host": "h\n"}, "Invalid non-printable ASCII character in URL host component, '\\n' at position 1."),
        ({"host": "::1%a]@evil.example"}, "Invalid IPv6 address: '[::1%a]@evil.example]'"),
        ({"host": "b:1"}, "Invalid IPv6 address: '[b:1]'"),
        ({"fragment": "a" * (MAX_URL_LENGTH + 1)}, "URL component 'fragment' too long"),
        ({"netloc": b"b:x"}, "Invalid port: 'x'"),
    ],
)
def test_invalid_components(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidURL) as info:
        URL("http://h/x", **kwargs)
    assert str(info.value) == message


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"foo": 1}, "'foo' is an invalid keyword argument for URL()"),
        ({"authority": "h"}, "'authority' is an invalid keyword argument for URL()"),
        ({"host": b"h"}, "Argument 'host' must be str but got bytes"),
        ({"port": "80"}, "Argument 'port' must be int but got str"),
        ({"query": "a"}, "Argument 'query' must be bytes but got str"),
        ({"raw_path": "/"}, "Argument 'raw_path' must be bytes but got str"),
    ],
)
def test_wrong_types_of_components(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as info:
        URL("http://h/", **kwargs)
    assert str(info.value) == message


@pytest.mark.parametrize("url", [None, 1, b"http://h"])
def test_wrong_types_of_urls(url: Any) -> None:
    with pytest.raises(TypeError, match=re.escape("Invalid type for url.  Expected str or httpx.URL, got <class")):
        URL(url)


@pytest.mark.parametrize(
    ("url", "kwargs", "result"),
    [
        ("http://h/x?y#z", {"scheme": "HTTPS", "host": "B"}, "https://b/x?y#z"),
        ("https://h:80/", {"scheme": "http"}, "http://h/"),
        ("http://h:8000/", {"port": None}, "http://h/"),
        ("http://h/", {"port": 8000}, "http://h:8000/"),
        ("http://h/", {"port": 80}, "http://h/"),
        ("http://h:1/x", {"netloc": b"b"}, "http://b/x"),
        ("http://u:p@h/x", {"netloc": b"b:2"}, "http://u:p@b:2/x"),
        ("http://h/x", {"netloc": b"[::1]:5"}, "http://[::1]:5/x"),
        ("http://h/x", {"host": "::1"}, "http://[::1]/x"),
        ("http://h/x", {"host": "u@b/c?d#e"}, "http://u%40b%2Fc%3Fd%23e/x"),
        ("http://h/x", {"host": None}, "http:/x"),
        ("http://u:p@h/", {"username": "x"}, "http://x@h/"),
        ("http://u:p@h/", {"password": "a:b@c/d"}, "http://:a%3Ab%40c%2Fd@h/"),
        ("http://h/", {"username": "a@b", "password": "%41é"}, "http://a%40b:%41%C3%A9@h/"),
        ("http://u:p@h/", {"userinfo": b""}, "http://h/"),
        ("http://h/x?y", {"path": "/é/../ü"}, "http://h/%C3%BC?y"),
        ("http://h/x?y", {"raw_path": b"/a"}, "http://h/a"),
        ("http://h/x?y", {"raw_path": b"/a?b?c"}, "http://h/a?b?c"),
        ("http://h/x?y", {"raw_path": b"?"}, "http://h?"),
        ("http://h/x?y", {"query": None}, "http://h/x"),
        ("http://h/x?y", {"query": b"a b"}, "http://h/x?a%20b"),
        ("http://h/x?y", {"params": {"a": "b/c d"}}, "http://h/x?a=b%2Fc+d"),
        ("http://h/x?y", {"params": {}}, "http://h/x"),
        ("http://h/x?y", {"params": {"a": 1}, "query": b"z"}, "http://h/x?a=1"),
        ("http://h/x#y", {"fragment": None}, "http://h/x"),
        ("http://h/x", {"fragment": "a b"}, "http://h/x#a%20b"),
        ("", {"scheme": "https", "host": "h", "port": 443, "path": "/a"}, "https://h/a"),
    ],
)
def test_replacing_components(url: str, kwargs: dict[str, Any], result: str) -> None:
    assert str(URL(url, **kwargs)) == result
    assert str(URL(url).copy_with(**kwargs)) == result


def test_copies_with_other_params() -> None:
    url = URL("http://h/a?b=1&b=2#c")
    assert url.copy_set_param("b", 3) == "http://h/a?b=3#c"
    assert url.copy_add_param("b", 3) == "http://h/a?b=1&b=2&b=3#c"
    assert url.copy_remove_param("b") == "http://h/a#c"
    assert url.copy_merge_params({"b": [7, 8], "c": None}) == "http://h/a?b=7&b=8&c=#c"
    assert url == "http://h/a?b=1&b=2#c"


# RFC 3986 5.4. The two differences are HTTPX 0.28's: "http:g" is taken as relative (as the RFC allows for old
# programs), and dot segments after ";" belong to the path like all others.
@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        ("g?y#s", "http://a/b/c/g?y#s"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y#s"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/../x", "http://a/b/c/g#s/../x"),
        ("http:g", "http://a/b/c/g"),
    ],
)
def test_join_of_the_rfc(reference: str, target: str) -> None:
    base = URL("http://a/b/c/d;p?q")
    assert str(base.join(reference)) == target
    assert str(base.join(URL(reference))) == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("https://u:p@h:1/a", "/b", "https://u:p@h:1/b"),
        ("https://u:p@h:1/a", "//g/b", "https://g/b"),
        ("https://h/a", "http://g/b", "http://g/b"),
        ("https://h", "b", "https://h/b"),
        ("https://h?q", "", "https://h?q"),
        ("http+unix://h/a/b", "c", "http+unix://h/a/c"),
        ("/a/b", "../c", "/c"),
        ("https://h/a#x", "b", "https://h/b"),
    ],
)
def test_join_of_other_bases(base: str, reference: str, target: str) -> None:
    assert str(URL(base).join(reference)) == target


def test_hosts_are_decoded_for_people_wherever_idna_allows() -> None:
    assert URL("http://xn--fiqs8s/").host == "中国"
    assert URL("http://XN--FIQS8S.XN--FIQS8S:8000/").host == "中国.中国"
    assert URL("http://WWW.XN--FIQS8S:8000/").host == "www.中国"
    assert URL("http://ß.de/").raw_host == b"xn--zca.de"
    # Not a valid label: shown as it is sent.
    assert URL("http://xn--ls8h.la/").host == "xn--ls8h.la"
    assert URL("http://xn--/").host == "xn--"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://good.example@evil.example/", "evil.example"),
        ("http://good.example%2F@evil.example/", "evil.example"),
        ("http://good.example\\@evil.example/", "evil.example"),
        ("http://good.example#@evil.example/", "good.example"),
        ("http://good.example?@evil.example/", "good.example"),
        ("http://good.example/@evil.example/", "good.example"),
        ("http://a:b@c@good.example/", "good.example"),
        ("http://good.example%00.evil.example/", "good.example%00.evil.example"),
        ("http://good.example%40evil.example/", "good.example%40evil.example"),
        ("http:////evil.example/", ""),
        ("http://@//evil.example/", ""),
        ("http:/..//evil.example/", ""),
    ],
)
def test_the_host_is_the_one_of_the_authority_and_survives_reading_back(text: str, host: str) -> None:
    url = URL(text)
    assert url.host == host
    assert url._route_key[1] == host
    assert URL(str(url)).host == host


@pytest.mark.parametrize(
    ("text", "route_key", "host_field"),
    [
        ("http://h", ("http", "h", 80), b"h"),
        ("HTTPS://H:443/", ("https", "h", 443), b"h"),
        ("https://h:80/", ("https", "h", 80), b"h:80"),
        ("wss://h", ("wss", "h", 443), b"h"),
        ("foo://h", ("foo", "h", None), b"h"),
        ("http://müller.de:81", ("http", "xn--mller-kva.de", 81), b"xn--mller-kva.de:81"),
        ("http://[::FFFF]:81", ("http", "::ffff", 81), b"[::FFFF]:81"),
        ("http://[FE80::1%25Eth0]:81", ("http", "fe80::1%Eth0", 81), b"[FE80::1]:81"),
        ("http://[fe80::1%eth0]", ("http", "fe80::1%eth0", 80), b"[fe80::1]"),
        ("http://[fe80::1%25]", ("http", "fe80::1%25", 80), b"[fe80::1]"),
        ("http://u:p@h/", ("http", "h", 80), b"h"),
        ("/a", ("", "", None), b""),
    ],
)
def test_what_connections_read(text: str, route_key: tuple[str, str, int | None], host_field: bytes) -> None:
    url = URL(text)
    assert url._route_key == route_key
    assert url._host_field == host_field


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_refused_when_it_is_to_be_connected_to(port: int) -> None:
    url = URL("http://h/", port=port)
    with pytest.raises(InvalidURL, match=f"Invalid port: '{port}'"):
        _ = url._route_key


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h", "URL('http://u:[secure]@h')"),
        ("http://u@h", "URL('http://u@h')"),
        ("http://:p@h", "URL('http://:[secure]@h')"),
        ("http://u:@h", "URL('http://u:[secure]@h')"),
        ("//u:p:q@h:1/a?b", "URL('//u:[secure]@h:1/a?b')"),
    ],
)
def test_repr_masks_the_password(text: str, shown: str) -> None:
    assert repr(URL(text)) == shown
    assert ":p" not in repr(URL(text)._uri_reference)


def test_comparison_and_hash() -> None:
    url = URL("http://H:80/a")
    assert url == URL("http://h/a")
    assert url == "HTTP://h/a"
    assert url != "http://h/b"
    assert url != b"http://h/a"
    assert url != None  # noqa: E711
    assert hash(url) == hash(URL("http://h/a")) == hash("http://h/a")
    with pytest.raises(InvalidURL):
        _ = url == "http://h:x"


def test_pickle_and_copy() -> None:
    url = URL("http://u:p@h:1/é?a=b#c")
    assert (url._target, url._host_field) == (b"/%C3%A9?a=b", b"h:1")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(url, protocol))
        assert twin == url
        assert twin.password == "p"
        assert twin._uri_reference == url._uri_reference
    for twin in (copy.copy(url), copy.deepcopy(url), URL(url)):
        assert twin == url


def test_immutable() -> None:
    url = URL("http://h/")
    with pytest.raises(AttributeError):
        url.host = "b"  # type: ignore[misc]  # that it cannot be set is the point


def test_subclasses_and_attributes_of_users() -> None:
    class Mine(URL):
        pass

    url = Mine("http://h/a")
    url.note = "kept"  # type: ignore[attr-defined]  # users set attributes of their own
    assert repr(url) == "Mine('http://h/a')"
    assert url == URL("http://h/a")


def test_str_subclasses_are_taken() -> None:
    class Text(str):
        pass

    url = URL(Text("http://text.example/"))
    assert type(str(url)) is str
    assert url == "http://text.example/"


def test_raw_is_deprecated() -> None:
    with pytest.warns(UserWarning, match=re.escape("URL.raw is deprecated.")):
        raw: Any = URL("http://h/a?b").raw
    assert raw == (b"http", b"h", None, b"/a?b")
    assert raw._fields == ("raw_scheme", "raw_host", "port", "raw_path")


def test_origin() -> None:
    origin = URL("HTTPS://u:p@Example.org/a").origin
    assert (origin.scheme, origin.host, origin.port) == ("https", "example.org", 443)
    assert origin == Origin("https://example.org:443/b?c")
    assert hash(origin) == hash(Origin(URL("https://example.org")))
    assert origin != Origin("http://example.org")
    assert origin != Origin("https://example.org:444")
    assert origin != "https://example.org"
    assert Origin("foo://h").port is None
    assert repr(origin) == "Origin(scheme='https', host='example.org', port=443)"
    assert repr(Origin("foo://[::1]")) == "Origin(scheme='foo', host='::1', port=None)"
    with pytest.raises(InvalidURL):
        Origin("http://h:x")


def test_urlparse_takes_and_returns_components() -> None:
    result = urlparse("http://u:p@[::1]:5/a?b#c")
    assert tuple(result) == ("http", "u:p", "::1", 5, "/a", "b", "c")
    assert result.authority == "u:p@[::1]:5"
    assert result.netloc == "[::1]:5"
    assert str(result) == "http://u:p@[::1]:5/a?b#c"
    assert str(result.copy_with(path="/x", query=None)) == "http://u:p@[::1]:5/x#c"
    assert result.copy_with() is result
    assert str(urlparse("http://h:1/a", authority="u:p@x:4")) == "http://u:p@x:4/a"
    assert isinstance(result._replace(path="/z"), ParseResult)
    assert str(result._replace(path="/z")) == "http://u:p@[::1]:5/z?b#c"
    with pytest.raises(KeyError):
        urlparse("http://h", foo="1")


def test_the_cache_is_bounded_and_holds_nothing_secret() -> None:
    PARSED.clear()
    for text in ("http://u:p@h/", "http://h/?token=1", "http://h/#token=1", "foo:u:p@h", "http://h/" + "a" * 2000):
        URL(text)
    assert not PARSED
    URL("http://h/", username="u", password="p")
    assert not PARSED
    for number in range(3 * _CACHE_SIZE):
        URL(f"http://h/{number}")
        assert len(PARSED) <= _CACHE_SIZE
    PARSED.clear()
    URL("http://h/")
    assert list(PARSED) == ["http://h/"]


def count_calls(function: Callable[[], object]) -> int:
    """Return how many Python functions that function calls."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(previous)
    return calls - 1  # the function itself


@pytest.mark.parametrize(
    ("name", "function", "limit"),
    [
        ("cached", lambda url: URL("http://127.0.0.1:8000/path"), 1),
        ("of a URL", lambda url: URL(url), 1),
        ("uncached", lambda url: URL("http://127.0.0.1:8000/path?query"), 4),
        ("str", lambda url: str(url), 1),
        ("route key", lambda url: url._route_key, 1),
        ("target", lambda url: url._target, 1),
        ("host field", lambda url: url._host_field, 1),
        ("scheme", lambda url: url.scheme, 1),
        ("params", lambda url: QueryParams({"a": 1}), 3),
    ],
)
def test_number_of_calls_when_warm(name: str, function: Callable[[URL], object], limit: int) -> None:
    url = URL("http://127.0.0.1:8000/path")
    function(url)
    assert count_calls(lambda: function(url)) - 1 <= limit, name


def test_public_names() -> None:
    assert URL.__module__ == Origin.__module__ == QueryParams.__module__ == "httpx"
    assert httpx._urls.QueryParams is QueryParams


pieces = st.one_of(
    st.sampled_from("/?#@:%.[]\\ ab+&=;,\"<>^`{|}~!$'()*_-é"),
    st.sampled_from(["//", "/../", "http:", "https://", "h.example", "::1", "[::1]", "%41", "%2f", "fe80::1%25eth0"]),
    st.sampled_from(["xn--fiqs8s", "中国", "1.2.3.4", "u:p@", ":80", ":443", ":8000"]),
)
texts = st.lists(pieces, max_size=10).map("".join)


@given(texts)
def test_reading_back_gives_the_same_url(text: str) -> None:
    try:
        url = URL("http://" + text)
    except InvalidURL:
        return
    again = URL(str(url))
    # The escapes of a host that needed some become lower case when they are read.
    assert again._route_key[1] == url._route_key[1].lower()
    assert again.raw_path == url.raw_path
    assert again.userinfo == url.userinfo
    assert again.fragment == url.fragment
    assert str(url).isascii()
    assert not set(str(url)) & set(" <>")


@given(texts, texts, texts)
def test_components_never_spill_into_others(username: str, password: str, path: str) -> None:
    url = URL("https://h.example:8443/", username=username, password=password, raw_path=b"/", fragment=path)
    again = URL(str(url))
    assert (again.host, again.port, again.path) == ("h.example", 8443, "/")
    assert again.userinfo == url.userinfo


@given(texts, texts)
def test_the_quick_way_agrees_with_the_careful_one(path: str, query: str) -> None:
    text = f"http://h.example:8000/{path}?{query}"
    try:
        quick = urlparse(text)
    except InvalidURL:
        return
    # A keyword argument leads past the pattern for plain URLs.
    assert quick == urlparse(text, scheme="http")
    assert str(quick) == str(urlparse(text, scheme="http"))


@pytest.mark.parametrize("path", ["/a b", "/a\r\nHost: other", "/\x00", "/\x7f"])
def test_a_target_that_cannot_be_sent_is_never_made(path: str) -> None:
    # Parsing encodes all of these; whoever sends a target relies on it, so it is looked at once more.
    reference = URL("http://example.org/")._uri_reference._replace(path=path)
    with pytest.raises(InvalidURL):
        _ = reference.target


@given(
    st.sampled_from(
        ["http://a.example", "https://user:pass@A.example:8443/p/../q?x=1#f", "/relative?y", "", "//h", "a:b"]
    )
    | texts
    | texts.map("http://".__add__),
    st.none()
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.lists(st.integers(), max_size=2), max_size=3)
    | st.lists(st.tuples(st.text(max_size=3), st.booleans()), max_size=2)
    | st.text(st.sampled_from("a=&+%20é"), max_size=8),
)
def test_a_query_of_params_is_one_that_is_given(text: str, params: Any) -> None:
    query = str(QueryParams(params)).encode("ascii") if params else None
    try:
        expected = URL(text, query=query)
    except InvalidURL as exc:
        with pytest.raises(InvalidURL, match=re.escape(str(exc))):
            URL(text, params=params)
        return
    for url in (URL(text, params=params), URL(text).copy_with(params=params)):
        assert url == expected
        assert url._uri_reference == expected._uri_reference
        assert (url._host_field, url._target) == (expected._host_field, expected._target)
        try:
            route_key = expected._route_key
        except InvalidURL:
            with pytest.raises(InvalidURL):
                _ = url._route_key
        else:
            assert url._route_key == route_key


def test_params_that_are_too_long_are_refused() -> None:
    for make in (URL, URL("http://a.example").copy_with):
        with pytest.raises(InvalidURL, match="URL component 'query' too long"):
            make(params={"a": 70_000 * "b"})
