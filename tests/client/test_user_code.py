"""Code of the user's that clients call: hooks, flows, transports, bodies; and what it raises arrives as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face, FaceClient, echoed
from .servers import answering_always

LIMITS = httpx.Limits(max_connections=1)


async def test_hooks_see_each_request_and_response(face: Face, origin: Origin) -> None:
    seen: list[str] = []
    hooks = {
        "request": [face.hook(lambda request: seen.append(f"> {request.url.path}"))],
        "response": [
            face.hook(lambda response: seen.append(f"< {response.status_code} {response.request.url.path}")),
            face.hook(lambda response: seen.append(f"unread {not response.is_closed}")),
        ],
    }
    async with face.client(event_hooks=hooks, follow_redirects=True) as client:
        await client.get(origin.url("/redirect/1"))
    assert [line for line in seen if not line.startswith("unread")] == [
        "> /redirect/1",
        "< 302 /redirect/1",
        "> /hello",
        "< 200 /hello",
    ]


async def test_a_request_hook_changes_the_request(face: Face, origin: Origin) -> None:
    def hook(request: httpx.Request) -> None:
        request.headers["X-Hook"] = "1"

    async with face.client(event_hooks={"request": [face.hook(hook)]}) as client:
        assert echoed(await client.get(origin.url("/echo")))["headers"]["x-hook"] == "1"


async def test_a_response_hook_may_raise_for_status(face: Face, origin: Origin) -> None:
    hook = face.hook(lambda response: response.raise_for_status())
    async with face.client(event_hooks={"response": [hook]}, limits=LIMITS) as client:
        for _ in range(2):
            with pytest.raises(httpx.HTTPStatusError):
                await client.get(origin.url("/status/500"))


async def test_a_response_hook_may_read_the_body(face: Face, origin: Origin) -> None:
    async def read_later(response: httpx.Response) -> None:
        seen.append(await response.aread())

    def read(response: httpx.Response) -> None:
        seen.append(response.read())

    seen: list[bytes] = []
    hooks = {"response": [read_later if face.is_async else read]}
    async with face.client(event_hooks=hooks) as client:
        response = await client.get(origin.url("/bytes/100000"))
    assert seen == [response.content]


async def test_hooks_can_be_changed_on_the_client(face: Face, origin: Origin) -> None:
    seen: list[Any] = []
    async with face.client() as client:
        assert client.bare.event_hooks == {"request": [], "response": []}
        client.bare.event_hooks["request"].append(face.hook(seen.append))
        await client.get(origin.url("/hello"))
        assert len(seen) == 1
        client.bare.event_hooks = {"response": [face.hook(seen.append)]}
        response = await client.get(origin.url("/hello"))
    assert seen[1] is response


async def test_a_failing_response_hook_closes_the_response(face: Face, origin: Origin) -> None:
    responses: list[httpx.Response] = []

    def hook(response: httpx.Response) -> None:
        responses.append(response)
        raise LookupError("hook")

    async with face.client(event_hooks={"response": [face.hook(hook)]}, limits=LIMITS) as client:
        for _ in range(2):
            with pytest.raises(LookupError, match="hook"):
                await client.get(origin.url("/bytes/1000000"))
        assert all(response.is_closed for response in responses)
        assert client.pool.connection_count == 0


async def test_elapsed_ends_with_the_body(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/drip?seconds=0.1&parts=2")) as response:
        with pytest.raises(RuntimeError, match="elapsed"):
            _ = response.elapsed
        await face.read(response)
        assert 0.05 < response.elapsed.total_seconds() < 10


class Flag(Exception):
    """Something of the user's own."""


# What a task can raise. A coroutine cannot raise StopIteration (PEP 479), and event loops stop at the others: these
# are tried with the sync client alone, below.
RAISED = [Flag, RuntimeError, OSError, TimeoutError]
RAISED_BY_THREADS = [StopIteration, StopAsyncIteration, KeyboardInterrupt, GeneratorExit, SystemExit]


def fail(kind: type[BaseException]) -> Any:
    raise kind("as it is")


async def expect(client: FaceClient, kind: type[BaseException], url: str, **options: Any) -> None:
    """Expect exactly that."""
    with pytest.raises(kind) as caught:
        await client.post(url, **options)
    assert type(caught.value) is kind
    assert caught.value.args == ("as it is",)


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("event", ["request", "response"])
async def test_what_hooks_raise_arrives(face: Face, serve: Serve, kind: type[BaseException], event: str) -> None:
    server = serve(answering_always())
    async with face.client(limits=LIMITS) as client:
        client.bare.event_hooks[event].append(face.hook(lambda argument: fail(kind)))
        await expect(client, kind, server.url())
        client.bare.event_hooks = {}
        assert (await client.get(server.url())).text == "ok"


@pytest.mark.parametrize("kind", RAISED)
async def test_what_bodies_raise_arrives_and_the_connection_is_dropped(
    face: Face, serve: Serve, kind: type[BaseException]
) -> None:
    server = serve(answering_always())
    async with face.client(limits=LIMITS) as client:
        await expect(client, kind, server.url(), content=face.generate(failing_parts(kind)))
        assert client.pool.connection_count == 0
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


