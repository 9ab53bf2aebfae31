"""Tickets: what requests hold that wait for a connection, and what they are told when none comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._exceptions import ConnectError, ConnectTimeout, PoolTimeout, TransportError
from ._network.base import Waiter

if TYPE_CHECKING:
    from ._connections.shared import Connection
    from ._shelf import Shelf
    from ._shelves import Shelves

# What begins as `_routes.Route` does.
RouteKey = tuple[Any, ...]


class Ticket:
    """A request that waits for a connection along its route, or for a slot to make one in."""

    __slots__ = (
        "connection",
        "goes_alone",
        "is_dismissed",
        "is_follower",
        "is_served",
        "number",
        "passed_over_count",
        "shelf",
        "waiter",
    )

    def __init__(self, shelf: Shelf, number: int, waiter: Waiter) -> None:
        self.shelf = shelf
        self.number = number
        self.waiter = waiter
        self.is_served = False
        # Set when it is served with a connection; served without one, it has a slot.
        self.connection: Connection | None = None
        # Whether it waits for a connection that another request makes; whether nothing came of that for it; and whether
        # it is not to wait for another one then.
        self.is_follower = False
        self.is_dismissed = False
        self.goes_alone = False
        self.passed_over_count = 0


def not_served(ticket: Ticket, timeout: float | None, shelves: Shelves, *, is_closed: bool) -> TransportError:
    """Return the error of a request that waited in vain, for `timeout` seconds (None: until its deadline)."""
    if is_closed:
        return ConnectError("The client was closed while the request waited for a connection.")
    scheme, host, port = ticket.shelf.route[:3]
    waited = "until its deadline" if timeout is None else f"for {timeout} s"
    if ticket.is_follower:
        return ConnectTimeout(
            f"Connect timeout: the connection to {scheme}://{host}:{port} that this request was to share with others "
            f"was awaited {waited}."
        )
    return PoolTimeout(
        f"Pool timeout: {shelves.count} of {shelves.max_count} connections busy {waited}, none free for "
        f"{scheme}://{host}:{port}. Raise Limits.max_connections or close streamed responses."
    )
