"""Answer requests by calling an ASGI application in this process: for tests, and for gateways.

The application runs as a task of its own, as it would in a server, and ends with its response at the latest. It cannot
run inside of the task that reads: what an application does between two messages (a task group, a timeout, a cancel
scope) belongs to the task it runs in, and would take hold of the reader's code; and it may send from tasks of its own.

A response is there as soon as the application has started it. Its parts come as they are sent; an application that is
ahead of its reader by `HIGH_WATER_SIZE` waits. The end of the body is the end of the application, what it does after
its last message included, so that a test sees all of its effects, and its exceptions. A response that is closed before
its end is a client that disconnects: `receive` says so, `send` raises OSError, and what has not ended after
`DISCONNECT_GRACE` is cancelled. A cancelled caller cancels the application, and goes on when that has cleaned up.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from .._exceptions import ReadError, ReadTimeout, RemoteProtocolError
from .._models import Request, Response
from .._network.base import Network, Waiter
from .._network.running import running_network
from .._network.tasks import OwnTask, is_cancellation, start_task
from .._types import AsyncByteStream
from .base import AsyncBaseTransport

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_ASGIApp = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]

# Bytes that an application may be ahead of its reader; as uvicorn.
HIGH_WATER_SIZE = 64 * 1024

# Seconds that an application gets to end by itself after a disconnect, and once more after it was cancelled.
DISCONNECT_GRACE = 0.1


class ASGITransport(AsyncBaseTransport):
    """Send requests to an ASGI application, for an `AsyncClient`.

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            response = await client.get("/")

    The application is called for HTTP only: nobody sends it the events of its lifespan.

    Args:
        app: the application.
        raise_app_exceptions: raise what the application raises; otherwise it is a response with status 500, or a
            broken body if the response had begun.
        root_path: where the application is mounted.
        client: host and port that the application takes the client's to be.
    """

    __module__ = "httpx"

    def __init__(
        self,
        app: _ASGIApp,
        raise_app_exceptions: bool = True,
        root_path: str = "",
        client: tuple[str, int] = ("127.0.0.1", 123),
    ) -> None:
        self.app = app
        self.raise_app_exceptions = raise_app_exceptions
        self.root_path = root_path
        self.client = client
        self._exchanges: set[_Exchange] = set()

    async def handle_async_request(self, request: Request) -> Response:
        """Call the application, and return its response once it has started it.

        Raises:
            RemoteProtocolError: the application ended without a response.
            Exception: what the application raised before it started its response.
        """
        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("Attempted to send an sync request with an AsyncClient instance.")
        exchange = _Exchange(request, request.stream, running_network(), is_raising=self.raise_app_exceptions)
        exchange.start(self.app, self._make_scope(request), when_ended=self._exchanges.discard)
        self._exchanges.add(exchange)
        try:
            status, headers = await exchange.wait_for_head()
        except BaseException:
            exchange.cancel()
            raise
        return Response(status, headers=headers, stream=ASGIResponseStream(exchange))

    async def aclose(self) -> None:
        """Disconnect from the application where it has not completed its response, and wait for its end."""
        for exchange in list(self._exchanges):
            await exchange.close()

    # Private from here on.

    def _make_scope(self, request: Request) -> dict[str, Any]:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": self.client,
            "root_path": self.root_path,
        }


class ASGIResponseStream(AsyncByteStream):
    """The body of a response, as the application sends it."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the parts of the body.

        Raises:
            ReadTimeout: the total time is up.
            RemoteProtocolError: the application ended before its response did.
            Exception: what the application raised.
        """
        return self

    async def __anext__(self) -> bytes:
        part = await self._exchange.next_part()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Disconnect, unless the response is complete, and wait for the end of the application."""
        await self._exchange.close()

    def __del__(self) -> None:
        self._exchange.abandon()


# Private from here on.