@pytest.mark.parametrize("kind", RAISED)
async def test_what_transports_raise_arrives(face: Face, kind: type[BaseException]) -> None:
    async with face.client(transport=face.transport(lambda request: fail(kind))) as client:
        await expect(client, kind, "http://a.example/")


@pytest.mark.parametrize("kind", RAISED)
async def test_what_the_body_of_a_transport_raises_arrives(face: Face, kind: type[BaseException]) -> None:
    stream = face.byte_stream(failing_parts(kind))
    async with face.client(transport=face.transport(lambda request: httpx.Response(200, stream=stream))) as client:
        await expect(client, kind, "http://a.example/")
    assert stream.is_closed


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("step", [1, 2])
async def test_what_auth_flows_raise_arrives(face: Face, serve: Serve, kind: type[BaseException], step: int) -> None:
    def flow(request: httpx.Request) -> Any:
        if step == 2:
            yield request
        fail(kind)
        yield request

    server = serve(answering_always())
    async with face.client(limits=LIMITS) as client:
        await expect(client, kind, server.url(), auth=face.auth(flow))
        assert (await client.get(server.url())).text == "ok"


async def test_bodies_that_yield_something_else_are_refused(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        with pytest.raises(TypeError):
            await client.post(server.url(), content=face.iterable([1]))  # type: ignore[list-item]  # on purpose


@pytest.mark.parametrize("kind", RAISED_BY_THREADS)
@pytest.mark.parametrize("event", ["request", "response"])
def test_base_exceptions_of_hooks_arrive(serve: Serve, kind: type[BaseException], event: str) -> None:
    server = serve(answering_always())
    with httpx.Client(limits=LIMITS) as client:
        client.event_hooks[event].append(lambda argument: fail(kind))
        expect_now(client, kind, server.url())
        client.event_hooks = {}
        assert client.get(server.url()).text == "ok"


@pytest.mark.parametrize("kind", RAISED_BY_THREADS)
def test_base_exceptions_of_transports_arrive(kind: type[BaseException]) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda request: fail(kind))) as client:
        expect_now(client, kind, "http://a.example/")


@pytest.mark.parametrize("kind", RAISED_BY_THREADS)
@pytest.mark.parametrize("step", [1, 2])
def test_base_exceptions_of_auth_flows_arrive(serve: Serve, kind: type[BaseException], step: int) -> None:
    class Flow(httpx.Auth):
        """A generator by hand, since a real one cannot raise StopIteration."""

        count = 0

        def sync_auth_flow(self, request: httpx.Request) -> Any:
            self.request = request
            return self

        def __next__(self) -> httpx.Request:
            return self.send(None)

        def send(self, response: Any) -> httpx.Request:
            self.count += 1
            if self.count == step:
                fail(kind)
            return self.request

        def close(self) -> None:
            pass

    server = serve(answering_always())
    with httpx.Client(limits=LIMITS) as client:
        if kind is StopIteration and step == 2:
            # There it is the end of the flow.
            assert client.post(server.url(), auth=Flow()).text == "ok"
        else:
            expect_now(client, kind, server.url(), auth=Flow())
        assert client.get(server.url()).text == "ok"


@pytest.mark.parametrize("kind", [kind for kind in RAISED_BY_THREADS if kind is not StopIteration])
def test_base_exceptions_of_bodies_arrive(serve: Serve, kind: type[BaseException]) -> None:
    server = serve(answering_always())
    with httpx.Client(limits=LIMITS) as client:
        expect_now(client, kind, server.url(), content=failing_parts(kind))
        assert client.get(server.url()).text == "ok"
    assert server.connection_count == 2


def test_a_body_whose_iterator_cannot_be_made_raises_what_that_raises(serve: Serve) -> None:
    class Unwilling:
        def __iter__(self) -> Iterator[bytes]:
            return fail(StopIteration)  # type: ignore[no-any-return]  # never returns

    server = serve(answering_always())
    with httpx.Client(limits=LIMITS) as client:
        expect_now(client, StopIteration, server.url(), content=Unwilling())
        assert client.get(server.url()).text == "ok"


@pytest.mark.parametrize("kind", [kind for kind in RAISED_BY_THREADS if kind is not StopIteration])
def test_base_exceptions_of_the_body_of_a_transport_arrive(kind: type[BaseException]) -> None:
    class Stream(httpx.SyncByteStream):
        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            return failing_parts(kind)

        def close(self) -> None:
            self.is_closed = True

    stream = Stream()
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))) as client:
        expect_now(client, kind, "http://a.example/")
    assert stream.is_closed


def expect_now(client: httpx.Client, kind: type[BaseException], url: str, **options: Any) -> None:
    """Expect exactly that."""
    with pytest.raises(kind) as caught:
        client.post(url, **options)
    assert type(caught.value) is kind
    assert caught.value.args == ("as it is",)


def failing_parts(kind: type[BaseException]) -> Iterator[bytes]:
    """Yield a part, and fail."""
    yield b"part"
    fail(kind)
