"""The books of the pool: which connections are idle, how many slots are taken, and whose turn is next.

Connections are filed by route; an idle one is on the stack of its route, of which the last used is the freshest. Who
finds neither an idle connection nor a free slot leaves a ticket in the queue of its route and in the queue of all. What
becomes free is handed to a ticket there and then, so that nobody can come in between; a ticket whose owner gave up in
the meantime is handed on.

To take a connection and to put it back is what each request does, so these two steps touch nothing but its stack, and
some attributes. The order of all idle connections (which is the oldest: the one to expire, or to close for the sake of
another route) is made when somebody asks for it, and used until it is used up. Every other step is a dict or list
operation at an end: nothing is searched, whatever the number of connections, routes and tickets.

A connection that carries many exchanges (HTTP/2) counts them. While it has room for one more it is among the `shared`
ones of its route, which are taken before any other; with its last exchange it becomes idle like all others. Where such
a connection may come of it, one request connects for all, and the others follow with tickets of their own. If the
connection can be shared they get it, and else they are dismissed, to find another way.

All of it happens under the pool's lock, and nothing here waits, closes or opens anything: connections to be closed are
returned.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from ._config import Limits
from ._network.base import Waiter
from ._shelf import Shelf
from ._tickets import RouteKey, Ticket

if TYPE_CHECKING:
    from ._connections.http2 import Http2Connection
    from ._connections.shared import Connection

# How often the tickets of one route may be served before an older one of another, to save a reconnect each.
MAX_PASSED_OVER = 16


class Shelves:
    """All shelves of a pool."""

    def __init__(self, limits: Limits) -> None:
        self.max_count = _or_infinite(limits.max_connections)
        self._max_idle_count = _or_infinite(limits.max_keepalive_connections)
        self._max_route_count = _or_infinite(limits.max_connections_per_host)
        # Slots: connections, idle or not, and those being made.
        self.count = 0
        self.idle_count = 0
        # Connections, idle or not.
        self._connections: set[Connection] = set()
        # When the first idle connection expires, or earlier.
        self._next_expiry = float("inf")
        # Idle connections when this was made, each with its expiry then, the oldest last.
        self._by_age: list[tuple[float, Connection]] = []
        self._shelves: dict[RouteKey, Shelf] = {}
        self._tickets: OrderedDict[Ticket, None] = OrderedDict()
        self._ticket_number = 0
        # A closed pool serves nobody: its tickets are told so by who closed it.
        self.is_serving = True

    @property
    def idle(self) -> list[Connection]:
        """The connections that carry no exchange, the oldest first."""
        return sorted((connection for connection in self._connections if connection.is_idle), key=_expiry_of)

    @property
    def active(self) -> list[Connection]:
        """The connections that carry an exchange."""
        return [connection for connection in self._connections if not connection.is_idle]

    def all_tickets(self) -> list[Ticket]:
        """Return the tickets that wait."""
        return [ticket for shelf in self._shelves.values() for ticket in (*shelf.tickets, *shelf.followers)]

    def take_idle(self, route: RouteKey) -> Connection | None:
        """Return a connection along route that has room, or the freshest idle one, which is active from then on."""
        shelf = self._shelves.get(route)
        if shelf is None:
            return None
        if shelf.shared and (shared := self._take_shared(shelf)) is not None:
            return shared
        if not shelf.idle:
            return None
        connection = shelf.idle.pop()
        self.idle_count -= 1
        connection.is_idle = False
        if connection.is_shared is True:
            connection.exchange_count = 1
            self._share(shelf, connection)
        return connection

    def reserve(
        self, route: RouteKey, make_waiter: Callable[[], Waiter], *, may_share: bool = False
    ) -> tuple[Ticket | None, Connection | None]:
        """Reserve a slot for a connection along route, or else return a ticket; and an idle connection to close.

        With may_share the connection may be one to share: then one request makes it, and the others follow.
        """
        shelf = self._shelves.get(route)
        if shelf is None:
            shelf = self._shelves[route] = Shelf(route, self)
        if may_share and shelf.is_led:
            ticket = Ticket(shelf, 0, make_waiter())
            ticket.is_follower = True
            shelf.followers[ticket] = None
            return ticket, None
        victim = None
        if shelf.count >= self._max_route_count:
            victim = shelf.idle[0] if shelf.idle else None
        elif self.count >= self.max_count and self.idle_count:
            victim = self._find_oldest()
        if victim is not None:
            self._forget_idle(victim)
        if shelf.count < self._max_route_count and self.count < self.max_count:
            self._take_slot(shelf)
            if may_share:
                shelf.is_led = True
            return None, victim
        self._ticket_number += 1
        ticket = Ticket(shelf, self._ticket_number, make_waiter())
        shelf.tickets[ticket] = None
        self._tickets[ticket] = None
        return ticket, victim

    def arrive(self, connection: Connection) -> None:
        """File a connection that was made in a slot; it belongs to who made it, and may be shared with others."""
        self._connections.add(connection)
        shelf = connection.shelf = self._shelves[connection.route]
        if connection.is_shared is True:
            connection.exchange_count = 1
            self._share(shelf, connection)
        if shelf.is_led:
            self.dismiss(connection.route, have_failed=False)

    def dismiss(self, route: RouteKey, *, have_failed: bool) -> None:
        """Let those find another way who waited for a connection to share, none having come of it for them.

        If making it has failed, each goes alone: one after the other they would wait for the same fault again.
        """
        shelf = self._shelves[route]
        shelf.is_led = False
        while shelf.followers:
            ticket, _ = shelf.followers.popitem(last=False)
            ticket.is_served = ticket.is_dismissed = True
            ticket.goes_alone = have_failed
            ticket.waiter.set()

    def end_exchange(self, connection: Http2Connection, now: float) -> Sequence[Connection]:
        """Take back the place of an exchange; return the connections to close."""
        connection.exchange_count -= 1
        if connection.is_idle or connection not in self._connections:
            # Its network is gone, and with it the books that it stood in.
            return [] if connection.exchange_count else [connection]
        shelf = connection.shelf
        if connection.exchange_count and connection.is_usable and connection in shelf.shared:
            # Speed: it had room before, so that nobody waits for it.
            return []
        if not connection.is_usable:
            shelf.shared.pop(connection, None)
            if connection.exchange_count:
                return []
            self.remove(connection)
            return [connection]
        if connection.exchange_count or shelf.tickets or shelf.followers:
            self._share(shelf, connection)
        if connection.exchange_count:
            return []
        shelf.shared.pop(connection, None)
        return self.put_back(connection, now)

    def refresh(self, connection: Http2Connection) -> None:
        """Note that an active connection has more or less room than before."""
        if self._is_active(connection) and connection.exchange_count:
            self._share(connection.shelf, connection)

    def put_back(self, connection: Connection, now: float) -> Sequence[Connection]:
        """Make an active connection idle, or hand it to who waits for it; return the connections to close."""
        shelf: Shelf | None = connection.shelf
        if shelf is None or shelf.owner is not self or connection.is_idle:
            # It was taken out, or its network is gone, and with it the books that it stood in.
            return [connection]
        if self._tickets or shelf.tickets or not self.is_serving:
            closing = self._hand_over(shelf, connection)
            if closing is not None:
                return closing
        connection.is_idle = True
        shelf.idle.append(connection)
        self.idle_count += 1
        if connection.idle_until < self._next_expiry:
            self._next_expiry = connection.idle_until
        if self.idle_count > self._max_idle_count or now > self._next_expiry:
            return self._pick_surplus(now)
        return ()

    def remove(self, connection: Connection) -> None:
        """Take out an active connection that is closed; its slot goes to who waits for one."""
        if self._is_active(connection):
            shelf: Shelf = connection.shelf
            self._take_out(connection)
            if self._tickets or shelf.tickets or shelf.count == 1:
                self.free_slot(shelf.route)
            else:  # speed: as `free_slot`, where nobody waits and something is left
                self.count -= 1
                shelf.count -= 1

    def keep_slot(self, connection: Connection) -> bool:
        """Take out an active connection that is closed, and keep its slot for another; False if it is gone already."""
        if not self._is_active(connection):
            return False
        self._take_out(connection)
        return True

    def remove_idle(self, connection: Connection) -> bool:
        """Take out an idle connection that is to be closed; return False if it is not idle any more."""
        if not connection.is_idle or connection not in self._connections:
            return False
        self._forget_idle(connection)
        return True

    def free_slot(self, route: RouteKey) -> None:
        """Give back a slot of this route, to the oldest ticket that can use it."""
        shelf = self._shelves[route]
        self.count -= 1
        shelf.count -= 1
        ticket = self._next_ticket(shelf) if self.is_serving and self.count < self.max_count else None
        if ticket is not None:
            self._take_slot(ticket.shelf)
            self._serve(ticket, None)
        self._drop_empty(shelf)

    def give_up(self, ticket: Ticket) -> Connection | None:
        """Take a ticket back whose owner waits no more; return the connection that it was served with, if any."""
        if not ticket.is_served:
            self._drop(ticket)
            self._drop_empty(ticket.shelf)
        elif ticket.connection is None and not ticket.is_dismissed:
            self.free_slot(ticket.shelf.route)
        return ticket.connection

    def close(self) -> list[Connection]:
        """Serve nobody from now on, and return the connections to close."""
        self.is_serving = False
        idle = self.idle
        for connection in idle:
            self._forget_idle(connection)
        return idle

    # Private from here on.

    def _is_active(self, connection: Connection) -> bool:
        """Tell whether a connection carries an exchange, and not in other books, those of a network that is gone."""
        return not connection.is_idle and connection in self._connections

    def _take_out(self, connection: Connection) -> None:
        self._connections.remove(connection)
        connection.shelf = None

    def _take_shared(self, shelf: Shelf) -> Http2Connection | None:
        """Return a connection that has room, with one exchange more; None if another route is to have its slot."""
        if self._tickets and not self._may_go_first(shelf):
            return None
        connection = next(iter(shelf.shared))
        connection.exchange_count += 1
        if connection.exchange_count >= connection.max_exchanges or not connection.is_usable:
            del shelf.shared[connection]
        return connection

    def _share(self, shelf: Shelf, connection: Http2Connection) -> None:
        """Give the room of a connection to those who wait for it, and file what is left."""
        while self.is_serving and connection.is_usable and connection.exchange_count < connection.max_exchanges:
            tickets = shelf.followers or shelf.tickets
            if not tickets:
                shelf.shared[connection] = None
                return
            if not self._may_go_first(shelf):
                # Its exchanges end, nobody begins one, and the slot goes to the other.
                break
            ticket = next(iter(tickets))
            connection.exchange_count += 1
            self._serve(ticket, connection)
        shelf.shared.pop(connection, None)

    def _may_go_first(self, shelf: Shelf) -> bool:
        """Tell whether a request of this route may use a connection of it, before a ticket that waits for its slot."""
        other = self._oldest_ticket() if self._tickets else None
        return other is None or other.shelf is shelf or self._pass_over(other)

    def _hand_over(self, shelf: Shelf, connection: Connection) -> list[Connection] | None:
        """Hand a connection that came back to a ticket of its route, or its slot to an older one of another.

        Return the connections to close, or None if it is for nobody.
        """
        own = next(iter(shelf.tickets), None) if self.is_serving else None
        other = self._oldest_ticket() if self.is_serving else None
        if own is not None and (other is None or own.number <= other.number or self._pass_over(other)):
            self._serve(own, connection)
            if connection.is_shared is True:
                connection.exchange_count = 1
            return []
        if other is None and self.is_serving:
            return None
        self._take_out(connection)
        self.free_slot(shelf.route)
        return [connection]

    def _pass_over(self, ticket: Ticket) -> bool:
        ticket.passed_over_count += 1
        return ticket.passed_over_count <= MAX_PASSED_OVER

    def _next_ticket(self, shelf: Shelf) -> Ticket | None:
        """Return the ticket that a free slot of this route goes to: the oldest whose route may have one more."""
        own = next(iter(shelf.tickets), None)
        other = self._oldest_ticket()
        if own is None or other is None:
            return own or other
        return own if own.number < other.number else other

    def _oldest_ticket(self) -> Ticket | None:
        """Return the oldest ticket whose route may have one more connection.

        Those of a route at its limit leave the queue of all: only their own route can serve them.
        """
        while self._tickets:
            ticket = next(iter(self._tickets))
            if ticket.shelf.count < self._max_route_count:
                return ticket
            del self._tickets[ticket]
        return None

    def _take_slot(self, shelf: Shelf) -> None:
        self._shelves[shelf.route] = shelf
        self.count += 1
        shelf.count += 1

    def _serve(self, ticket: Ticket, connection: Connection | None) -> None:
        self._drop(ticket)
        ticket.is_served = True
        ticket.connection = connection
        ticket.waiter.set()

    def _drop(self, ticket: Ticket) -> None:
        if ticket.is_follower:
            ticket.shelf.followers.pop(ticket, None)
            return
        ticket.shelf.tickets.pop(ticket, None)
        self._tickets.pop(ticket, None)

    def _drop_empty(self, shelf: Shelf) -> None:
        if not shelf.count and not shelf.tickets and not shelf.followers:
            self._shelves.pop(shelf.route, None)

    def _forget_idle(self, connection: Connection) -> None:
        shelf: Shelf = connection.shelf
        connection.is_idle = False
        self._take_out(connection)
        with suppress(ValueError):  # where an interrupt struck while it was taken
            shelf.idle.remove(connection)
        self.idle_count -= 1
        self.count -= 1
        shelf.count -= 1
        self._drop_empty(shelf)

    def _find_oldest(self) -> Connection:
        """Return the connection that is idle for the longest time; there is one."""
        while True:
            while self._by_age:
                until, connection = self._by_age[-1]
                if connection.is_idle and connection.idle_until == until and connection in self._connections:
                    return connection
                # It was used, or closed, since.
                self._by_age.pop()
            # Those that become idle from now on are younger.
            self._by_age = [(connection.idle_until, connection) for connection in reversed(self.idle)]

    def _pick_surplus(self, now: float) -> list[Connection]:
        """Take out the idle connections that are too many or too old."""
        surplus: list[Connection] = []
        self._next_expiry = float("inf")
        while self.idle_count:
            oldest = self._find_oldest()
            if self.idle_count <= self._max_idle_count and oldest.idle_until >= now:
                self._next_expiry = oldest.idle_until
                break
            self._forget_idle(oldest)
            surplus.append(oldest)
        return surplus


# Private from here on.

_expiry_of = attrgetter("idle_until")


def _or_infinite(limit: float | None) -> float:
    return float("inf") if limit is None else limit