class _State(enum.Enum):
    """How far an exchange is.

    AWAITING_HEAD -> AWAITING_BODY -> COMPLETE (the application may go on after its response) -> ENDED; a client that
    goes away makes DISCONNECTED of the first two, and the end of the application makes ENDED of any.
    """

    AWAITING_HEAD = 1
    AWAITING_BODY = 2
    COMPLETE = 3
    DISCONNECTED = 4
    ENDED = 5


class _Exchange:
    """One request to an application: the messages between its task and the reader of the response."""

    def __init__(self, request: Request, body: AsyncByteStream, network: Network, *, is_raising: bool) -> None:
        self._request = request
        self._request_parts: AsyncIterator[bytes] | None = body.__aiter__()
        self._network = network
        self._is_raising = is_raising
        self._state = _State.AWAITING_HEAD
        self._status = 0
        self._headers: Any = []
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._error: BaseException | None = None
        self._fault: BaseException | None = None
        self._is_cancel_requested = self._is_cancelled = False
        self._waiters: list[Waiter] = []
        self._task: OwnTask
        self._when_ended: Callable[[_Exchange], None] = _do_nothing

    # For the reader.

    def start(self, app: _ASGIApp, scope: dict[str, Any], *, when_ended: Callable[[_Exchange], None]) -> None:
        """Begin to run the application, and call back at its end."""
        self._when_ended = when_ended
        self._task = start_task(lambda: self._run(app, scope))

    async def wait_for_head(self) -> tuple[int, Any]:
        """Return status and header fields."""
        while self._state is _State.AWAITING_HEAD:
            await self._wait_for_news()
        if self._fault is not None and not self._parts:
            raise self._fault
        return self._status, self._headers

    async def next_part(self) -> bytes | None:
        """Return the next part of the body, None at its end."""
        while True:
            if self._parts:
                part = self._parts.popleft()
                self._size -= len(part)
                self._notify()
                return part
            if self._fault is not None:
                raise self._fault
            if self._state is _State.ENDED:
                return None
            await self._wait_for_news()

    async def close(self) -> None:
        """Disconnect if the response is not complete, and see that the application ends."""
        try:
            if self._state in (_State.AWAITING_HEAD, _State.AWAITING_BODY):
                self._disconnect()
                if not await self._is_ended_within(DISCONNECT_GRACE):
                    self.cancel()
                    await self._is_ended_within(DISCONNECT_GRACE)
            while self._state is _State.COMPLETE:
                await self._wait_for_change()
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel the application without waiting for its end."""
        if self._state is not _State.ENDED:
            self._disconnect()
            self._cancel_task()

    def abandon(self) -> None:
        """Do what `cancel` does, for a response that nobody has closed; from any thread."""
        if self._state is not _State.ENDED:
            self._network.call_from_thread(self.cancel)

    # For the application.

    async def receive(self) -> _Message:
        """Return the next part of the request, and when there are no more, wait for the client to go away."""
        if self._request_parts is not None and self._state is not _State.DISCONNECTED:
            try:
                part = await self._request_parts.__anext__()
            except StopAsyncIteration:
                self._request_parts = None
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": part, "more_body": True}
        while self._state in (_State.AWAITING_HEAD, _State.AWAITING_BODY):
            await self._wait_for_change()
        return {"type": "http.disconnect"}

    async def send(self, message: _Message) -> None:
        """Take one message of the response; those of extensions are ignored.

        Raises:
            OSError: the client has gone.
            RuntimeError: the message is not one that may come here.
        """
        self._check_connected()
        kind = message["type"]
        if kind == "http.response.start":
            if self._state is not _State.AWAITING_HEAD:
                raise RuntimeError("The ASGI application sent 'http.response.start' twice.")
            self._status, self._headers = message["status"], message.get("headers", [])
            self._change(_State.AWAITING_BODY)
        elif kind == "http.response.body":
            await self._send_body(message)

    # Both.

    async def _run(self, app: _ASGIApp, scope: dict[str, Any]) -> None:
        try:
            try:
                await app(scope, self.receive, self.send)
            finally:
                await self._close_request()
        except BaseException as exc:
            if self._is_cancel_requested and is_cancellation(exc):
                # It belongs to this task, and is nothing to raise in another one.
                self._is_cancelled = True
                raise
            self._error = exc
        finally:
            self._end(self._error)

    async def _close_request(self) -> None:
        """Close what the application has not read to its end, in the task that has begun to."""
        parts: Any = self._request_parts
        if hasattr(parts, "aclose"):
            await parts.aclose()

    def _end(self, error: BaseException | None) -> None:
        """Note the end of the application, and what the reader is to raise for it."""
        state = self._state
        if state is not _State.DISCONNECTED:
            if error is not None and (self._is_raising or not isinstance(error, Exception)):
                self._fault = error
            elif state is _State.AWAITING_HEAD and error is not None:
                self._status = 500
            elif state is not _State.COMPLETE:
                end = "without a response" if state is _State.AWAITING_HEAD else "before its response was complete"
                self._fault = RemoteProtocolError(f"The ASGI application ended {end}.", request=self._request)
                self._fault.__cause__ = error
        self._change(_State.ENDED)
        self._when_ended(self)

    async def _send_body(self, message: _Message) -> None:
        if self._state is not _State.AWAITING_BODY:
            early_or_late = "before 'http.response.start'" if self._state is _State.AWAITING_HEAD else "after its end"
            raise RuntimeError(f"The ASGI application sent 'http.response.body' {early_or_late}.")
        part = message.get("body", b"")
        # RFC 9110 9.3.2: no response to HEAD has a body.
        if part and self._request.method != "HEAD":
            self._parts.append(part)
            self._size += len(part)
        if not message.get("more_body", False):
            self._change(_State.COMPLETE)
            return
        self._notify()
        # The reader gets its turn after each part, so that parts arrive when they are sent.
        await self._network.sleep(0)
        while self._size >= HIGH_WATER_SIZE and self._state is _State.AWAITING_BODY:
            await self._wait_for_change()

    def _check_connected(self) -> None:
        if self._state is _State.DISCONNECTED:
            raise OSError("The client has disconnected.")

    def _disconnect(self) -> None:
        # For another task that may be reading.
        self._fault = ReadError("The response was closed while it was being read.", request=self._request)
        self._parts.clear()
        self._size = 0
        self._change(_State.DISCONNECTED)

    def _change(self, state: _State) -> None:
        self._state = state
        self._notify()

    def _notify(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    async def _wait_for_change(self, deadline: float | None = None) -> bool:
        """Wait until the other side has done something; return False when the time is up first."""
        waiter = self._network.make_waiter()
        self._waiters.append(waiter)
        try:
            return await waiter.wait(None, deadline)
        finally:
            self._waiters.remove(waiter)

    async def _wait_for_news(self) -> None:
        """Wait for the application, but no longer than the request may take in all."""
        try:
            is_in_time = await self._wait_for_change(self._request._deadline)
        except BaseException as exc:
            if isinstance(exc, Exception | GeneratorExit):
                raise
            cancellation = exc  # handled outside of this block: what the application raises has a context of its own
        else:
            if is_in_time:
                return
            raise ReadTimeout("Total timeout: the ASGI application did not answer in time.", request=self._request)
        await self._be_cancelled(cancellation)

    async def _be_cancelled(self, cancellation: BaseException) -> None:
        """Cancel the application as the caller was, and wait until it has cleaned up, as if it ran in that very task.

        What it raises instead is raised. If it goes on to its end, so does the caller, who is cancelled again later.
        """
        self._cancel_task()
        await self._task.wait()
        if self._error is not None and self._is_raising:
            raise self._error
        if self._is_cancelled or not self._task.is_caller_cancelled_again():
            raise cancellation

    def _cancel_task(self) -> None:
        self._is_cancel_requested = True
        self._task.cancel()

    async def _is_ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._state is not _State.ENDED and await self._wait_for_change(deadline):
            pass
        return self._state is _State.ENDED


def _do_nothing(*_: object) -> None:
    pass
