"""Settings: Timeout, Limits, Proxy, and what is refused; byte streams and authentication objects as values."""

from __future__ import annotations

import copy
import pickle

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe_timeout(*arguments: object) -> object:
    return describe(httpx.Timeout(*arguments))  # type: ignore[arg-type]  # rows hold what is refused, too


def describe(timeout: httpx.Timeout) -> object:
    return [timeout.as_dict(), repr(timeout), str(timeout), timeout.connect, timeout.read, timeout.write, timeout.pool]


def describe_proxy(url: object) -> object:
    proxy = httpx.Proxy(url)  # type: ignore[arg-type]
    return [repr(proxy), str(proxy), str(proxy.url), proxy.auth, proxy.raw_auth, proxy.headers.raw]


CASES.table(
    describe_timeout,
    [
        (),
        5,
        5.0,
        0,
        -1,
        None,
        True,
        "5",
        ((1, 2, 3, 4),),
        ((1, None, 3, None),),
        ((1, 2),),
        ((1, 2, 3),),
        ((1, 2, 3, 4, 5),),
        ((),),
        ([1, 2, 3, 4],),
        {"connect": 1},
    ],
    texts=False,
)
CASES.table(
    describe_proxy,
    [
        "http://a",
        "http://a:8080",
        "https://a:8080/",
        "http://user:secret@a",
        "http://user@a",
        "http://:secret@a",
        "http://us%40er:se%3Acret@a",
        "http://user:@a",
        "http://a/path?query#fragment",
        "socks5://a",
        "socks5h://a:1080",
        "socks5://user:secret@a",
        "socks4://a",
        "ftp://a",
        "a",
        "a:8080",
        "//a",
        "/a",
        "",
        "HTTP://A",
        "http://[::1]:8080",
        "http://é",
        "http://[",
        1,
        None,
        httpx.URL("http://user:secret@a"),
    ],
)
CASES.expressions(
    """
describe(httpx.Timeout(5, connect=1))
describe(httpx.Timeout(5, connect=None))
describe(httpx.Timeout(5, read=1, write=2))
describe(httpx.Timeout(None, pool=1))
describe(httpx.Timeout(connect=1, read=2, write=3, pool=4))
describe(httpx.Timeout(timeout=5))
describe(httpx.Timeout(httpx.Timeout(5, connect=1)))
describe(httpx.Timeout(5, connect=5, read=5, write=5, pool=5))
httpx.Timeout(connect=1)
httpx.Timeout(connect=1, read=2)
httpx.Timeout(connect=1, read=2, write=3)
httpx.Timeout(pool=None)
httpx.Timeout(httpx.Timeout(5), connect=1)
httpx.Timeout((1, 2, 3, 4), connect=1)
httpx.Timeout(5) == httpx.Timeout(5.0)
httpx.Timeout(5) == httpx.Timeout(5, connect=5)
httpx.Timeout(5) == httpx.Timeout(6)
httpx.Timeout(5) != httpx.Timeout(6)
httpx.Timeout(5) == 5
httpx.Timeout(None) == None
httpx.Timeout(None) == httpx.Timeout(timeout=None)
hash(httpx.Timeout(5))
httpx.Timeout(1e-9)
httpx.Timeout(1)
httpx.Timeout((1, 1, 1, 1))
repr(httpx.Timeout(None))
repr(httpx.Timeout(5.0, pool=None))
copy.deepcopy(httpx.Timeout(5, connect=1))
pickle.loads(pickle.dumps(httpx.Timeout(5, connect=1)))
httpx.Limits()
httpx.Limits(max_connections=1)
httpx.Limits(max_keepalive_connections=1)
httpx.Limits(keepalive_expiry=None)
httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
httpx.Limits(max_connections=0)
httpx.Limits(max_connections="a")
[httpx.Limits().max_connections, httpx.Limits().max_keepalive_connections, httpx.Limits().keepalive_expiry]
httpx.Limits() == httpx.Limits()
httpx.Limits() == httpx.Limits(max_connections=1)
httpx.Limits() != httpx.Limits(max_connections=1)
httpx.Limits() == None
hash(httpx.Limits())
str(httpx.Limits(max_connections=5, max_keepalive_connections=6))
copy.deepcopy(httpx.Limits(max_connections=5))
pickle.loads(pickle.dumps(httpx.Limits(max_connections=5)))
httpx.Proxy("http://a", auth=("user", "secret"))
httpx.Proxy("http://a", auth=("user", "secret")).raw_auth
httpx.Proxy("http://a", auth=("usér", "secrét")).raw_auth
httpx.Proxy("http://x:y@a", auth=("user", "secret"))
httpx.Proxy("http://x:y@a", auth=("user", "secret")).auth
httpx.Proxy("http://x:y@a", auth=("user", "secret")).url
httpx.Proxy("http://a", headers={"A": "b"})
httpx.Proxy("http://a", headers=[("A", "b"), ("a", "c")]).headers.raw
httpx.Proxy("http://a", headers={"Proxy-Authorization": "secret"})
repr(httpx.Proxy("http://a", auth=("user", "")))
repr(httpx.Proxy("http://a", auth=("", "")))
httpx.Proxy("http://a").ssl_context
httpx.Proxy("http://a") == httpx.Proxy("http://a")
type(httpx.USE_CLIENT_DEFAULT).__name__
list(httpx.ByteStream(b"abc"))
list(httpx.ByteStream(b""))
httpx.ByteStream(b"abc").close()
list(httpx.ByteStream("abc"))
isinstance(httpx.ByteStream(b""), (httpx.SyncByteStream, httpx.AsyncByteStream))
list(httpx.SyncByteStream())
httpx.SyncByteStream().close()
httpx.BaseTransport().close()
httpx.BaseTransport().handle_request(httpx.Request("GET", "http://a"))
next(httpx.BasicAuth("a", "b").auth_flow(httpx.Request("GET", "http://a"))).headers["Authorization"]
next(httpx.BasicAuth("é", "b:c").auth_flow(httpx.Request("GET", "http://a"))).headers["Authorization"]
next(httpx.BasicAuth(b"\\xe9", b"b").auth_flow(httpx.Request("GET", "http://a"))).headers["Authorization"]
next(httpx.BasicAuth("a:b", "").auth_flow(httpx.Request("GET", "http://a"))).headers["Authorization"]
next(httpx.Auth().auth_flow(httpx.Request("GET", "http://a")))
[httpx.Auth.requires_request_body, httpx.Auth.requires_response_body]
[httpx.DigestAuth.requires_request_body, httpx.DigestAuth.requires_response_body]
[httpx.NetRCAuth.requires_request_body, httpx.NetRCAuth.requires_response_body]
httpx.__title__
httpx.__description__
sorted(httpx.__all__)[:5]
""",
    names={"describe": describe, "copy": copy, "pickle": pickle},
)
CASES.expressions(
    """
httpx.create_ssl_context(verify="/nothing")
httpx.Timeout(1, 2)
httpx.Limits(1)
httpx.BasicAuth("a")
next(httpx.BasicAuth("a", None).auth_flow(httpx.Request("GET", "http://a"))).headers["Authorization"]
httpx.Proxy()
""",
    texts=False,
)
