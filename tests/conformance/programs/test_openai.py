"""The openai SDK, 2.x, against a fake of its service: whole and streamed answers, errors, retries, files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

import httpx

from .conftest import ServeApp
from .models import Service

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
COMPLETION = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}


def make_service() -> Service:
    chunk = {**COMPLETION, "object": "chat.completion.chunk"}
    events: list[tuple[str | None, Any]] = [
        (None, {**chunk, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
        for text in ("Hel", "lo ü")
    ]
    message = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return Service([*events, (None, "[DONE]")], {**COMPLETION, "choices": [choice]})


@pytest.fixture
def service() -> Service:
    return make_service()


@pytest.fixture
def url(service: Service, serve_app: ServeApp) -> str:
    return serve_app(service.app) + "/v1"


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(api_key="key", base_url=url) as client:
        yield client


def test_completion(client: OpenAI, service: Service) -> None:
    completion = client.chat.completions.create(**ASK)
    assert completion.choices[0].message.content == "Hello" and completion._request_id == "r1"
    (request,) = service.requests
    assert (request["path"], request["body"]) == ("/v1/chat/completions", ASK)
    assert request["headers"]["authorization"] == "Bearer key"
    assert request["headers"]["user-agent"].startswith("OpenAI/Python")


def test_stream(client: OpenAI) -> None:
    with client.chat.completions.create(**ASK, stream=True) as stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello ü"
    stream = client.chat.completions.create(**ASK, stream=True)
    next(stream)
    stream.close()
    assert len(client._client._transport._pool._requests) == 0


# It leaves generators of its own unfinished, of which trio warns.
@pytest.mark.filterwarnings("ignore:Async generator 'openai:ResourceWarning")
@pytest.mark.anyio
async def test_async(url: str) -> None:
    async with AsyncOpenAI(api_key="key", base_url=url) as client:
        assert (await client.chat.completions.create(**ASK)).choices[0].message.content == "Hello"
        stream = await client.chat.completions.create(**ASK, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Hello ü"
        async with client.chat.completions.with_streaming_response.create(**ASK) as response:
            assert isinstance(response.http_response, httpx.Response)
            assert b"Hello" in b"".join([part async for part in response.iter_bytes()])


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_retries(client: OpenAI, service: Service, status: int) -> None:
    service.failures = [status, status]
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Hello"
    assert [request["headers"]["x-stainless-retry-count"] for request in service.requests] == ["0", "1", "2"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, openai.BadRequestError), (401, openai.AuthenticationError), (429, openai.RateLimitError)],
)
async def test_errors(url: str, service: Service, status: int, error: type[openai.APIStatusError]) -> None:
    service.failures = [status]
    async with AsyncOpenAI(api_key="key", base_url=url, max_retries=0) as client:
        with pytest.raises(error, match=f"failed with {status}") as caught:
            await client.chat.completions.create(**ASK)
    assert isinstance(caught.value.response, httpx.Response) and caught.value.response.status_code == status


def test_timeouts_and_connection_errors(client: OpenAI, service: Service) -> None:
    service.failures = [1.0]
    with pytest.raises(openai.APITimeoutError) as late:
        client.with_options(timeout=httpx.Timeout(5, read=0.1), max_retries=0).chat.completions.create(**ASK)
    assert isinstance(late.value.__cause__, httpx.ReadTimeout)
    nobody = OpenAI(api_key="key", base_url="http://127.0.0.1:1", max_retries=0)
    with pytest.raises(openai.APIConnectionError) as refused:
        nobody.chat.completions.create(**ASK)
    assert isinstance(refused.value.__cause__, httpx.ConnectError)


def test_raw_response(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(**ASK)
    assert (response.status_code, response.headers["x-request-id"]) == (200, "r1")
    assert response.parse().id == "c1" and response.elapsed.total_seconds() > 0
    with client.chat.completions.with_streaming_response.create(**ASK) as streamed:
        assert "Hello" in "".join(streamed.iter_text())


@pytest.mark.anyio
async def test_clients_of_ones_own(url: str, service: Service) -> None:
    seen: list[str] = []
    hooks = {"request": [lambda request: seen.append(request.url.path)]}
    with OpenAI(api_key="key", base_url=url, http_client=httpx.Client(event_hooks=hooks)) as client:
        client.chat.completions.create(**ASK)
    default = DefaultHttpxClient(headers={"X-Own": "1"}, timeout=7)
    assert isinstance(default, httpx.Client) and default.timeout == httpx.Timeout(7) and default.follow_redirects
    with OpenAI(api_key="key", base_url=url, http_client=default) as client:
        client.chat.completions.create(**ASK)
    async with AsyncOpenAI(api_key="key", base_url=url, http_client=DefaultAsyncHttpxClient(trust_env=False)) as other:
        await other.chat.completions.create(**ASK)
    assert seen == ["/v1/chat/completions"]
    assert service.requests[1]["headers"]["x-own"] == "1"
    with pytest.raises(TypeError, match="http_client"):
        OpenAI(api_key="key", http_client=httpx.AsyncClient())  # type: ignore[arg-type]


def test_files(client: OpenAI, service: Service) -> None:
    service.answer = {"id": "f1", "object": "file", "bytes": 7, "created_at": 1, "filename": "a", "purpose": "batch"}
    assert client.files.create(file=("a.jsonl", b"content"), purpose="batch", extra_query={"q": "1"}).id == "f1"
    body = service.requests[0]["body"]
    assert b'name="file"; filename="a.jsonl"' in body and b"content" in body and b'name="purpose"' in body
    assert client.files.content("f1").read() == client.files.content("f1").content
