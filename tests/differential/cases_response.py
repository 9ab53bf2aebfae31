"""Responses: what makes them, their fields and predicates, their states, links, copies and reprs."""

from __future__ import annotations

import copy
import datetime
import io
import json
import pickle
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.cases_response_body import REQUEST, AsyncStream, Stream

CASES = Cases()


def describe(response: httpx.Response) -> object:
    return {
        "status": [response.status_code, response.reason_phrase, response.http_version],
        "fields": response.headers.raw,
        "content": response.content,
        "encoding": [response.encoding, response.charset_encoding],
        "text": response.text,
        "state": [response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded],
        "extensions": response.extensions,
        "history": response.history,
        "repr": repr(response),
        "predicates": [
            response.is_informational,
            response.is_success,
            response.is_redirect,
            response.is_client_error,
            response.is_server_error,
            response.is_error,
            response.has_redirect_location,
        ],
    }


def make(status: Any, options: dict[str, Any]) -> object:
    """Return all that a response tells about itself."""
    return describe(httpx.Response(status, **options))


CASES.table(
    make,
    [
        *[
            (status, {})
            for status in [100, 101, 199, 200, 204, 299, 304, 308, 400, 404, 418, 499, 500, 599, 600, 0, -1]
        ],
        *[(status, {}) for status in [999, 1000, "200", None, True, httpx.codes.OK]],
        *[(status, {"headers": {"Location": "/a"}}) for status in [200, 201, 300, 301, 302, 303, 304, 307, 308, 400]],
        (200, {"content": b"abc"}),
        (200, {"content": "abc"}),
        (200, {"content": "é"}),
        (200, {"content": b""}),
        (200, {"content": ""}),
        (200, {"content": None}),
        (200, {"content": 1}),
        (200, {"content": [b"abc", b"def"]}),
        (200, {"content": {"a": "b"}}),
        (200, {"text": "abc"}),
        (200, {"text": "é"}),
        (200, {"text": ""}),
        (200, {"html": "<p>é</p>"}),
        (200, {"html": ""}),
        (200, {"json": {"a": "é"}}),
        (200, {"json": None}),
        (200, {"json": []}),
        (200, {"json": 0}),
        (200, {"text": "abc", "html": "def"}),
        (200, {"text": "abc", "json": {}}),
        (200, {"content": b"abc", "text": "def"}),
        (200, {"text": "abc", "headers": {"Content-Type": "a/b"}}),
        (200, {"json": {}, "headers": {"content-type": "a/b"}}),
        (200, {"content": b"abc", "headers": {"Content-Length": "5"}}),
        (200, {"content": b"abc", "headers": {"Transfer-Encoding": "chunked"}}),
        (200, {"content": [b"abc"], "headers": {"Transfer-Encoding": "chunked"}}),
        (200, {"content": [b"abc"], "headers": {"Content-Length": "3"}}),
        (200, {"headers": [("A", "b"), ("a", "c")]}),
        (200, {"headers": {"A": "b"}, "content": b""}),
        (204, {"content": b""}),
        (200, {"extensions": {"reason_phrase": b"Fine"}}),
        (200, {"extensions": {"reason_phrase": b""}}),
        (200, {"extensions": {"reason_phrase": b"\xe9"}}),
        (200, {"extensions": {"http_version": b"HTTP/2"}}),
        (200, {"extensions": {"http_version": b"HTTP/1.0", "other": 1}}),
        (200, {"content": b"\xe9", "default_encoding": "latin-1"}),
        (200, {"content": b"\xe9", "default_encoding": "nothing"}),
        (200, {"nothing": 1}),
    ],
    texts=False,
)


def link(value: str) -> object:
    return httpx.Response(200, headers={"Link": value}).links


CASES.table(
    link,
    [
        "",
        "<http://a/>",
        "<http://a/>; rel=next",
        '<http://a/>; rel="next"',
        "<http://a/>; rel='next'",
        '<http://a/?page=2>; rel="next", <http://a/?page=9>; rel="last"',
        '<http://a/>; rel="next"; title="b"',
        "<http://a/>; title=b",
        "</a>; rel=next, </b>; rel=next",
        "a; rel=next",
        "<a,b>; rel=next",
        "<a>;rel=next,<b>;rel=last",
        "<a>; rel",
        "<a>; rel=",
        '<a>; rel="b;c"',
        '<a>; rel="b=c"',
        '<a>; title="b, c"; rel=d',
        "<a>;;rel=b",
        "<a>b; rel=c",
        "<a>; rel = b",
        "<a>; rel=b; rel=c",
        "<a",
        "<;",
        ",",
        ";",
    ],
)


def stream_response(*parts: bytes) -> httpx.Response:
    return httpx.Response(200, stream=Stream(*parts), request=REQUEST)


def consumed() -> httpx.Response:
    response = stream_response(b"abc")
    list(response.iter_raw())
    return response


def closed() -> httpx.Response:
    response = stream_response(b"abc")
    response.close()
    return response


def read() -> httpx.Response:
    response = stream_response(b"abc")
    response.read()
    return response


def with_encoding(response: httpx.Response, encoding: str) -> httpx.Response:
    response.encoding = encoding
    return response


@CASES.add
def encoding_is_set_after_text_was_read() -> None:
    response = httpx.Response(200, content=b"abc")
    assert response.text == "abc"
    response.encoding = "latin-1"


@CASES.add
def elapsed_is_set() -> object:
    response = httpx.Response(200)
    response.elapsed = datetime.timedelta(seconds=1.5)
    return response.elapsed.total_seconds()


@CASES.add
def elapsed_is_there_after_closing() -> object:
    return closed().elapsed


