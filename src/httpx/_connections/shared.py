"""What the pool knows of connections that carry many exchanges, in programs that never make one too.

Those are `Http2Connection`s. Its modules are imported when the first one may be made (a tenth of the import time of a
client), so the kinds of connections are told apart by their `is_shared`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TypeAlias

    from .http1 import Http1Connection
    from .http2 import Http2Connection

    Connection: TypeAlias = Http1Connection | Http2Connection


class SharedKeeper(Protocol):
    """Whom a connection belongs to: the pool."""

    def end_exchange(self, connection: Http2Connection) -> None:
        """Take back the place of one exchange."""

    def lose_exchange(self, connection: Http2Connection) -> None:
        """Take back the place of an exchange that nobody will finish. Called by finalisers: takes no lock."""

    def refresh(self, connection: Http2Connection) -> None:
        """Note that the connection takes more or fewer exchanges than before, or no more at all."""

    def drop_idle(self, connection: Http2Connection) -> None:
        """Close an idle connection that is of no more use."""


class NoRoomError(Exception):
    """The request cannot be sent on this connection, and nothing of it was: it is for another one."""
