"""Reading the events of a source: over one connection, or over as many as it takes.

Reading is written once, in `EventReader`. Where its connections come from and how it waits is in the hands of
`SyncFace` and `AsyncFace`, as in `_flow`.

A wait for the next event may be cancelled. The connection is lost then, but no event: those that have come stay where
they are, and with reconnection the next call connects again, behind the last event that was given.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ._drive import drive
from ._exceptions import RequestError, SSEError
from ._models import Response
from ._models.body_stages import attach_request
from ._network.running import running_network
from ._network.sync import SyncNetwork
from ._policies.reconnection import NO_MORE, UNAVAILABLE, Reconnection, is_recoverable, status_error
from ._protocols.sse import EventStreamDecoder, ServerSentEvent

if TYPE_CHECKING:
    from ._sse import EventSource, EventStreamOpener

CONTENT_TYPE = "text/event-stream"


class Face(Protocol):
    """What the reader of a stream asks of its colour."""

    def iterate(self, response: Response) -> Any:
        """Return the iterator over the parts of the body."""

    async def next_part(self, parts: Any) -> bytes | None:
        """Return the next part, None after the last one."""

    async def open(self, opener: EventStreamOpener, last_event_id: str) -> Response: ...
    async def close(self, response: Response) -> None: ...
    async def sleep(self, seconds: float) -> None: ...


class SyncFace:
    """For threads."""

    def iterate(self, response: Response) -> Any:
        return iter(response.iter_bytes())

    async def next_part(self, parts: Any) -> bytes | None:
        part: bytes | None = next(parts, None)
        return part

    async def open(self, opener: EventStreamOpener, last_event_id: str) -> Response:
        response: Response = opener.open(last_event_id)
        return response

    async def close(self, response: Response) -> None:
        response.close()

    async def sleep(self, seconds: float) -> None:
        await SyncNetwork().sleep(seconds)


class AsyncFace:
    """For the tasks of asyncio and trio."""

    def iterate(self, response: Response) -> Any:
        return aiter(response.aiter_bytes())

    async def next_part(self, parts: Any) -> bytes | None:
        part: bytes | None = await anext(parts, None)
        return part

    async def open(self, opener: EventStreamOpener, last_event_id: str) -> Response:
        response: Response = await opener.open(last_event_id)
        return response

    async def close(self, response: Response) -> None:
        await response.aclose()

    async def sleep(self, seconds: float) -> None:
        await running_network().sleep(seconds)


class Phase(enum.Enum):
    """Where the reader of a stream is.

    FRESH -> READING -> ENDED, and with reconnection READING -> LOST -> FRESH; everything may lead to ENDED.
    """

    FRESH = 1  # there is a response that was not looked at
    READING = 2
    LOST = 3  # there is no connection, and there shall be one
    ENDED = 4


class EventReader:
    """Read the events of a source, over as many connections as it takes."""

    __slots__ = ("_face", "_opener", "_parts", "_phase", "_policy", "_ready", "_source")

    def __init__(self, source: EventSource, face: Face) -> None:
        self._source = source
        self._face = face
        self._opener = source._opener
        self._policy = None if source._opener is None else source._opener.policy
        self._phase = Phase.FRESH
        self._parts: Any = None
        # Events that have come and were not given. They are decoded one by one, so that `last_event_id` is right.
        self._ready: Iterator[ServerSentEvent] = iter(())
        source._decoder = EventStreamDecoder(source._max_event_size, last_event_id=source._first_event_id)

    def take(self) -> ServerSentEvent | None:
        """Return the next of the events that have come, None if there is none."""
        try:
            for event in self._ready:
                if self._policy is not None:
                    self._policy.count_event()
                return event
        except SSEError as exc:
            self._phase = Phase.ENDED
            attach_request(exc, self._source.response._request)
            raise
        return None

    async def fetch(self) -> ServerSentEvent | None:
        """Wait for an event and return it, None after the last one. To be called when none is there to `take`."""
        try:
            while self._phase is not Phase.ENDED:
                await self._advance()
                event = self.take()
                if event is not None:
                    return event
            return None
        except BaseException as exc:
            is_cancelled = not isinstance(exc, Exception)
            self._phase = Phase.LOST if is_cancelled and self._policy is not None else Phase.ENDED
            raise

    def stop(self) -> None:
        """Read no further. The response stays open, as it does after a `break`."""
        self._phase = Phase.ENDED
        self._parts = None
        self._ready = iter(())

    # Private from here on.

    async def _advance(self) -> None:
        """Take one step towards the next event."""
        try:
            if self._phase is Phase.READING:
                await self._read()
            elif self._phase is Phase.FRESH:
                self._begin()
            else:
                await self._connect()
        except RequestError as exc:
            if self._policy is None or not is_recoverable(exc):
                raise
            self._policy.count_failure(exc)
            self._phase = Phase.LOST

    def _begin(self) -> None:
        """Look at a response and begin to read it."""
        response = self._source.response
        if self._policy is not None and response.status_code != 200:
            self._judge_status(response, self._policy)
            return
        check_content_type(response)
        self._parts = self._face.iterate(response)
        self._phase = Phase.READING

    def _judge_status(self, response: Response, policy: Reconnection) -> None:
        """Decide what becomes of a stream whose response is not 200."""
        if response.status_code == NO_MORE:
            self._phase = Phase.ENDED
            return
        error = status_error(response)
        if response.status_code not in UNAVAILABLE:
            raise error
        policy.count_failure(error)
        self._phase = Phase.LOST

    async def _read(self) -> None:
        part = await self._face.next_part(self._parts)
        if part is not None:
            self._ready = self._source._decoder.feed(part)
        elif self._policy is None:
            self._phase = Phase.ENDED
        else:
            self._phase = Phase.LOST

    async def _connect(self) -> None:
        """Wait as long as one should, and open the stream again."""
        assert self._opener is not None and self._policy is not None
        source = self._source
        self._parts = None
        await self._face.close(source.response)
        await self._face.sleep(self._policy.delay(source.retry))
        source._response = await self._face.open(self._opener, source.last_event_id)
        # Of the stream that was lost, an event that had not ended is dropped. The id stays, as it does in browsers.
        source._decoder = EventStreamDecoder(
            source._max_event_size, last_event_id=source.last_event_id, retry=source.retry
        )
        self._phase = Phase.FRESH


class SyncEvents:
    """Iterate over events."""

    __slots__ = ("_reader",)

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader

    def __iter__(self) -> SyncEvents:
        return self

    def __next__(self) -> ServerSentEvent:
        # Speed: most events have come with others, and need no coroutine.
        event = self._reader.take() or drive(self._reader.fetch())
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """Iterate no further."""
        self._reader.stop()


class AsyncEvents:
    """Iterate over events, asynchronously."""

    __slots__ = ("_reader",)

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> ServerSentEvent:
        event = self._reader.take() or await self._reader.fetch()
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Iterate no further."""
        self._reader.stop()


def check_content_type(response: Response) -> None:
    """Fail unless a response is an event stream by its Content-Type."""
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if content_type.lower() == CONTENT_TYPE:
        return
    message = f"Expected response with content type {CONTENT_TYPE!r}, got {content_type!r}."
    if response.status_code != 200:
        message += f" Its status is '{response.status_code} {response.reason_phrase}'."
    raise SSEError(message, request=response._request)
