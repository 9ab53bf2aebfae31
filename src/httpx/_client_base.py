"""What both clients share: how their settings merge into each request."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ._client_settings import USE_CLIENT_DEFAULT, ClientSettings, ClientState, UseClientDefault
from ._config import Timeout
from ._content import ByteStream, encode_raw
from ._models import Cookies, Headers, Request, Response
from ._models.request import KnownRequest
from ._mounts import proxy_map
from ._policies.redirects import redirect_headers, redirect_method, redirect_stream, redirect_url
from ._query import QueryParams
from ._urlparse import PARSED
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

logger = logging.getLogger("httpx")

# Requests that a client keeps; a program that asks for ever other URLs has no use for them.
MAX_KNOWN_REQUESTS = 256


class BaseClient(ClientSettings):
    """What a client does without I/O. Use `Client` or `AsyncClient`."""

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
        # Whether the request brings nothing of its own but a body of which the fields tell no more than its size.
        size = 0 if content is None else len(content) if type(content) is bytes and content else -1
        is_usual = (
            headers is None
            and params is None
            and data is None
            and json is None
            and timeout is USE_CLIENT_DEFAULT
            and extensions is None
            and files is None
            and cookies is None
            and size >= 0
            and type(url) is str
        )
        # Speed: what a program asks for again and again is put together once.
        if (
            is_usual
            and (known := self._known_requests.get((method, url, size))) is not None
            and known.client_fields is self._headers._fields
            and known.count == len(known.client_fields)
            and known.base_url is self._base_url
            and known.params is self._params
            and self._cookies._jar is None
        ):
            return Request._from_known(known, {"timeout": self._timeout.as_dict()}, content)
        if self._merges_plainly is None:
            self._merges_plainly = _read_merging_parts(type(self)) == _MERGING_PARTS
        has_body = content is not None or data is not None or json is not None
        # A Cookie field comes in front of those that describe the body.
        is_plain = self._merges_plainly and cookies is None and files is None
        if not is_plain or (has_body and self._cookies._jar is not None):
            return self._build_by_methods(
                method, url, content, data, files, json, params, headers, cookies, timeout, extensions
            )
        # What the request is made of, as it is before that: another thread may change it meanwhile.
        fields_before, base_url, own_params = self._headers._fields, self._base_url, self._params
        count_before = len(fields_before)
        # Speed: as `_build_by_methods`, without what would change nothing.
        merged_url = URL(url)
        reference = merged_url._uri_reference
        if not (reference.scheme and reference.host):
            merged_url = self._merge_url(merged_url)
        if params is not None or own_params._dict:
            merged_url = URL(merged_url, params=own_params.merge(params) if own_params._dict else params)
        if timeout is USE_CLIENT_DEFAULT and extensions is None:
            merged_extensions: dict[str, Any] = {"timeout": self._timeout.as_dict()}
        else:
            merged_extensions = self._merge_extensions(timeout, extensions)
        # The client's own headers are indexed once, and not looked through for each request.
        own_headers = self._headers
        names: Collection[bytes] = own_headers._index if own_headers._index is not None else own_headers._get_index()
        if headers is not None:
            own_headers, names = own_headers._merge(headers)
        body: tuple[list[tuple[bytes, bytes]], SyncByteStream | AsyncByteStream] | None = None
        if size > 0 and data is None:
            # Speed: as `encode_raw`, for the kind of body that most have.
            body = [(b"Content-Length", b"%d" % size)], ByteStream(content)  # type: ignore[arg-type]  # these are bytes
        elif has_body:
            body = encode_raw(content, data, json)
        request = Request._from_client(method.upper(), merged_url, own_headers, names, merged_extensions, body)
        if self._cookies._jar is not None:
            self._cookies.set_cookie_header(request)
        elif is_usual:
            self._note((method, url, size), request, fields_before, count_before, base_url, own_params)
        return request

    # Private from here on.

    # Whether no subclass overrides what merges settings into requests; None as long as nobody asked.
    _merges_plainly: bool | None = None

    def _note(
        self,
        key: tuple[str, URL | str, int],
        request: Request,
        fields: list[tuple[bytes, bytes]],
        count: int,
        base_url: URL,
        params: QueryParams,
    ) -> None:
        """Take note of a request that brings nothing but a body of this size, and what the client had before.

        It is known from the second time on, as long as the client has the same.
        """
        known_requests = self._known_requests
        if key[1] not in PARSED:
            # Only what may be kept of a URL is there.
            return
        if key not in known_requests:
            if len(known_requests) >= MAX_KNOWN_REQUESTS:
                known_requests.clear()
            known_requests[key] = None
        else:
            known_requests[key] = KnownRequest(request, fields, count, base_url, params)

    def _build_by_methods(
        self,
        method: str,
        url: URL | str,
        content: RequestContent | None,
        data: RequestData | None,
        files: RequestFiles | None,
        json: Any | None,
        params: QueryParamTypes | None,
        headers: HeaderTypes | None,
        cookies: CookieTypes | None,
        timeout: TimeoutTypes | UseClientDefault,
        extensions: RequestExtensions | None,
    ) -> Request:
        """Build a request by the methods that subclasses may override."""
        # In the order in which HTTPX calls them.
        merged_extensions = self._merge_extensions(timeout, extensions)
        merged_url = self._merge_url(url)
        merged_headers = self._merge_headers(headers)
        merged_cookies = self._merge_cookies(cookies)
        return Request(
            method,
            merged_url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=self._merge_queryparams(params),
            headers=merged_headers,
            cookies=merged_cookies,
            extensions=merged_extensions,
        )

    def _merge_extensions(
        self, timeout: TimeoutTypes | UseClientDefault, extensions: RequestExtensions | None
    ) -> dict[str, Any]:
        if extensions is not None and "timeout" in extensions:
            return dict(extensions)
        if isinstance(timeout, UseClientDefault):
            timeout = self.timeout
        limits = timeout if type(timeout) is Timeout else Timeout(timeout)
        return {**(extensions or {}), "timeout": limits.as_dict()}

    def _merge_url(self, url: URL | str) -> URL:
        """Append a relative URL to the base, as it stands: "/b" to "https://host/a/" is "https://host/a/b"."""
        merged = URL(url)
        # As in HTTPX by the property, which libraries replace that take URLs of files.
        if not merged.is_relative_url:
            return merged
        base_url = self.base_url
        return base_url.copy_with(raw_path=base_url.raw_path + merged.raw_path.lstrip(b"/"))

    def _merge_cookies(self, cookies: CookieTypes | None = None) -> CookieTypes | None:
        merged = Cookies(self.cookies)
        merged.update(cookies)
        return merged

    def _merge_headers(self, headers: HeaderTypes | None = None) -> HeaderTypes | None:
        merged = Headers(self.headers)
        merged.update(headers)
        return merged

    def _merge_queryparams(self, params: QueryParamTypes | None = None) -> QueryParamTypes | None:
        own = QueryParams(self.params)
        return own.merge(params) if params or own else params

    def _set_timeout(self, request: Request) -> None:
        """Give a request that brings no timeouts those of the client."""
        if "timeout" not in request.extensions:
            request.extensions = {**request.extensions, "timeout": Timeout(self.timeout).as_dict()}

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
        if _levels.get(logging.INFO) is not False and logger.isEnabledFor(logging.INFO):
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

_read_merging_parts = attrgetter(
    "timeout",
    "cookies",
    "headers",
    "params",
    "base_url",
    "_merge_url",
    "_merge_headers",
    "_merge_cookies",
    "_merge_queryparams",
)
_MERGING_PARTS = _read_merging_parts(BaseClient)

# Speed: as `_trace.HTTP11_LEVELS`.
_levels: Mapping[int, bool] = getattr(logger, "_cache", {})


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
