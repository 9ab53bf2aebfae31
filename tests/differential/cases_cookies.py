"""Cookies: what makes them, look-ups, changes, what a response sets, and what a request sends."""

from __future__ import annotations

import http.cookiejar
import time

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe(cookies: httpx.Cookies) -> object:
    return {
        "items": sorted(cookies.items()),
        "keys": sorted(cookies.keys()),
        "length": len(cookies),
        "truth": bool(cookies),
        "repr": repr(cookies),
        "jar": sorted(
            (cookie.name, cookie.value, cookie.domain, cookie.path, cookie.secure, cookie.expires)
            for cookie in cookies.jar
        ),
    }


def describe_cookies(given: object) -> object:
    """Return all that cookies tell about themselves."""
    return describe(httpx.Cookies(given))  # type: ignore[arg-type]  # rows hold what is refused, too


def send(url: str, *cookies: tuple[str, str, str, str]) -> object:
    """Return what a request to the URL carries of the cookies (name, value, domain, path)."""
    jar = httpx.Cookies()
    for name, value, domain, path in cookies:
        jar.set(name, value, domain=domain, path=path)
    request = httpx.Request("GET", url)
    jar.set_cookie_header(request)
    return request.headers.get("cookie")


def extract(url: str, *lines: str) -> object:
    """Return the cookies that a response from the URL sets, and what goes back there. No dates: they pass."""
    cookies = httpx.Cookies()
    response = httpx.Response(200, headers=[("Set-Cookie", line) for line in lines], request=httpx.Request("GET", url))
    cookies.extract_cookies(response)
    request = httpx.Request("GET", url)
    cookies.set_cookie_header(request)
    return [
        sorted((cookie.name, cookie.value, cookie.domain, cookie.path, cookie.secure) for cookie in cookies.jar),
        request.headers.get("cookie"),
        sorted(response.cookies.items()),
    ]


