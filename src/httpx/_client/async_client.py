"""`AsyncClient`: for the tasks of asyncio and trio."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .._client_base import BaseClient, warn_of_request_cookies
from .._client_settings import USE_CLIENT_DEFAULT, ClientState, EventHook, UseClientDefault
from .._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Limits, Proxy
from .._exceptions import RequestError
from .._flow import AsyncUser, Steps, authenticate, follow, send
from .._models import Request, Response
from .._mounts import URLPattern, sort_mounts
from .._transports.base import AsyncBaseTransport
from .._types import AsyncByteStream
from .._urls import URL
from .async_streams import AsyncBlock, AsyncStreams, in_async_block
from .async_verbs import AsyncClient as AsyncVerbs

if TYPE_CHECKING:
    import ssl

    from .._auth import Auth
    from .._types import (
        AuthTypes,
        CertTypes,
        CookieTypes,
        HeaderTypes,
        ProxyTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        TimeoutTypes,
    )

U = TypeVar("U", bound="AsyncClient")


class AsyncClient(AsyncVerbs, AsyncStreams, BaseClient):
    """An HTTP client for asyncio and trio that keeps connections, cookies and settings; many tasks may use one.

    Close it, or use it as a context manager:

        async with httpx.AsyncClient(base_url="https://www.example.org") as client:
            response = await client.get("/")

    The arguments are those of `Client`, with these differences:

    Args:
        mounts, transport: transports for an async client.
        event_hooks: functions that are `async def`.
    """

    __module__ = "httpx"

    def __init__(
        self,
        *,
        auth: AuthTypes | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        http1: bool = True,
        http2: bool = False,
        proxy: ProxyTypes | None = None,
        mounts: Mapping[str, AsyncBaseTransport | None] | None = None,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT_CONFIG,
        follow_redirects: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        max_redirects: int = DEFAULT_MAX_REDIRECTS,
        event_hooks: Mapping[str, list[EventHook]] | None = None,
        base_url: URL | str = "",
        transport: AsyncBaseTransport | None = None,
        trust_env: bool = True,
        default_encoding: str | Callable[[bytes], str] = "utf-8",
    ) -> None:
        super().__init__(
            auth=auth,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            follow_redirects=follow_redirects,
            max_redirects=max_redirects,
            event_hooks=event_hooks,
            base_url=base_url,
            trust_env=trust_env,
            default_encoding=default_encoding,
        )
        settings: dict[str, Any] = {
            "verify": verify,
            "cert": cert,
            "trust_env": trust_env,
            "http1": http1,
            "http2": http2,
            "limits": limits,
        }
        # With a transport of the user's the environment does not count.
        proxies = self._get_proxy_map(proxy, trust_env and transport is None)
        self._transport = self._init_transport(**settings, transport=transport)
        self._mounts: dict[URLPattern, AsyncBaseTransport | None] = sort_mounts(
            {
                pattern: None if route is None else self._init_proxy_transport(route, **settings)
                for pattern, route in proxies.items()
            },
            mounts,
        )

    async def __aenter__(self: U) -> U:
        self._open()
        await self._transport.__aenter__()
        for transport in self._mounts.values():
            if transport is not None:
                await transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        await self._transport.__aexit__(exc_type, exc_value, traceback)
        for transport in self._mounts.values():
            if transport is not None:
                await transport.__aexit__(exc_type, exc_value, traceback)

    async def request(
        self,
        method: str,
        url: URL | str,
        *,
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
    ) -> Response:
        """Send a request and return its response, read to the end.

        The arguments are those of `Client.request`; `content` may be an async iterable of bytes.

        Raises:
            InvalidURL: the URL cannot be parsed.
            RequestError: the request could not be sent, or the response not be received.
            RuntimeError: the client is closed.
        """
        if cookies is not None:
            warn_of_request_cookies()
        request = self.build_request(
            method=method,
            url=url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        return await self.send(request, auth=auth, follow_redirects=follow_redirects)

    @in_async_block
    def stream(
        self,
        method: str,
        url: URL | str,
        *,
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
    ) -> AsyncIterator[Response]:
        """Send a request and give its response with the body still to be read; it is closed at the end of the block.

        async with client.stream("GET", "https://www.example.org/large") as response:
            async for part in response.aiter_bytes():
                ...

        The arguments and errors are those of `request`.
        """
        request = self.build_request(
            method=method,
            url=url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        settings = {"auth": auth, "follow_redirects": follow_redirects}
        return AsyncBlock(self, request, settings)  # type: ignore[return-value]  # see `in_async_block`

    async def send(
        self,
        request: Request,
        *,
        stream: bool = False,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
    ) -> Response:
        """Send a request as it is (see `build_request`) and return its response.

        Args:
            stream: leave the body to be read; the caller closes the response.

        Raises: as `request`.
        """
        return await send(self, _USER, request, stream=stream, auth=auth, follow_redirects=follow_redirects)

    async def aclose(self) -> None:
        """Close the client and its connections; requests under way fail."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            await self._transport.aclose()
            for transport in self._mounts.values():
                if transport is not None:
                    await transport.aclose()

    # Private from here on: what subclasses and instrumentation override.

    def _init_transport(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        transport: AsyncBaseTransport | None = None,
    ) -> AsyncBaseTransport:
        if transport is not None:
            return transport
        from .._transports.default import AsyncHTTPTransport  # not needed with a transport of the user's

        own = AsyncHTTPTransport(verify=verify, cert=cert, trust_env=trust_env, http1=http1, http2=http2, limits=limits)
        own._pool.may_reopen = False
        return own

    def _init_proxy_transport(
        self,
        proxy: Proxy,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AsyncBaseTransport:
        from .._transports.default import AsyncHTTPTransport  # most clients have no proxy

        own = AsyncHTTPTransport(
            verify=verify, cert=cert, trust_env=trust_env, http1=http1, http2=http2, limits=limits, proxy=proxy
        )
        own._pool.may_reopen = False
        return own

    def _transport_for_url(self, url: URL) -> AsyncBaseTransport:
        return self._select_transport(url, self._mounts, self._transport) if self._mounts else self._transport

    async def _send_handling_auth(
        self, request: Request, auth: Auth, follow_redirects: bool, history: list[Response]
    ) -> Response:
        """Send the requests that an authentication wants, and return the last response, not read."""
        return await authenticate(self, _USER, request, auth, follow_redirects, history, is_read=False)

    async def _send_handling_redirects(
        self, request: Request, follow_redirects: bool, history: list[Response]
    ) -> Response:
        """Send a request and those that redirects ask for, and return the last response, not read."""
        return await follow(self, _USER, request, follow_redirects, history, is_read=False)

    async def _send_single_request(self, request: Request) -> Response:
        """Send one request through its transport."""
        transport = self._transport_for_url(request.url)
        start_time = time.perf_counter()
        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("Attempted to send an sync request with an AsyncClient instance.")
        try:
            response = await transport.handle_async_request(request)
        except RequestError as exc:
            exc._request = request
            raise
        self._receive(request, response, start_time)
        return response


_USER = AsyncUser(
    Steps(
        AsyncClient._set_timeout,
        AsyncClient._build_request_auth,
        AsyncClient._send_handling_auth,
        AsyncClient._send_handling_redirects,
    )
)
