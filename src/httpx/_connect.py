"""Make the connection that a route asks for: TCP or a unix socket, TLS on top, and the protocol over it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ._connections.colours import Colour
from ._connections.http1 import Http1Connection, Keeper
from ._exceptions import ConnectError, ConnectTimeout, UnsupportedProtocol
from ._models import Request
from ._network.base import Network, Stream, earliest, remaining
from ._network.errors import is_over
from ._network.racing import SocketOption
from ._network.tls import TLSStream, start_tls

HTTP_SCHEMES = frozenset({"http", "https"})

# Seconds before the second and each later attempt to connect; the wait doubles from the third on.
RETRY_DELAY = 0.5

# Routes whose last TLS session is kept.
MAX_SESSIONS = 256


class Route(NamedTuple):
    """Where a connection leads, with everything that makes it different from others of the same pool."""

    scheme: str
    host: str
    port: int
    # The name asked for in TLS, if it is not the host.
    server_hostname: str | None = None


def find_route(request: Request) -> tuple[Any, ...]:
    """Return the route of a request: a tuple that begins as `Route` does, the URL's own if nothing else matters.

    Raises:
        UnsupportedProtocol: the URL is not one to fetch over HTTP.
    """
    key: tuple[Any, ...] = request.url._uri_reference.route_key
    if key[0] not in HTTP_SCHEMES or not key[1]:
        raise _unsupported(request)
    if "sni_hostname" in request.extensions:
        return (*key, request.extensions["sni_hostname"])
    return key


class Connector:
    """Makes connections, all with the same settings.

    `make_ssl_context` is called for the first https connection, so that a client which never makes one does not pay
    for a context.
    """

    def __init__(
        self,
        *,
        make_ssl_context: Callable[[], ssl.SSLContext],
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Sequence[SocketOption] = (),
    ) -> None:
        self._make_ssl_context = make_ssl_context
        self._ssl_context: ssl.SSLContext | None = None
        self._sessions: dict[Route, ssl.SSLSession] = {}
        self._uds = uds
        self._local_address = local_address
        self._retries = retries
        self._socket_options = socket_options

    async def connect(
        self,
        route: tuple[Any, ...],
        *,
        network: Network,
        colour: Colour,
        keeper: Keeper,
        timeouts: Mapping[str, Any],
        deadline: float | None,
    ) -> Http1Connection:
        """Return a connection along route, trying again as often as `retries` says.

        Raises:
            ConnectTimeout, ConnectError
        """
        target = Route(*route)
        timeout = timeouts.get("connect")
        attempt = 0
        while True:
            try:
                stream = await self._open_stream(target, network, timeout, deadline)
                return Http1Connection(stream, route=route, keeper=keeper, colour=colour)
            except (ConnectError, ConnectTimeout):
                attempt += 1
                if attempt > self._retries or is_over(deadline):
                    raise
            delay = RETRY_DELAY * (2 ** (attempt - 2)) if attempt > 1 else 0.0
            await network.sleep(remaining(delay, deadline) or 0.0)

    def keep_session(self, connection: Http1Connection) -> None:
        """Remember the TLS session of a connection for the next one along its route."""
        stream = connection.stream
        if isinstance(stream, TLSStream) and (session := stream.session) is not None:
            if len(self._sessions) >= MAX_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[Route(*connection.route)] = session

    # Private from here on.

    async def _open_stream(
        self, route: Route, network: Network, timeout: float | None, deadline: float | None
    ) -> Stream:
        # One limit for all steps.
        deadline = earliest(timeout, deadline)
        if route.scheme == "https" and self._ssl_context is None:
            # First of all, since there may be something wrong with it.
            self._ssl_context = self._make_ssl_context()
        if self._uds is not None:
            stream = await network.connect_unix(
                self._uds, timeout=timeout, deadline=deadline, socket_options=self._socket_options
            )
        else:
            stream = await network.connect_tcp(
                route.host,
                route.port,
                timeout=timeout,
                deadline=deadline,
                local_address=self._local_address,
                socket_options=self._socket_options,
            )
        if route.scheme == "http":
            return stream
        assert self._ssl_context is not None
        return await start_tls(
            stream,
            self._ssl_context,
            server_hostname=route.server_hostname or route.host,
            timeout=timeout,
            deadline=deadline,
            session=self._sessions.get(route),
        )


# Private from here on.


def _unsupported(request: Request) -> UnsupportedProtocol:
    scheme = request.url.scheme
    if not scheme:
        return UnsupportedProtocol("Request URL is missing an 'http://' or 'https://' protocol.", request=request)
    if scheme not in HTTP_SCHEMES:
        return UnsupportedProtocol(f"Request URL has an unsupported protocol '{scheme}://'.", request=request)
    return UnsupportedProtocol("Request URL has no host.", request=request)
