"""What the pool's books say about one route."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._connections.http2 import Http2Connection
    from ._connections.shared import Connection
    from ._shelves import Shelves
    from ._tickets import RouteKey, Ticket


class Shelf:
    """What there is for one route."""

    __slots__ = ("count", "followers", "idle", "is_led", "owner", "route", "shared", "tickets")

    def __init__(self, route: RouteKey, owner: Shelves) -> None:
        self.route = route
        self.owner = owner
        # Slots: connections, idle or not, and those being made.
        self.count = 0
        # In the order in which they became idle.
        self.idle: list[Connection] = []
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()
        # Active connections that have room for more exchanges.
        self.shared: OrderedDict[Http2Connection, None] = OrderedDict()
        # Whether a request makes a connection for others to share, and those.
        self.is_led = False
        self.followers: OrderedDict[Ticket, None] = OrderedDict()
