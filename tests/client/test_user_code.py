"""Code of the user's that clients call: hooks, flows, transports, bodies; and what it raises arrives as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face, echoed
from .servers import OK, answering, answering_always

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


RAISED = [Flag, StopIteration, StopAsyncIteration, KeyboardInterrupt, GeneratorExit, SystemExit, RuntimeError, OSError]


def skip_unless_it_can_be_raised(face: Face, kind: type[BaseException]) -> None:
    """A coroutine cannot raise these two, whoever runs it (PEP 479), and event loops stop at the others."""
    if face.is_async and not issubclass(kind, (Flag, RuntimeError, OSError)):
        pytest.skip("tasks cannot raise it")


def fail(kind: type[BaseException]) -> Any:
    raise kind("as it is")


async def expect(face: Face, client: Any, kind: type[BaseException], url: str, **options: Any) -> None:
    """Expect exactly that, and a client that works afterwards."""
    with pytest.raises(kind) as caught:
        await client.post(url, **options)
    assert type(caught.value) is kind
    assert caught.value.args == ("as it is",)


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("event", ["request", "response"])
async def test_what_hooks_raise_arrives(face: Face, serve: Serve, kind: type[BaseException], event: str) -> None:
    skip_unless_it_can_be_raised(face, kind)
    server = serve(answering_always())
    async with face.client(limits=LIMITS) as client:
        client.bare.event_hooks[event].append(face.hook(lambda argument: fail(kind)))
        await expect(face, client, kind, server.url())
        client.bare.event_hooks = {}
        assert (await client.get(server.url())).text == "ok"


@pytest.mark.parametrize("kind", RAISED)
async def test_what_bodies_raise_arrives_and_the_connection_is_dropped(
    face: Face, serve: Serve, kind: type[BaseException]
) -> None:
    skip_unless_it_can_be_raised(face, kind)

    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            return self

        def __next__(self) -> bytes:
            self.count = getattr(self, "count", 0) + 1
            return b"part" if self.count == 1 else fail(kind)

    server = serve(answering_always())
    async with face.client(limits=LIMITS) as client:
        if kind is StopIteration:
            # In a body it is the end, and a generator turns it into RuntimeError.
            return
        await expect(face, client, kind, server.url(), content=Parts() if not face.is_async else face.generate(Parts()))
        assert client.pool.connection_count == 0
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


@pytest.mark.parametrize("kind", RAISED)
async def test_what_transports_raise_arrives(face: Face, kind: type[BaseException]) -> None:
    skip_unless_it_can_be_raised(face, kind)
    async with face.client(transport=face.transport(lambda request: fail(kind))) as client:
        await expect(face, client, kind, "http://a.example/")


@pytest.mark.parametrize("kind", RAISED)
async def test_what_the_body_of_a_transport_raises_arrives(face: Face, kind: type[BaseException]) -> None:
    skip_unless_it_can_be_raised(face, kind)

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    stream = face.byte_stream(map(lambda _: fail(kind), [1]))
    if kind is StopIteration:
        return  # the end of the body, as `map` passes it on
    async with face.client(transport=face.transport(handle)) as client:
        await expect(face, client, kind, "http://a.example/")
    assert stream.is_closed


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("step", [1, 2])
async def test_what_auth_flows_raise_arrives(face: Face, serve: Serve, kind: type[BaseException], step: int) -> None:
    skip_unless_it_can_be_raised(face, kind)

    class Flow:
        """A generator by hand, since a real one cannot raise StopIteration in its middle."""

        count = 0

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> httpx.Request:
            return self.send(None)

        def send(self, response: Any) -> httpx.Request:
            self.count += 1
            return request if self.count < step else fail(kind)

        def close(self) -> None:
            pass

    if kind is StopIteration and step == 2:
        return  # the end of the flow
    server = serve(answering_always())
    request = httpx.Request("POST", server.url())
    async with face.client(limits=LIMITS) as client:
        await expect(face, client, kind, server.url(), auth=face.auth(lambda request: Flow()))
        assert (await client.get(server.url())).text == "ok"


async def test_bodies_that_yield_something_else_are_refused(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        with pytest.raises(TypeError):
            await client.post(server.url(), content=face.generate([1]))  # type: ignore[list-item]  # on purpose


