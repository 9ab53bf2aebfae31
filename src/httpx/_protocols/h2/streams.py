"""One stream of HTTP/2 (RFC 9113 5.1): what its response has brought so far, and whether either side may say more.

A stream is opened by its request, so it begins OPEN (or HALF_CLOSED_LOCAL, without a body), and ends CLOSED:

    OPEN -> HALF_CLOSED_LOCAL  (the request is sent)     -> CLOSED
    OPEN -> HALF_CLOSED_REMOTE (the response is complete) -> CLOSED
    any  -> CLOSED             (reset by either side, or its connection is lost)
"""

from __future__ import annotations

import enum

from ..._exceptions import TransportError
from ..fields import FieldList
from ..h1.head import MAX_INFORMATIONAL
from .errors import ErrorCode, StreamFault
from .response_fields import DecodedFields, HeadMemory, ReadHead, check_fields
from .windows import StreamWindow

# Bytes. Parts of a body that are small are merged up to some size, while nobody reads them: by itself, one of two bytes
# takes thirty times its size of memory, and windows count only the bytes.
SMALL_SIZE = 512
MERGED_SIZE = 4096


class StreamState(enum.Enum):
    """Who may still send."""

    OPEN = enum.auto()
    HALF_CLOSED_LOCAL = enum.auto()
    HALF_CLOSED_REMOTE = enum.auto()
    CLOSED = enum.auto()


# Speed: to read a member of an enum costs as much as a call.
_OPEN = StreamState.OPEN
_HALF_CLOSED_LOCAL = StreamState.HALF_CLOSED_LOCAL
_CLOSED = StreamState.CLOSED


