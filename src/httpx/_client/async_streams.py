"""The methods of `AsyncClient` that open a stream of messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .._client_settings import USE_CLIENT_DEFAULT, UseClientDefault

if TYPE_CHECKING:
    from .._models import Request
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
