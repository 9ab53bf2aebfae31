"""How connections come back to the pool, in whatever state, from whatever thread.

What comes back waits for no lock: the garbage collector may run while this very thread holds the pool's, and finish a
generator there that gives its connection back. So it goes into an inbox. Whoever can have the lock at once empties
that, and whoever has it looks into the inbox after letting go: nothing stays in it.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._config import Limits
from ._connect import Connector
from ._network.base import Network
from ._shelves import Shelves

if TYPE_CHECKING:
    from ._connections.http1 import Http1Connection
    from ._connections.http2 import Http2Connection
    from ._connections.shared import Connection

# The argument with which a lock is taken if that can be at once. Where an interrupt may strike between a call and what
# is done with its result, the lock would stay locked for ever; `held.extend(map(lock.acquire, AT_ONCE))` takes it and
# notes that in one step.
AT_ONCE = (False,)


class ReturnDesk:
    """The half of a pool that connections see."""

    def __init__(self, connector: Connector, limits: Limits) -> None:
        self._connector = connector
        self._limits = limits
        self._network: Network | None = None
        self._keepalive_expiry = float("inf") if limits.keepalive_expiry is None else limits.keepalive_expiry
        self._lock = threading.Lock()
        self._shelves = Shelves(limits)
        # Connections on their way back, and what is to be done with each.
        self._inbox: deque[tuple[Connection, Return]] = deque()

    def release(self, connection: Http1Connection, now: float) -> None:
        """Take back a connection that is ready for the next exchange, and hand it to who waits for it."""
        if not connection.is_reused:
            connection.is_reused = True
            self._connector.keep_session(connection)
        # Speed: the usual case, without a way through the inbox.
        closing: Sequence[Connection] = ()
        held: list[bool] = []
        try:
            held.extend(map(self._lock.acquire, AT_ONCE))
            if held[0]:
                connection.idle_until = now + self._keepalive_expiry
                closing = self._shelves.put_back(connection, now)
            else:
                self._inbox.append((connection, Return.READY))
        finally:
            if held and held[0]:
                self._lock.release()
        if closing:
            for other in closing:
                other.close()
        if self._inbox:
            self._settle()

    def end_exchange(self, connection: Http2Connection) -> None:
        """Take back the place of one exchange of many, and hand it to who waits for it."""
        if not connection.is_reused:
            connection.is_reused = True
            self._connector.keep_session(connection)
        # Speed: as in `release`.
        closing: Sequence[Connection] = ()
        held: list[bool] = []
        try:
            held.extend(map(self._lock.acquire, AT_ONCE))
            if held[0]:
                now = time.monotonic()
                connection.idle_until = now + self._keepalive_expiry
                closing = self._shelves.end_exchange(connection, now)
            else:
                self._inbox.append((connection, Return.ENDED))
        finally:
            if held and held[0]:
                self._lock.release()
        for other in closing:
            other.close()
        if self._inbox:
            self._settle()

    def lose_exchange(self, connection: Http2Connection) -> None:
        """Take back the place of an exchange that nobody will finish. Called by finalisers, on any thread."""
        self._inbox.append((connection, Return.FORGOTTEN))
        if self._network is None or not self._network.call_from_thread(self._settle):
            connection.abort()

    def refresh(self, connection: Http2Connection) -> None:
        """Note that a connection takes more or fewer exchanges than before."""
        self._inbox.append((connection, Return.CHANGED))
        self._settle()

    def discard(self, connection: Connection) -> None:
        """Forget a connection that is closed; its slot goes to who waits for one."""
        # Speed: as in `release`.
        held: list[bool] = []
        try:
            if connection.is_shared is False:
                held.extend(map(self._lock.acquire, AT_ONCE))
            if held and held[0]:
                self._shelves.remove(connection)
            else:
                self._inbox.append((connection, Return.CLOSED))
        finally:
            if held and held[0]:
                self._lock.release()
        if self._inbox:
            self._settle()

    def drop_idle(self, connection: Connection) -> None:
        """Close an idle connection that shows something: whatever it is, it is no answer to anybody."""
        self._inbox.append((connection, Return.STALE))
        self._settle()

    def lose(self, connection: Http1Connection) -> None:
        """Drop a connection whose exchange nobody will finish. Called by finalisers, on any thread."""
        self._inbox.append((connection, Return.LOST))
        if self._network is None or not self._network.call_from_thread(self._settle):
            connection.abort()  # no event loop runs that could do it, and nobody waits for the slot

    # Private from here on.

    def _settle(self) -> None:
        """Empty the inbox, unless somebody has the lock, who will then do so."""
        while self._inbox:
            closing: list[Connection] = []
            forgotten: list[Http2Connection] = []
            held: list[bool] = []
            try:
                held.extend(map(self._lock.acquire, AT_ONCE))
                if not held[0]:
                    return
                while self._inbox:
                    connection, what = self._inbox.popleft()
                    now = time.monotonic()
                    connection.idle_until = now + self._keepalive_expiry
                    closing += _enter(self._shelves, connection, what, now)
                    if what is Return.FORGOTTEN and connection.is_shared is True:
                        forgotten.append(connection)
            finally:
                if held and held[0]:
                    self._lock.release()
            for shared in forgotten:
                shared.reset_lost()
            for connection in closing:
                connection.close()


# Private from here on.


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


def _enter(shelves: Shelves, connection: Connection, what: Return, now: float) -> Sequence[Connection]:
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