CASES.table(
    describe_cookies,
    [
        None,
        {},
        [],
        {"a": "b"},
        {"a": "b", "c": "d"},
        {"a": ""},
        {"": "b"},
        {"a": 'b c;d,"e"'},
        {"a": "é"},
        [("a", "b")],
        [("a", "b"), ("a", "c")],
        {"a": None},
        {"a": 1},
        {1: "a"},
        [("a",)],
        ["ab"],
        "a=b",
        1,
    ],
)
A = ("a", "b", "", "/")
CASES.table(
    send,
    [
        ("http://example.org/",),
        ("http://example.org/", A),
        ("http://example.org/", A, ("c", "d", "", "/")),
        ("http://example.org/", ("c", "d", "", "/"), A),
        ("http://example.org/", ("a", "b", "example.org", "/")),
        ("http://www.example.org/", ("a", "b", "example.org", "/")),
        ("http://www.example.org/", ("a", "b", ".example.org", "/")),
        ("http://example.org/", ("a", "b", ".example.org", "/")),
        ("http://example.org/", ("a", "b", "other.org", "/")),
        ("http://badexample.org/", ("a", "b", "example.org", "/")),
        ("http://badexample.org/", ("a", "b", ".example.org", "/")),
        ("http://EXAMPLE.org/", ("a", "b", "example.org", "/")),
        ("http://example.org/a/b", ("a", "b", "", "/a")),
        ("http://example.org/a", ("a", "b", "", "/a")),
        ("http://example.org/ab", ("a", "b", "", "/a")),
        ("http://example.org/", ("a", "b", "", "/a")),
        ("http://example.org/a/", ("a", "1", "", "/"), ("a", "2", "", "/a")),
        ("http://example.org/a/", ("a", "2", "", "/a"), ("a", "1", "", "/")),
        ("http://example.org/", ("a", "1", "example.org", "/"), ("a", "2", "", "/")),
        ("http://localhost/", A),
        ("http://localhost/", ("a", "b", "localhost", "/")),
        ("http://127.0.0.1/", A),
        ("http://127.0.0.1/", ("a", "b", "127.0.0.1", "/")),
        ("https://example.org:8443/", A),
        ("http://example.org/", ("a", "b c", "", "/")),
        ("http://example.org/", ("a", '"b"', "", "/")),
        ("http://example.org/", ("a", "", "", "/")),
        ("http://example.org/", ("a", "ß€", "", "/")),
    ],
)
CASES.table(
    extract,
    [
        ("http://example.org/", *lines)
        for lines in [
            ("a=b",),
            ("a=b; Path=/",),
            ("a=b; path=/x",),
            ("a=b", "c=d"),
            ("a=b", "a=c"),
            ("a=b; Path=/", "a=c; Path=/x"),
            ("a=b; Domain=example.org",),
            ("a=b; Domain=.example.org",),
            ("a=b; domain=EXAMPLE.ORG",),
            ("a=b; Domain=www.example.org",),
            ("a=b; Domain=other.org",),
            ("a=b; HttpOnly",),
            ("a=b; SameSite=Lax",),
            ("a=b; Max-Age=1000",),
            ("a=b; Max-Age=0",),
            ("a=b", "a=; Max-Age=0"),
            ("a=b; Max-Age=-1",),
            ("a=b; Max-Age=x",),
            ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT",),
            ("a=b; Expires=nonsense",),
            ("a=",),
            ("a",),
            ("=b",),
            ("",),
            (";",),
            ('a="b"',),
            ('a="b c"',),
            ("a=b c",),
            ("a=b=c",),
            ("a=b,c",),
            (" a = b ",),
            ("a=b;",),
            ("a=b; nothing=else",),
            ("a=b; Secure",),
            ("A=b", "a=c"),
            ("a.b-c_d=e",),
            ("a=b; Comment=c",),
            ("a=b; Path=/; Path=/x",),
            ("a=b; HttpOnly=x",),
            ("a=b; Version=1",),
            ("$a=b",),
            ("a=b\x01",),
            ("a=b\tc",),
            ("a=\r",),
            ("a=é",),
        ]
    ],
)
CASES.table(
    extract,
    [
        ("http://example.org/x/y", "a=b"),
        ("http://example.org/x/", "a=b"),
        ("http://example.org/x", "a=b"),
        ("http://example.org", "a=b"),
        ("http://example.org/x/y?z=/q", "a=b"),
        ("http://example.org/x", "a=b; Path="),
        ("http://example.org/x", "a=b; Path=y"),
        ("http://example.org/x", "a=b; Path=/x/"),
        ("https://example.org/", "a=b; Secure"),
        ("https://example.org/", "a=b; Secure; HttpOnly; SameSite=None; Path=/"),
        ("http://www.example.org/", "a=b; Domain=example.org"),
        ("http://www.example.org/", "a=b; Domain=.example.org"),
        ("http://a.www.example.org/", "a=b; Domain=example.org"),
        ("http://www.example.org/", "a=b; Domain=org"),
        ("http://localhost/", "a=b"),
        ("http://localhost/", "a=b; Domain=localhost"),
        ("http://localhost:8080/", "a=b; Path=/"),
        ("http://127.0.0.1/", "a=b"),
        ("http://127.0.0.1/", "a=b; Domain=127.0.0.1"),
        ("http://[::1]/", "a=b"),
        ("http://example.co.uk/", "a=b; Domain=co.uk"),
        ("http://münchen.example/", "a=b"),
    ],
)


def several() -> httpx.Cookies:
    cookies = httpx.Cookies()
    cookies.set("a", "1", domain="example.org")
    cookies.set("a", "2", domain="example.com", path="/x")
    cookies.set("b", "3", domain="example.org", path="/x")
    cookies.set("c", "4")
    return cookies


def cleared_after_they_went(way: str) -> object:
    """Tell what comes of clearing a domain whose cookies went before."""
    cookies = httpx.Cookies()
    cookies.set("a", "1", domain="example.org", path="/x")
    if way == "deleted":
        cookies.delete("a")
    elif way == "cleared":
        cookies.clear(domain="example.org")
    elif way == "path cleared":
        cookies.clear(domain="example.org", path="/x")
    cookies.clear(domain="example.org")
    return len(cookies)


CASES.table(cleared_after_they_went, ["deleted", "path cleared", "not"])


def attributes(cookie: http.cookiejar.Cookie) -> object:
    return {name: value for name, value in vars(cookie).items() if not name.startswith("_httpx")}


def after(cookies: httpx.Cookies, given: object) -> object:
    return [given, describe(cookies)]


