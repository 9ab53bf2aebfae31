"""httpx-sse: `connect_sse` and `aconnect_sse` against a server, and what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from httpx_sse import EventSource, ServerSentEvent, SSEError, aconnect_sse, connect_sse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import httpx

from .conftest import ServeApp

EVENTS = 'event: greeting\nid: 1\ndata: first\ndata: second\nretry: 10\n\n: a comment\ndata: {"a": "ü"}\n\n'


async def events(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        data = EVENTS.encode()
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    headers = {"X-Last": request.headers.get("last-event-id", ""), "X-Accept": request.headers["accept"]}
    return StreamingResponse(parts(), media_type="text/event-stream", headers=headers)


async def no_events(request: Request) -> Response:
    return JSONResponse({})


APP = Starlette(routes=[Route("/events", events, methods=["GET", "POST"]), Route("/json", no_events)])


def check(found: list[ServerSentEvent], source: EventSource) -> None:
    assert [(event.event, event.id, event.data, event.retry) for event in found] == [
        ("greeting", "1", "first\nsecond", 10),
        ("message", "1", '{"a": "ü"}', None),
    ]
    assert found[1].json() == {"a": "ü"}
    assert (source.response.headers["x-last"], source.response.headers["x-accept"]) == ("7", "text/event-stream")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_sync(serve_app: ServeApp, method: str) -> None:
    with (
        httpx.Client(base_url=serve_app(APP)) as client,
        connect_sse(client, method, "/events", headers={"Last-Event-ID": "7"}) as source,
    ):
        check(list(source.iter_sse()), source)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_async(serve_app: ServeApp, method: str) -> None:
    async with (
        httpx.AsyncClient(base_url=serve_app(APP)) as client,
        aconnect_sse(client, method, "/events", headers={"Last-Event-ID": "7"}) as source,
    ):
        check([event async for event in source.aiter_sse()], source)


@pytest.mark.anyio
async def test_leaving_early_gives_the_connection_up(serve_app: ServeApp) -> None:
    async with httpx.AsyncClient(base_url=serve_app(APP), limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(3):
            async with aconnect_sse(client, "GET", "/events") as source, aclosing(source.aiter_sse()) as found:
                async for event in found:
                    assert event.event == "greeting"
                    break


def test_what_is_no_event_stream(serve_app: ServeApp) -> None:
    with (
        httpx.Client(base_url=serve_app(APP)) as client,
        connect_sse(client, "GET", "/json") as source,
        pytest.raises(SSEError, match="application/json"),
    ):
        list(source.iter_sse())


def test_transport_for_an_application_without_a_server() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=EVENTS, headers={"Content-Type": "text/event-stream"})

    client = httpx.Client(transport=httpx.MockTransport(respond))
    with connect_sse(client, "GET", "http://a.example") as source:
        assert next(event.data for event in source.iter_sse()) == "first\nsecond"
