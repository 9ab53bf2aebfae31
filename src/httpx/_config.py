"""What a client is configured with: timeouts, limits, proxies, and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._models.headers import Headers
from ._urls import URL

if TYPE_CHECKING:
    import ssl

    from ._tls import create_ssl_context
    from ._types import HeaderTypes, TimeoutTypes

__all__ = ["Limits", "Proxy", "Timeout", "create_ssl_context"]


class UnsetType:
    """The type of `UNSET`, which stands for an argument that was not given where None has a meaning."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = UnsetType()


class Timeout:
    """Limit how long the parts of a request may take, in seconds; None is no limit.

    `connect` bounds making a connection (name resolution and TLS included), `read` each wait for bytes of the response,
    `write` each wait for room to send, `pool` the wait for a free connection. `total` bounds the request as a whole:
    redirects, retries and the body included.

    Examples:
        Timeout(5.0)                    5 s each
        Timeout(5.0, connect=60.0)      60 s to connect, 5 s for the others
        Timeout(None, total=30.0)       nothing but 30 s over all
        Timeout((60.0, 5.0, 5.0, 1.0))  connect, read, write, pool

    Raises:
        TypeError: a limit is no number.
        ValueError: there is neither a default nor a value for each of the four.
    """

    __module__ = "httpx"

    def __init__(
        self,
        timeout: TimeoutTypes | UnsetType = UNSET,
        *,
        connect: float | UnsetType | None = UNSET,
        read: float | UnsetType | None = UNSET,
        write: float | UnsetType | None = UNSET,
        pool: float | UnsetType | None = UNSET,
        total: float | None = None,
    ) -> None:
        self.total: float | None = total
        self.connect: float | None
        self.read: float | None
        self.write: float | None
        self.pool: float | None
        default: float | UnsetType | None
        if isinstance(timeout, tuple):
            # A tuple says it all, and may be short: those left out have no limit.
            connect, read = timeout[0], timeout[1]
            write = timeout[2] if len(timeout) > 2 else None
            pool = timeout[3] if len(timeout) > 3 else None
            default = None
        elif isinstance(timeout, Timeout):
            connect = timeout.connect if isinstance(connect, UnsetType) else connect
            read = timeout.read if isinstance(read, UnsetType) else read
            write = timeout.write if isinstance(write, UnsetType) else write
            pool = timeout.pool if isinstance(pool, UnsetType) else pool
            self.total = timeout.total if total is None else total
            default = None
        else:
            default = timeout
        if isinstance(default, UnsetType):
            if any(isinstance(limit, UnsetType) for limit in (connect, read, write, pool)):
                raise ValueError("httpx.Timeout must either include a default, or set all four parameters explicitly.")
            default = None
        self.connect = default if isinstance(connect, UnsetType) else connect
        self.read = default if isinstance(read, UnsetType) else read
        self.write = default if isinstance(write, UnsetType) else write
        self.pool = default if isinstance(pool, UnsetType) else pool
        for seconds in (self.connect, self.read, self.write, self.pool, self.total):
            # Anything else may be a number, such as a numpy.float32, or the stand-in of a test for one.
            if isinstance(seconds, _NO_SECONDS):
                raise TypeError(f"httpx.Timeout takes seconds or None, not {seconds!r}.")

    def as_dict(self) -> dict[str, float | None]:
        """Return the limits by name, as they stand in `extensions["timeout"]`; `total` only if it is set."""
        # A fresh one each time, because hooks and transports change what they find in `extensions`.
        limits = {"connect": self.connect, "read": self.read, "write": self.write, "pool": self.pool}
        if self.total is not None:
            limits["total"] = self.total
        return limits

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, self.__class__) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        total = "" if self.total is None else f", total={self.total}"
        if len({self.connect, self.read, self.write, self.pool}) == 1:
            return f"{type(self).__name__}(timeout={self.connect}{total})"
        return (
            f"{type(self).__name__}(connect={self.connect}, read={self.read}, write={self.write}, pool={self.pool}"
            f"{total})"
        )


