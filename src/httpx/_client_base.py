"""What both clients share: their settings, and how these merge into each request."""

from __future__ import annotations

import enum
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .__version__ import __version__
from ._config import DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Timeout
from ._decoders import accepted_codings
from ._models import Cookies, Headers, Request, Response
from ._mounts import proxy_map
from ._policies.redirects import redirect_headers, redirect_method, redirect_stream, redirect_url
from ._query import QueryParams
from ._urls import URL

if TYPE_CHECKING:
    from ._auth import Auth
    from ._config import Proxy
    from ._mounts import URLPattern
    from ._types import (
        AsyncByteStream,
        AuthTypes,
        CookieTypes,
        HeaderTypes,
        ProxyTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        SyncByteStream,
        TimeoutTypes,
    )

TransportT = TypeVar("TransportT")

EventHook = Callable[..., Any]

USER_AGENT = f"python-httpx/{__version__}"

logger = logging.getLogger("httpx")


class UseClientDefault:
    """The type of USE_CLIENT_DEFAULT, which stands for "as the client is set", where None has a meaning of its own."""


USE_CLIENT_DEFAULT = UseClientDefault()


class ClientState(enum.Enum):
    """How far a client is in its life: UNOPENED -> OPENED -> CLOSED; it may be closed without having been opened."""

    UNOPENED = 1
    OPENED = 2
    CLOSED = 3