@CASES.add
async def response_that_is_sync_is_read_async() -> object:
    return await stream_response(b"abc").aread()


@CASES.add
async def response_that_is_sync_is_closed_async() -> object:
    await stream_response(b"abc").aclose()
    return None


@CASES.add
async def response_that_is_sync_is_iterated_async() -> object:
    return [part async for part in stream_response(b"abc").aiter_raw()]


@CASES.add
async def lines_async() -> object:
    return [line async for line in httpx.Response(200, stream=AsyncStream(b"a\nb", b"c\r\nd")).aiter_lines()]


@CASES.add
def default_encoding_is_a_function() -> object:
    response = httpx.Response(200, content=b"\xe9", default_encoding=lambda content: "latin-1" if content else "ascii")
    return [response.encoding, response.text]


CASES.expressions(
    """
httpx.Response(200)
repr(httpx.Response(404))
repr(httpx.Response(299))
repr(httpx.Response(200, request=REQUEST))
httpx.Response(200).request
httpx.Response(200).url
httpx.Response(200).cookies
httpx.Response(200).elapsed
httpx.Response(200).next_request
httpx.Response(200, request=REQUEST).url
httpx.Response(200, request=REQUEST).request is REQUEST
httpx.Response(200).read()
httpx.Response(200).content
httpx.Response(200).is_closed
httpx.Response(200, content=b"a").is_stream_consumed
httpx.Response(200).stream.__class__.__name__
httpx.Response(200, content=b"").headers.raw
httpx.Response(200, content=b"").stream.__class__.__name__
httpx.Response(200, content=iter([b"a"])).headers.raw
httpx.Response(200, content=iter([b"a"])).content
httpx.Response(200, content=iter([b"a"])).read()
httpx.Response(200, content=io.BytesIO(b"abc")).headers.raw
stream_response(b"abc").content
stream_response(b"abc").text
stream_response(b"abc").json()
stream_response(b"abc").read()
stream_response(b"abc").is_closed
stream_response(b"abc").is_stream_consumed
stream_response(b"abc").headers.raw
stream_response(b"abc").elapsed
stream_response(b"abc").encoding
stream_response(b"abc").num_bytes_downloaded
[stream_response(b"abc").has_redirect_location, repr(stream_response())]
consumed().content
consumed().read()
list(consumed().iter_raw())
list(consumed().iter_bytes())
list(consumed().iter_text())
list(consumed().iter_lines())
consumed().is_closed
consumed().close()
closed().content
closed().read()
list(closed().iter_raw())
list(closed().iter_bytes())
closed().is_closed
closed().is_stream_consumed
read().content
read().read()
list(read().iter_bytes())
list(read().iter_raw())
list(read().iter_text())
read().is_closed
with_encoding(read(), "latin-1").text
with_encoding(read(), "nothing").text
with_encoding(stream_response(b"\\xe9"), "latin-1").read()
list(with_encoding(stream_response(b"\\xe9"), "latin-1").iter_text())
with_encoding(httpx.Response(200, content=b"\\xe9"), "latin-1").text
with_encoding(httpx.Response(200, content=b"\\xe9"), "latin-1").encoding
httpx.Response(200, json={"a": 1}).json()
httpx.Response(200, json={"a": "é"}).content
httpx.Response(200, json={1: 2}).headers.raw
httpx.Response(200, json={1: 2}).content
httpx.Response(200, json=object())
httpx.Response(200, text="é").content
httpx.Response(200, html="é").headers.raw
httpx.Response(200, headers={"Set-Cookie": "a=b"}, request=REQUEST).cookies["a"]
sorted(httpx.Response(200, headers=[("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")], request=REQUEST).cookies)
httpx.Response(200, content=b"abc").num_bytes_downloaded
httpx.Response(200, headers={"Link": "<a>; rel=b"}).links
httpx.Response(200).links
httpx.Response(200, history=[httpx.Response(301)]).history
pickle.loads(pickle.dumps(httpx.Response(200, content=b"abc", request=REQUEST))).content
pickle.loads(pickle.dumps(httpx.Response(200, content=b"abc", request=REQUEST))).request
pickle.loads(pickle.dumps(httpx.Response(200, content=b"abc"))).headers.raw
pickle.loads(pickle.dumps(httpx.Response(200, content=b"abc"))).extensions
pickle.loads(pickle.dumps(httpx.Response(200, content=b"abc"))).is_closed
pickle.loads(pickle.dumps(httpx.Response(200, text="é"))).text
pickle.loads(pickle.dumps(httpx.Response(200, history=[httpx.Response(301)]))).history
pickle.loads(pickle.dumps(stream_response(b"abc"))).content
pickle.loads(pickle.dumps(stream_response(b"abc"))).read()
pickle.loads(pickle.dumps(stream_response(b"abc"))).is_closed
pickle.loads(pickle.dumps(closed())).content
pickle.loads(pickle.dumps(read())).content
copy.copy(httpx.Response(200, content=b"abc")).content
httpx.Response(200) == httpx.Response(200)
bool(httpx.Response(404))
len(httpx.Response(200))
httpx.Response(200).nothing
httpx.Response(200, content=b"a", stream=Stream(b"b")).content
httpx.Response(200, content=b"a", stream=Stream(b"b")).read()
""",
    names={
        "REQUEST": REQUEST,
        "Stream": Stream,
        "stream_response": stream_response,
        "consumed": consumed,
        "closed": closed,
        "read": read,
        "with_encoding": with_encoding,
        "pickle": pickle,
        "copy": copy,
        "json": json,
        "io": io,
    },
)
