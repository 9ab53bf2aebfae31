"""`Client`: for programs that call and wait, with threads or without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .._client_base import BaseClient, warn_of_request_cookies
from .._client_settings import USE_CLIENT_DEFAULT, ClientState, EventHook, UseClientDefault
from .._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Limits, Proxy
from .._drive import drive
from .._exceptions import RequestError
from .._flow import Steps, SyncUser, authenticate, follow, send
from .._models import Request, Response
from .._mounts import URLPattern, sort_mounts
from .._transports.base import BaseTransport
from .._types import SyncByteStream
from .._urls import URL
from .sync_streams import Block, SyncStreams, in_block
from .sync_verbs import Client as SyncVerbs

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

T = TypeVar("T", bound="Client")


class Client(SyncVerbs, SyncStreams, BaseClient):
    """An HTTP client that keeps connections, cookies and settings; any number of threads may use one.

    Close it, or use it as a context manager:

        with httpx.Client(base_url="https://www.example.org") as client:
            response = client.get("/")

    Args:
        auth: (user name, password), an `httpx.Auth`, or a function from request to request.
        params, headers, cookies: sent with every request.
        verify: True for the system's trusted authorities, False for none at all, or an `ssl.SSLContext`.
        cert: a client certificate: a PEM file, or (certificate, key), or (certificate, key, password).
        trust_env: whether environment variables count (proxies, SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE).
        http1, http2: which protocols to offer.
        proxy: a proxy for all requests.
        mounts: transports for some URLs, by pattern: {"http://": transport, "all://*.example.org": None}.
        timeout: seconds, or an `httpx.Timeout`; None for no limits.
        follow_redirects: whether redirects are followed.
        limits: how many connections are made and kept.
        max_redirects: how many redirects are followed before `TooManyRedirects`.
        event_hooks: {"request": [function, ...], "response": [function, ...]}.
        base_url: what relative URLs are appended to.
        transport: what sends the requests, in place of the network.
        default_encoding: the encoding of text whose response names none, or a function from bytes to one.
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
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        proxy: ProxyTypes | None = None,
        mounts: Mapping[str, BaseTransport | None] | None = None,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT_CONFIG,
        follow_redirects: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        max_redirects: int = DEFAULT_MAX_REDIRECTS,
        event_hooks: Mapping[str, list[EventHook]] | None = None,
        base_url: URL | str = "",
        transport: BaseTransport | None = None,
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
        self._mounts: dict[URLPattern, BaseTransport | None] = sort_mounts(
            {
                pattern: None if route is None else self._init_proxy_transport(route, **settings)
                for pattern, route in proxies.items()
            },
            mounts,
        )

    def __enter__(self: T) -> T:
        self._open()
        self._transport.__enter__()
        for transport in self._mounts.values():
            if transport is not None:
                transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        self._transport.__exit__(exc_type, exc_value, traceback)
        for transport in self._mounts.values():
            if transport is not None:
                transport.__exit__(exc_type, exc_value, traceback)

    def request(
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

        Args:
            method: the method, as "GET".
            url: absolute, or relative to `base_url`.
            content: the body: bytes, str, or an iterable of bytes.
            data: a form, sent URL-encoded, or with `files` as multipart.
            files: files to upload as multipart.
            json: what is sent as JSON.
            params: added to the URL's query.
            headers: override the client's.
            auth, follow_redirects, timeout: override the client's; None for no authentication or no timeout.
            extensions: options of the transport.

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
        return self.send(request, auth=auth, follow_redirects=follow_redirects)

    @in_block
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
    ) -> Iterator[Response]:
        """Send a request and give its response with the body still to be read; it is closed at the end of the block.

        with client.stream("GET", "https://www.example.org/large") as response:
            for part in response.iter_bytes():
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
        return Block(self, request, settings)  # type: ignore[return-value]  # see `in_block`

    def send(
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
        return drive(send(self, _USER, request, stream=stream, auth=auth, follow_redirects=follow_redirects))

    def close(self) -> None:
        """Close the client and its connections; requests under way fail."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            self._transport.close()
            for transport in self._mounts.values():
                if transport is not None:
                    transport.close()

    # Private from here on: what subclasses and instrumentation override.

    def _init_transport(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        transport: BaseTransport | None = None,
    ) -> BaseTransport:
        if transport is not None:
            return transport
        from .._transports.default import HTTPTransport  # not needed with a transport of the user's

        own = HTTPTransport(verify=verify, cert=cert, trust_env=trust_env, http1=http1, http2=http2, limits=limits)
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
    ) -> BaseTransport:
        from .._transports.default import HTTPTransport  # most clients have no proxy

        own = HTTPTransport(
            verify=verify, cert=cert, trust_env=trust_env, http1=http1, http2=http2, limits=limits, proxy=proxy
        )
        own._pool.may_reopen = False
        return own

    def _transport_for_url(self, url: URL) -> BaseTransport:
        return self._select_transport(url, self._mounts, self._transport) if self._mounts else self._transport

    def _send_handling_auth(
        self, request: Request, auth: Auth, follow_redirects: bool, history: list[Response]
    ) -> Response:
        """Send the requests that an authentication wants, and return the last response, not read."""
        return drive(authenticate(self, _USER, request, auth, follow_redirects, history, is_read=False))

    def _send_handling_redirects(self, request: Request, follow_redirects: bool, history: list[Response]) -> Response:
        """Send a request and those that redirects ask for, and return the last response, not read."""
        return drive(follow(self, _USER, request, follow_redirects, history, is_read=False))

    def _send_single_request(self, request: Request) -> Response:
        """Send one request through its transport."""
        transport = self._transport_for_url(request.url)
        start_time = time.perf_counter()
        if not isinstance(request.stream, SyncByteStream):
            raise RuntimeError("Attempted to send an async request with a sync Client instance.")
        try:
            response = transport.handle_request(request)
        except RequestError as exc:
            exc._request = request
            raise
        self._receive(request, response, start_time)
        return response


_USER = SyncUser(
    Steps(
        Client._set_timeout,
        Client._build_request_auth,
        Client._send_handling_auth,
        Client._send_handling_redirects,
    )
)
