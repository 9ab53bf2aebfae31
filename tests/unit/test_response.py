"""Responses: what they are made of, what their head tells, and what survives a pickle."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from httpx._content import ByteStream, UnattachedStream
from httpx._exceptions import HTTPStatusError, ResponseNotRead, StreamClosed, StreamConsumed
from httpx._models import Headers, Request, Response
from httpx._models.message_fields import parse_links

REQUEST = Request("GET", "http://example.org/a")


def parts() -> Iterator[bytes]:
    yield b"hello "
    yield b"world"


def test_response_without_a_body_is_read_and_closed() -> None:
    response = Response(204)
    assert response.content == b""
    assert response.text == ""
    assert response.headers.raw == []
    assert (response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded) == (True, True, 0)
    assert (response.next_request, response.history, response.extensions) == (None, [], {})


@pytest.mark.parametrize(
    ("body", "content", "fields"),
    [
        ({"content": b"abc"}, b"abc", {"content-length": "3"}),
        ({"content": "é"}, "é".encode(), {"content-length": "2"}),
        ({"text": "é"}, "é".encode(), {"content-length": "2", "content-type": "text/plain; charset=utf-8"}),
        ({"html": "<p>"}, b"<p>", {"content-length": "3", "content-type": "text/html; charset=utf-8"}),
        ({"json": [1]}, b"[1]", {"content-length": "3", "content-type": "application/json"}),
        ({"json": ""}, b'""', {"content-length": "2", "content-type": "application/json"}),
        ({"text": ""}, b"", {"content-length": "0", "content-type": "text/plain; charset=utf-8"}),
        ({"content": b"a", "text": "b"}, b"a", {"content-length": "1"}),
    ],
)
def test_body_is_described_by_fields(body: dict[str, Any], content: bytes, fields: dict[str, str]) -> None:
    response = Response(200, **body)
    assert response.content == content
    assert dict(response.headers) == fields
    assert response.is_closed


def test_fields_that_are_given_win_over_those_of_the_body() -> None:
    response = Response(200, headers=[("Content-Type", "x/y"), ("Content-Length", "99")], text="abc")
    assert response.headers.raw == [(b"Content-Type", b"x/y"), (b"Content-Length", b"99")]
    assert Response(200, headers={"Content-Length": "11"}, content=parts()).headers == {"content-length": "11"}


def test_streamed_body_is_chunked_and_open() -> None:
    response = Response(200, content=parts())
    assert response.headers == {"transfer-encoding": "chunked"}
    assert not response.is_closed
    with pytest.raises(ResponseNotRead):
        response.content  # noqa: B018


def test_stream_adds_no_field() -> None:
    response = Response(200, stream=ByteStream(b"abc"), content=b"ignored")
    assert response.headers.raw == []
    assert not response.is_closed
    assert response.read() == b"abc"


def test_headers_extensions_and_history_are_copied() -> None:
    headers, extensions, history = Headers({"A": "b"}), {"x": 1}, [Response(301)]
    response = Response(200, headers=headers, extensions=extensions, history=history, content=b"abc")
    response.extensions["y"] = 2
    response.history.append(response)
    assert headers.raw == [(b"A", b"b")]
    assert extensions == {"x": 1}
    assert len(history) == 1


def test_request_must_be_set_to_be_asked_for() -> None:
    response = Response(200)
    with pytest.raises(RuntimeError, match=r"The request instance has not been set on this response."):
        response.request  # noqa: B018
    with pytest.raises(RuntimeError, match=r"The request instance has not been set on this response."):
        response.url  # noqa: B018
    response.request = REQUEST
    assert response.request is REQUEST
    assert response.url == "http://example.org/a"


def test_elapsed_is_known_once_the_response_is_closed() -> None:
    response = Response(200, content=parts())
    response._start_time = time.perf_counter() - 5
    with pytest.raises(RuntimeError, match=r"'.elapsed' may only be accessed after"):
        response.elapsed  # noqa: B018
    response.read()
    assert timedelta(seconds=5) <= response.elapsed < timedelta(seconds=60)


@pytest.mark.parametrize("end", [Response.read, Response.close])
def test_elapsed_is_known_for_a_body_in_memory(end: Callable[[Response], Any]) -> None:
    response = Response(200, stream=ByteStream(b"abc"))
    response._start_time = time.perf_counter() - 5
    end(response)
    assert timedelta(seconds=5) <= response.elapsed < timedelta(seconds=60)


def test_elapsed_can_be_set() -> None:
    response = Response(200)
    response.elapsed = timedelta(days=1)
    assert response.elapsed == timedelta(days=1)


def test_version_and_reason_come_from_the_extensions() -> None:
    response = Response(200, extensions={"http_version": b"HTTP/2", "reason_phrase": b"Caf\xe9"})
    assert (response.http_version, response.reason_phrase) == ("HTTP/2", "Caf")
    assert (Response(404).http_version, Response(404).reason_phrase) == ("HTTP/1.1", "Not Found")
    assert Response(404, extensions={"reason_phrase": b""}).reason_phrase == ""
    assert Response(499).reason_phrase == ""


@pytest.mark.parametrize(
    ("status_code", "true"),
    [
        (99, set()),
        (100, {"is_informational"}),
        (204, {"is_success"}),
        (301, {"is_redirect", "has_redirect_location"}),
        (304, {"is_redirect"}),
        (404, {"is_client_error", "is_error"}),
        (599, {"is_server_error", "is_error"}),
        (600, set()),
    ],
)
def test_status_classes(status_code: int, true: set[str]) -> None:
    response = Response(status_code, headers={"Location": "/b"})
    names = [name for name in dir(Response) if name.startswith("is_") or name == "has_redirect_location"]
    assert {name for name in names if getattr(response, name)} == true
    assert not Response(status_code).has_redirect_location


@pytest.mark.parametrize(
    ("status_code", "kind"),
    [
        (101, "Informational response '101 Switching Protocols'"),
        (304, "Redirect response '304 Not Modified'"),
        (404, "Client error '404 Not Found'"),
        (500, "Server error '500 Internal Server Error'"),
        (600, "Invalid status code '600 '"),
    ],
)
def test_raise_for_status_raises_but_for_success(status_code: int, kind: str) -> None:
    response = Response(status_code, request=REQUEST)
    with pytest.raises(HTTPStatusError) as caught:
        response.raise_for_status()
    assert str(caught.value) == (
        f"{kind} for url 'http://example.org/a'\n"
        f"For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/{status_code}"
    )
    assert caught.value.request is REQUEST
    assert caught.value.response is response


def test_raise_for_status_returns_a_success() -> None:
    response = Response(200, request=REQUEST)
    assert response.raise_for_status() is response


def test_raise_for_status_names_the_location_of_a_redirect() -> None:
    with pytest.raises(HTTPStatusError, match="\nRedirect location: '/b'\n"):
        Response(302, headers={"Location": "/b"}, request=REQUEST).raise_for_status()


def test_raise_for_status_hides_userinfo() -> None:
    request = Request("GET", "http://user:secret@example.org/a@b")
    headers = {"Location": "https://user:secret@example.org//c@d"}
    with pytest.raises(HTTPStatusError) as caught:
        Response(302, headers=headers, request=request).raise_for_status()
    assert "for url 'http://[secure]@example.org/a@b'" in str(caught.value)
    assert "location: 'https://[secure]@example.org//c@d'" in str(caught.value)


def test_raise_for_status_needs_the_request() -> None:
    with pytest.raises(RuntimeError, match="Cannot call `raise_for_status` as the request instance has not been set"):
        Response(200).raise_for_status()


@pytest.mark.parametrize(
    ("link", "links"),
    [
        ('<http://a/b>; rel="next"', {"next": {"url": "http://a/b", "rel": "next"}}),
        ("<a>", {"a": {"url": "a"}}),
        ("", {}),
        ("<a>; rel='n' ; title = t", {"n": {"url": "a", "rel": "n", "title": "t"}}),
        (
            '<a>; rel=n, <b>; rel="l"; title="x, <y>"',
            {"n": {"url": "a", "rel": "n"}, "l": {"url": "b", "rel": "l", "title": "x, <y>"}},
        ),
        ("<a,b;c>; rel=n", {"n": {"url": "a,b;c", "rel": "n"}}),
        ('<a>; flag; rel="x=y;z"', {"x=y;z": {"url": "a", "rel": "x=y;z"}}),
        ("a; rel=n", {"n": {"url": "a", "rel": "n"}}),
        ("<a", {"a": {"url": "a"}}),
    ],
)
def test_links(link: str, links: dict[str, dict[str, str]]) -> None:
    assert Response(200, headers={"Link": link}).links == links


def test_links_of_several_fields() -> None:
    response = Response(200, headers=[("Link", "<a>; rel=x"), ("link", "<b>; rel=y")])
    assert list(response.links) == ["x", "y"]
    assert Response(200).links == {}


@pytest.mark.parametrize("link", ["<", '"', ", ", ";", "<a>,", ";=", "=", '<a>;x="', "<a>;" + " " * 5])
def test_links_are_read_in_linear_time(link: str) -> None:
    started = time.process_time()
    parse_links("<a>;" + link * (100_000 // len(link)) + "x")
    assert time.process_time() - started < 2  # quadratic time would be minutes


def test_cookies() -> None:
    response = Response(200, headers=[("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")], request=REQUEST)
    assert dict(response.cookies) == {"a": "b", "c": "d"}
    assert response.cookies is response.cookies


def test_cookies_need_the_request() -> None:
    response = Response(200, headers={"Set-Cookie": "a=b"})
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"The request instance has not been set on this response."):
            response.cookies  # noqa: B018


def test_json() -> None:
    assert Response(200, content='{"é": 1.5}'.encode("utf-16")).json(parse_float=str) == {"é": "1.5"}
    with pytest.raises(ValueError):
        Response(200).json()


def test_repr() -> None:
    assert repr(Response(200)) == "<Response [200 OK]>"
    assert repr(Response(499)) == "<Response [499 ]>"


def test_pickle_keeps_all_but_stream_and_extensions() -> None:
    response = Response(
        200, text="é", request=REQUEST, history=[Response(301)], extensions={"x": 1}, default_encoding="ascii"
    )
    response.elapsed = timedelta(seconds=1)
    response.mine = 1  # type: ignore[attr-defined]  # users do that
    others: list[Any] = [pickle.loads(pickle.dumps(response)), copy.copy(response)]
    for other in others:
        assert (other.status_code, other.headers, other.text) == (200, response.headers, "é")
        assert (other.request.url, other.elapsed, other.mine) == (REQUEST.url, response.elapsed, 1)
        assert [item.status_code for item in other.history] == [301]
        assert other.extensions == {}
        assert other.is_closed
        assert other.default_encoding == "ascii"
        assert isinstance(other.stream, UnattachedStream)
        assert list(other.iter_bytes()) == ["é".encode()]
        with pytest.raises(StreamConsumed):
            list(other.iter_raw())


def test_pickle_of_an_unread_response_is_closed() -> None:
    response = Response(200, content=parts())
    response._start_time = time.perf_counter()
    other = pickle.loads(pickle.dumps(response))
    with pytest.raises(ResponseNotRead):
        other.content  # noqa: B018
    with pytest.raises(StreamClosed):
        other.read()
    with pytest.raises(RuntimeError, match=r"'.elapsed' may only be accessed after"):
        other.elapsed  # noqa: B018


def test_pickle_of_an_exception_keeps_its_response() -> None:
    with pytest.raises(HTTPStatusError) as caught:
        Response(404, request=REQUEST, content=b"abc").raise_for_status()
    other = pickle.loads(pickle.dumps(caught.value))
    assert str(other) == str(caught.value)
    assert other.response.content == b"abc"
    assert other.request.url == REQUEST.url


def from_wire(body: bytes = b"abc") -> Response:
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
    return Response._from_wire(200, headers, ByteStream(body), {"http_version": b"HTTP/1.1"})


def test_response_from_the_wire_is_like_any_other() -> None:
    ordinary = Response(200, headers=from_wire().headers, stream=ByteStream(b"abc"), extensions={})
    assert vars(from_wire()).keys() == vars(ordinary).keys()
    assert from_wire().read() == ordinary.read() == b"abc"


def test_response_is_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        response = Response(200, content=parts(), request=REQUEST)
        response._start_time = time.perf_counter()
        assert "".join(response.iter_lines()) == "hello world"
        assert response.elapsed
        reference = weakref.ref(response)
        del response
        assert reference() is None
    finally:
        gc.enable()


def test_response_in_memory_costs_few_calls() -> None:
    response = [from_wire() for _ in range(10)]
    headers, stream = response[0].headers, response[0].stream
    assert count_calls(lambda: Response._from_wire(200, headers, stream, {})) == 1
    assert count_calls(lambda: response.pop().read()) <= 3
    read = [from_wire() for _ in range(10)]
    for item in read:
        item.read()
    assert count_calls(lambda: read.pop().text) <= 6


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
