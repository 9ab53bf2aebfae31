"""URLs: parsing, quoting, hosts, ports, equality, reprs, and what is refused."""

from __future__ import annotations

import copy
import pickle

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe_url(text: str) -> object:
    """Return all that a URL tells about itself."""
    url = httpx.URL(text)
    return {
        "str": str(url),
        "repr": repr(url),
        "scheme": [url.scheme, url.raw_scheme],
        "userinfo": [url.userinfo, url.username, url.password],
        "host": [url.host, url.raw_host],
        "port": url.port,
        "netloc": url.netloc,
        "path": [url.path, url.raw_path],
        "query": [url.query, str(url.params)],
        "fragment": url.fragment,
        "absolute": [url.is_absolute_url, url.is_relative_url],
    }


def compare(one: str, other: object) -> object:
    return [httpx.URL(one) == other, httpx.URL(one) != other]


CASES.table(
    describe_url,
    [
        "",
        "/",
        "?",
        "#",
        "a",
        "//a",
        "//a/b",
        "a:b",
        "a/b:c",
        "./a:b",
        "http:",
        "http:/",
        "http://",
        "http:///",
        "http:///path",
        "http:////path",
        "http:..///path",
        "http:path",
        "http:/path",
        "http://a",
        "http://a/",
        "http://a?",
        "http://a#",
        "http://a/?",
        "http://a/#",
        "http://a/?#",
        "http://a?b",
        "http://a#b",
        "http://a?b#c",
        "http://a/b?c#d",
        "http://a/b/../c/./d",
        "http://a/../../b",
        "http://a/b/..",
        "http://a/b/.",
        "http://a/b//c",
        "http://a//",
        "http://a/..//b",
        "http://a/%2e%2e/b",
        "http://a/%2E/b",
        "/a/../b",
        "a/../b",
        "../a",
        "HTTP://A/B",
        "hTTp://eXample.ORG/Path?Query#Fragment",
        "https://EXAMPLE.org:443/",
        "http://example.org:80",
        "http://example.org:443",
        "https://example.org:443",
        "https://example.org:80",
        "ws://example.org:80",
        "wss://example.org:443",
        "ftp://example.org:21",
        "http://example.org:",
        "http://example.org:0",
        "http://example.org:0080",
        "http://example.org:65535",
        "http://example.org:8080/",
        "other://example.org:8080",
        "mailto:someone@example.org",
        "data:text/plain,hello",
        "file:///etc/hosts",
        "urn:isbn:0451450523",
        "http://user@a",
        "http://user:@a",
        "http://:secret@a",
        "http://user:secret@a",
        "http://user:sec:ret@a",
        "http://user:sec%3Aret@a",
        "http://us%40er:secret@a",
        "http://us er:se cret@a",
        "http://üser:secrét@a",
        "http://@a",
        "http://a@b@c",
        "http://user:secret@a:8080/b?c#d",
        "http://user:p%@a",
        "http://us!$&'()*+,;=er@a",
        "http://us[er@a",
        "http://127.0.0.1",
        "http://127.0.0.1:8080/",
        "http://[::1]",
        "http://[::1]:8080/",
        "http://[2001:DB8::A]/",
        "http://[::ffff:127.0.0.1]/",
        "//[::1]/",
        "http://a.b.c.",
        "http://a..b",
        "http://-a",
        "http://a_b.example",
        "http://a-.example",
        "http://a~b",
        "http://a!b",
        "http://a%20b",
        "http://a%41b",
        "http://a*b",
        "http://münchen.example/straße?grüße#ß",
        "http://中国.icom.museum/",
        "http://faß.example",
        "http://BÜCHER.example",
        "http://ドメイン.テスト",
        "http://xn--mnchen-3ya.example",
        "http://www.xn--mnchen-3ya.example",
        "http://www.münchen.example",
        "http://xn--9ca.xn--zca",
        "http://xn--fiqs8s.icom.museum/",
        "http://i❤.ws",
        "http://a。b",
        "http://\uff41.example",
        "http://a b",
        "http://a/b c",
        "http://a/%",
        "http://a/%zz",
        "http://a/%2",
        "http://a/%20%41%c3%a9%C3%A9",
        "http://a/100%25",
        "http://a/[b]",
        'http://a/{b}|c^d`e"f<g>h\\i',
        "http://a/!$&'()*+,;=:@-._~",
        "http://a/é",
        "http://a/😀",
        "http://a/a?b=c d",
        "http://a/?a=b&c=d&a=e",
        "http://a/?a=é&b=%C3%A9",
        "http://a/?a=%",
        "http://a/?a=%zz&b=%2",
        "http://a/?[b]{c}|d^e`f\"g<h>i\\j'k",
        "http://a/?!$&()*+,;=:@-._~/?",
        "http://a/?a+b=c+d",
        "http://a/?a=b?c",
        "http://a/?a%3Db",
        "http://a/#é",
        "http://a/#a b",
        "http://a/#a#b",
        "http://a/#%zz",
        'http://a/#[b]{c}|d^e`f"g<h>i\\j',
        "http://a\\b",
        "http://a\\@b",
        "http://a/\x7f",
        "http://a/b?c#\x7f",
        " http://a",
        "http://a ",
        "http://a/ ",
        "\u2003http://a",
        "1http://a",
        "h+t.t-p://a",
        "://a",
        ":a",
        "http://a:b",
        "http://a:80:80",
        "http://a:-1",
        "http://a:65536",
        "http://a:99999",
        "http://a:\uff11",
        "http://a:+1",
        "http://a: 80",
        "http://[::1",
        "http://::1]",
        "http://[::g]",
        "http://[]",
        "http://[127.0.0.1]",
        "http://[v1.a]",
        "http://[::1%25eth0]",
        "http://[::1]a",
        "http://::1",
        "http://256.256.256.256",
        "http://999.1.1.1",
        "http://127.1",
        "http://1.2.3.4.5",
        "http://0x7f.1",
        "http://a\nb",
        "http://a/\n",
        "http://a/\t",
        "http://a/?\r",
        "http://a/#\x00",
        "\x00",
        "http://xn--",
        "http://é.xn--",
        "http://" + "a" * 63 + ".example",
        "http://é" + "a" * 63 + ".example",
        "http://a\u200db",
        "http://\u00ad",
        "http://%zz",
        "http://😇",
    ],
)

