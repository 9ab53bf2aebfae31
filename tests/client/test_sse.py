"""Event streams over real connections: reading them, leaving them, and going on after they broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import httpx
from httpx._sse_reader import AsyncFace, SyncFace
from tests.network.colours import CANCELLABLE, Colour, TaskCancelled

from .conftest import Serve
from .faces import Face
from .servers import Conversation, Script, answering, answering_always

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"

Event = httpx.ServerSentEvent


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream(*parts: bytes) -> bytes:
    """Return a response that ends as it should."""
    return HEAD + b"".join(chunk(part) for part in parts) + END


def breaking(*parts: bytes) -> Script:
    """Return a script whose response breaks off."""

    def script(conversation: Conversation) -> None:
        conversation.answer(HEAD + b"".join(chunk(part) for part in parts))

    return script


def status(line: bytes, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n" + fields + b"\r\n"


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """How long was waited before connections; nobody really waits."""
    delays: list[float] = []

    async def sleep(self: object, seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(SyncFace, "sleep", sleep)
    monkeypatch.setattr(AsyncFace, "sleep", sleep)
    yield delays


async def test_events_are_read(face: Face, serve: Serve) -> None:
    server = serve(answering(stream(b"event: add\nid: 7\nda", b"ta: 1\r", b"\n\r\ndata: 2\n\ndata: lost")))
    async with face.client() as client, client.sse(server.url("/events")) as source:
        assert source.response.status_code == 200
        assert [event async for event in face.events(source)] == [Event("add", "1", "7"), Event(data="2", id="7")]
        assert source.response.is_closed
        assert source.last_event_id == "7"
        assert source.retry is None


async def test_request_asks_for_an_event_stream(face: Face, serve: Serve) -> None:
    server = serve(answering_always(stream()))
    async with face.client(headers={"Accept": "text/html", "X-Client": "1"}, params={"a": "1"}) as client:
        async with client.sse(server.url(), params={"b": "2"}):
            pass
        async with client.sse(server.url(), headers={"accept": "*/*", "Cache-Control": "no-cache"}):
            pass
        async with client.sse(server.url(), method="POST", json={"q": 1}, auth=("user", "pass")):
            pass
    plain, own, post = server.requests
    assert (plain.method, plain.target, plain.values("X-Client")) == ("GET", "/?a=1&b=2", ["1"])
    assert (plain.values("Accept"), plain.values("Cache-Control")) == (["text/event-stream"], ["no-store"])
    assert (own.values("Accept"), own.values("Cache-Control")) == (["*/*"], ["no-cache"])
    assert (post.method, post.body, post.values("Accept")) == ("POST", b'{"q":1}', ["text/event-stream"])
    assert post.values("Authorization") == ["Basic dXNlcjpwYXNz"]


async def test_an_event_is_there_as_soon_as_it_was_sent(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(HEAD + chunk(b"data: 1\n\n"))
        conversation.server.wait()
        conversation.send(chunk(b"data: 2\n\n") + END)

    server = serve(script)
    async with face.client() as client, client.sse(server.url()) as source:
        events = face.events(source)
        assert await anext(events) == Event(data="1")
        server.may_go_on.set()
        assert await anext(events) == Event(data="2")
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_events_of_a_response_that_was_opened_in_another_way(face: Face, serve: Serve) -> None:
    server = serve(answering(stream(b"data: 1\n\ndata: 2\n\n")))
    async with face.client() as client, client.stream("GET", server.url()) as response:
        source = httpx.EventSource(response, max_event_size=None)
        assert [event.data async for event in face.events(source)] == ["1", "2"]
        assert source.response is response


async def test_events_of_a_compressed_response(face: Face) -> None:
    import gzip

    def handle(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "text/event-stream; charset=latin-1", "Content-Encoding": "gzip"}
        # Event streams are UTF-8, whatever their Content-Type says (WHATWG HTML 9.2.5).
        return httpx.Response(200, headers=headers, content=gzip.compress("data: ä\n\n".encode()))

    async with face.client(transport=face.transport(handle)) as client, client.sse("http://a.example") as source:
        assert [event.data async for event in face.events(source)] == ["ä"]


async def test_stream_is_closed_at_the_end_of_the_block(face: Face, serve: Serve) -> None:
    server = serve(breaking(b"data: 1\n\n", b"data: 2\n\n"))
    async with face.client() as client:
        async with client.sse(server.url()) as source:
            async for event in face.events(source):
                assert event.data == "1"
                break
            assert not source.response.is_closed
        assert source.response.is_closed
        assert client.pool.connection_count == 0


@pytest.mark.parametrize(
    "content_type", ["text/html", "", "text/event-streams", "application/json; a=text/event-stream"]
)
async def test_other_content_is_no_event_stream(face: Face, content_type: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            404, headers={"Content-Type": content_type} if content_type else {}, content=b"data: 1\n\n"
        )

    async with face.client(transport=face.transport(handle)) as client, client.sse("http://a.example") as source:
        with pytest.raises(httpx.SSEError) as caught:
            await anext(face.events(source))
    shown = content_type.partition(";")[0]
    assert str(caught.value) == (
        f"Expected response with content type 'text/event-stream', got {shown!r}. Its status is '404 Not Found'."
    )
    assert caught.value.request.url == "http://a.example"


async def test_status_does_not_count_without_reconnection(face: Face) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500, headers={"Content-Type": "TEXT/Event-Stream ;a=b"}, content=b"data: 1\n\n")

    async with face.client(transport=face.transport(handle)) as client, client.sse("http://a.example") as source:
        assert [event.data async for event in face.events(source)] == ["1"]
        # What was read stays in memory, and can be read again.
        assert [event.data async for event in face.events(source)] == ["1"]


async def test_an_event_that_is_too_large_is_an_error(face: Face, serve: Serve) -> None:
    server = serve(answering(stream(b"data: 1\n\ndata: 1234567890\n\n")))
    async with face.client() as client, client.sse(server.url(), max_event_size=15, reconnect=True) as source:
        events = face.events(source)
        assert (await anext(events)).data == "1"
        with pytest.raises(httpx.SSEError, match=r"exceeded the 15 byte limit\. Raise max_event_size") as caught:
            await anext(events)
        assert caught.value.request.url == server.url()
        with pytest.raises(StopAsyncIteration):
            await anext(events)


@pytest.mark.parametrize("options", [{"max_event_size": -1}, {"reconnect": -1}])
async def test_arguments_that_make_no_sense_are_refused_before_anything_is_sent(
    face: Face, serve: Serve, options: dict[str, Any]
) -> None:
    server = serve(answering(stream()))
    async with face.client() as client:
        with pytest.raises(ValueError, match="must not be negative, but is -1"):
            async with client.sse(server.url(), **options):
                pass
    assert server.connection_count == 0
    with pytest.raises(ValueError, match="max_event_size"):
        httpx.EventSource(httpx.Response(200), max_event_size=-1)


async def test_silence_is_bounded_by_the_read_timeout(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(HEAD + chunk(b"data: 1\n\n"))
        conversation.read_to_end()

    server = serve(script)
    async with face.client() as client:
        async with client.sse(server.url(), timeout=httpx.Timeout(20, read=0.1)) as source:
            events = face.events(source)
            assert (await anext(events)).data == "1"
            with pytest.raises(httpx.ReadTimeout):
                await anext(events)
        assert client.pool.connection_count == 0


async def test_events_are_of_the_colour_of_the_client(face: Face) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, headers={"Content-Type": "text/event-stream"}, stream=face.byte_stream([b"data: 1\n\n"])
        )

    async with face.client(transport=face.transport(handle)) as client, client.sse("http://a.example") as source:
        with pytest.raises(RuntimeError, match="stream"):
            if face.is_async:
                next(iter(source))
            else:
                await anext(aiter(source))


async def test_iterators_can_be_closed(face: Face, serve: Serve) -> None:
    server = serve(breaking(b"data: 1\n\ndata: 2\n\n"))
    async with face.client() as client, client.sse(server.url()) as source:
        if face.is_async:
            async_events: Any = aiter(source)
            assert (await anext(async_events)).data == "1"
            await async_events.aclose()
            assert [event async for event in async_events] == []
        else:
            events: Any = iter(source)
            assert next(events).data == "1"
            events.close()
            assert list(events) == []
        assert not source.response.is_closed


# Connecting again.


async def test_stream_goes_on_from_the_last_event_until_204(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(
        answering(stream(b"retry: 1500\nid: 1\ndata: a\n\n"), stream(b"data: b\n\n"), stream(b"id: \xc3\xa4\n\n")),
        answering(NO_CONTENT),
    )
    async with face.client() as client:
        async with client.sse(server.url("/events"), reconnect=True, headers={"X-A": "1"}) as source:
            assert [(event.data, event.id) async for event in face.events(source)] == [("a", "1"), ("b", "1")]
            assert source.response.status_code == 204
            assert (source.last_event_id, source.retry) == ("ä", 1500)
        assert source.response.is_closed
    assert [request.target for request in server.requests] == ["/events"] * 4
    assert [request.values("X-A") for request in server.requests] == [["1"]] * 4
    ids = [request.values("Last-Event-ID") for request in server.requests]
    assert ids == [[], ["1"], ["1"], ["ä"]]
    assert delays == [1.5, 1.5, 1.5]


async def test_id_that_the_caller_begins_with_counts(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\n"), stream(b"id\ndata: b\n\n"), NO_CONTENT))
    headers = {"Last-Event-ID": "5"}
    async with face.client() as client, client.sse(server.url(), reconnect=True, headers=headers) as source:
        assert [(event.data, event.id) async for event in face.events(source)] == [("a", "5"), ("b", "")]
    assert [request.values("Last-Event-ID") for request in server.requests] == [["5"], ["5"], []]


async def test_broken_connections_are_made_again(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(
        breaking(b"id: 1\ndata: a\n\n", b"id: 2\ndata: lost\n"),
        breaking(b"id: 2\ndata: b\n\n"),
        answering(status(b"503 Service Unavailable")),
        answering(b"what is this?\r\n\r\n"),
        lambda conversation: conversation.read_request(),
        answering(stream(b"id: 3\ndata: c\n\n"), NO_CONTENT),
    )
    async with face.client() as client, client.sse(server.url(), reconnect=5) as source:
        assert [event.data async for event in face.events(source)] == ["a", "b", "c"]
    ids = [request.values("Last-Event-ID") for request in server.requests]
    assert ids == [[], ["1"], ["2"], ["2"], ["2"], ["2"], ["3"]]
    assert delays == [3, 3, 6, 12, 24, 3]


async def test_silence_is_no_end_with_reconnection(face: Face, serve: Serve, delays: list[float]) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(HEAD + chunk(b"id: 1\ndata: a\n\n"))
        conversation.read_to_end()

    server = serve(script, answering(NO_CONTENT))
    timeout = httpx.Timeout(20, read=0.1)
    async with face.client() as client, client.sse(server.url(), timeout=timeout, reconnect=True) as source:
        assert [event.data async for event in face.events(source)] == ["a"]
    assert server.requests[1].values("Last-Event-ID") == ["1"]


async def test_failures_in_a_row_are_bounded(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(breaking(b"data: a\n\n"), breaking())
    async with face.client() as client:
        async with client.sse(server.url(), reconnect=3) as source:
            events = face.events(source)
            assert (await anext(events)).data == "a"
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(events)
            with pytest.raises(StopAsyncIteration):
                await anext(events)
        assert client.pool.connection_count == 0
    assert delays == [3, 6, 12]


async def test_refused_connections_are_failures(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\n")))
    url = server.url()
    async with face.client() as client, client.sse(url, reconnect=2) as source:
        events = face.events(source)
        assert (await anext(events)).data == "a"
        server.close()
        with pytest.raises(httpx.ConnectError) as caught:
            await anext(events)
        assert caught.value.request.url == url
    assert delays == [3, 3, 6]


async def test_first_connection_is_not_retried(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream()))
    url = server.url()
    server.close()
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError):
            async with client.sse(url, reconnect=True):
                pass
    assert delays == []


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (status(b"404 Not Found", b"Content-Type: text/event-stream\r\n"), "status 200, got '404 Not Found'"),
        (status(b"500 Internal Server Error"), "status 200, got '500 Internal Server Error'"),
        (status(b"200 OK", b"Content-Type: text/html\r\n"), "content type 'text/event-stream', got 'text/html'"),
    ],
)
async def test_answers_that_time_does_not_heal_end_the_stream(
    face: Face, serve: Serve, delays: list[float], response: bytes, text: str
) -> None:
    server = serve(answering(stream(b"data: a\n\n"), response))
    async with face.client() as client, client.sse(server.url(), reconnect=True) as source:
        events = face.events(source)
        assert (await anext(events)).data == "a"
        with pytest.raises(httpx.SSEError, match=text) as caught:
            await anext(events)
        assert caught.value.request.headers["Accept"] == "text/event-stream"
    assert len(delays) == 1


async def test_unavailable_server_is_waited_for_from_the_first_answer_on(
    face: Face, serve: Serve, delays: list[float]
) -> None:
    responses = [status(line) for line in (b"502 Bad Gateway", b"503 Service Unavailable", b"504 Gateway Timeout")]
    server = serve(answering(*responses, stream(b"data: a\n\n"), NO_CONTENT))
    async with face.client() as client:
        async with client.sse(server.url(), reconnect=True) as source:
            assert [event.data async for event in face.events(source)] == ["a"]
        assert delays == [3, 6, 12, 3]
    server = serve(answering_always(responses[0]))
    async with face.client() as client, client.sse(server.url(), reconnect=1) as source:
        with pytest.raises(httpx.SSEError, match="502 Bad Gateway"):
            await anext(face.events(source))


async def test_a_second_loop_goes_on(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\ndata: b\n\n"), stream(b"data: c\n\n"), NO_CONTENT))
    async with face.client() as client, client.sse(server.url(), reconnect=True) as source:
        async for event in face.events(source):
            assert event.data == "a"
            break
        assert [event.data async for event in face.events(source)] == ["b", "c"]


async def test_nothing_is_opened_after_the_block(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\ndata: b\n\n"), NO_CONTENT))
    async with face.client() as client:
        async with client.sse(server.url(), reconnect=True) as source:
            events = face.events(source)
            assert (await anext(events)).data == "a"
        assert [event async for event in events] == []
        with pytest.raises(httpx.StreamError):
            await anext(face.events(source))
    assert delays == []
    assert len(server.requests) == 1


async def test_body_is_sent_again(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"id: 1\ndata: a\n\n"), NO_CONTENT))
    options: dict[str, Any] = {"method": "POST", "json": {"q": 1}, "reconnect": True}
    async with face.client() as client, client.sse(server.url(), **options) as source:
        assert [event.data async for event in face.events(source)] == ["a"]
    assert [request.body for request in server.requests] == [b'{"q":1}', b'{"q":1}']


async def test_body_that_cannot_be_sent_again_is_not(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\n"), NO_CONTENT))
    async with face.client() as client:
        body = face.generate([b"one"])
        async with client.sse(server.url(), method="POST", content=body, reconnect=True) as source:
            events = face.events(source)
            assert (await anext(events)).data == "a"
            with pytest.raises(httpx.StreamConsumed):
                await anext(events)


async def test_redirects_and_authentication_are_gone_through_each_time(
    face: Face, serve: Serve, delays: list[float]
) -> None:
    def script(conversation: Conversation) -> None:
        while True:
            request = conversation.read_request()
            if request.target == "/old":
                conversation.send(status(b"307 Temporary Redirect", b"Location: /events\r\n"))
            else:
                is_first = not request.values("Last-Event-ID")
                conversation.send(stream(b"id: 1\ndata: a\n\n") if is_first else NO_CONTENT)

    server = serve(script)
    client = face.client(follow_redirects=True, auth=("user", "pass"))
    async with client, client.sse(server.url("/old"), reconnect=True) as source:
        assert [event.data async for event in face.events(source)] == ["a"]
    assert [request.target for request in server.requests] == ["/old", "/events"] * 2
    assert all(request.values("Authorization") for request in server.requests)


async def test_closed_client_ends_the_stream(face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(answering(stream(b"data: a\n\n")))
    client = face.client()
    async with client.sse(server.url(), reconnect=True) as source:
        events = face.events(source)
        assert (await anext(events)).data == "a"
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await anext(events)


async def test_delay_really_passes(face: Face, serve: Serve) -> None:
    server = serve(answering(stream(b"retry: 1\ndata: a\n\n"), NO_CONTENT))
    async with face.client() as client, client.sse(server.url(), reconnect=True) as source:
        assert [event.data async for event in face.events(source)] == ["a"]


# Cancelling.


def never_ending(conversation: Conversation) -> None:
    """Be a script that sends one event, and then nothing."""
    conversation.answer(HEAD + chunk(b"id: 1\ndata: a\n\n"))
    conversation.read_to_end()


async def cancel_wait(colour: Colour, events: Any, is_waiting: Callable[[], object]) -> None:
    """Cancel a task that waits for the next event."""
    task = colour.start(events.__anext__)
    await colour.until(is_waiting)
    task.cancel()
    with pytest.raises(TaskCancelled):
        await task.join()


def after_some_rounds() -> Callable[[], bool]:
    """Return what holds once the others have run a few times; a task that reads has no event for that."""
    rounds = iter(range(5))
    return lambda: next(rounds, None) is None


cancellable = pytest.mark.parametrize("colour", CANCELLABLE[:1] + CANCELLABLE[2:], indirect=True)


@cancellable
async def test_cancelled_wait_loses_no_event(colour: Colour, face: Face, serve: Serve, delays: list[float]) -> None:
    server = serve(never_ending, answering(stream(b"id: 2\ndata: b\n\n"), NO_CONTENT))
    async with face.client() as client, client.sse(server.url(), reconnect=True) as source:
        events = face.events(source)
        assert (await anext(events)).data == "a"
        await cancel_wait(colour, events, after_some_rounds())
        assert [event.data async for event in events] == ["b"]
    assert [request.values("Last-Event-ID") for request in server.requests] == [[], ["1"], ["2"]]


@cancellable
async def test_wait_goes_on_after_a_cancelled_delay(colour: Colour, face: Face, serve: Serve) -> None:
    server = serve(answering(stream(b"retry: 3000000\ndata: a\n\n"), NO_CONTENT))
    async with face.client() as client, client.sse(server.url(), reconnect=True) as source:
        events = face.events(source)
        assert (await anext(events)).data == "a"
        await cancel_wait(colour, events, lambda: source.response.is_closed)
        source._decoder.retry = 0
        assert [event async for event in events] == []
        assert source.response.status_code == 204


@cancellable
async def test_cancelled_wait_is_the_end_without_reconnection(colour: Colour, face: Face, serve: Serve) -> None:
    server = serve(never_ending)
    async with face.client() as client:
        async with client.sse(server.url()) as source:
            events = face.events(source)
            assert (await anext(events)).data == "a"
            await cancel_wait(colour, events, after_some_rounds())
            assert [event async for event in events] == []
        assert client.pool.connection_count == 0