CASES.expressions(
    """
describe(several())
several()["a"]
several()["b"]
several()["x"]
several().get("a")
several().get("a", domain="example.org")
several().get("a", domain="example.com")
several().get("a", domain="example.com", path="/")
several().get("a", path="/x")
several().get("a", domain="other.org")
several().get("b")
several().get("x")
several().get("x", "default")
several().get("x", default=1)
"a" in several()
"b" in several()
"x" in several()
1 in several()
len(several())
sorted(several())
bool(httpx.Cookies())
bool(several())
after(cookies := several(), cookies.set("d", "5"))
after(cookies := several(), cookies.set("c", "5"))
after(cookies := several(), cookies.set("d", "5", "example.org", "/y"))
after(cookies := several(), cookies.set("d", 5))
after(cookies := several(), cookies.set("d", None))
after(cookies := several(), cookies.__setitem__("d", "5"))
after(cookies := several(), cookies.__setitem__("c", "5"))
after(cookies := several(), cookies.__delitem__("c"))
after(cookies := several(), cookies.__delitem__("a"))
after(cookies := several(), cookies.__delitem__("x"))
after(cookies := several(), cookies.delete("a"))
after(cookies := several(), cookies.delete("a", domain="example.org"))
after(cookies := several(), cookies.delete("a", domain="example.com", path="/x"))
after(cookies := several(), cookies.delete("a", path="/x"))
after(cookies := several(), cookies.delete("x"))
after(cookies := several(), cookies.clear())
after(cookies := several(), cookies.clear(domain="example.org"))
after(cookies := several(), cookies.clear(domain="example.org", path="/x"))
after(cookies := several(), cookies.clear(domain="other.org"))
after(cookies := several(), cookies.clear(path="/x"))
after(cookies := several(), cookies.update({"c": "5", "d": "6"}))
after(cookies := several(), cookies.update(several()))
after(cookies := several(), cookies.update())
after(cookies := several(), cookies.update(None))
after(cookies := several(), cookies.update([("d", "5")]))
after(cookies := several(), cookies.update(several().jar))
after(cookies := several(), cookies.pop("c"))
after(cookies := several(), cookies.pop("x", "y"))
after(cookies := several(), cookies.setdefault("d", "5"))
describe(httpx.Cookies(several()))
describe(httpx.Cookies(several().jar))
httpx.Cookies(jar := http.cookiejar.CookieJar()).jar is jar
isinstance(httpx.Cookies().jar, http.cookiejar.CookieJar)
httpx.Cookies({"a": "b"}) == httpx.Cookies({"a": "b"})
httpx.Cookies({"a": "b"}) == {"a": "b"}
httpx.Cookies({"a": "b"}) == httpx.Cookies({"a": "c"})
dict(httpx.Cookies({"a": "b"}))
repr(httpx.Cookies())
repr(httpx.Cookies({"a": "b"}))
repr(httpx.Cookies({"a": "b", "c": "d"}))
str(httpx.Cookies({"a": "b"}))
str(several()["b"])
[cookie.version for cookie in httpx.Cookies({"a": "b"}).jar]
[attributes(cookie) for cookie in httpx.Cookies({"a": "b"}).jar]
[attributes(cookie) for cookie in several().jar if cookie.name == "b"]
type(httpx.Cookies().keys()).__name__
isinstance(httpx.Cookies(), typing.MutableMapping)
httpx.CookieConflict("several")
""",
    names={
        "several": several,
        "describe": describe,
        "after": after,
        "attributes": attributes,
        "http": http,
        "typing": __import__("typing"),
    },
)


def expire(date: str) -> object:
    """Return how the date of an Expires attribute was read, as seconds, or None."""
    response = httpx.Response(
        200,
        headers={"Set-Cookie": f"a=b; Expires={date}"},
        request=httpx.Request("GET", "http://example.org/"),
    )
    cookies = httpx.Cookies()
    cookies.extract_cookies(response)
    return [(cookie.name, cookie.expires) for cookie in cookies.jar]


CASES.table(
    expire,
    [
        "Wed, 21 Oct 2065 07:28:00 GMT",
        "Wednesday, 21-Oct-65 07:28:00 GMT",
        "Wed, 21-Oct-2065 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2065",
        "21 Oct 2065 07:28:00 GMT",
        "Wed, 21 Oct 2065",
        "never",
        "0",
        "",
        "Wed, 21 Oct 1965 07:28:00 GMT",
    ],
)


@CASES.add
def max_age_is_added_to_the_time_of_now() -> object:
    response = httpx.Response(
        200, headers={"Set-Cookie": "a=b; Max-Age=1000"}, request=httpx.Request("GET", "http://example.org/")
    )
    cookies = httpx.Cookies()
    cookies.extract_cookies(response)
    (cookie,) = cookies.jar
    return cookie.expires is not None and abs(cookie.expires - time.time() - 1000) < 60
