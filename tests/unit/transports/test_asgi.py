"""ASGI applications in place of a server, under asyncio and trio."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
import trio

import httpx
from httpx._transports.asgi import DISCONNECT_GRACE, HIGH_WATER_SIZE

Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
Message = Any

URL = "https://www.example.org/"


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Return what runs an async function to its end, and fails if it leaves a task behind."""

    async def run_in_asyncio(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        await function()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        assert errors == []

    async def run_in_trio(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        await function()
        await trio.lowlevel.checkpoint()
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    def run(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if request.param == "asyncio":
            asyncio.run(run_in_asyncio(function))
        else:
            trio.run(run_in_trio, function)

    run.colour = request.param  # type: ignore[attr-defined]  # for what the two do differently
    return run


async def sleep(seconds: float) -> None:
    """Sleep in whichever loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.sleep(seconds)
    else:
        await asyncio.sleep(seconds)


def make_client(app: Any, **settings: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, **settings))


async def start(send: Any, status: int = 200, headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def hello(scope: Message, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"Content-Type", b"text/plain"), (b"content-length", b"5")])
    await send({"type": "http.response.body", "body": b"hello"})


async def echo_body(scope: Message, receive: Any, send: Any) -> None:
    await start(send)
    is_more = True
    while is_more:
        message = await receive()
        assert message["type"] == "http.request"
        is_more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": is_more})


async def echo_scope(scope: Message, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": json.dumps(scope, default=bytes.decode).encode()})


def test_response_is_the_applications(run: Run) -> None:
    async def test() -> None:
        async with make_client(hello) as client:
            response = await client.get(URL)
            assert response.status_code == 200
            assert response.text == "hello"
            assert response.headers.raw == [(b"Content-Type", b"text/plain"), (b"content-length", b"5")]
            assert response.http_version == "HTTP/1.1"
            assert response.extensions == {}

    run(test)


def test_scope_describes_the_request(run: Run) -> None:
    async def test() -> None:
        async with make_client(echo_scope, root_path="/root", client=("10.0.0.1", 5000)) as client:
            response = await client.get("http://www.example.org:8080/a%20b/%C3%A9?x=%201&y", headers={"X-Name": "v"})
            scope = response.json()
        headers = scope.pop("headers")
        assert ["host", "www.example.org:8080"] in headers
        assert ["x-name", "v"] in headers
        assert scope == {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/a b/é",
            "raw_path": "/a%20b/%C3%A9",
            "query_string": "x=%201&y",
            "server": ["www.example.org", 8080],
            "client": ["10.0.0.1", 5000],
            "root_path": "/root",
        }

    run(test)


async def generate_body() -> AsyncIterator[bytes]:
    yield b"one "
    yield b"two"


@pytest.mark.parametrize(("content", "expected"), [(b"body", b"body"), (None, b""), (generate_body, b"one two")])
def test_request_body_is_received(run: Run, content: Any, expected: bytes) -> None:
    async def test() -> None:
        async with make_client(echo_body) as client:
            body: Any = content() if callable(content) else content
            assert (await client.post(URL, content=body)).content == expected

    run(test)


def test_request_with_a_sync_body_is_refused(run: Run) -> None:
    async def test() -> None:
        request = httpx.Request("POST", URL, content=iter([b"a"]))
        with pytest.raises(RuntimeError, match="sync request"):
            await httpx.ASGITransport(app=hello).handle_async_request(request)

    run(test)


def test_start_without_headers_and_body_without_content(run: Run) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def test() -> None:
        async with make_client(app) as client:
            response = await client.get(URL)
            assert (response.status_code, response.headers.raw, response.content) == (204, [], b"")

    run(test)


def test_response_to_head_has_no_body(run: Run) -> None:
    async def test() -> None:
        async with make_client(hello) as client:
            response = await client.head(URL)
            assert response.headers["Content-Length"] == "5"
            assert response.content == b""

    run(test)


def test_messages_of_extensions_are_ignored(run: Run) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": b"a"})
        await send({"type": "http.response.trailers", "headers": []})

    async def test() -> None:
        async with make_client(app) as client:
            assert (await client.get(URL)).content == b"a"

    run(test)


# Streaming.


def test_response_and_its_parts_arrive_while_the_application_runs(run: Run) -> None:
    log: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await start(send)
        for number in range(3):
            log.append(f"sends {number}")
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body"})
        log.append("ends")

    async def test() -> None:
        async with make_client(app) as client, client.stream("GET", URL) as response:
            log.append("started")
            async for part in response.aiter_raw():
                log.append(f"reads {part.decode()}")
        assert log.index("started") < log.index("sends 2")
        assert log.index("reads 0") < log.index("sends 2")
        assert "ends" in log

    run(test)


def test_response_arrives_before_the_request_is_read(run: Run) -> None:
    sent: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for part in (b"a", b"b"):
            sent.append(part)
            yield part

    async def test() -> None:
        async with make_client(echo_body) as client, client.stream("POST", URL, content=body()) as response:
            parts = response.aiter_raw()
            assert await anext(parts) == b"a"
            assert await anext(parts) == b"b"
            assert sent == [b"a", b"b"]

    run(test)


def test_application_waits_for_a_slow_reader(run: Run) -> None:
    sent = 0

    async def app(scope: Message, receive: Any, send: Any) -> None:
        nonlocal sent
        await start(send)
        while True:
            await send({"type": "http.response.body", "body": bytes(4096), "more_body": True})
            sent += 4096

    async def test() -> None:
        async with make_client(app) as client, client.stream("GET", URL) as response:
            for _ in range(100):
                await sleep(0)
            assert sent < HIGH_WATER_SIZE
            size = 0
            async for part in response.aiter_raw():
                size += len(part)
                assert sent <= size + HIGH_WATER_SIZE
                if size > 10 * HIGH_WATER_SIZE:
                    break

    run(test)


def test_application_may_send_from_a_task_of_its_own(run: Run) -> None:
    """As Starlette does: one task sends, another one listens for the disconnect, in one group."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        await receive()

        async def stream() -> None:
            await start(send)
            for number in range(3):
                await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
                await sleep(0)
            await send({"type": "http.response.body"})

        if run.colour == "asyncio":  # type: ignore[attr-defined]  # see the fixture
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(receive())
                await group.create_task(stream())
                assert await listening == {"type": "http.disconnect"}
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive)
                nursery.start_soon(stream)

    async def test() -> None:
        async with make_client(app) as client:
            async with client.stream("GET", URL) as response:
                # Scopes of the reader's and of the application's do not have to be nested.
                if run.colour == "trio":  # type: ignore[attr-defined]  # see the fixture
                    with trio.fail_after(5):
                        assert await response.aread() == b"012"
                else:
                    async with asyncio.timeout(5):
                        assert await response.aread() == b"012"
            assert (await client.get(URL)).content == b"012"

    run(test)


def test_response_ends_when_the_application_does(run: Run) -> None:
    log: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await receive()
        await receive()
        log.append((await receive())["type"])
        await sleep(0)
        log.append("background")

    async def test() -> None:
        async with make_client(app) as client:
            assert (await client.get(URL)).text == "hello"
            assert log == ["http.disconnect", "background"]
            log.clear()
            async with client.stream("GET", URL):
                pass
            assert log in ([], ["http.disconnect", "background"])

    run(test)


# Disconnecting.


def test_application_hears_that_the_client_has_gone(run: Run) -> None:
    log: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await start(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        log.append((await receive())["type"])
        with pytest.raises(OSError, match="disconnected"):
            await send({"type": "http.response.body", "body": b"b", "more_body": True})
        log.append("ended")

    async def test() -> None:
        async with make_client(app) as client:
            async with client.stream("GET", URL) as response:
                async for part in response.aiter_raw():
                    assert part == b"a"
                    break
            assert log == ["http.disconnect", "ended"]

    run(test)


def test_application_that_only_sends_is_stopped(run: Run) -> None:
    ended: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await start(send)
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        finally:
            ended.append("ended")

    async def test() -> None:
        async with make_client(app) as client:
            async with client.stream("GET", URL):
                pass
            assert ended == ["ended"]

    run(test)


def test_application_that_does_not_listen_is_cancelled(run: Run) -> None:
    ended: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await start(send)
            await sleep(3600)
        finally:
            ended.append("ended")

    async def test() -> None:
        async with make_client(app) as client:
            started = time.monotonic()
            async with client.stream("GET", URL):
                pass
            assert time.monotonic() - started < DISCONNECT_GRACE + 5
            assert ended == ["ended"]

    run(test)


def test_application_is_cancelled_with_the_request(run: Run) -> None:
    ended: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await sleep(3600)
        finally:
            ended.append("ended")

    async def test() -> None:
        async with make_client(app) as client:
            if run.colour == "trio":  # type: ignore[attr-defined]  # see the fixture
                with trio.move_on_after(0.01) as scope:
                    await client.get(URL)
                assert scope.cancelled_caught
            else:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await client.get(URL)
            assert ended == ["ended"]

    run(test)


@pytest.mark.parametrize("is_started", [False, True])
def test_cancelled_request_waits_until_the_application_has_cleaned_up(run: Run, is_started: bool) -> None:
    done: list[str] = []

    async def clean_up() -> None:
        await sleep(0.02)
        done.append("clean")

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            if is_started:
                await start(send)
                await send({"type": "http.response.body", "body": b"part", "more_body": True})
            await sleep(3600)
        finally:
            if run.colour == "trio":  # type: ignore[attr-defined]  # see the fixture
                with trio.CancelScope(shield=True):
                    await clean_up()
            else:
                await clean_up()

    async def test() -> None:
        async with make_client(app) as client:
            if run.colour == "trio":  # type: ignore[attr-defined]  # see the fixture
                with trio.move_on_after(0.01):
                    await client.get(URL)
            else:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await client.get(URL)
            assert done == ["clean"]

    run(test)


def test_cancellation_that_the_application_makes_up_is_raised(run: Run) -> None:
    error = asyncio.CancelledError("made up")

    async def app(scope: Message, receive: Any, send: Any) -> None:
        raise error

    async def test() -> None:
        async with make_client(app) as client:
            with pytest.raises(asyncio.CancelledError) as caught:
                await client.get(URL)
            assert caught.value is error

    run(test)


def test_cancelling_twice_reaches_the_clean_up_of_the_application() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(3600)

    async def test() -> None:
        async with make_client(app) as client:
            task = asyncio.create_task(client.get(URL))
            for _ in range(2):
                await asyncio.sleep(0.01)
                assert not task.done()
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(test())


def test_abandoned_response_ends_the_application_quietly(run: Run) -> None:
    ended: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await start(send)
            await sleep(3600)
        finally:
            ended.append("ended")

    async def test() -> None:
        async with make_client(app) as client:
            await client.send(client.build_request("GET", URL), stream=True)
            gc.collect()
            while not ended:
                await sleep(0.001)

    run(test)


def test_response_cannot_be_read_after_it_was_closed(run: Run) -> None:
    async def test() -> None:
        async with make_client(hello) as client:
            response = await client.send(client.build_request("GET", URL), stream=True)
            await response.aclose()
            with pytest.raises(httpx.StreamClosed):
                await response.aread()

    run(test)


def test_closing_the_client_ends_what_is_under_way(run: Run) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] == "/body":
            await start(send)
        await sleep(3600)

    async def test() -> None:
        errors: list[str] = []
        client = make_client(app)

        async def get(url: str) -> None:
            try:
                await client.get(url)
            except httpx.ReadError as exc:
                errors.append(str(exc.request.url))

        async def close() -> None:
            for _ in range(10):
                await sleep(0)
            await client.aclose()

        if run.colour == "asyncio":  # type: ignore[attr-defined]  # see the fixture
            await asyncio.gather(get(URL), get(URL + "body"), close())
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(get, URL)
                nursery.start_soon(get, URL + "body")
                nursery.start_soon(close)
        assert sorted(errors) == [URL, URL + "body"]
        assert not client._transport._exchanges  # type: ignore[attr-defined]  # nothing is kept

    run(test)


def test_total_time_bounds_the_application(run: Run) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] == "/late-body":
            await start(send)
        await sleep(3600)

    async def test() -> None:
        async with make_client(app) as client:
            for path in ("", "late-body"):
                request = client.build_request("GET", URL + path)
                request.extensions["timeout"] = {"total": 0.01}
                with pytest.raises(httpx.ReadTimeout, match="Total timeout") as caught:
                    await client.send(request)
                assert caught.value.request is request
            await sleep(0)
            await sleep(0)

    run(test)


# Failing.


async def fail_first(scope: Message, receive: Any, send: Any) -> None:
    raise ValueError("first")


async def fail_after_start(scope: Message, receive: Any, send: Any) -> None:
    await start(send)
    raise ValueError("after start")


async def fail_in_body(scope: Message, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise ValueError("in body")


async def fail_after_body(scope: Message, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    raise ValueError("after body")


@pytest.mark.parametrize("app", [fail_first, fail_after_start, fail_in_body, fail_after_body])
def test_exception_of_the_application_is_raised(run: Run, app: Any) -> None:
    async def test() -> None:
        async with make_client(app) as client:
            with pytest.raises(ValueError, match=app.__name__.removeprefix("fail_").replace("_", " ")):
                await client.get(URL)

    run(test)


def test_parts_that_were_sent_come_before_the_exception(run: Run) -> None:
    async def test() -> None:
        async with make_client(fail_in_body) as client, client.stream("GET", URL) as response:
            parts = response.aiter_raw()
            assert await anext(parts) == b"part"
            with pytest.raises(ValueError, match="in body"):
                await anext(parts)

    run(test)


def test_exception_that_is_not_raised_is_a_response_or_breaks_one(run: Run) -> None:
    async def test() -> None:
        async with make_client(fail_first, raise_app_exceptions=False) as client:
            response = await client.get(URL)
            assert (response.status_code, response.content) == (500, b"")
        async with make_client(fail_after_body, raise_app_exceptions=False) as client:
            response = await client.get(URL)
            assert (response.status_code, response.content) == (200, b"hello")
        for app in (fail_after_start, fail_in_body):
            async with make_client(app, raise_app_exceptions=False) as client:
                with pytest.raises(httpx.RemoteProtocolError, match="before its response was complete") as caught:
                    await client.get(URL)
                assert isinstance(caught.value.__cause__, ValueError)
                assert caught.value.request.url == URL

    run(test)


@pytest.mark.parametrize("is_raising", [True, False])
def test_application_without_a_response_is_an_error(run: Run, is_raising: bool) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] == "/half":
            await start(send)

    async def test() -> None:
        async with make_client(app, raise_app_exceptions=is_raising) as client:
            with pytest.raises(httpx.RemoteProtocolError, match="without a response"):
                await client.get(URL)
            with pytest.raises(httpx.RemoteProtocolError, match="before its response was complete"):
                await client.get(URL + "half")

    run(test)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["body"], "'http.response.body' before 'http.response.start'"),
        (["start", "start"], "'http.response.start' twice"),
        (["start", "body", "body"], "'http.response.body' after its end"),
    ],
)
def test_messages_out_of_order_raise_in_the_application(run: Run, kinds: list[str], message: str) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        for kind in kinds:
            await send({"type": f"http.response.{kind}", "status": 200})

    async def test() -> None:
        async with make_client(app) as client:
            with pytest.raises(RuntimeError, match=message):
                await client.get(URL)

    run(test)


