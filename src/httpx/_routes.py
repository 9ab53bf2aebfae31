"""Where connections lead: what makes one different from another, so that a request gets none that is not for it.

The route of most requests is that of their URL, and a tuple of three. The extensions `proxy`, `verify`, `cert` and
`sni_hostname` make a request go another way than its client would by itself; such a route holds all of that as well.
Connections are filed by it, and so one that did not verify its server never serves a request that asks for that.
"""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple

from ._config import Proxy
from ._contexts import Contexts
from ._exceptions import UnsupportedProtocol
from ._models import Request
from ._tunnels import Hop

HTTP_SCHEMES = frozenset({"http", "https"})

# A request that has one of these may take another route than that of its URL.
ROUTE_EXTENSIONS = frozenset({"cert", "proxy", "sni_hostname", "verify"})

# Proxies named by single requests whose state is kept.
MAX_HOPS = 256


class Route(NamedTuple):
    """Where a connection leads, with everything that makes it different from others of the same pool."""

    scheme: str
    host: str
    port: int
    # The name asked for in TLS, if it is not the host.
    server_hostname: str | None
    # The proxy to go through; None for a direct connection.
    hop: Hop | None
    # What to shake hands by; None for the client's own.
    ssl_context: ssl.SSLContext | None

    @property
    def is_forwarded(self) -> bool:
        """Tell whether it ends at a proxy, which forwards requests one by one, and speaks HTTP/1.1."""
        return self.hop is not None and self.hop.is_forwarding and self.scheme == "http"


class Router:
    """Finds the routes of one client's requests.

    Attributes:
        hop: the client's own proxy.
        contexts: the client's own TLS context, and those of single requests.
    """

    def __init__(self, *, contexts: Contexts, proxy: Proxy | None = None, trust_env: bool = True) -> None:
        self.contexts = contexts
        self.hop = None if proxy is None else Hop(proxy, trust_env=trust_env)
        self._trust_env = trust_env
        self._hops: dict[Hop, Hop] = {}

    def find(self, request: Request) -> tuple[Any, ...]:
        """Return the route of a request: the three values of its URL, or a `Route` if something else matters.

        Raises:
            UnsupportedProtocol: the URL is not one to fetch over HTTP.
            ValueError, TypeError, OSError: an extension has a value that is none.
        """
        key: tuple[str, str, int] = request.url._uri_reference.route_key  # type: ignore[assignment]  # these schemes have a port
        scheme, host, _ = key
        if scheme not in HTTP_SCHEMES or not host:
            raise _unsupported(request)
        extensions = request.extensions
        server_hostname = extensions.get("sni_hostname")
        hop = self._find_hop(extensions["proxy"]) if "proxy" in extensions else self.hop
        context = self.contexts.find(extensions) if scheme == "https" else None
        if server_hostname is None and context is None and hop == self.hop:
            return key
        return Route(*key, server_hostname, hop, context)

    def complete(self, key: tuple[Any, ...]) -> Route:
        """Return a route with all that its key leaves out."""
        if isinstance(key, Route):
            return key
        scheme, host, port = key
        # Speed: the constructor of a named tuple is one call more.
        route: Route = tuple.__new__(Route, (scheme, host, port, None, self.hop, None))
        return route

    # Private from here on.

    def _find_hop(self, proxy: Any) -> Hop | None:
        if proxy is None:
            return None
        hop = Hop(proxy if isinstance(proxy, Proxy) else Proxy(url=proxy), trust_env=self._trust_env)
        if len(self._hops) >= MAX_HOPS:
            self._hops.clear()
        # One for all requests that name it, since it may know how to answer the proxy's challenges.
        return self._hops.setdefault(hop, hop)


# Private from here on.


def _unsupported(request: Request) -> UnsupportedProtocol:
    scheme = request.url.scheme
    if not scheme:
        return UnsupportedProtocol("Request URL is missing an 'http://' or 'https://' protocol.", request=request)
    if scheme not in HTTP_SCHEMES:
        return UnsupportedProtocol(f"Request URL has an unsupported protocol '{scheme}://'.", request=request)
    return UnsupportedProtocol("Request URL has no host.", request=request)
