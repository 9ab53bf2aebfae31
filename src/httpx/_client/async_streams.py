"""What `AsyncClient` opens for the length of a block: event streams, and responses that are streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

from .._client_settings import USE_CLIENT_DEFAULT, UseClientDefault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

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
    from .async_client import AsyncClient

P = ParamSpec("P")


class AsyncStreams:
    """Streams over `build_request` and `send`, which the client has."""

    if TYPE_CHECKING:

        def build_request(self, *args: Any, **kwargs: Any) -> Request:
            raise NotImplementedError

    @asynccontextmanager
    async def sse(
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
    ) -> AsyncGenerator[EventSource]:
        """Open a stream of Server-Sent Events; it is closed at the end of the block.

        async with client.sse("https://www.example.org/events") as source:
            async for event in source:
                print(event.data)

        The arguments are those of `Client.sse`, and so is what is raised.
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
        source = opener.make_source(await opener.open())
        try:
            yield source
        finally:
            await source._end().aclose()


class AsyncBlock:
    """What `stream` returns: sends a request when the block is entered, and closes its response when it is left.

    Speed: a generator and `contextlib` would do, and cost a tenth of a GET of 100 KiB.
    """

    __slots__ = ("_client", "_request", "_response", "_settings")

    def __init__(self, client: AsyncClient, request: Request, settings: dict[str, Any]) -> None:
        self._client = client
        self._request = request
        self._settings = settings

    async def __aenter__(self) -> Response:
        request = self._request
        # It is entered once. As in HTTPX, the second time is an AttributeError.
        del self._request
        self._response = await self._client.send(request=request, stream=True, **self._settings)
        return self._response

    async def __aexit__(self, *exc_info: object) -> None:
        if not self._response.is_closed:
            await self._response.aclose()


def in_async_block(
    function: Callable[P, AsyncIterator[Response]],
) -> Callable[P, AbstractAsyncContextManager[Response]]:
    """Tell type checkers and readers that a method whose annotations are those of HTTPX's generator returns a block."""
    function.block = AsyncBlock  # type: ignore[attr-defined]
    return function  # type: ignore[return-value]
