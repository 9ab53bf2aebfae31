"""What `Client` opens for the length of a block: event streams, and responses that are streamed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

from .._client_settings import USE_CLIENT_DEFAULT, UseClientDefault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from .._models import Request, Response
    from .._sse import EventSource
    from .._types import (
        AuthTypes,
        CookieTypes,
        HeaderTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        TimeoutTypes,
    )
    from .._urls import URL
    from .sync_client import Client

P = ParamSpec("P")


class SyncStreams:
    """Streams over `build_request` and `send`, which the client has."""

    if TYPE_CHECKING:

        def build_request(self, *args: Any, **kwargs: Any) -> Request:
            raise NotImplementedError

    @contextmanager
    def sse(
        self,
        url: URL | str,
        *,
        method: str = "GET",
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: Any | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutTypes | UseClientDefault = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
        max_event_size: int | None = 1048576,
        reconnect: bool | int = False,
    ) -> Generator[EventSource]:
        """Open a stream of Server-Sent Events; it is closed at the end of the block.

        with client.sse("https://www.example.org/events") as source:
            for event in source:
                print(event.data)

        The read timeout bounds the time between two parts of the stream: give one that the server's silence keeps to.

        Args:
            max_event_size: how many bytes the lines of one event may have; None for any number.
            reconnect: whether to connect again when the stream ends or breaks, from the last event on. A number bounds
                the failures in a row; one more is raised. The server ends it all by 204.

        The other arguments are those of `request`. What the loop raises is told at `EventSource`.

        Raises: as `request`.
        """
        from .._sse import EventStreamOpener, event_stream_headers  # most clients read no event streams

        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=event_stream_headers(headers),
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        opener = EventStreamOpener(
            self,
            request,
            auth=auth,
            follow_redirects=follow_redirects,
            max_event_size=max_event_size,
            reconnect=reconnect,
        )
        source = opener.make_source(opener.open())
        try:
            yield source
        finally:
            source._end().close()


class Block:
    """What `stream` returns: sends a request when the block is entered, and closes its response when it is left.

    Speed: a generator and `contextlib` would do, and cost a tenth of a GET of 100 KiB.
    """

    __slots__ = ("_client", "_request", "_response", "_settings")

    def __init__(self, client: Client, request: Request, settings: dict[str, Any]) -> None:
        self._client = client
        self._request = request
        self._settings = settings

    def __enter__(self) -> Response:
        request = self._request
        # It is entered once. As in HTTPX, the second time is an AttributeError.
        del self._request
        self._response = self._client.send(request=request, stream=True, **self._settings)
        return self._response

    def __exit__(self, *exc_info: object) -> None:
        if not self._response.is_closed:
            self._response.close()


def in_block(function: Callable[P, Iterator[Response]]) -> Callable[P, AbstractContextManager[Response]]:
    """Tell type checkers and readers that a method whose annotations are those of HTTPX's generator returns a block."""
    function.block = Block  # type: ignore[attr-defined]
    return function  # type: ignore[return-value]