def test_exception_of_the_request_body_reaches_the_caller(run: Run) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        raise ValueError("in the request")

    async def test() -> None:
        async with make_client(echo_body) as client:
            with pytest.raises(ValueError, match="in the request"):
                await client.post(URL, content=body())

    run(test)


def test_exit_of_the_application_is_an_exit_of_the_caller(run: Run) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    async def test() -> None:
        async with make_client(app, raise_app_exceptions=False) as client:
            with pytest.raises(SystemExit):
                await client.get(URL)

    run(test)


def test_application_sees_the_callers_context(run: Run) -> None:
    variable: ContextVar[str] = ContextVar("variable")

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": variable.get().encode()})

    async def test() -> None:
        variable.set("value")
        async with make_client(app) as client:
            assert (await client.get(URL)).text == "value"

    run(test)


def test_one_transport_serves_many_requests_at_once() -> None:
    running = 0
    most = 0

    async def app(scope: Message, receive: Any, send: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        await start(send)
        await send({"type": "http.response.body", "body": scope["query_string"]})

    async def test() -> None:
        async with make_client(app) as client:
            responses = await asyncio.gather(*[client.get(f"{URL}?{number}") for number in range(20)])
            assert [response.text for response in responses] == [str(number) for number in range(20)]

    asyncio.run(test())
    assert most > 1


def test_transport_shows_under_its_public_name() -> None:
    assert httpx.ASGITransport.__module__ == "httpx"
    transport = httpx.ASGITransport(hello, False, "/root", ("h", 1))
    assert (transport.app, transport.raise_app_exceptions, transport.root_path) == (hello, False, "/root")
    assert transport.client == ("h", 1)