class H2Stream:
    """One request and its response.

    Attributes:
        status_code, head: of the final response; 0 and None until it came.
        parts, unread_size: what came of the body and was not taken.
        trailers: the fields after the body.
        is_complete: the response came to its end.
        failure: why there will be nothing more; what came before that is good.
        is_unprocessed: with a failure, the server said that it did nothing about the request.
        has_received: anything of a response came.
        send_window: bytes of the body that the server allows at this time; below 0 after it took some back.
    """

    # Speed: what few streams change they have in common.
    failure: TransportError | None = None
    is_unprocessed = False
    _informational_count = 0

    def __init__(
        self, stream_id: int, *, method: bytes, send_window: int, is_sent: bool, heads: HeadMemory | None = None
    ) -> None:
        self.id = stream_id
        self.state = _HALF_CLOSED_LOCAL if is_sent else _OPEN
        self.send_window = send_window
        # Made for the second part of a body at the earliest: most have one, and no first one is too large.
        self.own_window: StreamWindow | None = None
        self._heads = heads or HeadMemory()
        self.status_code = 0
        self.head: ReadHead | None = None
        self.parts: list[bytes] = []
        self.unread_size = 0
        self.trailers: FieldList = []
        self.is_complete = False
        self.has_received = False
        self._is_without_body = method == b"HEAD"
        self._tunnels = method == b"CONNECT"
        self._content_length = -1
        self._received_size = 0

    # What those who wait for this stream ask for.

    def has_answer(self) -> bool:
        """Tell whether the final response began, or never will."""
        return self.status_code != 0 or self.failure is not None

    def has_news(self) -> bool:
        """Tell whether there is something of the body to take, or its end, or a failure."""
        return self.unread_size > 0 or self.is_complete or self.failure is not None

    @property
    def is_sent(self) -> bool:
        """Tell whether nothing more of the request may be sent."""
        return self.state is _HALF_CLOSED_LOCAL or self.state is _CLOSED

    # For the engine.

    @property
    def window(self) -> StreamWindow:
        """What the server may still send."""
        if self.own_window is None:
            self.own_window = StreamWindow()
        return self.own_window

    def receive_fields(self, decoded: DecodedFields, *, is_last: bool) -> None:
        """Take a field section: an informational response, the final one, or trailers.

        Raises:
            StreamFault: it is malformed, or out of place.
        """
        if self.is_complete:
            raise _after_end()
        self.has_received = True
        if self.status_code:
            # RFC 9113 8.1: a second field section is the trailers, and ends the stream.
            if not is_last:
                raise StreamFault(ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream")
            trailers = list(decoded)
            check_fields(trailers)
            # In place: whoever has the response has the list.
            self.trailers += trailers
            return
        head = self._heads.read(decoded)
        status_code = head.status_code
        if status_code < 200:
            self._receive_informational(status_code, is_last=is_last)
            return
        if self._tunnels and status_code < 300:
            # RFC 9110 9.3.6: what follows is the tunnel, whatever the fields say.
            pass
        elif status_code == 204 or status_code == 304:
            self._is_without_body = True
        elif not self._is_without_body:
            # Speed: mostly it was asked before, for another stream.
            known_length = head.known_length
            self._content_length = head.content_length if known_length is None else known_length
        self.head = head
        self.status_code = status_code

    def receive_data(self, data: bytes) -> None:
        """Take a part of the body.

        Raises:
            StreamFault: there is no place for it.
        """
        if self.is_complete:
            raise _after_end()
        if not self.status_code:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "DATA before the response")
        size = len(data)
        if not size:
            return
        if self._is_without_body:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "DATA of a response that has no body")
        self._received_size += size
        if 0 <= self._content_length < self._received_size:
            raise StreamFault(
                ErrorCode.PROTOCOL_ERROR, f"more DATA than the {self._content_length} bytes of its Content-Length"
            )
        parts = self.parts
        if parts and size < SMALL_SIZE and len(parts[-1]) < MERGED_SIZE:
            parts[-1] += data
        else:
            parts.append(data)
        self.unread_size += size

    def receive_whole(self, data: bytes) -> bool:
        """Take a body that comes at one go with the end of the response; return False if that is not what this is.

        Speed: as `receive_data` and `receive_end`, for what is usual.
        """
        size = len(data)
        is_whole = (
            size == self._content_length
            and size > 0
            and not self._received_size
            and not self.is_complete
            and self.own_window is None
            and self.state is _HALF_CLOSED_LOCAL
        )
        if is_whole:
            self.parts.append(data)
            self._received_size = self.unread_size = size
            self.is_complete = True
            self.state = _CLOSED
        return is_whole

    def receive_end(self) -> None:
        """Take the end of the response.

        Raises:
            StreamFault: it is too early.
        """
        if not self.status_code:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "the end of the stream before a final response")
        # RFC 9113 8.1.1: the sum of the DATA is what Content-Length says.
        if 0 <= self._content_length != self._received_size:
            raise StreamFault(
                ErrorCode.PROTOCOL_ERROR,
                f"{self._received_size} bytes of DATA, where its Content-Length is {self._content_length}",
            )
        self.is_complete = True
        is_closed = self.state is StreamState.HALF_CLOSED_LOCAL
        self.state = StreamState.CLOSED if is_closed else StreamState.HALF_CLOSED_REMOTE

    def finish_sending(self) -> None:
        """Note that the request is sent to its end."""
        is_closed = self.state is StreamState.HALF_CLOSED_REMOTE
        self.state = StreamState.CLOSED if is_closed else StreamState.HALF_CLOSED_LOCAL

    def fail(self, failure: TransportError, *, is_unprocessed: bool = False) -> None:
        """End the stream; what came is kept. A response that is complete stays so."""
        self.state = StreamState.CLOSED
        if self.failure is None and not self.is_complete:
            self.failure = failure
            self.is_unprocessed = is_unprocessed

    # Private from here on.

    def _receive_informational(self, status_code: int, *, is_last: bool) -> None:
        # RFC 9113 8.6: HTTP/2 has no 101, and 8.1: an informational response ends no stream.
        if status_code == 101 or is_last:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, f"a response {status_code} that cannot be")
        self._informational_count += 1
        if self._informational_count > MAX_INFORMATIONAL:
            raise StreamFault(ErrorCode.ENHANCE_YOUR_CALM, f"more than {MAX_INFORMATIONAL} informational responses")


# Private from here on.


def _after_end() -> StreamFault:
    return StreamFault(ErrorCode.STREAM_CLOSED, "more after the end of the stream")
