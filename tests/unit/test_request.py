"""Requests: the fields that are added, their order, the body, and what survives a pickle."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from httpx._content import ByteStream, UnattachedStream, encode_raw
from httpx._exceptions import InvalidURL, RequestNotRead, StreamClosed, StreamConsumed
from httpx._models import Headers, Request
from httpx._urls import URL

HOST = (b"Host", b"example.org")


def parts() -> Iterator[bytes]:
    yield b"hello "
    yield b"world"


async def async_parts() -> AsyncIterator[bytes]:
    yield b"hello "
    yield b"world"


def raw(method: str = "POST", **kwargs: Any) -> list[tuple[bytes, bytes]]:
    return Request(method, "http://example.org/a", **kwargs).headers.raw


def test_method_is_put_in_upper_case() -> None:
    assert Request("get", "http://example.org").method == "GET"


def test_url_may_be_text_or_url() -> None:
    url = URL("http://example.org/a")
    assert Request("GET", url).url == Request("GET", "http://example.org/a").url == url
    assert type(Request("GET", url).url) is URL


def test_subclass_of_url_becomes_a_plain_url() -> None:
    class Mine(URL):
        pass

    assert type(Request("GET", Mine("http://example.org")).url) is URL


def test_params_replace_the_query() -> None:
    assert str(Request("GET", "http://example.org/?x=1", params={"y": 2}).url) == "http://example.org/?y=2"
    assert str(Request("GET", "http://example.org/?x=1", params={}).url) == "http://example.org/"
    assert str(Request("GET", "http://example.org/?x=1").url) == "http://example.org/?x=1"


def test_invalid_url_is_refused() -> None:
    with pytest.raises(InvalidURL):
        Request("GET", "http://example.org:nope/")
    with pytest.raises(TypeError, match="Invalid type for url"):
        Request("GET", 5)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_only_host_is_added_without_a_body(method: str) -> None:
    assert raw(method) == [HOST]


@pytest.mark.parametrize("method", ["POST", "put", "PATCH", "QUERY"])
def test_methods_with_a_body_say_that_there_is_none(method: str) -> None:
    assert raw(method) == [HOST, (b"Content-Length", b"0")]


@pytest.mark.parametrize("given", [{"Content-Length": "7"}, {"Transfer-Encoding": "chunked"}])
def test_no_content_length_is_added_to_framing_that_is_given(given: dict[str, str]) -> None:
    assert len(raw("POST", headers=given)) == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.org:80/", b"example.org"),
        ("https://example.org:80/", b"example.org:80"),
        ("http://[::1]:8/", b"[::1]:8"),
        ("http://user:secret@example.org", b"example.org"),
        ("http://bücher.de/", b"xn--bcher-kva.de"),
    ],
)
def test_host_is_that_of_the_url(url: str, host: bytes) -> None:
    assert Request("GET", url).headers.raw == [(b"Host", host)]


def test_no_host_is_added_to_a_relative_url() -> None:
    assert Request("GET", "/path").headers.raw == []


def test_host_that_is_given_stays_where_it_is() -> None:
    assert raw("GET", headers={"X": "y", "host": "other"}) == [(b"X", b"y"), (b"host", b"other")]


def test_automatic_fields_come_first_and_those_of_the_body_last() -> None:
    assert raw(headers={"X": "y"}) == [HOST, (b"Content-Length", b"0"), (b"X", b"y")]
    assert raw(headers={"X": "y"}, content=b"abc") == [HOST, (b"X", b"y"), (b"Content-Length", b"3")]
    assert raw(json={"a": 1}) == [HOST, (b"Content-Length", b"7"), (b"Content-Type", b"application/json")]


def test_streamed_body_is_chunked_unless_its_length_is_given() -> None:
    assert raw(content=parts()) == [HOST, (b"Transfer-Encoding", b"chunked")]
    assert raw(content=parts(), headers={"content-length": "11"}) == [HOST, (b"content-length", b"11")]


def test_transfer_encoding_that_is_given_keeps_content_length_away() -> None:
    assert raw(content=b"abc", headers={"Transfer-Encoding": "chunked"}) == [HOST, (b"Transfer-Encoding", b"chunked")]


def test_fields_that_are_given_win_over_those_of_the_body() -> None:
    assert raw(json=1, headers={"content-type": "x/y", "content-length": "9"}) == [
        HOST,
        (b"content-type", b"x/y"),
        (b"content-length", b"9"),
    ]


@pytest.mark.parametrize("nothing", [{"content": b""}, {"content": ""}, {"data": {}}, {"files": {}}])
def test_empty_body_is_like_no_body(nothing: dict[str, Any]) -> None:
    assert raw("GET", **nothing) == [HOST]
    assert raw("POST", **nothing) == [HOST, (b"Content-Length", b"0")]
    assert Request("POST", "http://example.org", **nothing).content == b""


def test_stream_is_taken_as_it_is() -> None:
    stream = ByteStream(b"abc")
    request = Request("POST", "http://example.org", stream=stream, content=b"ignored")
    assert request.stream is stream
    assert request.headers.raw == []
    with pytest.raises(RequestNotRead):
        request.content  # noqa: B018
    assert request.read() == b"abc"
    assert request.stream is stream


def test_cookies_are_added_unless_there_is_a_cookie_field() -> None:
    assert raw("GET", cookies={"a": "b", "c": "d"}) == [HOST, (b"Cookie", b"a=b; c=d")]
    assert raw("GET", cookies={"a": "b"}, headers={"Cookie": "x=y"}) == [HOST, (b"Cookie", b"x=y")]
    assert raw("GET", cookies={}) == [HOST]


def test_headers_and_extensions_are_copied() -> None:
    headers = Headers({"A": "b"})
    extensions: dict[str, Any] = {"timeout": {}}
    request = Request("GET", "http://example.org", headers=headers, extensions=extensions)
    request.headers["C"] = "d"
    request.extensions["trace"] = None
    assert headers.raw == [(b"A", b"b")]
    assert extensions == {"timeout": {}}


def test_bodyless_requests_share_one_stream() -> None:
    assert Request("GET", "http://a").stream is Request("GET", "http://b").stream


def test_iterator_is_read_into_memory_once() -> None:
    request = Request("POST", "http://example.org", content=parts())
    with pytest.raises(RequestNotRead):
        request.content  # noqa: B018
    assert request.read() == request.read() == request.content == b"hello world"
    assert isinstance(request.stream, ByteStream)
    assert list(request.stream) == [b"hello world"]
    assert request.headers["Transfer-Encoding"] == "chunked"


def test_async_iterator_is_read_with_aread() -> None:
    request = Request("POST", "http://example.org", content=async_parts())
    with pytest.raises(RuntimeError, match="aread"):
        request.read()
    assert asyncio.run(request.aread()) == request.content == b"hello world"


def test_sync_iterator_is_not_read_with_aread() -> None:
    with pytest.raises(RuntimeError, match="read"):
        asyncio.run(Request("POST", "http://example.org", content=parts()).aread())


def test_body_in_memory_is_read_in_both_colours() -> None:
    request = Request("POST", "http://example.org", content=b"abc")
    assert request.read() == asyncio.run(request.aread()) == b"abc"


def test_files_are_read_as_multipart() -> None:
    request = Request("POST", "http://example.org", files={"f": io.BytesIO(b"abc")})
    assert len(request.read()) == int(request.headers["Content-Length"])


def test_iterator_that_was_sent_cannot_be_read() -> None:
    request = Request("POST", "http://example.org", content=parts())
    assert list(request.stream) == [b"hello ", b"world"]  # type: ignore[arg-type]  # a sync stream
    with pytest.raises(StreamConsumed):
        request.read()


def test_pickle_keeps_what_was_read_but_neither_stream_nor_extensions() -> None:
    request = Request(
        "POST", "http://example.org/a", content=b"abc", headers={"Authorization": "x"}, extensions={"a": 1}
    )
    request.mine = 1  # type: ignore[attr-defined]  # users do that
    request._deadline = 5.0
    others: list[Any] = [pickle.loads(pickle.dumps(request)), copy.copy(request)]
    for other in others:
        assert (other.method, other.url, other.headers, other.content) == (
            request.method,
            request.url,
            request.headers,
            b"abc",
        )
        assert other.mine == 1
        assert other.extensions == {}
        assert other._deadline is None
        assert isinstance(other.stream, UnattachedStream)


def test_pickle_of_an_unread_request_cannot_be_read() -> None:
    request = pickle.loads(pickle.dumps(Request("POST", "http://example.org", content=parts())))
    with pytest.raises(RequestNotRead):
        request.content  # noqa: B018
    with pytest.raises(StreamClosed):
        request.read()


def test_repr_names_the_class() -> None:
    class Mine(Request):
        pass

    assert repr(Request("GET", "http://example.org/a")) == "<Request('GET', 'http://example.org/a')>"
    assert repr(Mine("GET", "http://example.org/a")) == "<Mine('GET', 'http://example.org/a')>"


def test_request_can_be_referenced_weakly() -> None:
    request = Request("GET", "http://example.org")
    assert weakref.ref(request)() is request


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("content", [None, b"", b"abc"])
@pytest.mark.parametrize(
    "headers",
    [{"X": "y"}, {"host": "other"}, {"content-length": "3"}, {"Transfer-Encoding": "chunked"}, {"Content-Type": "a/b"}],
)
def test_request_of_a_client_is_like_any_other(method: str, content: bytes | None, headers: dict[str, str]) -> None:
    for json in (None, [1]) if content is None else (None,):
        body = None if content is None and json is None else encode_raw(content, None, json)
        copy = Headers(headers)
        names = copy._get_index()
        made = Request._from_client(method, URL("http://example.org/a"), copy, names, {}, body)
        assert copy.raw == Headers(headers).raw
        ordinary = Request(method, "http://example.org/a", headers=headers, content=content, json=json)
        assert vars(made).keys() == vars(ordinary).keys()
        assert made.headers.raw == ordinary.headers.raw
        assert made.headers == ordinary.headers
        assert made.content == ordinary.content


def test_request_without_a_body_costs_few_calls() -> None:
    headers = Headers({"Accept": "*/*", "User-Agent": "test"})
    url = URL("http://example.org/a")
    assert count_calls(lambda: Request("GET", "http://example.org/a", headers=headers)) <= 8
    assert count_calls(lambda: Request._from_client("GET", url, headers, {b"accept"}, {})) <= 3


def count_calls(function: Callable[[], Any]) -> int:
    count = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    function()  # fills the caches
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count - 1  # the function itself