CASES.table(
    compare,
    [
        ("http://a", "http://a"),
        ("http://a", "http://a/"),
        ("http://a", "HTTP://A:80"),
        ("http://a", "http://b"),
        ("http://a/%7e", "http://a/~"),
        ("http://a/%2f", "http://a/%2F"),
        ("http://a?", "http://a"),
        ("http://a#", "http://a"),
        ("http://é", "http://xn--9ca"),
        ("http://a", 1),
        ("http://a", None),
        ("http://a", b"http://a"),
        ("http://a", "http://["),
        ("", ""),
    ],
)

CASES.expressions(
    """
httpx.URL()
httpx.URL(httpx.URL("http://a"))
httpx.URL("http://a") == httpx.URL("http://a/")
hash(httpx.URL("http://a")) == hash(httpx.URL("http://a/"))
len({httpx.URL("http://a"), httpx.URL("http://a/"), httpx.URL("http://b")})
bool(httpx.URL(""))
str(httpx.URL("http://user:secret@a"))
repr(httpx.URL("http://user:secret@a"))
repr(httpx.URL("http://user@a"))
repr(httpx.URL("http://:secret@a"))
f"{httpx.URL('http://user:secret@a')}"
httpx.URL("http://a", params={"b": "c"})
httpx.URL("http://a?b=c", params={"d": "e"})
httpx.URL("http://a?b=c", params={})
httpx.URL("http://a?b=c", params=None)
httpx.URL("http://a?b=c", params="")
httpx.URL("http://a?b=c", query=b"d=e")
httpx.URL("http://a", params={"b": [1, None, True, 2.5]})
httpx.URL("http://a", params={"b": "ü&=+ "})
httpx.URL("http://a", path="/b")
httpx.URL(scheme="http", host="a")
httpx.URL(scheme="http", host="a", port=80, path="/")
httpx.URL(scheme="https", host="a", path="/b", query=b"c", fragment="d")
httpx.URL(host="a")
httpx.URL(path="/a")
httpx.URL(scheme="http", path="/a")
httpx.URL(scheme="http", host="a", path="b")
httpx.URL(scheme="http", host="a", username="b", password="c")
httpx.URL(username="b", password="c", host="a", scheme="http")
httpx.URL(netloc=b"a:1", scheme="http")
httpx.URL("http://a", nothing="b")
httpx.URL("http://a", port="b")
httpx.URL("http://a", scheme=1)
httpx.URL(1)
httpx.URL(None)
httpx.URL(b"http://a")
httpx.URL(["http://a"])
httpx.URL("http://a", params=1)
httpx.URL("http://a").raw
httpx.URL("http://a:1/b?c").raw
httpx.URL("http://a").raw.port
httpx.URL("http://a/" + "b" * 70000)
httpx.URL("http://" + "a" * 70000)
httpx.URL("http://a").copy_with(host="a" * 70000)
httpx.URL("http://a?" + "b" * 65525).raw_path[:5]
len(str(httpx.URL("http://a/" + "b" * 65527)))
httpx.URL("http://a").copy_set_param("b", "c")
httpx.URL("http://a?b=1&b=2").copy_set_param("b", "c")
httpx.URL("http://a?b=1#d").copy_add_param("b", "c")
httpx.URL("http://a?b=1&c=2").copy_remove_param("b")
httpx.URL("http://a?b=1").copy_remove_param("b")
httpx.URL("http://a?b=1").copy_remove_param("c")
httpx.URL("http://a?b=1").copy_merge_params({"b": "2", "c": "3"})
httpx.URL("http://a?b=1&b=2").copy_merge_params({"c": "3"})
httpx.URL("http://a?b=1").copy_merge_params({})
httpx.URL("http://a").copy_set_param("b", None)
httpx.URL("http://a").copy_set_param("b")
httpx.URL("http://a").copy_add_param("b", True)
httpx.URL("http://a?b=c%20d+e").params["b"]
httpx.URL("http://a?b&c=").params
httpx.URL("http://a?b=c;d=e").params
httpx.URL("http://a?%C3%A9=%C3%A9").params
httpx.URL("http://a?b=%ff").params
httpx.URL("http://a").join(httpx.URL("b"))
httpx.URL("http://a").join(1)
httpx.URL("http://a").join(None)
copy.copy(httpx.URL("http://a/b"))
copy.deepcopy(httpx.URL("http://a/b"))
pickle.loads(pickle.dumps(httpx.URL("http://user:secret@é/b?c#d"))) == httpx.URL("http://user:secret@é/b?c#d")
str(pickle.loads(pickle.dumps(httpx.URL("http://user:secret@é/b?c#d"))))
httpx.URL("http://a") < httpx.URL("http://b")
httpx.URL("http://a").nothing
"http://a" == httpx.URL("http://a")
httpx.URL("http://a") in ["http://a"]
httpx.URL("http://user:p%40ss@a").password
httpx.URL("http://us%2Fer@a").username
httpx.URL("http://user:p%40ss@a").userinfo
httpx.URL("http://a/%2F%20").path
httpx.URL("http://a/%ff").path
httpx.URL("http://a/#%20%41").fragment
httpx.URL("http://EXAMPLE.org").host
httpx.URL("http://[::1]").host
httpx.URL("http://[::1]:80").netloc
httpx.URL("http://xn--fiqs8s.icom.museum").host
httpx.URL("http://中国.icom.museum").raw_host
httpx.URL("http://中国.icom.museum").netloc
httpx.URL("http://中国.icom.museum")
""",
    names={"copy": copy, "pickle": pickle},
)
