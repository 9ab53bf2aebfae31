"""Event streams: bytes in, Server-Sent Events out, as the HTML standard reads them (WHATWG HTML 9.2.5 and 9.2.6).

Lines end at CR, LF or CRLF, and a part of the stream may end anywhere, between CR and LF too. Waiting for what follows
a CR would hold back an event that is complete, for as long as the server has nothing else to say. So a CR ends its
line at once, and an LF that comes next is dropped.

Lines are split as bytes: UTF-8 has no byte of CR, LF or a colon inside of a character, and what is no UTF-8 becomes
U+FFFD within its line. What has come of a line is kept in one buffer that only grows, so that the time is linear in
the size of the stream however it is cut, and bounded together with the event that the line belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from .._exceptions import SSEError

DEFAULT_MAX_EVENT_SIZE = 1024 * 1024  # bytes; the standard sets none

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# More digits than this are no time that anybody waits. A bound, because reading digits takes quadratic time.
MAX_RETRY_SIZE = 18  # bytes

_COLON = ord(":")


@dataclass(frozen=True)
class ServerSentEvent:
    """One event of an event stream.

    Attributes:
        event: its type.
        data: its text; several `data` lines are joined by LF.
        id: the last id that the server gave, with this event or before; "" if none.
        retry: how many milliseconds to wait before connecting again, if the server said so with this event.
    """

    __module__ = "httpx"

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    def json(self) -> object:
        """Return what `data` says as JSON.

        Raises:
            json.JSONDecodeError: it is no JSON.
        """
        return json.loads(self.data)


def check_max_event_size(size: int | None) -> int | None:
    """Return a bound that makes sense.

    Raises:
        ValueError: it does not.
    """
    if size is not None and size < 0:
        raise ValueError(f"max_event_size must not be negative, but is {size}.")
    return size


class EventStreamDecoder:
    """Turn the bytes of one event stream into events.

    Args:
        max_event_size: how many bytes the lines of one event may have, None for any number.
        last_event_id: the id that counts until the server gives another one.
        retry: likewise, for the time before connecting again.
    """

    __slots__ = (
        "_data",
        "_event",
        "_has_begun",
        "_id",
        "_line",
        "_max_event_size",
        "_retry",
        "_size",
        "_skips_lf",
        "last_event_id",
        "retry",
    )

    def __init__(self, max_event_size: int | None, *, last_event_id: str = "", retry: int | None = None) -> None:
        self.last_event_id = last_event_id
        self.retry = retry
        self._max_event_size = max_event_size
        self._has_begun = False  # a line has ended
        self._skips_lf = False  # the last byte was CR
        self._line = bytearray()  # of the line that has not ended
        # The event that has not ended. The size is that of its lines.
        self._size = 0
        self._event = b""
        self._data: list[bytes] = []
        self._id = last_event_id
        self._retry: int | None = None

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that data completes. Iterate to the end before feeding more.

        An event that has not ended when the stream ends is none (9.2.6), so there is nothing to flush.

        Raises:
            SSEError: an event is larger than `max_event_size`; those before it have been yielded.
        """
        if self._skips_lf and data:
            data = data.removeprefix(b"\n")
            self._skips_lf = False
        if not data:
            return
        self._skips_lf = data.endswith(b"\r")
        # Of bytes, unlike of text, this splits at CR, LF and CRLF alone.
        lines = data.splitlines()
        rest = b"" if data.endswith((b"\r", b"\n")) else lines.pop()
        for line in lines:
            if self._line:
                self._line += line
                line = bytes(self._line)
                self._line.clear()
            event = self._take_line(line)
            if event is not None:
                yield event
        self._line += rest
        if self._is_comment(self._line):
            # Nobody wants it: what has come suffices to know it for one.
            del self._line[1 + len(BYTE_ORDER_MARK) :]
        else:
            self._check_size(len(self._line))

    # Private from here on.

    def _take_line(self, line: bytes) -> ServerSentEvent | None:
        size = len(line)
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(BYTE_ORDER_MARK)
        if not line:
            return self._finish_event()
        # A comment. It keeps a connection alive and may come any number of times, so it adds nothing to the size.
        if line[0] == _COLON:
            return None
        self._check_size(size)
        self._size += size
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= MAX_RETRY_SIZE:
            self.retry = self._retry = int(value)
        return None

    def _finish_event(self) -> ServerSentEvent | None:
        event, data, retry = self._event, self._data, self._retry
        self._size, self._event, self._data, self._retry = 0, b"", [], None
        # 9.2.6: an id counts from here on also if there was no data. Without any, nothing is dispatched.
        self.last_event_id = self._id
        if not data:
            return None
        return ServerSentEvent(
            event=event.decode("utf-8", "replace") or "message",
            data=b"\n".join(data).decode("utf-8", "replace"),
            id=self._id,
            retry=retry,
        )

    def _is_comment(self, line: bytearray) -> bool:
        """Tell whether a line that has not ended is a comment."""
        return line.startswith(b":") or (not self._has_begun and line.startswith(BYTE_ORDER_MARK + b":"))

    def _check_size(self, size: int) -> None:
        """Fail if the event gets too large with a line of that size."""
        if self._max_event_size is not None and self._size + size > self._max_event_size:
            raise SSEError(
                f"Server-sent event exceeded the {self._max_event_size} byte limit. Raise max_event_size to read it."
            )
