"""The anthropic SDK against a fake of its service: messages, streamed and whole, errors, retries, files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, DefaultAsyncHttpxClient, DefaultHttpxClient

import httpx

from .conftest import ServeApp
from .models import Service

ASK: dict[str, Any] = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": None, "stop_sequence": None}
USAGE = {"usage": {"input_tokens": 1, "output_tokens": 1}}


def make_service() -> Service:
    text = {"type": "text", "text": ""}
    events: list[tuple[str, Any]] = [
        ("message_start", {"message": {**MESSAGE, **USAGE, "content": []}}),
        ("content_block_start", {"index": 0, "content_block": text}),
        ("ping", {}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo ü"}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, **USAGE}),
        ("message_stop", {}),
    ]
    return Service(
        [(name, {"type": name, **value}) for name, value in events],
        {**MESSAGE, **USAGE, "content": [{"type": "text", "text": "Hello"}]},
    )


@pytest.fixture
def service() -> Service:
    return make_service()


@pytest.fixture
def url(service: Service, serve_app: ServeApp) -> str:
    return serve_app(service.app)


@pytest.fixture
def client(url: str) -> Iterator[Anthropic]:
    with Anthropic(api_key="key", base_url=url) as client:
        yield client


def test_message(client: Anthropic, service: Service) -> None:
    message = client.messages.create(**ASK)
    assert message.content[0].text == "Hello" and message._request_id == "r1"
    (request,) = service.requests
    assert (request["path"], request["body"]) == ("/v1/messages", ASK)
    assert request["headers"]["x-api-key"] == "key" and "anthropic-version" in request["headers"]


def test_streams(client: Anthropic) -> None:
    with client.messages.stream(**ASK) as stream:
        assert list(stream.text_stream) == ["Hel", "lo ü"]
        assert stream.get_final_message().stop_reason == "end_turn"
    with client.messages.create(**ASK, stream=True) as events:
        assert [event.type for event in events][-1] == "message_stop"
    with client.messages.stream(**ASK) as stream:
        next(iter(stream))
    assert len(client._client._transport._pool._requests) == 0


@pytest.mark.anyio
async def test_async(url: str) -> None:
    async with AsyncAnthropic(api_key="key", base_url=url) as client:
        assert (await client.messages.create(**ASK)).content[0].text == "Hello"
        async with client.messages.stream(**ASK) as stream:
            assert "".join([text async for text in stream.text_stream]) == "Hello ü"
            assert (await stream.get_final_message()).content[0].text == "Hello ü"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 529])
def test_retries(client: Anthropic, service: Service, status: int) -> None:
    service.failures = [status, status]
    assert client.messages.create(**ASK).id == "m1"
    assert [request["headers"]["x-stainless-retry-count"] for request in service.requests] == ["0", "1", "2"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, anthropic.BadRequestError), (401, anthropic.AuthenticationError), (529, anthropic.APIStatusError)],
)
async def test_errors(url: str, service: Service, status: int, error: type[anthropic.APIStatusError]) -> None:
    service.failures = [status]
    async with AsyncAnthropic(api_key="key", base_url=url, max_retries=0) as client:
        with pytest.raises(error, match=f"failed with {status}") as caught:
            await client.messages.create(**ASK)
    assert isinstance(caught.value.response, httpx.Response) and caught.value.status_code == status


def test_timeouts_and_connection_errors(client: Anthropic, service: Service) -> None:
    service.failures = [1.0]
    with pytest.raises(anthropic.APITimeoutError) as late:
        client.with_options(timeout=httpx.Timeout(5, read=0.1), max_retries=0).messages.create(**ASK)
    assert isinstance(late.value.__cause__, httpx.ReadTimeout)
    nobody = Anthropic(api_key="key", base_url="http://127.0.0.1:1", max_retries=0)
    with pytest.raises(anthropic.APIConnectionError) as refused:
        nobody.messages.create(**ASK)
    assert isinstance(refused.value.__cause__, httpx.ConnectError)


def test_raw_response(client: Anthropic) -> None:
    response = client.messages.with_raw_response.create(**ASK)
    assert (response.status_code, response.headers["request-id"]) == (200, "r1")
    assert response.parse().id == "m1"
    with client.messages.with_streaming_response.create(**ASK) as streamed:
        assert "Hello" in "".join(streamed.iter_text())


@pytest.mark.anyio
async def test_clients_of_ones_own(url: str, service: Service) -> None:
    default = DefaultHttpxClient(headers={"X-Own": "1"}, transport=httpx.HTTPTransport(local_address="127.0.0.1"))
    with Anthropic(api_key="key", base_url=url, http_client=default) as client:
        client.messages.create(**ASK)
    async with AsyncAnthropic(api_key="key", base_url=url, http_client=DefaultAsyncHttpxClient()) as other:
        await other.messages.create(**ASK)
    assert [request["headers"].get("x-own") for request in service.requests] == ["1", None]


def test_files(client: Anthropic, service: Service) -> None:
    kind = {"mime_type": "text/plain", "size_bytes": 7, "created_at": "2026-01-01T00:00:00Z"}
    service.answer = {"id": "f1", "type": "file", "filename": "a.txt", **kind}
    assert client.beta.files.upload(file=("a.txt", b"content", "text/plain")).id == "f1"
    body = service.requests[0]["body"]
    assert b'name="file"; filename="a.txt"' in body and b"content" in body