class Limits:
    """Limit the connections that a client holds; None is no limit.

    `max_connections` counts all, `max_keepalive_connections` those that wait idle for their next request,
    `max_connections_per_host` those to one origin. An idle connection is closed after `keepalive_expiry` seconds. An
    HTTP/2 connection that was silent for `probe_after` seconds is asked for a sign of life (PING) before it is used.
    """

    __module__ = "httpx"

    def __init__(
        self,
        *,
        max_connections: int | None = None,
        max_keepalive_connections: int | None = None,
        keepalive_expiry: float | None = 5.0,
        max_connections_per_host: int | None = None,
        probe_after: float | None = None,
    ) -> None:
        self.max_connections = max_connections
        self.max_keepalive_connections = max_keepalive_connections
        self.keepalive_expiry = keepalive_expiry
        self.max_connections_per_host = max_connections_per_host
        self.probe_after = probe_after

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, self.__class__) and (
            self.max_connections,
            self.max_keepalive_connections,
            self.keepalive_expiry,
            self.max_connections_per_host,
            self.probe_after,
        ) == (
            other.max_connections,
            other.max_keepalive_connections,
            other.keepalive_expiry,
            other.max_connections_per_host,
            other.probe_after,
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        per_host, probe_after = self.max_connections_per_host, self.probe_after
        return (
            f"{type(self).__name__}(max_connections={self.max_connections}, "
            f"max_keepalive_connections={self.max_keepalive_connections}, keepalive_expiry={self.keepalive_expiry}"
            f"{'' if per_host is None else f', max_connections_per_host={per_host}'}"
            f"{'' if probe_after is None else f', probe_after={probe_after}'})"
        )


class Proxy:
    """Name a proxy: its URL, credentials, fields to send to it, TLS context for it.

    The URL's scheme is http, https, socks4, socks4a, socks5 or socks5h. Credentials in it are taken out, and go before
    `auth`. With the `auth_scheme` "digest" the password is never sent to an HTTP proxy; otherwise it is, with the first
    request ("basic"), and a proxy that then asks for a digest is given one.

    Raises:
        ValueError: the URL has another scheme, or there is no such `auth_scheme`.
    """

    __module__ = "httpx"

    def __init__(
        self,
        url: URL | str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        auth: tuple[str, str] | None = None,
        headers: HeaderTypes | None = None,
        auth_scheme: str = "basic",
    ) -> None:
        url = URL(url)
        if url.scheme not in ("http", "https", "socks4", "socks4a", "socks5", "socks5h"):
            raise ValueError(f"Unknown scheme for proxy URL {url!r}")
        if auth_scheme not in ("basic", "digest"):
            raise ValueError(f'auth_scheme must be "basic" or "digest", not {auth_scheme!r}')
        if url.username or url.password:
            auth = (url.username, url.password)
            url = url.copy_with(username=None, password=None)
        self.url = url
        self.auth = auth
        self.auth_scheme = auth_scheme
        self.headers = Headers(headers)
        self.ssl_context = ssl_context

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        """User name and password as bytes."""
        return None if self.auth is None else (self.auth[0].encode("utf-8"), self.auth[1].encode("utf-8"))

    def __repr__(self) -> str:
        auth = f", auth={(self.auth[0], '********')!r}" if self.auth else ""
        headers = f", headers={dict(self.headers._masked_items())!r}" if self.headers else ""
        scheme = "" if self.auth_scheme == "basic" else f", auth_scheme={self.auth_scheme!r}"
        return f"Proxy({str(self.url)!r}{auth}{headers}{scheme})"


# Private from here on.

# What is surely no number.
_NO_SECONDS = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


def __getattr__(name: str) -> Any:
    # A re-export kept for compatibility. Lazy: programs that speak no TLS never import the ssl module.
    if name == "create_ssl_context":
        from ._tls import create_ssl_context

        return create_ssl_context
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Public again: made by what stands above.

DEFAULT_TIMEOUT_CONFIG = Timeout(timeout=5.0)  # seconds
DEFAULT_LIMITS = Limits(max_connections=100, max_keepalive_connections=20)
DEFAULT_MAX_REDIRECTS = 20
