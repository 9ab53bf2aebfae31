"""The settings of a client, which both clients have alike."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .__version__ import __version__
from ._config import DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Timeout
from ._decoders import accepted_codings
from ._models import Cookies, Headers
from ._query import QueryParams
from ._urls import URL

if TYPE_CHECKING:
    from ._auth import Auth
    from ._models.request import KnownRequest
    from ._types import AuthTypes, CookieTypes, HeaderTypes, QueryParamTypes, TimeoutTypes

EventHook = Callable[..., Any]

USER_AGENT = f"python-httpx/{__version__}"


class UseClientDefault:
    """The type of USE_CLIENT_DEFAULT, which stands for "as the client is set", where None has a meaning of its own."""


USE_CLIENT_DEFAULT = UseClientDefault()


class ClientState(enum.Enum):
    """How far a client is in its life: UNOPENED -> OPENED -> CLOSED; it may be closed without having been opened."""

    UNOPENED = 1
    OPENED = 2
    CLOSED = 3


class ClientSettings:
    """The settings of a client, and how they are changed."""

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
        # By method and URL, as they were given: requests that came again, and None for those that came once.
        self._known_requests: dict[tuple[str, URL | str, int], KnownRequest | None] = {}

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

    # Private from here on.

    def _enforce_trailing_slash(self, url: URL) -> URL:
        if url.raw_path.endswith(b"/"):
            return url
        return url.copy_with(raw_path=url.raw_path + b"/")

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


# Private from here on.


def _event_hooks(event_hooks: Mapping[str, list[EventHook]]) -> dict[str, list[EventHook]]:
    return {"request": list(event_hooks.get("request", [])), "response": list(event_hooks.get("response", []))}
