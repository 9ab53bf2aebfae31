"""Exceptions: every class, its parents, text, repr, attributes, and what raise_for_status() says."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
from tests.differential.cases import Cases

CASES = Cases()

REQUEST = httpx.Request("GET", "http://example.org/path?a=b#c")

WITH_REQUEST = [
    *["TransportError", "TimeoutException", "ConnectTimeout", "ReadTimeout", "WriteTimeout"],
    *["PoolTimeout", "NetworkError", "ConnectError", "ReadError", "WriteError"],
    *["CloseError", "ProtocolError", "LocalProtocolError", "RemoteProtocolError", "ProxyError"],
    *["UnsupportedProtocol", "DecodingError", "TooManyRedirects", "RequestError"],
]
WITH_MESSAGE = ["HTTPError", "InvalidURL", "CookieConflict", "StreamError"]
WITHOUT = ["StreamConsumed", "StreamClosed", "ResponseNotRead", "RequestNotRead"]


def parents(name: str) -> object:
    return [parent.__name__ for parent in getattr(httpx, name).__mro__]


def make(name: str, *arguments: Any) -> object:
    error = getattr(httpx, name)(*arguments)
    return [str(error), repr(error), error.args]


def make_with_request(name: str) -> object:
    error = getattr(httpx, name)("the text", request=REQUEST)
    return [str(error), repr(error), error.args, error.request is REQUEST]


def ask_request(name: str) -> object:
    return getattr(httpx, name)("the text").request


def set_request(name: str) -> object:
    error = getattr(httpx, name)("the text")
    error.request = REQUEST
    return error.request is REQUEST


def copy_of(name: str, *arguments: Any) -> object:
    error = copy.copy(getattr(httpx, name)(*arguments))
    return [type(error).__name__, str(error), error.args]


def pickle_of(name: str, *arguments: Any) -> object:
    error = pickle.loads(pickle.dumps(getattr(httpx, name)(*arguments)))
    return [type(error).__name__, str(error), error.args]


CASES.table(parents, [*WITH_REQUEST, *WITH_MESSAGE, *WITHOUT, "HTTPStatusError"])
CASES.table(make, [(name, "the text") for name in WITH_REQUEST + WITH_MESSAGE])
CASES.table(make, [(name, "") for name in ("ReadTimeout", "HTTPError", "InvalidURL", "StreamError")])
CASES.table(make, [(name, None) for name in ("ReadTimeout", "HTTPError", "InvalidURL", "StreamError")])
CASES.table(make, WITHOUT)
CASES.table(make, [("ReadTimeout",), ("HTTPError",), ("InvalidURL",), ("HTTPStatusError", "a")], texts=False)
CASES.table(make, [(name, "the text", "more") for name in ("ReadTimeout", "InvalidURL", "StreamClosed")], texts=False)
CASES.table(make_with_request, WITH_REQUEST)
CASES.table(ask_request, [*WITH_REQUEST, "HTTPError"])
CASES.table(set_request, [*WITH_REQUEST, "HTTPError"])
CASES.table(copy_of, [(name, "the text") for name in WITH_REQUEST + WITH_MESSAGE])
CASES.table(pickle_of, [(name, "the text") for name in WITH_REQUEST + WITH_MESSAGE])


def raise_for_status(status: int, options: dict[str, Any]) -> object:
    """Return all that the exception tells; without one, what the method returned."""
    response = httpx.Response(status, request=REQUEST, **options)
    try:
        return response.raise_for_status() is response
    except httpx.HTTPStatusError as error:
        return [
            str(error),
            repr(error),
            error.args,
            error.request is REQUEST,
            error.response is response,
        ]


CASES.table(
    raise_for_status,
    [
        *[(status, {}) for status in [100, 101, 103, 199, 200, 201, 204, 226, 300, 301, 302, 303, 304, 307, 308, 399]],
        *[(status, {}) for status in [400, 401, 403, 404, 407, 418, 421, 429, 451, 499, 500, 502, 503, 504, 511, 599]],
        *[(status, {}) for status in [600, 700, 999, 0, 99]],
        *[(status, {"headers": {"Location": "/other"}}) for status in [201, 301, 302, 304, 404]],
        (301, {"headers": {"Location": "http://other.example/é"}}),
        (404, {"extensions": {"reason_phrase": b"Gone fishing"}}),
        (404, {"extensions": {"reason_phrase": b""}}),
        (404, {"extensions": {"reason_phrase": b"\xe9"}}),
        (500, {"content": b"body"}),
    ],
)


def raise_for_status_of(url: str) -> object:
    httpx.Response(500, request=httpx.Request("POST", url)).raise_for_status()
    return None


CASES.table(
    raise_for_status_of,
    [
        "http://example.org",
        "http://example.org:8080/a?b=c#d",
        "/relative",
        "http://é.example/é?é",
        "http://user:secret@example.org/",
        "http://user@example.org/",
        "http://[::1]/",
    ],
)
CASES.expressions(
    """
httpx.Response(200).raise_for_status()
httpx.Response(404).raise_for_status()
httpx.HTTPStatusError("a", request=REQUEST, response=httpx.Response(404)).response
httpx.HTTPStatusError("a", request=REQUEST, response=httpx.Response(404)).request
str(httpx.HTTPStatusError("a", request=REQUEST, response=httpx.Response(404)))
repr(httpx.HTTPStatusError("a", request=REQUEST, response=httpx.Response(404)))
httpx.HTTPStatusError("a", request=REQUEST, response=httpx.Response(404)).args
isinstance(httpx.ReadTimeout("a"), httpx.HTTPError)
isinstance(httpx.InvalidURL("a"), httpx.HTTPError)
isinstance(httpx.StreamConsumed(), RuntimeError)
isinstance(httpx.StreamConsumed(), httpx.HTTPError)
issubclass(httpx.HTTPStatusError, httpx.RequestError)
vars(httpx.ReadTimeout("a"))
vars(httpx.ReadTimeout("a", request=REQUEST))["_request"] is REQUEST
vars(httpx.InvalidURL("a"))
httpx.HTTPError("a", request=REQUEST)
httpx.ReadTimeout.__module__
httpx.ReadTimeout.__qualname__
setattr(httpx.ReadTimeout("a"), "other", 1)
httpx.Client(base_url=1)
httpx.Client(params=1)
httpx.Client(headers=1)
httpx.Client(cookies=1)
httpx.Client(auth=1, trust_env=False)
httpx.Client(timeout="a", trust_env=False).timeout
httpx.Client(event_hooks=1, trust_env=False)
httpx.Client(mounts={"a": None}, trust_env=False)
httpx.Client(mounts={"http": None}, trust_env=False)
httpx.Client(trust_env=False).get("")
httpx.Client(trust_env=False).get("/a")
httpx.Client(trust_env=False).get("example.org")
httpx.Client(trust_env=False).get("http://")
httpx.Client(trust_env=False).get("http:///a")
httpx.Client(trust_env=False).get("://a")
httpx.Client(trust_env=False).get("ftp://a")
httpx.Client(trust_env=False).get("mailto:a@b")
httpx.Client(trust_env=False).get("localhost:80")
httpx.Client(trust_env=False).get(1)
httpx.Client(trust_env=False).get(None)
httpx.Client(trust_env=False).get("http://a", auth=1)
httpx.Client(trust_env=False).get("http://a", auth="a")
httpx.Client(trust_env=False).send("a")
""",
    names={"REQUEST": REQUEST},
)
