"""The books of the pool: which connections are idle, how many slots are taken, and whose turn is next.

Connections are filed by route. An idle one is on the stack of its route (the last used is the freshest) and in one
order over all routes (the first is the oldest: the one to expire, or to close for the sake of another route). Who finds
neither an idle connection nor a free slot leaves a ticket in the queue of its route and in the queue of all. What
becomes free is handed to a ticket there and then, so that nobody can come in between; a ticket whose owner gave up in
the meantime is handed on. Every step is a dict or list operation at an end: nothing is searched, whatever the number of
connections, routes and tickets.

All of it happens under the pool's lock, and nothing here waits, closes or opens anything: connections to be closed are
returned.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ._config import Limits
from ._connections.http1 import Http1Connection
from ._network.base import Waiter

# How often the tickets of one route may be served before an older one of another, to save a reconnect each.
MAX_PASSED_OVER = 16

# What begins as `_connect.Route` does.
RouteKey = tuple[Any, ...]


class Ticket:
    """A request that waits for a connection along its route, or for a slot to make one in."""

    __slots__ = ("connection", "is_served", "number", "passed_over_count", "shelf", "waiter")

    def __init__(self, shelf: Shelf, number: int, waiter: Waiter) -> None:
        self.shelf = shelf
        self.number = number
        self.waiter = waiter
        self.is_served = False
        # Set when it is served with a connection; served without one, it has a slot.
        self.connection: Http1Connection | None = None
        self.passed_over_count = 0


class Shelf:
    """What there is for one route."""

    __slots__ = ("count", "idle", "route", "tickets")

    def __init__(self, route: RouteKey) -> None:
        self.route = route
        # Slots: connections, idle or not, and those being made.
        self.count = 0
        # In the order in which they became idle.
        self.idle: OrderedDict[Http1Connection, None] = OrderedDict()
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()


class Shelves:
    """All shelves of a pool."""

    def __init__(self, limits: Limits) -> None:
        self.max_count = _or_infinite(limits.max_connections)
        self._max_idle_count = _or_infinite(limits.max_keepalive_connections)
        self._max_route_count = _or_infinite(limits.max_connections_per_host)
        # Slots: connections, idle or not, and those being made.
        self.count = 0
        self.idle: OrderedDict[Http1Connection, None] = OrderedDict()
        # Connections that carry an exchange.
        self.active: set[Http1Connection] = set()
        self._shelves: dict[RouteKey, Shelf] = {}
        self._tickets: OrderedDict[Ticket, None] = OrderedDict()
        self._ticket_number = 0
        # A closed pool serves nobody: its tickets are told so by who closed it.
        self._is_serving = True

    def all_tickets(self) -> list[Ticket]:
        """Return the tickets that wait."""
        return [ticket for shelf in self._shelves.values() for ticket in shelf.tickets]

    def take_idle(self, route: RouteKey) -> Http1Connection | None:
        """Return the freshest idle connection along route, which is active from then on."""
        shelf = self._shelves.get(route)
        if shelf is None or not shelf.idle:
            return None
        connection, _ = shelf.idle.popitem()
        self.idle.pop(connection, None)
        connection.is_idle = False
        self.active.add(connection)
        return connection

    def reserve(
        self, route: RouteKey, make_waiter: Callable[[], Waiter]
    ) -> tuple[Ticket | None, Http1Connection | None]:
        """Reserve a slot for a connection along route, or else return a ticket; and an idle connection to close."""
        shelf = self._shelves.get(route)
        if shelf is None:
            shelf = self._shelves[route] = Shelf(route)
        victim = None
        if shelf.count >= self._max_route_count:
            victim = next(iter(shelf.idle), None)
        elif self.count >= self.max_count and self.idle:
            victim = next(iter(self.idle))
        if victim is not None:
            self._forget_idle(victim)
        if shelf.count < self._max_route_count and self.count < self.max_count:
            self._take_slot(shelf)
            return None, victim
        self._ticket_number += 1
        ticket = Ticket(shelf, self._ticket_number, make_waiter())
        shelf.tickets[ticket] = None
        self._tickets[ticket] = None
        return ticket, victim

    def put_back(self, connection: Http1Connection, now: float) -> list[Http1Connection]:
        """Make an active connection idle, or hand it to who waits for it; return the connections to close."""
        if connection not in self.active:
            # Its network is gone, and with it the books that it stood in.
            return [connection]
        self.active.remove(connection)
        shelf = self._shelves[connection.route]
        if self._tickets or shelf.tickets or not self._is_serving:
            return self._hand_over(shelf, connection, now)
        # Speed: `_put_idle`, without the call.
        connection.is_idle = True
        shelf.idle[connection] = None
        self.idle[connection] = None
        oldest = next(iter(self.idle))
        if len(self.idle) <= self._max_idle_count and oldest.idle_until >= now:
            return []
        return self._pick_surplus(now)

    def remove(self, connection: Http1Connection) -> None:
        """Take out an active connection that is closed; its slot goes to who waits for one."""
        if connection in self.active:
            self.active.remove(connection)
            self.free_slot(connection.route)

    def keep_slot(self, connection: Http1Connection) -> bool:
        """Take out an active connection that is closed, and keep its slot for another; False if it is gone already."""
        if connection not in self.active:
            return False
        self.active.remove(connection)
        return True

    def remove_idle(self, connection: Http1Connection) -> bool:
        """Take out an idle connection that is to be closed; return False if it is not idle any more."""
        if connection not in self.idle:
            return False
        self._forget_idle(connection)
        return True

    def free_slot(self, route: RouteKey) -> None:
        """Give back a slot of this route, to the oldest ticket that can use it."""
        shelf = self._shelves[route]
        self.count -= 1
        shelf.count -= 1
        ticket = self._next_ticket(shelf) if self._is_serving and self.count < self.max_count else None
        if ticket is not None:
            self._take_slot(ticket.shelf)
            self._serve(ticket, None)
        self._drop_empty(shelf)

    def give_up(self, ticket: Ticket) -> Http1Connection | None:
        """Take a ticket back whose owner waits no more; return the connection that it was served with, if any."""
        if not ticket.is_served:
            self._drop(ticket)
            self._drop_empty(ticket.shelf)
        elif ticket.connection is None:
            self.free_slot(ticket.shelf.route)
        return ticket.connection

    def close(self) -> list[Http1Connection]:
        """Serve nobody from now on, and return the connections to close."""
        self._is_serving = False
        idle = list(self.idle)
        for connection in idle:
            self._forget_idle(connection)
        return idle

    # Private from here on.

    def _hand_over(self, shelf: Shelf, connection: Http1Connection, now: float) -> list[Http1Connection]:
        """Hand a connection that came back to a ticket of its route, or its slot to an older one of another."""
        own = next(iter(shelf.tickets), None) if self._is_serving else None
        other = self._oldest_ticket() if self._is_serving else None
        if own is not None and (other is None or own.number <= other.number or self._pass_over(other)):
            self._serve(own, connection)
            self.active.add(connection)
            return []
        if other is None and self._is_serving:
            self._put_idle(shelf, connection)
            return self._pick_surplus(now)
        self.free_slot(shelf.route)
        return [connection]

    def _put_idle(self, shelf: Shelf, connection: Http1Connection) -> None:
        connection.is_idle = True
        shelf.idle[connection] = None
        self.idle[connection] = None

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

    def _serve(self, ticket: Ticket, connection: Http1Connection | None) -> None:
        self._drop(ticket)
        ticket.is_served = True
        ticket.connection = connection
        ticket.waiter.set()

    def _drop(self, ticket: Ticket) -> None:
        ticket.shelf.tickets.pop(ticket, None)
        self._tickets.pop(ticket, None)

    def _drop_empty(self, shelf: Shelf) -> None:
        if not shelf.count and not shelf.tickets:
            self._shelves.pop(shelf.route, None)

    def _forget_idle(self, connection: Http1Connection) -> None:
        shelf = self._shelves[connection.route]
        connection.is_idle = False
        self.idle.pop(connection, None)
        shelf.idle.pop(connection, None)
        self.count -= 1
        shelf.count -= 1
        self._drop_empty(shelf)

    def _pick_surplus(self, now: float) -> list[Http1Connection]:
        """Take out the idle connections that are too many or too old."""
        surplus: list[Http1Connection] = []
        while self.idle:
            oldest = next(iter(self.idle))
            if len(self.idle) <= self._max_idle_count and oldest.idle_until >= now:
                break
            self._forget_idle(oldest)
            surplus.append(oldest)
        return surplus


# Private from here on.


def _or_infinite(limit: float | None) -> float:
    return float("inf") if limit is None else limit
