"""In what state connections come back to the pool, and what that means for its books."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from ._shelves import Shelves

if TYPE_CHECKING:
    from ._connections.shared import Connection


class Return(enum.Enum):
    """In what state a connection comes back."""

    READY = 1  # for the next exchange
    CLOSED = 2
    LOST = 3  # in the middle of an exchange that nobody will finish
    STALE = 4  # idle, with something to be read
    # Of a connection that carries many exchanges:
    ENDED = 5  # one is over
    FORGOTTEN = 6  # one is over that nobody finished
    CHANGED = 7  # it has more or less room


def enter(shelves: Shelves, connection: Connection, what: Return, now: float) -> list[Connection]:
    """Enter in the books what became of a connection, or of an exchange on it; return the connections to close."""
    if what is Return.STALE:
        return [connection] if shelves.remove_idle(connection) else []
    if connection.is_shared is True:
        if what is not Return.CHANGED:
            return shelves.end_exchange(connection, now)
        shelves.refresh(connection)
        return []
    if what is Return.READY:
        return shelves.put_back(connection, now)
    shelves.remove(connection)
    return [connection] if what is Return.LOST else []
