"""The connections that a client keeps: who gets one, who makes one, and what happens when a request fails on it.

Many tasks or threads want connections, under limits on how many there may be, and any of them may be cancelled at any
point, which must never cost a slot. So everything that is counted is in one place, the `Shelves`, and changes in single
steps under a lock; between two steps, whoever waits, connects or exchanges holds exactly one thing (a ticket, a slot,
or a connection), and gives it back if it fails.

The lock is a plain one in every colour (40 ns when nobody else wants it), and nothing is awaited under it. What comes
back to the pool waits for no lock: the garbage collector may run while this very thread holds it, and finish a
generator there that gives its connection back. So it goes into an inbox. Whoever can have the lock at once empties
that, and whoever has it looks into the inbox after letting go: nothing stays in it.
"""

from __future__ import annotations

import enum
import os
import threading
import time
import warnings
import weakref
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
from ._trace import make_tracer

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
        self._forward_fields = connector.forward_fields
        self._limits = limits
        self._colour = colour
        self._find_network = find_network
        self._network: Network | None = None
        keepalive_expiry = limits.keepalive_expiry
        self._keepalive_expiry = float("inf") if keepalive_expiry is None else keepalive_expiry
        self._lock = threading.Lock()
        self._shelves = Shelves(limits)
        # Connections on their way back, and what is to be done with each.
        self._inbox: deque[tuple[Http1Connection, _Return]] = deque()
        self._is_closed = False
        _pools.add(self)

    async def send(self, request: Request) -> Response:
        """Send a request over an idle connection or one made for it, and return the response, its body unread.

        A request that the server provably did not process is sent once more, on a fresh connection.

        Raises:
            PoolTimeout, ConnectTimeout, ReadTimeout, WriteTimeout
            ConnectError, ReadError, WriteError, ProxyError
            LocalProtocolError, RemoteProtocolError, UnsupportedProtocol
        """
        route: RouteKey = request.url._uri_reference.route_key
        if route[0] not in HTTP_SCHEMES or not route[1] or "sni_hostname" in request.extensions:
            route = find_route(request)
        head, framing = encode_request(request, self._forward_fields)
        if self._network is None or not self._network.is_current():
            self._change_network(self._find_network())
        connection = self._take_idle(route, request) or await self._take_other(route, request)
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
            idle = self._shelves.close()
            active = list(self._shelves.active)
            tickets = self._shelves.all_tickets()
        self._settle()
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
        # Nobody else holds the pool, so no lock is needed. Those who wait for something in it would hold it.
        open_connections = {*shelves.idle, *shelves.active}
        for connection in open_connections:
            connection.abort()
        if open_connections and not self._is_closed:
            warnings.warn(
                f"A client was lost without having been closed, with {len(open_connections)} open connections.",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    # For connections.

    def release(self, connection: Http1Connection) -> None:
        """Take back a connection that is ready for the next exchange, and hand it to who waits for it."""
        if not connection.is_reused:
            connection.is_reused = True
            self._connector.keep_session(connection)
        if self._lock.acquire(blocking=False):
            # Speed: the usual case, without a way through the inbox.
            try:
                now = time.monotonic()
                connection.idle_until = now + self._keepalive_expiry
                closing = self._shelves.put_back(connection, now)
            finally:
                self._lock.release()
            for other in closing:
                other.close()
        else:
            self._inbox.append((connection, _Return.READY))
        if self._inbox:
            self._settle()

    def discard(self, connection: Http1Connection) -> None:
        """Forget a connection that is closed; its slot goes to who waits for one."""
        self._inbox.append((connection, _Return.CLOSED))
        self._settle()

    def drop_idle(self, connection: Http1Connection) -> None:
        """Close an idle connection that shows something: whatever it is, it is no answer to anybody."""
        self._inbox.append((connection, _Return.STALE))
        self._settle()

    def lose(self, connection: Http1Connection) -> None:
        """Drop a connection whose exchange nobody will finish. Called by finalisers, on any thread."""
        self._inbox.append((connection, _Return.LOST))
        if self._network is None or not self._network.call_from_thread(self._settle):
            # No event loop runs that could do it, and nobody waits for the slot.
            connection.abort()

    # Private from here on.

    def _take_idle(self, route: RouteKey, request: Request) -> Http1Connection | None:
        """Return an idle connection along route that still stands, if there is one."""
        while True:
            with self._lock:
                connection = self._shelves.take_idle(route)
            if self._inbox:
                self._settle()
            if connection is None:
                return None
            try:
                # What an idle connection shows, bytes, its end or a fault, is no answer to this request.
                if connection.idle_until >= time.monotonic() and not connection.stream.is_readable():
                    if request.method in IDEMPOTENT_METHODS and getattr(request.stream, "_is_replayable", False):
                        return connection
                    # A request that could not be sent again is worth a closer look, for what asyncio's loop has not
                    # told of. Under TLS it may be a session ticket; to take that for more costs a connection.
                    if not connection.stream.get_extra_info("is_readable"):
                        return connection
            except BaseException:
                connection.abort()
                self.discard(connection)
                raise
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
            with self._lock:
                has_slot = self._shelves.keep_slot(connection)
            if has_slot:
                return await self._connect(route, request)

    def _reserve(self, route: RouteKey) -> Ticket | None:
        """Reserve a slot for a connection along route and return None, or return a ticket to wait with."""
        assert self._network is not None
        with self._lock:
            if self._is_closed:
                raise ConnectError("The client was closed.")
            ticket, victim = self._shelves.reserve(route, self._network.make_waiter)
        if self._inbox:
            self._settle()
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
                raise self._not_served(ticket, timeout)
        except BaseException:
            with self._lock:
                connection = shelves.give_up(ticket)
            if self._inbox:
                self._settle()
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
                tracer=make_tracer(request.extensions, "connection", awaits=self._colour.awaits),
            )
        except BaseException:
            with self._lock:
                shelves.free_slot(route)
            self._settle()
            raise
        with self._lock:
            is_wanted = shelves is self._shelves and not self._is_closed
            if is_wanted:
                shelves.active.add(connection)
            else:
                shelves.free_slot(route)
        if self._inbox:
            self._settle()
        if is_wanted:
            return connection
        connection.abort()
        raise ConnectError("The client was closed, or used from another event loop, while it was connecting.")

    def _change_network(self, network: Network) -> None:
        """Drop the connections of a network that runs no more, or is not the one of who asks."""
        with self._lock:
            last, shelves = self._network, self._shelves
            if last is not None and last.is_current():
                # Another thread came first.
                return
            self._shelves = Shelves(self._limits)
            self._network = network
        if last is None:
            return
        for connection in (*shelves.idle, *shelves.active):
            connection.wake()
        for ticket in shelves.all_tickets():
            last.call_from_thread(ticket.waiter.set)

    def _settle(self) -> None:
        """Empty the inbox, unless somebody has the lock, who will then do so."""
        while self._inbox and self._lock.acquire(blocking=False):
            closing: list[Http1Connection] = []
            try:
                while self._inbox:
                    connection, what = self._inbox.popleft()
                    if what is _Return.READY:
                        now = time.monotonic()
                        connection.idle_until = now + self._keepalive_expiry
                        closing += self._shelves.put_back(connection, now)
                    elif what is not _Return.STALE:
                        self._shelves.remove(connection)
                    if what is _Return.LOST or (what is _Return.STALE and self._shelves.remove_idle(connection)):
                        closing.append(connection)
            finally:
                self._lock.release()
            for connection in closing:
                connection.close()

    def _forget_parent(self) -> None:
        """Begin anew in a forked child: the connections are the parent's, and so is whoever held the lock."""
        shelves = self._shelves
        self._lock = threading.Lock()
        self._shelves = Shelves(self._limits)
        self._inbox.clear()
        self._network = None
        for connection in (*shelves.idle, *shelves.active):
            connection.stream.forget()


# Private from here on.


class _Return(enum.Enum):
    """In what state a connection comes back."""

    READY = 1  # for the next exchange
    CLOSED = 2
    LOST = 3  # in the middle of an exchange that nobody will finish
    STALE = 4  # idle, with something to be read


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forget_parents() -> None:
    for pool in list(_pools):
        pool._forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)


def _may_send_again(request: Request, connection: Http1Connection) -> bool:
    """Tell whether the server provably did not process a request, or may be given it twice (RFC 9110 9.2.2)."""
    if connection.has_received or not connection.is_reused:
        return False
    is_idempotent = request.method in IDEMPOTENT_METHODS or "idempotency-key" in request.headers
    if connection.has_written and not is_idempotent:
        return False
    return bool(getattr(request.stream, "_is_replayable", False))
