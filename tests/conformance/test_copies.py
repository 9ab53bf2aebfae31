"""Values and exceptions are pickled, copied and weakly referenced as those of HTTPX 0.28 are."""

from __future__ import annotations

import copy
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import httpx

REQUEST = httpx.Request("POST", "https://user:secret@www.example.org/a?b=c#d", json={"a": 1}, extensions={"x": 1})

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}

EQUAL = [
    httpx.URL("https://user:secret@www.example.org/a?b=c#d"),
    httpx.URL("/a"),
    httpx.URL("https://www.example.org").origin,
    httpx.Headers([("A", "1"), ("a", "2"), ("Authorization", "secret")]),
    httpx.QueryParams("a=1&a=2"),
    httpx.Timeout(5.0, read=1.0),
    httpx.Timeout(5.0, total=9.0),
    httpx.Limits(max_connections=1),
    httpx.codes.OK,
]

EXCEPTIONS = [
    httpx.HTTPError("text"),
    httpx.ConnectError("text", request=REQUEST),
    httpx.ReadTimeout("text"),
    httpx.TooManyRedirects("text", request=REQUEST),
    httpx.DecodingError("text", request=REQUEST),
    httpx.HTTPStatusError("text", request=REQUEST, response=httpx.Response(404)),
    httpx.InvalidURL("text"),
    httpx.CookieConflict("text"),
    httpx.StreamError("text"),
    httpx.StreamConsumed(),
    httpx.StreamClosed(),
    httpx.ResponseNotRead(),
    httpx.RequestNotRead(),
]


@pytest.fixture(params=COPIES)
def make_copy(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return COPIES[request.param]


@pytest.mark.parametrize("value", EQUAL, ids=repr)
def test_value_equals_its_copy(value: object, make_copy: Callable[[Any], Any]) -> None:
    copied = make_copy(value)
    assert copied == value
    assert type(copied) is type(value)
    assert repr(copied) == repr(value)


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: type(exception).__name__)
def test_exception_keeps_text_and_request(exception: Exception, make_copy: Callable[[Any], Any]) -> None:
    copied = make_copy(exception)
    assert type(copied) is type(exception)
    assert (str(copied), copied.args) == (str(exception), exception.args)
    assert str(getattr(copied, "_request", None)) == str(getattr(exception, "_request", None))
    assert str(getattr(copied, "response", None)) == str(getattr(exception, "response", None))


def test_request_keeps_all_but_extensions(make_copy: Callable[[Any], Any]) -> None:
    copied = make_copy(REQUEST)
    assert (copied.method, copied.url, copied.headers.raw) == (REQUEST.method, REQUEST.url, REQUEST.headers.raw)
    assert copied.content == REQUEST.content
    assert copied.extensions == {}


def test_streamed_request_is_copied_without_its_body(make_copy: Callable[[Any], Any]) -> None:
    copied = make_copy(httpx.Request("POST", "https://www.example.org", content=iter([b"a"])))
    with pytest.raises(httpx.RequestNotRead):
        _ = copied.content
    with pytest.raises(httpx.StreamClosed):
        copied.read()


def test_response_keeps_all_but_extensions(make_copy: Callable[[Any], Any]) -> None:
    response = httpx.Response(
        201,
        headers={"Set-Cookie": "a=b"},
        json={"a": 1},
        request=REQUEST,
        extensions={"http_version": b"HTTP/2"},
        history=[httpx.Response(302, request=REQUEST)],
    )
    copied = make_copy(response)
    assert (copied.status_code, copied.headers.raw) == (201, response.headers.raw)
    assert (copied.json(), copied.text, copied.url) == ({"a": 1}, response.text, REQUEST.url)
    assert [past.status_code for past in copied.history] == [302]
    assert (copied.is_closed, copied.is_stream_consumed, copied.extensions) == (True, True, {})


def test_streamed_response_is_copied_without_its_body(make_copy: Callable[[Any], Any]) -> None:
    copied = make_copy(httpx.Response(200, content=iter([b"a"])))
    assert copied.is_closed
    with pytest.raises(httpx.ResponseNotRead):
        _ = copied.content
    with pytest.raises(httpx.StreamClosed):
        copied.read()


def test_cookies_keep_their_attributes(make_copy: Callable[[Any], Any]) -> None:
    cookies = httpx.Cookies({"a": "1"})
    cookies.set("b", "2", domain="www.example.org", path="/p")
    copied = make_copy(cookies)
    assert {(cookie.name, cookie.value, cookie.domain, cookie.path) for cookie in copied.jar} == {
        ("a", "1", "", "/"),
        ("b", "2", "www.example.org", "/p"),
    }


def test_copies_of_headers_are_apart() -> None:
    headers = httpx.Headers({"a": "1"})
    copied = copy.copy(headers)
    copied["a"] = "2"
    assert headers["a"] == "1"


MAKERS: dict[str, Callable[[], Any]] = {
    "Client": httpx.Client,
    "AsyncClient": httpx.AsyncClient,
    "HTTPTransport": httpx.HTTPTransport,
    "AsyncHTTPTransport": httpx.AsyncHTTPTransport,
    "MockTransport": lambda: httpx.MockTransport(lambda request: httpx.Response(200)),
    "BasicAuth": lambda: httpx.BasicAuth("a", "b"),
    "Request": lambda: httpx.Request("GET", "/"),
    "Response": lambda: httpx.Response(200),
    "URL": httpx.URL,
    "Headers": httpx.Headers,
    "QueryParams": httpx.QueryParams,
    "Cookies": httpx.Cookies,
    "Timeout": lambda: httpx.Timeout(1),
    "Limits": httpx.Limits,
    "Proxy": lambda: httpx.Proxy("http://www.example.org"),
    "ByteStream": lambda: httpx.ByteStream(b""),
    "ConnectError": lambda: httpx.ConnectError("text"),
    "StreamClosed": httpx.StreamClosed,
}


@pytest.mark.parametrize("name", MAKERS)
def test_object_takes_attributes_and_weak_references(name: str) -> None:
    value = MAKERS[name]()
    value.label = "mine"
    assert value.label == "mine"
    assert weakref.ref(value)() is value


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="without counted references, objects go later")
@pytest.mark.parametrize("name", MAKERS)
def test_object_goes_when_its_last_reference_does(name: str) -> None:
    reference = weakref.ref(MAKERS[name]())
    assert reference() is None
