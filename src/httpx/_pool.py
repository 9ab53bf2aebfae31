"""The connections that a client keeps: who gets one, who makes one, and what happens when a request fails on it.

Many tasks or threads want connections, under limits on how many there may be, and any of them may be cancelled at any
point, which must never cost a slot. So everything that is counted is in one place, the `Shelves`, and changes in single
steps under a lock; between two steps, whoever waits, connects or exchanges holds exactly one thing (a ticket, a slot,
or a connection), and gives it back if it fails.

The lock is a plain one in every colour (40 ns when nobody else wants it), and nothing is awaited under it. How
connections come back is in `_returns`.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._config import Limits
from ._connect import Connector
from ._connections.colours import Colour
from ._connections.http1 import encode_request
from ._connections.shared import NoRoomError
from ._exceptions import ConnectError, NetworkError, RemoteProtocolError, TransportError
from ._forks import tell_of_forks
from ._models import Request, Response
from ._network.base import Network
from ._proxy_auth import MAX_ANSWERS
from ._repeats import IDEMPOTENT_METHODS, may_send_again
from ._returns import ReturnDesk
from ._routes import HTTP_SCHEMES, ROUTE_EXTENSIONS, Route
from ._shelves import Shelves
from ._tickets import RouteKey, Ticket, not_served
from ._timings import Timings

if TYPE_CHECKING:
    from ._connections.http2 import Http2Connection
    from ._connections.shared import Connection
    from ._protocols.h1.encoder import RequestFraming
    from ._protocols.h2.request_fields import RequestHead


# Seconds that a connection may be idle without a look at what came meanwhile. Where idle connections never expire,
# nothing tells how long it was idle, and the look is taken each time.
UNSEEN_TIME = 0.001


class Pool(ReturnDesk):
    """Sends requests over connections that it keeps."""

    def __init__(
        self, connector: Connector, *, limits: Limits, colour: Colour, find_network: Callable[[], Network]
    ) -> None:
        super().__init__(connector, limits)
        self._router = connector.router
        self._hop = connector.router.hop
        self._make_head: Callable[[Request], RequestHead] | None = None
        if connector.offers_http2:
            from ._connections.http2_exchange import make_head  # only where it is spoken

            self._make_head = make_head
        self._colour = colour
        self._find_network = find_network
        self._is_closed = False
        # Whether a request opens it again, as HTTPX lets transports be used again; a client that is closed is not.
        self.may_reopen = True
        # By this, and not by the pool, which it would keep, a plan tells whose it is.
        self._plan_mark = object()
        tell_of_forks(self)

    async def send(self, request: Request, *, answers_left: int = MAX_ANSWERS) -> Response:
        """Send a request over an idle connection or one made for it, and return the response, its body unread.

        A request that the server provably did not process is sent once more, on a fresh connection. `answers_left` is
        how often a proxy may still ask for other credentials.

        Raises:
            PoolTimeout, ConnectTimeout, ReadTimeout, WriteTimeout
            ConnectError, ReadError, WriteError, ProxyError
            LocalProtocolError, RemoteProtocolError, UnsupportedProtocol
        """
        timings = request._timings = Timings()
        now = timings._began_at = time.monotonic()
        known, extensions = request._known, request.extensions
        if known is not None and (
            known.fields is not request.headers._fields
            or known.url is not request.url
            or known.method is not request.method
            or len(extensions) > 1
            or "timeout" not in extensions
        ):
            # It was changed since.
            known = None
        plan = None if known is None else known.plan
        shared_head: RequestHead | None
        encoded: tuple[bytes, RequestFraming] | None
        if plan is not None and plan[0] is self._plan_mark:
            # Speed: how it goes was found out for one before it.
            _, route, shared_head, encoded = plan
            hop = None
        else:
            route = request.url._uri_reference.route_key
            hop = self._hop
            if not ROUTE_EXTENSIONS.isdisjoint(extensions) or route[0] not in HTTP_SCHEMES or not route[1]:
                route = self._router.find(request)
                hop = route.hop if isinstance(route, Route) else hop
            # Before a connection is taken, so that a malformed request costs none.
            shared_head = None if self._make_head is None else self._make_head(request)
            encoded = None if shared_head else encode_request(request, hop)
            # What a proxy gets along may change.
            if known is not None and hop is None:
                known.plan = self._plan_mark, route, shared_head, encoded
        if self._network is None or not self._network.is_current():
            self._change_network(self._find_network())
        attempt_count = 0
        while True:
            connection = None if attempt_count else self._take_idle(route, request, now)
            if connection is None:
                connection = await self._take_other(route, request, is_fresh=attempt_count > 0)
            try:
                if connection.is_shared is True:
                    assert shared_head is not None
                    return await connection.exchange(request, shared_head)
                head, framing = encoded or encode_request(request, hop)
                response = await connection.exchange(request, head, framing)
                break
            except NoRoomError:
                continue
            except (NetworkError, RemoteProtocolError) as exc:
                attempt_count += 1
                if self._is_closed or not may_send_again(request, connection, exc, attempt_count):
                    raise
        if hop is not None and await hop.takes_challenge(request, response, answers_left=answers_left):
            return await self.send(request, answers_left=answers_left - 1)
        return response

    @property
    def connection_count(self) -> int:
        """Connections that exist or are being made."""
        return self._shelves.count

    @property
    def idle_count(self) -> int:
        """Connections that carry no exchange."""
        return self._shelves.idle_count

    @property
    def waiter_count(self) -> int:
        """Requests that wait for a connection."""
        return len(self._shelves.all_tickets())

    def close(self) -> None:
        """Close the idle connections, and make the requests that are under way fail.

        A request that begins after that opens it again, if it `may_reopen`.
        """
        with self._lock:
            self._is_closed = True
            idle = self._shelves.close()
            active = self._shelves.active
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

    def forget_parent(self) -> None:
        """Begin anew in a forked child: the connections are the parent's, and so is whoever held the lock."""
        shelves = self._shelves
        self._lock = threading.Lock()
        self._shelves = Shelves(self._limits)
        self._inbox.clear()
        self._network = None
        for connection in (*shelves.idle, *shelves.active):
            connection.stream.forget()

    # Private from here on.

    def _take_idle(self, route: RouteKey, request: Request, now: float) -> Connection | None:
        """Return a connection along route that is idle or has room, and still stands, if there is one."""
        while True:
            with self._lock:
                connection = self._shelves.take_idle(route)
            if self._inbox:
                self._settle()
            if connection is None:
                return None
            if connection.is_shared is True:
                # Speed: what came is known where somebody reads.
                if (connection.baton.reader is not None and connection.is_usable) or self._check_shared(connection):
                    return connection
                continue
            try:
                # What an idle connection shows is no answer to this request.
                if connection.idle_until >= now and not connection.stream.is_readable():
                    # Speed: `is_replayable`, without the call.
                    if (
                        now + self._keepalive_expiry - connection.idle_until < UNSEEN_TIME
                        and request.method in IDEMPOTENT_METHODS
                        and getattr(request.stream, "_is_replayable", False)
                    ):
                        return connection
                    # A request that could not be sent again is worth a closer look, for what asyncio's loop has not
                    # told of, and so is a program that has not let it run for long. Under TLS it may be a session
                    # ticket; to take that for more costs a connection.
                    if not connection.stream.get_extra_info("is_readable"):
                        return connection
            except BaseException:
                connection.abort()
                self.discard(connection)
                raise
            connection.close()
            self.discard(connection)

    def _check_shared(self, connection: Http2Connection) -> bool:
        """Tell whether a connection that was taken still stands, and give it back if it does not."""
        is_good = False
        try:
            is_expired = connection.exchange_count == 1 and connection.idle_until < time.monotonic()
            is_good = not is_expired and connection.check()
        finally:
            if not is_good:
                connection.retire()
                self.end_exchange(connection)
        return is_good

    async def _take_other(self, route: RouteKey, request: Request, *, is_fresh: bool = False) -> Connection:
        """Return a connection along route: one that is made as soon as there is a slot, or one that comes back before.

        With is_fresh only one that carried nothing before.
        """
        connector = self._connector
        may_share = connector.offers_http2 and connector.may_share(route)
        # What is under way when the pool is closed does not open it again.
        may_reopen = self.may_reopen and not is_fresh
        while True:
            ticket = self._reserve(route, may_share=may_share, may_reopen=may_reopen)
            may_reopen = False
            connection = None if ticket is None else await self._wait(ticket, request)
            if ticket is not None and ticket.is_dismissed:
                may_share = not ticket.goes_alone and connector.may_share(route)
                connection = self._take_idle(route, request, time.monotonic())
                if connection is None:
                    continue
            request._timings._served_at = request._timings._taken_at = time.monotonic()
            if connection is None:
                return await self._connect(route, request, leads=ticket is None and may_share)
            if connection.is_shared is True:
                # Another request has shown that it works.
                return connection
            if not is_fresh and not connection.stream.is_readable():
                return connection
            connection.close()
            with self._lock:
                has_slot = self._shelves.keep_slot(connection)
            if has_slot:
                return await self._connect(route, request, leads=False)

    def _reserve(self, route: RouteKey, *, may_share: bool, may_reopen: bool) -> Ticket | None:
        """Reserve a slot for a connection along route and return None, or return a ticket to wait with."""
        assert self._network is not None
        with self._lock:
            if self._is_closed:
                if not may_reopen:
                    raise ConnectError("The client was closed.")
                # What was under way then stands in other books.
                self._shelves = Shelves(self._limits)
                self._is_closed = False
            ticket, victim = self._shelves.reserve(route, self._network.make_waiter, may_share=may_share)
        if self._inbox:
            self._settle()
        if victim is not None:
            victim.close()
        return ticket

    async def _wait(self, ticket: Ticket, request: Request) -> Connection | None:
        """Wait until the ticket is served: with a connection, or (None) with a slot to make one in."""
        timeout = (request.extensions.get("timeout") or {}).get("connect" if ticket.is_follower else "pool")
        # Not looked up again: it is another one after a change of the network.
        shelves = self._shelves
        try:
            await ticket.waiter.wait(timeout, request._deadline)
            if not ticket.is_served:
                raise not_served(ticket, timeout, shelves, is_closed=not shelves.is_serving)
        except BaseException:
            with self._lock:
                connection = shelves.give_up(ticket)
            if self._inbox:
                self._settle()
            if connection is not None and connection.is_shared is True:
                self.end_exchange(connection)
            elif connection is not None and connection.is_shared is False:
                self.release(connection, time.monotonic())
            raise
        return ticket.connection

    async def _connect(self, route: RouteKey, request: Request, *, leads: bool) -> Connection:
        """Make a connection in the slot that was reserved for it; those who wait for it follow the one who leads."""
        network, shelves = self._network, self._shelves
        assert network is not None
        try:
            connection = await self._connector.connect(
                route, request, network=network, colour=self._colour, keeper=self
            )
        except BaseException as exc:
            with self._lock:
                if leads:
                    shelves.dismiss(route, have_failed=isinstance(exc, TransportError))
                shelves.free_slot(route)
            self._settle()
            raise
        with self._lock:
            is_wanted = shelves is self._shelves and not self._is_closed
            if is_wanted:
                shelves.arrive(connection)
            else:
                if leads:
                    shelves.dismiss(route, have_failed=False)
                shelves.free_slot(route)
        if self._inbox:
            self._settle()
        if is_wanted:
            request._timings._taken_at = time.monotonic()
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
