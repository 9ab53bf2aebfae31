"""When to connect to an event stream again, how long to wait before, and when to give up (WHATWG HTML 9.2.3).

Two things differ from the standard, which was written for browsers. A gateway that cannot reach its server (502, 503,
504) is as good as a network that cannot: it is what clients see while a service is restarted, and browsers fail then
for good. And who runs no browser has no user who closes the page, so the failures in a row can be bounded.
"""

from __future__ import annotations

from .._exceptions import (
    NetworkError,
    ProxyError,
    RemoteProtocolError,
    RequestError,
    SSEError,
    TimeoutException,
)
from .._models import Headers, Request, Response

# Seconds. The standard leaves it to the client, "in the region of a few seconds"; browsers take 3 to 5.
DEFAULT_DELAY = 3.0
# Seconds, after failures in a row, unless the server asks for more. Without jitter, so that it can be told beforehand.
MAX_DELAY = 30.0
# Seconds; the server may not ask for more.
MAX_SERVER_DELAY = 3600.0
# Seconds; failures in a row are at least so far from each other, from the second one on.
MIN_DELAY_AFTER_FAILURES = 1.0

NO_MORE = 204  # the server wants no more connections
UNAVAILABLE = frozenset({502, 503, 504})


class Reconnection:
    """The policy of one event stream, and how many failures in a row there were.

    Args:
        max_failures: after more of them the last one is raised; None for any number.

    Raises:
        ValueError: it is negative.
    """

    __slots__ = ("_failures", "_max_failures")

    def __init__(self, max_failures: int | None) -> None:
        if max_failures is not None and max_failures < 0:
            raise ValueError(f"reconnect must not be negative, but is {max_failures}.")
        self._max_failures = max_failures
        self._failures = 0

    def count_failure(self, fault: RequestError) -> None:
        """Count a connection that could not be made, or broke.

        Raises:
            RequestError: the fault, if it is one too many.
        """
        self._failures += 1
        if self._max_failures is not None and self._failures > self._max_failures:
            raise fault

    def count_event(self) -> None:
        """Note that the server is well. That it accepts connections is not enough: it may break them at once."""
        self._failures = 0

    def delay(self, retry: int | None) -> float:
        """Return how many seconds to wait before connecting, where `retry` is what the server asked for, in ms."""
        delay = DEFAULT_DELAY if retry is None else min(retry / 1000, MAX_SERVER_DELAY)
        if self._failures <= 1:
            return delay
        # Doubled with each failure; ten times are enough to reach any bound.
        backed_off: float = max(delay, MIN_DELAY_AFTER_FAILURES) * 2.0 ** min(self._failures - 1, 10)
        return max(delay, min(backed_off, MAX_DELAY))


def is_recoverable(fault: RequestError) -> bool:
    """Tell whether connecting again may help."""
    return isinstance(fault, (NetworkError, ProxyError, RemoteProtocolError, TimeoutException))


def status_error(response: Response) -> SSEError:
    """Return the error for a response that is no event stream by its status."""
    return SSEError(
        f"Expected an event stream with status 200, got '{response.status_code} {response.reason_phrase}'.",
        request=response._request,
    )


def repeat_request(request: Request, last_event_id: str) -> Request:
    """Return the request that goes on where a stream has ended."""
    headers = Headers(request.headers)
    headers.pop("Last-Event-ID", None)
    if last_event_id:
        # 9.2.3: in UTF-8, whatever it holds.
        headers.update({b"Last-Event-ID": last_event_id.encode("utf-8")})
    return Request(request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions)
