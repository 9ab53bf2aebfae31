"""Which requests are sent again by themselves, on another connection: those that nobody can have processed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._exceptions import TransportError
from ._models import Request

if TYPE_CHECKING:
    from ._connections.shared import Connection

# RFC 9110 9.2.2, and QUERY, which is defined as safe.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})

# How often a request is sent again that the server provably did not process.
MAX_REPEATS = 5


def is_replayable(request: Request) -> bool:
    """Tell whether the body of a request can be sent again."""
    return bool(getattr(request.stream, "_is_replayable", False))


def may_send_again(request: Request, connection: Connection, exc: TransportError, attempt_count: int) -> bool:
    """Tell whether the server provably did not process a request, or may be given it twice (RFC 9110 9.2.2)."""
    if not is_replayable(request):
        return False
    if connection.is_shared is True:
        if exc._is_unprocessed:
            return attempt_count <= MAX_REPEATS
        is_unanswered = exc._is_unanswered
    elif connection.has_received or not connection.is_reused:
        return False
    elif not connection.has_written:
        return attempt_count <= MAX_REPEATS
    else:
        is_unanswered = True
    is_idempotent = request.method in IDEMPOTENT_METHODS or "idempotency-key" in request.headers
    return is_unanswered and is_idempotent and attempt_count == 1
