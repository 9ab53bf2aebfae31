"""opentelemetry-instrumentation-httpx: spans for every client, or for one, with hooks, and taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.httpx import (
    AsyncOpenTelemetryTransport,
    HTTPXClientInstrumentor,
    SyncOpenTelemetryTransport,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import httpx
from tests.origin import Origin

pytestmark = pytest.mark.anyio


class Spans:
    """Where spans go to."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def take(self) -> list[ReadableSpan]:
        finished = list(self.exporter.get_finished_spans())
        self.exporter.clear()
        return finished


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    yield spans
    spans.provider.shutdown()


@pytest.fixture
def instrumentor() -> Iterator[HTTPXClientInstrumentor]:
    instrumentor = HTTPXClientInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def check(span: ReadableSpan, url: str, status: int = 200) -> None:
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.attributes is not None
    assert (span.attributes["http.url"], span.attributes["http.status_code"]) == (url, status)


async def get(url: str, kind: str, client: Any = None) -> httpx.Response:
    if kind == "sync":
        with client or httpx.Client() as client:
            return client.get(url)
    async with client or httpx.AsyncClient() as client:
        return await client.get(url)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_all_clients(origin: Origin, spans: Spans, instrumentor: HTTPXClientInstrumentor, kind: str) -> None:
    url = origin.url("/echo")
    instrumentor.instrument(tracer_provider=spans.provider)
    response = await get(url, kind)
    (span,) = spans.take()
    check(span, url)
    # The server is told which span it belongs to.
    trace_id = format(span.context.trace_id, "032x")
    assert response.json()["headers"]["traceparent"].split("-")[1] == trace_id
    await get(origin.url("/status/404"), kind)
    (span,) = spans.take()
    check(span, origin.url("/status/404"), 404)
    assert span.status.status_code is StatusCode.ERROR
    instrumentor.uninstrument()
    await get(url, kind)
    assert spans.take() == []


def test_functions_streams_and_redirects(origin: Origin, spans: Spans, instrumentor: HTTPXClientInstrumentor) -> None:
    instrumentor.instrument(tracer_provider=spans.provider)
    httpx.get(origin.url("/redirect/2"), follow_redirects=True)
    assert len(spans.take()) == 3
    with httpx.stream("GET", origin.url("/bytes/100000")) as response:
        assert len(response.read()) == 100000
    assert len(spans.take()) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_one_client(origin: Origin, spans: Spans, kind: str) -> None:
    client = httpx.Client() if kind == "sync" else httpx.AsyncClient()
    other = httpx.Client() if kind == "sync" else httpx.AsyncClient()
    HTTPXClientInstrumentor.instrument_client(client, tracer_provider=spans.provider)
    url = origin.url("/hello")
    await get(url, kind, other)
    assert spans.take() == []
    await get(url, kind, client)
    assert len(spans.take()) == 1
    HTTPXClientInstrumentor.uninstrument_client(client)


async def test_hooks(origin: Origin, spans: Spans, instrumentor: HTTPXClientInstrumentor) -> None:
    def on_request(span: Any, request: Any) -> None:
        span.set_attribute("own.method", request.method.decode())

    def on_response(span: Any, request: Any, response: Any) -> None:
        span.set_attribute("own.length", response.headers["content-length"])

    async def on_async_response(span: Any, request: Any, response: Any) -> None:
        on_response(span, request, response)

    instrumentor.instrument(
        tracer_provider=spans.provider,
        request_hook=on_request,
        response_hook=on_response,
        async_response_hook=on_async_response,
    )
    for kind in ("sync", "async"):
        await get(origin.url("/hello"), kind)
    first, second = spans.take()
    assert first.attributes and (first.attributes["own.method"], first.attributes["own.length"]) == ("GET", "14")
    assert second.attributes and second.attributes["own.length"] == "14"


async def test_transports(origin: Origin, spans: Spans) -> None:
    url = origin.url("/hello")
    transport = SyncOpenTelemetryTransport(httpx.HTTPTransport(), tracer_provider=spans.provider)
    await get(url, "sync", httpx.Client(transport=transport))
    check(spans.take()[0], url)
    async_transport = AsyncOpenTelemetryTransport(httpx.AsyncHTTPTransport(), tracer_provider=spans.provider)
    await get(url, "async", httpx.AsyncClient(transport=async_transport))
    check(spans.take()[0], url)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_errors_are_recorded(spans: Spans, instrumentor: HTTPXClientInstrumentor, kind: str) -> None:
    instrumentor.instrument(tracer_provider=spans.provider)
    with pytest.raises(httpx.ConnectError):
        await get("http://127.0.0.1:1", kind)
    (span,) = spans.take()
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