class BaseClient:
    """The settings of a client. Use `Client` or `AsyncClient`."""

    def __init__(
        self,
        *,
        auth: AuthTypes | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT_CONFIG,
        follow_redirects: bool = False,
        max_redirects: int = DEFAULT_MAX_REDIRECTS,
        event_hooks: Mapping[str, list[EventHook]] | None = None,
        base_url: URL | str = "",
        trust_env: bool = True,
        default_encoding: str | Callable[[bytes], str] = "utf-8",
    ) -> None:
        self._base_url = self._enforce_trailing_slash(URL(base_url))
        self._auth = self._build_auth(auth)
        self._params = QueryParams(params)
        self.headers = Headers(headers)
        self._cookies = Cookies(cookies)
        self._timeout = Timeout(timeout)
        self.follow_redirects = follow_redirects
        self.max_redirects = max_redirects
        self._event_hooks = _event_hooks(event_hooks or {})
        self._trust_env = trust_env
        self._default_encoding = default_encoding
        self._state = ClientState.UNOPENED

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed."""
        return self._state is ClientState.CLOSED

    @property
    def trust_env(self) -> bool:
        """Whether environment variables count."""
        return self._trust_env

    @property
    def timeout(self) -> Timeout:
        """The timeouts of requests that bring none of their own."""
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: TimeoutTypes) -> None:
        self._timeout = Timeout(timeout)

    @property
    def event_hooks(self) -> dict[str, list[EventHook]]:
        """What is called with each request before it is sent, and with each response once its headers are there."""
        return self._event_hooks

    @event_hooks.setter
    def event_hooks(self, event_hooks: dict[str, list[EventHook]]) -> None:
        self._event_hooks = _event_hooks(event_hooks)

    @property
    def auth(self) -> Auth | None:
        """The authentication of requests that bring none of their own."""
        return self._auth

    @auth.setter
    def auth(self, auth: AuthTypes) -> None:
        self._auth = self._build_auth(auth)

    @property
    def base_url(self) -> URL:
        """What relative URLs are appended to."""
        return self._base_url

    @base_url.setter
    def base_url(self, url: URL | str) -> None:
        self._base_url = self._enforce_trailing_slash(URL(url))

    @property
    def headers(self) -> Headers:
        """The headers of every request."""
        return self._headers

    @headers.setter
    def headers(self, headers: HeaderTypes) -> None:
        client_headers = Headers(
            {
                b"Accept": b"*/*",
                b"Accept-Encoding": accepted_codings().encode("ascii"),
                b"Connection": b"keep-alive",
                b"User-Agent": USER_AGENT.encode("ascii"),
            }
        )
        client_headers.update(headers)
        self._headers = client_headers

    @property
    def cookies(self) -> Cookies:
        """The cookies that were set here or by servers."""
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: CookieTypes) -> None:
        self._cookies = Cookies(cookies)

    @property
    def params(self) -> QueryParams:
        """The query parameters of every request."""
        return self._params

    @params.setter
    def params(self, params: QueryParamTypes) -> None:
        self._params = QueryParams(params)

    def build_request(
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
        timeout: TimeoutTypes | UseClientDefault = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Request:
        """Return a request with the client's settings merged in, for `send`.

        Raises:
            InvalidURL: the URL cannot be parsed.
            TypeError: an argument is of no type that can be sent.
        """
        # Speed: properties and methods that a subclass may override are passed over where it would change nothing.
        cls = type(self)
        if extensions is None or "timeout" not in extensions:
            if isinstance(timeout, UseClientDefault):
                timeout = self._timeout if cls.timeout is BaseClient.timeout else self.timeout
            limits = timeout if type(timeout) is Timeout else Timeout(timeout)
            merged_extensions: dict[str, Any] = {**(extensions or {}), "timeout": limits.as_dict()}
        else:
            merged_extensions = dict(extensions)
        merged_url = self._merge_url(url)
        merged_headers = self._merge_headers(headers)
        has_own_cookies = cls._merge_cookies is BaseClient._merge_cookies and cls.cookies is BaseClient.cookies
        merged_cookies = self._cookies if cookies is None and has_own_cookies else self._merge_cookies(cookies)
        merged_params = self._merge_queryparams(params)
        is_bare = content is None and data is None and files is None and json is None and merged_params is None
        is_usual = cookies is None and has_own_cookies and type(merged_url) is URL
        if is_bare and is_usual and type(merged_headers) is Headers:
            # Speed: the client's own headers are indexed once, and not looked through for each request.
            defaults = self._headers
            index = defaults._index if defaults._index is not None else defaults._get_index()
            lacks_host = b"host" not in index and merged_headers._fields == defaults._fields
            request = Request._from_client(
                method.upper(), merged_url, merged_headers, merged_extensions, lacks_host=lacks_host
            )
            if self._cookies._jar is not None:
                self._cookies.set_cookie_header(request)
            return request
        return Request(
            method,
            merged_url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=merged_params,
            headers=merged_headers,
            cookies=merged_cookies,
            extensions=merged_extensions,
        )

    # Private from here on.

    def _enforce_trailing_slash(self, url: URL) -> URL:
        if url.raw_path.endswith(b"/"):
            return url
        return url.copy_with(raw_path=url.raw_path + b"/")

    def _merge_url(self, url: URL | str) -> URL:
        """Append a relative URL to the base, as it stands: "/b" to "https://host/a/" is "https://host/a/b"."""
        merged = URL(url)
        reference = merged._uri_reference
        if reference.scheme and reference.host:
            return merged
        base_url = self.base_url
        return base_url.copy_with(raw_path=base_url.raw_path + merged.raw_path.lstrip(b"/"))

    def _merge_cookies(self, cookies: CookieTypes | None = None) -> CookieTypes | None:
        merged = Cookies(self.cookies)
        merged.update(cookies)
        return merged

    def _merge_headers(self, headers: HeaderTypes | None = None) -> HeaderTypes | None:
        merged = self._headers.copy() if type(self).headers is BaseClient.headers else Headers(self.headers)
        if headers is not None:
            merged.update(headers)
        return merged

    def _merge_queryparams(self, params: QueryParamTypes | None = None) -> QueryParamTypes | None:
        own = self._params if type(self).params is BaseClient.params else QueryParams(self.params)
        if params or own._dict:
            return own.merge(params)
        return params

    def _set_timeout(self, request: Request) -> None:
        """Give a request that brings no timeouts those of the client."""
        if "timeout" not in request.extensions:
            request.extensions = {**request.extensions, "timeout": Timeout(self.timeout).as_dict()}

    def _build_auth(self, auth: AuthTypes | None) -> Auth | None:
        if auth is None:
            return None
        from ._auth import Auth, BasicAuth, FunctionAuth  # most clients have none

        if isinstance(auth, tuple):
            return BasicAuth(username=auth[0], password=auth[1])
        if isinstance(auth, Auth):
            return auth
        if callable(auth):
            return FunctionAuth(func=auth)
        raise TypeError(f'Invalid "auth" argument: {auth!r}')

    def _build_request_auth(
        self, request: Request, auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT
    ) -> Auth:
        """Return the authentication of a request: its own, the client's, its URL's userinfo, or an empty one."""
        if isinstance(auth, UseClientDefault):
            if self._auth is not None:
                return self._auth
        else:
            built = self._build_auth(auth)
            if built is not None:
                return built
        from ._auth import Auth, BasicAuth  # most requests have none

        if request.url.userinfo:
            return BasicAuth(username=request.url.username, password=request.url.password)
        return Auth()

    def _build_redirect_request(self, request: Request, response: Response) -> Request:
        """Return the request that follows a redirect; a RemoteProtocolError if its Location is no URL."""
        method = self._redirect_method(request, response)
        url = self._redirect_url(request, response)
        redirected = Request(
            method,
            url,
            headers=self._redirect_headers(request, url, method),
            cookies=self.cookies,
            stream=self._redirect_stream(request, method),
            extensions=request.extensions,
        )
        redirected._deadline = request._deadline
        return redirected

    def _redirect_method(self, request: Request, response: Response) -> str:
        return redirect_method(request, response)

    def _redirect_url(self, request: Request, response: Response) -> URL:
        return redirect_url(request, response)

    def _redirect_headers(self, request: Request, url: URL, method: str) -> Headers:
        return redirect_headers(request, url, method)

    def _redirect_stream(self, request: Request, method: str) -> SyncByteStream | AsyncByteStream | None:
        return redirect_stream(request, method)

    def _get_proxy_map(self, proxy: ProxyTypes | None, allow_env_proxies: bool) -> dict[str, Proxy | None]:
        return proxy_map(proxy, allow_env_proxies=allow_env_proxies)

    def _check_usable(self) -> None:
        if self._state is ClientState.CLOSED:
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        self._state = ClientState.OPENED

    def _open(self) -> None:
        if self._state is not ClientState.UNOPENED:
            raise RuntimeError(
                "Cannot open a client instance more than once."
                if self._state is ClientState.OPENED
                else "Cannot reopen a client instance, once it has been closed."
            )
        self._state = ClientState.OPENED

    def _select_transport(
        self, url: URL, mounts: Mapping[URLPattern, TransportT | None], default: TransportT
    ) -> TransportT:
        for pattern, transport in mounts.items():
            if pattern.matches(url):
                return default if transport is None else transport
        return default

    def _receive(self, request: Request, response: Response, start_time: float) -> None:
        """Complete a response that came from a transport."""
        response._request = request
        response._start_time = start_time
        response.default_encoding = self._default_encoding
        headers = response.headers  # speed: as `"set-cookie" in headers`, without two calls
        if b"set-cookie" in (headers._index if headers._index is not None else headers._get_index()):
            self.cookies.extract_cookies(response)
        if logger.isEnabledFor(logging.INFO):
            _log(request, response)


def warn_of_request_cookies() -> None:
    """Tell the caller of a client's method that cookies belong to the client."""
    warnings.warn(
        "Setting per-request cookies=<...> is being deprecated, because "
        "the expected behaviour on cookie persistence is ambiguous. Set "
        "cookies directly on the client instance instead.",
        DeprecationWarning,
        stacklevel=3,
    )


# Private from here on.


def _event_hooks(event_hooks: Mapping[str, list[EventHook]]) -> dict[str, list[EventHook]]:
    return {"request": list(event_hooks.get("request", [])), "response": list(event_hooks.get("response", []))}


def _log(request: Request, response: Response) -> None:
    url = request.url
    # Neither userinfo nor query: both may be secret.
    shown = url.copy_with(userinfo=b"", query=None, fragment=None) if url.userinfo or url.query or url.fragment else url
    logger.info(
        'HTTP Request: %s %s "%s %d %s"',
        request.method,
        shown,
        response.http_version,
        response.status_code,
        response.reason_phrase,
    )
