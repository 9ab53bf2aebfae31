"""Make the connection that a route asks for: TCP or a unix socket, a proxy, TLS on top, and the protocol over it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ._connections.colours import Colour
from ._connections.http1 import Http1Connection, Keeper
from ._connections.shared import SharedKeeper
from ._exceptions import ConnectError, ConnectTimeout
from ._models import Request
from ._network.base import Network, Stream, earliest, remaining
from ._network.errors import is_over
from ._network.handshake import start_tls
from ._network.racing import SocketOption
from ._network.tls import TLSStream
from ._protocols.h1.head import KnownHeads
from ._proxy_auth import MAX_ANSWERS
from ._routes import Route, Router
from ._trace import make_connect_tracer, trace
from ._tunnels import Attempt, Hop

if TYPE_CHECKING:
    from ._connections.shared import Connection

# Seconds before the second and each later attempt to connect; the wait doubles from the third on.
RETRY_DELAY = 0.5

# Routes whose last TLS session is kept.
MAX_SESSIONS = 256

# Routes that are known to lead to servers without HTTP/2.
MAX_KNOWN_HTTP1 = 1000

# Routes whose last heads are kept.
MAX_KNOWN_ROUTES = 256


class Connector:
    """Makes connections, all with the same settings.

    `alpn` is what TLS offers to origins, whatever the way to them. With a proxy, all else (the unix socket, the local
    address, retries, options) is about the connection to that.

    Attributes:
        offers_http1, offers_http2: what is in `alpn`.
        router, uds, local_address, retries, socket_options: as given.
    """

    def __init__(
        self,
        *,
        router: Router,
        alpn: Sequence[str],
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Sequence[SocketOption] = (),
        probe_after: float | None = None,
    ) -> None:
        self.router = router
        self.offers_http2 = "h2" in alpn
        self.offers_http1 = "http/1.1" in alpn
        self._alpn = alpn
        # Routes whose server chose HTTP/1.1, the last ones.
        self._known_http1: dict[tuple[Any, ...], None] = {}
        self._sessions: dict[tuple[Any, ...], ssl.SSLSession] = {}
        self._known_heads: dict[tuple[Any, ...], KnownHeads] = {}
        self.uds = uds
        self.local_address = local_address
        self.retries = retries
        self.socket_options = socket_options
        self._probe_after = probe_after

    def may_share(self, route: tuple[Any, ...]) -> bool:
        """Tell whether a connection along route may be one to share. To be asked where HTTP/2 is offered."""
        target = self.router.complete(route)
        if target.is_forwarded:
            return False
        return not self.offers_http1 or (target.scheme == "https" and target not in self._known_http1)

    async def connect(
        self, route: tuple[Any, ...], request: Request, *, network: Network, colour: Colour, keeper: _Keeper
    ) -> Connection:
        """Return a connection along route for this request to begin with, trying again as often as `retries` says.

        Raises:
            ConnectTimeout, ConnectError
            ProxyError: the proxy refuses.
            RemoteProtocolError: the proxy's answer is malformed.
        """
        target = self.router.complete(route)
        timeout = (request.extensions.get("timeout") or {}).get("connect")
        deadline, timings = request._deadline, request._timings
        tracer = make_connect_tracer(request.extensions, awaits=colour.awaits)
        attempts_count = 0
        while True:
            # One limit for all steps.
            # Speed: the constructor of a named tuple is one call more.
            attempt = tuple.__new__(Attempt, (network, timeout, earliest(timeout, deadline), timings, tracer))
            try:
                stream = await self._open_stream(target, attempt)
                if self.offers_http2 and self._speaks_http2(stream, target):
                    from ._connections.http2 import Http2Connection  # only where it is spoken

                    return Http2Connection(
                        stream,
                        route=route,
                        keeper=keeper,
                        colour=colour,
                        network=network,
                        probe_after=self._probe_after,
                    )
                return Http1Connection(
                    stream, route=route, keeper=keeper, colour=colour, known_heads=self._find_known_heads(route)
                )
            except (ConnectError, ConnectTimeout):
                attempts_count += 1
                if attempts_count > self.retries or is_over(deadline):
                    raise
            delay = RETRY_DELAY * (2 ** (attempts_count - 2)) if attempts_count > 1 else 0.0
            wait = remaining(delay, deadline) or 0.0
            await trace(tracer, "retry", {}, partial(network.sleep, wait))

    def keep_session(self, connection: Connection) -> None:
        """Remember the TLS session of a connection for the next one along its route."""
        stream = connection.stream
        if connection.route[0] == "http":
            # Where it leads to a proxy by TLS, that is the proxy's.
            hop = self.router.complete(connection.route).hop
            if hop is not None:
                hop.keep_session(stream)
        elif isinstance(stream, TLSStream) and (session := stream.session) is not None:
            if len(self._sessions) >= MAX_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[self.router.complete(connection.route)] = session

    # Private from here on.

    def _find_known_heads(self, route: tuple[Any, ...]) -> KnownHeads:
        known_heads = self._known_heads.get(route)
        if known_heads is None:
            if len(self._known_heads) >= MAX_KNOWN_ROUTES:
                self._known_heads.clear()
            known_heads = self._known_heads[route] = KnownHeads()
        return known_heads

    def _speaks_http2(self, stream: Stream, route: Route) -> bool:
        """Tell which protocol is spoken over a stream: what TLS agreed upon, or what is known beforehand."""
        if route.is_forwarded:
            return False
        if not self.offers_http1:
            # RFC 9113 3.3: prior knowledge. Over TLS a server may leave it unsaid, but not choose another one.
            return True
        if route.scheme == "https" and isinstance(stream, TLSStream):
            if stream.selected_alpn_protocol == "h2":
                self._known_http1.pop(route, None)
                return True
            if len(self._known_http1) >= MAX_KNOWN_HTTP1:
                self._known_http1.pop(next(iter(self._known_http1)))
            self._known_http1[route] = None
        return False

    async def _open_stream(self, route: Route, attempt: Attempt) -> Stream:
        context = None
        if route.scheme == "https":
            # First of all, since there may be something wrong with it.
            context = route.ssl_context or self.router.contexts.own()
        stream = await self._reach(route, attempt)
        if context is None:
            return stream
        tls_stream = await self._start_tls(stream, context, route, attempt)
        attempt.timings._secured_at = time.monotonic()
        return tls_stream

    async def _reach(self, route: Route, attempt: Attempt) -> Stream:
        """Return a stream that leads to the origin, or to a proxy which forwards to it."""
        hop, timings = route.hop, attempt.timings
        for answers_left in range(MAX_ANSWERS, -1, -1):
            timings._connect_began_at = time.monotonic()
            stream: Stream | None = await self._open_socket(hop or route, attempt)
            timings._connected_at = time.monotonic()
            if hop is not None:
                assert stream is not None
                stream = await hop.lead_on(
                    stream, route.scheme, route.host, route.port, attempt, answers_left=answers_left
                )
                timings._proxied_at = time.monotonic()
            if stream is not None:
                return stream
        raise AssertionError("a proxy was answered more often than it may be")

    async def _start_tls(self, stream: Stream, context: ssl.SSLContext, route: Route, attempt: Attempt) -> Stream:
        name = route.server_hostname or _tls_name(route.host)
        tracer = attempt.tracer
        if tracer is not None and route.hop is not None:
            tracer = tracer.renamed("proxy" if route.hop.is_forwarding else "socks")
        session = self._sessions.get(route)
        try:
            return await trace(
                tracer,
                "start_tls",
                {"ssl_context": context, "server_hostname": name, "timeout": attempt.timeout},
                lambda: start_tls(
                    stream,
                    context,
                    server_hostname=name,
                    timeout=attempt.timeout,
                    deadline=attempt.deadline,
                    session=session,
                    alpn=self._alpn,
                ),
            )
        except BaseException:
            # What listens may have failed, before the handshake began or when it was over.
            stream.abort()
            raise

    def _open_socket(self, peer: Route | Hop, attempt: Attempt) -> Awaitable[Stream]:
        network, timeout, deadline, timings, tracer = attempt
        options = self.socket_options
        info: dict[str, Any] = {"timeout": timeout, "socket_options": options or None}
        if self.uds is not None:
            path = self.uds
            return trace(
                tracer,
                "connect_unix_socket",
                {"path": path, **info},
                lambda: network.connect_unix(path, timeout=timeout, deadline=deadline, socket_options=options),
                undo=lambda stream: stream.abort(),
            )
        connecting = partial(
            network.connect_tcp,
            peer.host,
            peer.port,
            timeout=timeout,
            deadline=deadline,
            local_address=self.local_address,
            socket_options=options,
            timings=timings,
        )
        if tracer is None:
            return connecting()
        if isinstance(peer, Hop) and not peer.is_forwarding:
            tracer = tracer.renamed("socks")
        return trace(
            tracer,
            "connect_tcp",
            {"host": peer.host, "port": peer.port, "local_address": self.local_address, **info},
            connecting,
            undo=lambda stream: stream.abort(),
        )


# Private from here on.


class _Keeper(Keeper, SharedKeeper, Protocol):
    """Whom connections of either kind belong to."""

    def drop_idle(self, connection: Connection) -> None:
        """Close an idle connection that is of no more use."""


def _tls_name(host: str) -> str:
    """Return the name that a certificate must be for."""
    if ":" in host:
        # RFC 4007 11.2: a zone means something to this machine alone.
        return host.partition("%")[0]
    # RFC 6066 3: the root's dot is not sent, and no certificate has it.
    return host.removesuffix(".")
