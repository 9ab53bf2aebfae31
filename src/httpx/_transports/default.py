"""The transports that go over the network: a pool of connections behind the seam."""

from __future__ import annotations

import ssl
import sys
from binascii import b2a_base64
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from .._config import DEFAULT_LIMITS, Limits, Proxy
from .._connect import Connector
from .._connections.colours import AsyncColour, SyncColour
from .._contexts import Contexts
from .._drive import drive
from .._models import Request, Response
from .._network.racing import SocketOption
from .._network.running import running_network
from .._network.sync import SyncNetwork
from .._pool import Pool
from .._routes import Router
from .._types import AsyncByteStream, CertTypes, ProxyTypes, SyncByteStream
from .base import AsyncBaseTransport, BaseTransport

T = TypeVar("T", bound="HTTPTransport")
A = TypeVar("A", bound="AsyncHTTPTransport")

SOCKET_OPTION = SocketOption


class HTTPTransport(BaseTransport):
    """Sends requests over the network, for threads: any number of them may use one transport.

    Args:
        verify: True for the system's trusted authorities, False for none at all, or an `ssl.SSLContext`.
        cert: a client certificate: a PEM file, or (certificate, key), or (certificate, key, password).
        trust_env: whether SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE count.
        http1, http2: which protocols to offer.
        limits: how many connections, and for how long.
        proxy: what to go through: http, https, socks5 or socks5h. What follows is about the connection to it, then.
        uds: the path of a unix socket to connect to, whatever the URL's host.
        local_address: the address of this machine to connect from.
        retries: how often a failed attempt to connect is repeated.
        socket_options: (level, option, value) for each socket.
    """

    __module__ = "httpx"

    def __init__(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        proxy: ProxyTypes | None = None,
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> None:
        alpn = _find_alpn(http1=http1, http2=http2)
        proxy = _read_proxy(proxy)
        self._pool = TransportPool(
            Connector(
                router=_make_router(verify, cert, trust_env, proxy),
                alpn=alpn,
                uds=uds,
                local_address=local_address,
                retries=retries,
                socket_options=tuple(socket_options or ()),
                probe_after=limits.probe_after,
            ),
            limits=limits,
            colour=SyncColour(),
            find_network=SyncNetwork,
        )
        self._pool._proxy = proxy

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def handle_request(self, request: Request) -> Response:
        """Send a request and return its response, whose body is still to be read.

        Raises:
            TransportError
        """
        if "respx" in sys.modules:
            from .interception import intercept  # only tests of programs have it

            answer = intercept(request)
            if answer is not None:
                return answer
        return drive(self._pool.send(request))

    def close(self) -> None:
        """Close the idle connections, and make the requests that are under way fail."""
        self._pool.close()


class AsyncHTTPTransport(AsyncBaseTransport):
    """Sends requests over the network, for the tasks of asyncio or trio. Its arguments are `HTTPTransport`'s."""

    __module__ = "httpx"

    def __init__(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        proxy: ProxyTypes | None = None,
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> None:
        alpn = _find_alpn(http1=http1, http2=http2)
        proxy = _read_proxy(proxy)
        self._pool = TransportPool(
            Connector(
                router=_make_router(verify, cert, trust_env, proxy),
                alpn=alpn,
                uds=uds,
                local_address=local_address,
                retries=retries,
                socket_options=tuple(socket_options or ()),
                probe_after=limits.probe_after,
            ),
            limits=limits,
            colour=AsyncColour(),
            find_network=running_network,
        )
        self._pool._proxy = proxy

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def handle_async_request(self, request: Request) -> Response:
        """Send a request and return its response, whose body is still to be read.

        Raises:
            TransportError
        """
        if "respx" in sys.modules:
            from .interception import intercept_async  # as above

            answer = await intercept_async(request)
            if answer is not None:
                return answer
        return await self._pool.send(request)

    async def aclose(self) -> None:
        """Close the idle connections, and make the requests that are under way fail."""
        self._pool.close()


# Private from here on.


class _RawURL(NamedTuple):
    """A URL as httpcore has it."""

    scheme: bytes
    host: bytes
    port: int | None
    target: bytes


class TransportPool(Pool):
    """A pool that shows its requests, its settings and its proxy as httpcore does.

    In HTTPX it is a pool of httpcore, private, but looked into all the same. SDKs count in their tests how many
    requests it has, to see that no response was left open, and look which settings their options became. pytest-httpx
    asks whether it is one for proxies, and for which, to match requests by their proxy. It is, as far as `isinstance`
    can tell: by `__class__`, since there is no httpcore here to inherit from. Nothing else here knows of that.
    """

    _proxy: Proxy | None = None

    @property
    def connections(self) -> list[object]:
        """The connections, whatever their state."""
        with self._lock:
            return [*self._shelves.active, *self._shelves.idle]

    _connections = connections
    _ssl_context = property(lambda self: self._router.contexts.own())
    _http1 = property(lambda self: self._connector.offers_http1)
    _http2 = property(lambda self: self._connector.offers_http2)
    _retries = property(lambda self: self._connector.retries)
    _uds = property(lambda self: self._connector.uds)
    _local_address = property(lambda self: self._connector.local_address)
    _socket_options = property(lambda self: self._connector.socket_options)
    _max_connections = property(lambda self: _or_maxsize(self._limits.max_connections))
    _max_keepalive_connections = property(
        lambda self: min(self._max_connections, _or_maxsize(self._limits.max_keepalive_connections))
    )

    @property
    def _requests(self) -> list[object]:
        """One item for each request that has a connection, until its response is closed, or waits for one."""
        with self._lock:
            shown: list[object] = list(self._shelves.all_tickets())
            for connection in self._shelves.active:
                # One that carries many at once counts them.
                shown += [connection] * getattr(connection, "exchange_count", 1)
        return shown

    @property
    def _proxy_url(self) -> _RawURL:
        if self._proxy is None:
            raise AttributeError("There is no proxy.")
        url = self._proxy.url
        return _RawURL(url.raw_scheme, url.raw_host, url.port, url.raw_path)

    @property
    def _proxy_headers(self) -> list[tuple[bytes, bytes]]:
        """What HTTPX sends to the proxy; credentials first."""
        if self._proxy is None:
            raise AttributeError("There is no proxy.")
        auth = self._proxy.raw_auth
        credentials = (
            [] if auth is None else [(b"Proxy-Authorization", b"Basic " + b2a_base64(b"%b:%b" % auth, newline=False))]
        )
        return credentials + self._proxy.headers.raw

    @property  # type: ignore[misc]  # isinstance() only reads it
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # likewise
        httpcore = sys.modules.get("httpcore")
        if httpcore is None or self._hop is None or not self._hop.is_forwarding:
            return TransportPool
        return httpcore.AsyncHTTPProxy if self._colour.awaits else httpcore.HTTPProxy


class ResponseStream(SyncByteStream):
    """A body made of any iterable, closed with it; for libraries that wrap transports, and not used here."""

    def __init__(self, httpcore_stream: Iterable[bytes]) -> None:
        self._httpcore_stream = httpcore_stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._httpcore_stream

    def close(self) -> None:
        close = getattr(self._httpcore_stream, "close", None)
        if close is not None:
            close()


class AsyncResponseStream(AsyncByteStream):
    """What `ResponseStream` is, for an async iterable."""

    def __init__(self, httpcore_stream: AsyncIterable[bytes]) -> None:
        self._httpcore_stream = httpcore_stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._httpcore_stream:
            yield part

    async def aclose(self) -> None:
        aclose = getattr(self._httpcore_stream, "aclose", None)
        if aclose is not None:
            await aclose()


def __getattr__(name: str) -> Any:
    if name == "map_httpcore_exceptions":
        from .httpcore_exceptions import map_httpcore_exceptions  # few libraries ask for it

        return map_httpcore_exceptions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _or_maxsize(limit: int | None) -> int:
    return sys.maxsize if limit is None else limit


def _read_proxy(proxy: ProxyTypes | None) -> Proxy | None:
    return proxy if proxy is None or isinstance(proxy, Proxy) else Proxy(url=proxy)


def _make_router(
    verify: ssl.SSLContext | str | bool, cert: CertTypes | None, trust_env: bool, proxy: Proxy | None
) -> Router:
    return Router(contexts=Contexts(verify, cert, trust_env=trust_env), proxy=proxy, trust_env=trust_env)


def _find_alpn(*, http1: bool, http2: bool) -> tuple[str, ...]:
    """Return what TLS offers to origins: what is enabled, the better one first."""
    if not http1 and not http2:
        raise ValueError("Neither http1 nor http2 is enabled: there is no protocol to speak.")
    return tuple(name for name, is_enabled in (("h2", http2), ("http/1.1", http1)) if is_enabled)
