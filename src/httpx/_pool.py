"""The connections that a client keeps, and who gets them.

The problem: many tasks or threads want connections to many origins, under limits on how many there may be; taking one
and giving it back happens for each request, so it must not cost more when there are more of them; and any of those who
wait, connect, send or read may be cancelled at any point, which must never cost a slot.

Our way: connections are filed by route. An idle one is on the stack of its route (the last used is the freshest) and in
one order over all routes (the first is the oldest: the one to expire, or to close for the sake of another route).
Who finds neither an idle connection nor a free slot leaves a ticket in the queue of its route and in the queue of all.
What becomes free is handed to a ticket there and then, under the lock, so that nobody can come in between; a ticket
whose owner was cancelled in the meantime is handed on. Every step is a dict or list operation at an end: nothing is
searched.

The lock is a plain one in every colour (40 ns when nobody else wants it), and nothing is awaited under it. Finalisers
take no lock, since they may run while it is held: they append to `_lost`, which the next take looks at.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from ._config import Limits
from ._connect import HTTP_SCHEMES, Connector, find_route
from ._connections.colours import Colour
from ._connections.http1 import Http1Connection, encode_request
from ._exceptions import ConnectError, NetworkError, PoolTimeout, RemoteProtocolError
from ._models import Request, Response
from ._network.base import Network, Waiter

# How often the tickets of one route may be served before an older one of another route, to save a reconnect each.
MAX_PASSED_OVER = 16

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
        self._colour = colour
        self._find_network = find_network
        self._network: Network | None = None
        infinity = float("inf")
        self._max_count = infinity if limits.max_connections is None else limits.max_connections
        self._max_idle_count = (
            infinity if limits.max_keepalive_connections is None else limits.max_keepalive_connections
        )
        per_host = limits.max_connections_per_host
        self._max_route_count = infinity if per_host is None else per_host
        self._keepalive_expiry = infinity if limits.keepalive_expiry is None else limits.keepalive_expiry
        self._lock = threading.Lock()
        self._shelves: dict[tuple[Any, ...], _Shelf] = {}
        self._idle: OrderedDict[Http1Connection, None] = OrderedDict()
        self._active: set[Http1Connection] = set()
        self._lost: deque[Http1Connection] = deque()
        self._tickets: OrderedDict[_Ticket, None] = OrderedDict()
        self._ticket_number = 0
        # Connections, and slots of connections that are being made.
        self._count = 0
        self._is_closed = False

    async def send(self, request: Request) -> Response:
        """Send a request over an idle connection or one made for it, and return the response, its body unread.

        A request that the server provably did not process is sent once more, on a fresh connection.

        Raises:
            PoolTimeout, ConnectTimeout, ReadTimeout, WriteTimeout
            ConnectError, ReadError, WriteError
            LocalProtocolError, RemoteProtocolError, UnsupportedProtocol
        """
        route: tuple[Any, ...] = request.url._uri_reference.route_key
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
        connection = await self._take_fresh(route, request)
        return await connection.exchange(request, head, framing)

    @property
    def connection_count(self) -> int:
        """Connections that exist or are being made."""
        return self._count

    @property
    def idle_count(self) -> int:
        """Connections that carry no exchange."""
        return len(self._idle)

    @property
    def waiter_count(self) -> int:
        """Requests that wait for a connection."""
        return sum(len(shelf.tickets) for shelf in self._shelves.values())

    def close(self) -> None:
        """Close the idle connections, and make the requests that are under way fail."""
        with self._lock:
            self._is_closed = True
            self._sweep_lost()
            idle = list(self._idle)
            active = list(self._active)
            tickets = [ticket for shelf in self._shelves.values() for ticket in shelf.tickets]
            for connection in idle:
                self._forget_idle(connection)
        for connection in idle:
            connection.close()
        for connection in active:
            connection.wake()
        for ticket in tickets:
            ticket.waiter.set()

    # For connections.

    def release(self, connection: Http1Connection) -> None:
        """Take back a connection that is ready for the next exchange, and hand it to who waits for it."""
        if not connection.is_reused:
            connection.is_reused = True
            self._connector.keep_session(connection)
        now = time.monotonic()
        connection.idle_until = now + self._keepalive_expiry
        with self._lock:
            if connection in self._active:
                self._active.remove(connection)
                shelf: _Shelf = self._shelves[connection.route]
                if self._tickets or shelf.tickets or self._is_closed:
                    closing = self._hand_over(shelf, connection)
                else:
                    shelf.idle.append(connection)
                    self._idle[connection] = None
                    oldest = next(iter(self._idle))
                    if len(self._idle) <= self._max_idle_count and oldest.idle_until >= now:
                        return
                    closing = self._pick_surplus(now)
            else:
                # Its network is gone: see `_change_network`.
                closing = [connection]
        for surplus in closing:
            surplus.close()

    def discard(self, connection: Http1Connection) -> None:
        """Forget a connection that is closed; its slot goes to who waits for one."""
        with self._lock:
            if connection in self._active:
                self._active.remove(connection)
                self._free_slot(self._shelves[connection.route])

    def lose(self, connection: Http1Connection) -> None:
        """Note that nobody will finish the exchange of this connection. Called by finalisers: takes no lock."""
        self._lost.append(connection)
        if self._is_closed:
            connection.abort()

    # Private from here on.

    def _take_idle(self, route: tuple[Any, ...]) -> Http1Connection | None:
        """Return an idle connection along route that still stands, if there is one."""
        while True:
            with self._lock:
                if self._lost:
                    self._sweep_lost()
                shelf = self._shelves.get(route)
                if shelf is None or not shelf.idle:
                    return None
                connection = shelf.idle.pop()
                del self._idle[connection]
                self._active.add(connection)
            # What an idle connection shows, bytes, its end or a fault, is no answer to this request.
            if connection.idle_until >= time.monotonic() and not connection.stream.is_readable():
                return connection
            connection.close()
            self.discard(connection)

    async def _take_other(self, route: tuple[Any, ...], request: Request) -> Http1Connection:
        """Return a connection along route: a fresh one as soon as there is a slot, or one that comes back before."""
        while True:
            ticket = self._reserve(route)
            if ticket is None:
                return await self._connect(route, request)
            connection = await self._wait(ticket, request)
            if connection is None:
                return await self._connect(route, request)
            if not connection.stream.is_readable():
                return connection
            connection.close()
            self.discard(connection)

    async def _take_fresh(self, route: tuple[Any, ...], request: Request) -> Http1Connection:
        """Return a connection along route that carried nothing before."""
        while True:
            ticket = self._reserve(route)
            connection = None if ticket is None else await self._wait(ticket, request)
            if connection is None:
                return await self._connect(route, request)
            connection.close()
            self.discard(connection)

    def _reserve(self, route: tuple[Any, ...]) -> _Ticket | None:
        """Reserve a slot for a connection along route and return None, or return a ticket to wait with."""
        victim = None
        with self._lock:
            if self._is_closed:
                raise ConnectError("The client was closed.")
            if self._lost:
                self._sweep_lost()
            shelf = self._shelves.get(route)
            if shelf is None:
                shelf = self._shelves[route] = _Shelf(route)
            if shelf.count < self._max_route_count:
                if self._count >= self._max_count and self._idle:
                    victim = next(iter(self._idle))
                    self._forget_idle(victim)
                    # Forgetting it may have been the end of this very shelf.
                    shelf = self._shelves.setdefault(route, shelf)
                if self._count < self._max_count:
                    self._count += 1
                    shelf.count += 1
                    ticket = None
                else:
                    ticket = self._queue_ticket(shelf)
            elif shelf.idle:
                victim = shelf.idle[0]
                self._forget_idle(victim)
                self._shelves[route] = shelf
                self._count += 1
                shelf.count += 1
                ticket = None
            else:
                ticket = self._queue_ticket(shelf)
        if victim is not None:
            victim.close()
        return ticket

    def _queue_ticket(self, shelf: _Shelf) -> _Ticket:
        assert self._network is not None
        self._ticket_number += 1
        ticket = _Ticket(shelf, self._ticket_number, self._network.make_waiter())
        shelf.tickets[ticket] = None
        self._tickets[ticket] = None
        return ticket

    async def _wait(self, ticket: _Ticket, request: Request) -> Http1Connection | None:
        """Wait until the ticket is served: with a connection, or (None) with a slot to make one in."""
        timeout = (request.extensions.get("timeout") or {}).get("pool")
        try:
            await ticket.waiter.wait(timeout, request._deadline)
            with self._lock:
                if not ticket.is_served:
                    self._sweep_lost()
                if not ticket.is_served:
                    raise self._not_served(ticket, timeout)
        except BaseException:
            self._take_back(ticket)
            raise
        return ticket.connection

    def _not_served(self, ticket: _Ticket, timeout: float | None) -> Exception:
        if self._is_closed:
            return ConnectError("The client was closed while the request waited for a connection.")
        scheme, host, port = ticket.shelf.route[:3]
        waited = "until its deadline" if timeout is None else f"for {timeout} s"
        return PoolTimeout(
            f"Pool timeout: {self._count} of {self._max_count} connections busy {waited}, none free for "
            f"{scheme}://{host}:{port}. Raise Limits.max_connections or close streamed responses."
        )

    def _take_back(self, ticket: _Ticket) -> None:
        """Undo a ticket whose owner gives up: hand on what it was served with."""
        with self._lock:
            if not ticket.is_served:
                self._drop_ticket(ticket)
                self._drop_empty(ticket.shelf)
                return
            connection = ticket.connection
            if connection is None:
                self._free_slot(ticket.shelf)
        if connection is not None:
            self.release(connection)

    async def _connect(self, route: tuple[Any, ...], request: Request) -> Http1Connection:
        """Make a connection in the slot that was reserved for it."""
        network = self._network
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
                if self._network is network:
                    self._free_slot(self._shelves[route])
            raise
        with self._lock:
            if self._network is network and not self._is_closed:
                self._active.add(connection)
                return connection
            if self._network is network:
                self._free_slot(self._shelves[route])
        connection.abort()
        raise ConnectError("The client was closed, or used from another event loop, while it was connecting.")

    def _change_network(self, network: Network) -> None:
        """Drop the connections of a network that runs no more, or is not the one of who asks."""
        with self._lock:
            stale = [*self._idle, *self._active]
            self._idle.clear()
            self._active.clear()
            self._shelves.clear()
            self._tickets.clear()
            self._lost.clear()
            self._count = 0
            self._network = network
        for connection in stale:
            connection.abort()

    # Under the lock from here on.

    def _hand_over(self, shelf: _Shelf, connection: Http1Connection) -> list[Http1Connection]:
        """Hand a connection that came back to a ticket of its route, or its slot to an older one of another."""
        if self._is_closed:
            self._free_slot(shelf)
            return [connection]
        own = next(iter(shelf.tickets), None)
        other = self._oldest_ticket()
        if own is not None and (other is None or other is own or self._pass_over(other)):
            self._serve(own, connection)
            self._active.add(connection)
            return []
        if other is None:
            shelf.idle.append(connection)
            self._idle[connection] = None
            return []
        self._free_slot(shelf)
        return [connection]

    def _pass_over(self, ticket: _Ticket) -> bool:
        ticket.passed_over_count += 1
        return ticket.passed_over_count <= MAX_PASSED_OVER

    def _oldest_ticket(self) -> _Ticket | None:
        """Return the oldest ticket whose route may have one more connection.

        Those of a route at its limit leave the queue of all: only their own route can serve them.
        """
        while self._tickets:
            ticket = next(iter(self._tickets))
            if ticket.shelf.count < self._max_route_count:
                return ticket
            del self._tickets[ticket]
        return None

    def _free_slot(self, shelf: _Shelf) -> None:
        """Give a slot of this route back, to the oldest ticket that can use it."""
        self._count -= 1
        shelf.count -= 1
        if self._count < self._max_count and not self._is_closed:
            own = next(iter(shelf.tickets), None)
            ticket = self._oldest_ticket()
            if own is not None and (ticket is None or own.number < ticket.number):
                ticket = own
            if ticket is not None:
                self._count += 1
                ticket.shelf.count += 1
                self._serve(ticket, None)
        self._drop_empty(shelf)

    def _serve(self, ticket: _Ticket, connection: Http1Connection | None) -> None:
        self._drop_ticket(ticket)
        ticket.is_served = True
        ticket.connection = connection
        ticket.waiter.set()

    def _drop_ticket(self, ticket: _Ticket) -> None:
        ticket.shelf.tickets.pop(ticket, None)
        self._tickets.pop(ticket, None)

    def _drop_empty(self, shelf: _Shelf) -> None:
        if not shelf.count and not shelf.tickets:
            self._shelves.pop(shelf.route, None)

    def _forget_idle(self, connection: Http1Connection) -> None:
        """Take an idle connection out of the pool, to be closed."""
        shelf = self._shelves[connection.route]
        del self._idle[connection]
        # The oldest of all is the oldest of its route, which is why nothing is searched.
        shelf.idle.remove(connection)
        self._count -= 1
        shelf.count -= 1
        self._drop_empty(shelf)

    def _pick_surplus(self, now: float) -> list[Http1Connection]:
        """Take out the idle connections that are too many or too old."""
        surplus: list[Http1Connection] = []
        while self._idle:
            oldest = next(iter(self._idle))
            if len(self._idle) <= self._max_idle_count and oldest.idle_until >= now:
                break
            self._forget_idle(oldest)
            surplus.append(oldest)
        return surplus

    def _sweep_lost(self) -> None:
        while self._lost:
            connection = self._lost.popleft()
            connection.abort()
            if connection in self._active:
                self._active.remove(connection)
                self._free_slot(self._shelves[connection.route])


# Private from here on.


class _Shelf:
    """What the pool holds for one route."""

    __slots__ = ("count", "idle", "route", "tickets")

    def __init__(self, route: tuple[Any, ...]) -> None:
        self.route = route
        self.count = 0
        self.idle: deque[Http1Connection] = deque()
        self.tickets: OrderedDict[_Ticket, None] = OrderedDict()


class _Ticket:
    """A request that waits for a connection along its route."""

    __slots__ = ("connection", "is_served", "number", "passed_over_count", "shelf", "waiter")

    def __init__(self, shelf: _Shelf, number: int, waiter: Waiter) -> None:
        self.shelf = shelf
        self.number = number
        self.waiter = waiter
        self.is_served = False
        self.connection: Http1Connection | None = None
        self.passed_over_count = 0


def _may_send_again(request: Request, connection: Http1Connection) -> bool:
    """Tell whether the server provably did not process a request, or may be given it twice (RFC 9110 9.2.2)."""
    if connection.has_received or not connection.is_reused:
        return False
    if connection.has_written and request.method not in IDEMPOTENT_METHODS and not _has_idempotency_key(request):
        return False
    return bool(getattr(request.stream, "_is_replayable", False))


def _has_idempotency_key(request: Request) -> bool:
    return "idempotency-key" in request.headers
