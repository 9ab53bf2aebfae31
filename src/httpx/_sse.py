"""Event streams as users see them: `EventSource`, and what a client's `sse` makes one with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from ._models import Headers, Request, Response
from ._policies.reconnection import Reconnection, repeat_request
from ._protocols.sse import (
    DEFAULT_MAX_EVENT_SIZE,
    EventStreamDecoder,
    ServerSentEvent,
    check_max_event_size,
)
from ._sse_reader import CONTENT_TYPE, AsyncEvents, AsyncFace, EventReader, Face, SyncEvents, SyncFace

if TYPE_CHECKING:
    from ._client_settings import UseClientDefault
    from ._types import AuthTypes, HeaderTypes


class EventSource:
    """The Server-Sent Events of a response whose body is still to be read: iterate over it, with `for` or `async for`.

    `Client.sse` and `AsyncClient.sse` make one; for a response that was opened in another way:

        with client.stream("GET", "https://www.example.org/events") as response:
            for event in httpx.EventSource(response):
                print(event.data)

    Iterating raises `SSEError` if the response is no `text/event-stream`, or an event is larger than `max_event_size`,
    and otherwise what reading a response raises.

    Args:
        response: whoever opened it closes it.
        max_event_size: how many bytes the lines of one event may have; None for any number.
    """

    __module__ = "httpx"

    def __init__(self, response: Response, max_event_size: int | None = DEFAULT_MAX_EVENT_SIZE) -> None:
        self._response = response
        self._max_event_size = max_event_size
        self._decoder = EventStreamDecoder(check_max_event_size(max_event_size))
        self._first_event_id = ""
        # With reconnection.
        self._opener: EventStreamOpener | None = None
        self._reader: EventReader | None = None

    @property
    def response(self) -> Response:
        """The response; with reconnection, the latest one."""
        return self._response

    @property
    def last_event_id(self) -> str:
        """The last id that the server gave, for the Last-Event-ID of a request that goes on from there; "" if none."""
        return self._decoder.last_event_id

    @property
    def retry(self) -> int | None:
        """How many milliseconds the server wants clients to wait before they connect again; None if it did not say."""
        return self._decoder.retry

    def __iter__(self) -> Iterator[ServerSentEvent]:
        return SyncEvents(self._begin_reading(SyncFace()))

    def __aiter__(self) -> AsyncIterator[ServerSentEvent]:
        return AsyncEvents(self._begin_reading(AsyncFace()))

    # Private from here on.

    def _begin_reading(self, face: Face) -> EventReader:
        """Return the reader of a loop. With reconnection, a second loop goes on where the first one stopped."""
        if self._opener is None:
            return EventReader(self, face)
        if self._reader is None:
            self._reader = EventReader(self, face)
        return self._reader

    def _end(self) -> Response:
        """Open no connection any more, and return the response to be closed."""
        self._opener = None
        if self._reader is not None:
            self._reader.stop()
        return self._response


class EventStreamOpener:
    """What a client's `sse` was called with, as far as it is needed again to open the stream once more.

    Raises:
        ValueError: an argument makes no sense.
    """

    __slots__ = ("_auth", "_client", "_follow_redirects", "_max_event_size", "_request", "policy")

    def __init__(
        self,
        client: Any,
        request: Request,
        *,
        auth: AuthTypes | UseClientDefault | None,
        follow_redirects: bool | UseClientDefault,
        max_event_size: int | None,
        reconnect: bool | int,
    ) -> None:
        self._client = client
        self._request = request
        self._auth = auth
        self._follow_redirects = follow_redirects
        self._max_event_size = check_max_event_size(max_event_size)
        self.policy = None if reconnect is False else Reconnection(None if reconnect is True else reconnect)

    def open(self, last_event_id: str | None = None) -> Any:
        """Send the request with the id that the stream goes on from, None for the first time.

        Return the response, or what gives it if awaited.
        """
        request = self._request if last_event_id is None else repeat_request(self._request, last_event_id)
        return self._client.send(request, stream=True, auth=self._auth, follow_redirects=self._follow_redirects)

    def make_source(self, response: Response) -> EventSource:
        """Return the events of the first response."""
        source = EventSource(response, self._max_event_size)
        if self.policy is not None:
            source._opener = self
            source._first_event_id = self._request.headers.get("Last-Event-ID", "")
        return source


def event_stream_headers(headers: HeaderTypes | None) -> Headers:
    """Return the headers of a request for an event stream; the user's own take precedence."""
    # WHATWG HTML 9.2.2 asks for both.
    merged = Headers({"Accept": CONTENT_TYPE, "Cache-Control": "no-store"})
    merged.update(headers)
    return merged
