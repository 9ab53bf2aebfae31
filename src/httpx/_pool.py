"""The connections that a client keeps: who gets one, who makes one, and what happens when a request fails on it.

Many tasks or threads want connections, under limits on how many there may be, and any of them may be cancelled at any
point, which must never cost a slot. So everything that is counted is in one place, the `Shelves`, and changes in single
steps under a lock; between two steps, whoever waits, connects or exchanges holds exactly one thing (a ticket, a slot,
or a connection), and gives it back if it fails.

The lock is a plain one in every colour (40 ns when nobody else wants it), and nothing is awaited under it. Finalisers
take no lock, since they may run while it is held: they append to `_lost`, which the next take looks at.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable

from ._config import Limits
from ._connect import HTTP_SCHEMES, Connector, find_route
from ._connections.colours import Colour
from ._connections.http1 import Http1Connection, encode_request
from ._exceptions import ConnectError, NetworkError, PoolTimeout, RemoteProtocolError
from ._models import Request, Response
from ._network.base import Network
from ._shelves import RouteKey, Shelves, Ticket

# RFC 9110 9.2.2, and QUERY, which is defined as safe.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})


class Pool:
    """Sends requests over connections that it keeps."""

    def __init__(
        self,
        connector: Connector,
        *,
        limits: Limits,
        colour: Colour,
        find_network: Callable[[], Network],
    ) -> None:
        self._connector = connector
        self._limits = limits
        self._colour = colour
        self._find_network = find_network
        self._network: Network | None = None
        keepalive_expiry = limits.keepalive_expiry
        self._keepalive_expiry = float("inf") if keepalive_expiry is None else keepalive_expiry
        self._lock = threading.Lock()
        self._shelves = Shelves(limits)
        self._lost: deque[Http1Connection] = deque()
        self._is_closed = False

    async def send(self, request: Request) -> Response:
        """Send a request over an idle connection or one made for it, and return the response, its body unread.

        A request that the server provably did not process is sent once more, on a fresh connection.

        Raises:
            PoolTimeout, ConnectTimeout, ReadTimeout, WriteTimeout
            ConnectError, ReadError, WriteError
            LocalProtocolError, RemoteProtocolError, UnsupportedProtocol
        """
        route: RouteKey = request.url._uri_reference.route_key
        if route[0] not in HTTP_SCHEMES or not route[1] or "sni_hostname" in request.extensions:
            route = find_route(request)
        head, framing = encode_request(request)
        if self._network is None or not self._network.is_current():
            self._change_network(self._find_network())
        connection = self._take_idle(route) or await self._take_other(route, request)
        try:
            return await connection.exchange(request, head, framing)
        except (NetworkError, RemoteProtocolError):
            if self._is_closed or not _may_send_again(request, connection):
                raise
        connection = await self._take_other(route, request, is_fresh=True)
        return await connection.exchange(request, head, framing)

    @property
    def connection_count(self) -> int:
        """Connections that exist or are being made."""
        return self._shelves.count

    @property
    def idle_count(self) -> int:
        """Connections that carry no exchange."""
        return len(self._shelves.idle)

    @property
    def waiter_count(self) -> int:
        """Requests that wait for a connection."""
        return len(self._shelves.all_tickets())

    def close(self) -> None:
        """Close the idle connections, and make the requests that are under way fail."""
        with self._lock:
            self._is_closed = True
            lost = self._sweep_lost()
            idle = self._shelves.close()
            active = list(self._shelves.active)
            tickets = self._shelves.all_tickets()
        for connection in lost:
            connection.abort()
        for connection in idle:
            connection.close()
        for connection in active:
            connection.wake()
        for ticket in tickets:
            ticket.waiter.set()

    def __del__(self) -> None:
        shelves = getattr(self, "_shelves", None)
        if shelves is None:
            # What it was to be made of was refused.
            return
        open_connections = [*shelves.idle, *shelves.active, *self._lost]
        if not open_connections:
            return
        # Nobody else holds the pool, so no lock is needed. Those who wait for something in it would hold it.
        warnings.warn(
            f"A client was lost without having been closed, with {len(open_connections)} open connections.",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )
        for connection in open_connections:
            connection.abort()

    # For connections.

    def release(self, connection: Http1Connection) -> None:
        """Take back a connection that is ready for the next exchange, and hand it to who waits for it."""
        if not connection.is_reused:
            connection.is_reused = True
            self._connector.keep_session(connection)
        now = time.monotonic()
        connection.idle_until = now + self._keepalive_expiry
        with self._lock:
            surplus = self._shelves.put_back(connection, now)
        for other in surplus:
            other.close()

    def discard(self, connection: Http1Connection) -> None:
        """Forget a connection that is closed; its slot goes to who waits for one."""
        with self._lock:
            self._shelves.remove(connection)

    def drop_idle(self, connection: Http1Connection) -> None:
        """Close an idle connection that shows something: whatever it is, it is no answer to anybody."""
        with self._lock:
            is_dropped = self._shelves.remove_idle(connection)
        if is_dropped:
            connection.close()

    def lose(self, connection: Http1Connection) -> None:
        """Note that nobody will finish the exchange of this connection. Called by finalisers: takes no lock."""
        self._lost.append(connection)
        if self._is_closed:
            connection.abort()

    # Private from here on.

    def _take_idle(self, route: RouteKey) -> Http1Connection | None:
        """Return an idle connection along route that still stands, if there is one."""
        if self._lost:
            self._drop_lost()
        while True:
            with self._lock:
                connection = self._shelves.take_idle(route)
            if connection is None:
                return None
            # What an idle connection shows, bytes, its end or a fault, is no answer to this request.
            if connection.idle_until >= time.monotonic() and not connection.stream.is_readable():
                return connection
            connection.close()
            self.discard(connection)

    async def _take_other(self, route: RouteKey, request: Request, *, is_fresh: bool = False) -> Http1Connection:
        """Return a connection along route: one that is made as soon as there is a slot, or one that comes back before.

        With is_fresh only one that carried nothing before.
        """
        while True:
            ticket = self._reserve(route)
            connection = None if ticket is None else await self._wait(ticket, request)
            if connection is None:
                return await self._connect(route, request)
            if not is_fresh and not connection.stream.is_readable():
                return connection
            connection.close()
            self.discard(connection)

    def _reserve(self, route: RouteKey) -> Ticket | None:
        """Reserve a slot for a connection along route and return None, or return a ticket to wait with."""
        assert self._network is not None
        if self._lost:
            self._drop_lost()
        with self._lock:
            if self._is_closed:
                raise ConnectError("The client was closed.")
            ticket, victim = self._shelves.reserve(route, self._network.make_waiter)
        if victim is not None:
            victim.close()
        return ticket

    async def _wait(self, ticket: Ticket, request: Request) -> Http1Connection | None:
        """Wait until the ticket is served: with a connection, or (None) with a slot to make one in."""
        timeout = (request.extensions.get("timeout") or {}).get("pool")
        # Not looked up again: it is another one after a change of the network.
        shelves = self._shelves
        try:
            await ticket.waiter.wait(timeout, request._deadline)
            if not ticket.is_served:
                # A response that was dropped unread in the meantime may be what it waits for.
                self._drop_lost()
            if not ticket.is_served:
                raise self._not_served(ticket, timeout)
        except BaseException:
            with self._lock:
                connection = shelves.give_up(ticket)
            if connection is not None:
                self.release(connection)
            raise
        return ticket.connection

    def _not_served(self, ticket: Ticket, timeout: float | None) -> Exception:
        if self._is_closed:
            return ConnectError("The client was closed while the request waited for a connection.")
        scheme, host, port = ticket.shelf.route[:3]
        waited = "until its deadline" if timeout is None else f"for {timeout} s"
        return PoolTimeout(
            f"Pool timeout: {self._shelves.count} of {self._shelves.max_count} connections busy {waited}, none free "
            f"for {scheme}://{host}:{port}. Raise Limits.max_connections or close streamed responses."
        )

    async def _connect(self, route: RouteKey, request: Request) -> Http1Connection:
        """Make a connection in the slot that was reserved for it."""
        network, shelves = self._network, self._shelves
        assert network is not None
        try:
            connection = await self._connector.connect(
                route,
                network=network,
                colour=self._colour,
                keeper=self,
                timeouts=request.extensions.get("timeout") or {},
                deadline=request._deadline,
            )
        except BaseException:
            with self._lock:
                shelves.free_slot(route)
            raise
        with self._lock:
            if shelves is self._shelves and not self._is_closed:
                shelves.active.add(connection)
                return connection
            shelves.free_slot(route)
        connection.abort()
        raise ConnectError("The client was closed, or used from another event loop, while it was connecting.")

    def _change_network(self, network: Network) -> None:
        """Drop the connections of a network that runs no more, or is not the one of who asks."""
        with self._lock:
            stale = [*self._shelves.idle, *self._shelves.active]
            self._shelves = Shelves(self._limits)
            self._lost.clear()
            self._network = network
        for connection in stale:
            connection.abort()

    def _drop_lost(self) -> None:
        with self._lock:
            lost = self._sweep_lost()
        for connection in lost:
            connection.abort()

    def _sweep_lost(self) -> list[Http1Connection]:
        """Take the lost connections out of the books, under the lock; return them, to be aborted."""
        lost: list[Http1Connection] = []
        while self._lost:
            lost.append(self._lost.popleft())
            self._shelves.remove(lost[-1])
        return lost


# Private from here on.


def _may_send_again(request: Request, connection: Http1Connection) -> bool:
    """Tell whether the server provably did not process a request, or may be given it twice (RFC 9110 9.2.2)."""
    if connection.has_received or not connection.is_reused:
        return False
    is_idempotent = request.method in IDEMPOTENT_METHODS or "idempotency-key" in request.headers
    if connection.has_written and not is_idempotent:
        return False
    return bool(getattr(request.stream, "_is_replayable", False))
