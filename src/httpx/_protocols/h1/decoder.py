"""Decode HTTP/1.1 responses: tell where each ends (RFC 9112 6.3), and whether the connection may carry another one.

One decoder serves one connection. An exchange goes through these states; an error leads from each to FAILED, which
nothing leaves:

    IDLE -> HEAD -> (LENGTH | CHUNKED | UNTIL_CLOSE) -> DONE -> HEAD ...
               \\-------------------------------------> DONE         a response without a body, or an upgrade

The warm exchange is three calls: `reset`, `receive_head`, `take_buffered`. The head is matched in the very bytes that
were read; only one that came in pieces, or in an unusual form, is gathered in `_partial` and read the slow way, which
searches each byte once. A body by length is handed on as it came, without a copy.

Speed: a server that is asked again mostly says the same again, until the second in its Date is over. So the last heads
are kept (`KnownHeads`), and taken if what is received begins with the same bytes: a twentieth of the cost of parsing.
"""

from __future__ import annotations

import enum

from ..._exceptions import LocalProtocolError, RemoteProtocolError
from ..fields import FieldList, quote
from .chunked import ChunkedDecoder
from .head import (
    DEFAULT_LIMITS,
    HEAD_END,
    WITHOUT_BODY,
    DecoderLimits,
    KnownHeads,
    ResponseHead,
    check_head_size,
    illegal_status_line,
    match_head,
    parse_head,
    settle_framing,
)


class ResponseDecoder:
    """Turn the bytes that a server sends over one connection into heads and bodies.

    Attributes (plain ones, since a property would be a call in each exchange):
        is_done: the response is complete: with its head if no body follows or all of it came along, else with the last
            byte taken.
        can_reuse: another exchange may begin on this connection.
        is_upgraded: the connection left HTTP: 101, or 2xx to CONNECT. `leftover` belongs to what it carries since.
        leftover: bytes after the end of the response.
        trailers: fields after a chunked body.
        content_length: what the response declares, None if nothing or if its transfer coding overrides it.
        buffered: what came along with the head, to be taken: the body, if the response is done.
        bytes_received: how much came since `reset`, 0 meaning that the server said nothing.
    """

    __slots__ = (
        "_chunks",
        "_failure",
        "_informational_count",
        "_is_persistent",
        "_known_heads",
        "_limits",
        "_method",
        "_partial",
        "_remaining",
        "_searched",
        "_state",
        "buffered",
        "bytes_received",
        "can_reuse",
        "content_length",
        "is_done",
        "is_upgraded",
        "leftover",
        "trailers",
    )

    def __init__(self, *, limits: DecoderLimits = DEFAULT_LIMITS, known_heads: KnownHeads | None = None) -> None:
        self.is_done = False
        self.can_reuse = True
        self.is_upgraded = False
        self.leftover = b""
        self.trailers: FieldList = []
        self.content_length: int | None = None
        self.bytes_received = 0
        self._limits = limits
        self._state = _IDLE
        self._method = ""
        self._partial = bytearray()  # a head that is incomplete, or what followed an informational one
        self._searched = 0  # how far `_partial` is known not to hold the end of the head
        self._informational_count = 0
        self._known_heads = KnownHeads() if known_heads is None else known_heads
        self._is_persistent = False
        self.buffered = b""  # what came along with the head
        self._remaining = -1  # bytes missing from a body by length, else -1
        self._chunks: ChunkedDecoder | None = None
        self._failure = ""

    def reset(self, method: str) -> None:
        """Begin the next exchange, whose request has this method.

        Raises:
            LocalProtocolError: the previous one left the connection in no state for it.
        """
        if not self.can_reuse:
            raise LocalProtocolError("This connection cannot carry another request")
        self.can_reuse = False
        self.is_done = False
        self.content_length = None
        self.bytes_received = 0
        if self.trailers:
            self.trailers = []
        self._state = _HEAD
        self._method = method
        self._informational_count = 0

    def receive_head(self, data: bytes) -> ResponseHead | None:
        """Take what was received, b"" at the end of the stream, and return the next head if it is complete.

        After an informational head (1xx, not 101) go on with `next_head`, after any other one with `take_buffered`.

        Raises:
            RemoteProtocolError: the head is malformed or beyond the limits, or the stream ended.
        """
        if self._state is not _HEAD:
            raise self._refusal()
        self.bytes_received += len(data)
        try:
            if not self._partial:
                for known, head in self._known_heads.recent:
                    if data.startswith(known) and self._method != "CONNECT":
                        if len(data) == head.whole_size and self._method != "HEAD":
                            # Speed: as `_begin_response`, for a response that came whole.
                            self._is_persistent = self.can_reuse = head.is_persistent
                            self.content_length = head.content_length
                            self.buffered = data[head.size :]
                            self._state = _DONE
                            self.is_done = True
                        else:
                            self._begin_response(head, data)
                        return head
                # The usual head: complete in one read.
                new_head = match_head(data)
                if new_head is not None:
                    self._receive_head(new_head, data)
                    return new_head
            if not data:
                raise self._early_end()
            self._partial += data
            return self._search_head()
        except RemoteProtocolError as exc:
            self._fail(exc)
            raise

    def next_head(self) -> ResponseHead | None:
        """Return the head that follows an informational one, if what was received holds all of it.

        Raises:
            RemoteProtocolError: it is malformed or beyond the limits.
        """
        if self._state is not _HEAD:
            raise self._refusal()
        if not self._partial:
            return None
        try:
            return self._search_head()
        except RemoteProtocolError as exc:
            self._fail(exc)
            raise

    def take_buffered(self) -> bytes:
        """Return the part of the body that came along with the head, b"" if none.

        Raises:
            RemoteProtocolError: its framing is malformed.
        """
        data, self.buffered = self.buffered, b""
        if self._state is _DONE:
            return data
        return self._decode(data) if data or self._state is _FAILED else b""

    def receive_body(self, data: bytes) -> bytes:
        """Take what was received, b"" at the (orderly) end of the stream, and return the part of the body in it.

        Raises:
            RemoteProtocolError: the framing is malformed, or the stream ended early.
        """
        if not data:
            self.receive_end(is_truncated=False)
            return b""
        self.bytes_received += len(data)
        return self._decode(data)

    def receive_end(self, *, is_truncated: bool) -> None:
        """Take the end of the stream, truncated if anybody on the way could have forged it (TLS without close_notify).

        Raises:
            RemoteProtocolError: the response is incomplete, or ends with the stream and that was truncated.
        """
        self.can_reuse = False
        if self._state is _DONE or self._state is _IDLE:
            return
        if self._state is _UNTIL_CLOSE and not is_truncated:
            self._finish(b"")
            return
        if self._state is _FAILED:
            raise self._refusal()
        exc = self._early_end()
        self._fail(exc)
        raise exc

    # Private from here on.

    def _search_head(self) -> ResponseHead | None:
        """Look for the end of the head in `_partial`; take the head out if it is complete."""
        partial = self._partial
        # Not HTTP at all: such a peer may send no empty line ever, so do not wait for one.
        if not partial.startswith(_PROTOCOL) and not _PROTOCOL.startswith(partial):
            raise illegal_status_line(bytes(partial))
        match = HEAD_END.search(partial, self._searched)
        if match is None:
            # Its last two bytes may be the beginning of the end.
            self._searched = max(len(partial) - 2, 0)
            check_head_size(len(partial), 0, self._limits)
            return None
        data = bytes(partial)
        partial.clear()
        self._searched = 0
        # Before parsing: what is too large is not worth the time.
        check_head_size(match.end(), 0, self._limits)
        head = parse_head(data[: match.end()])
        self._receive_head(head, data)
        return head

    def _receive_head(self, head: ResponseHead, data: bytes) -> None:
        """Take the head that data begins with."""
        limits = self._limits
        if head.size > limits.max_head_size or len(head.fields) > limits.max_fields:
            check_head_size(head.size, len(head.fields), limits)
        status_code = head.status_code
        if status_code < 200 or (status_code < 300 and self._method == "CONNECT"):
            self._pass_on(status_code, data[head.size :])
            return
        settle_framing(head)
        self._known_heads.add(data, head)
        self._begin_response(head, data)

    def _begin_response(self, head: ResponseHead, data: bytes) -> None:
        """Decide what follows the head that data begins with (RFC 9112 6.3)."""
        self._is_persistent = head.is_persistent
        self.content_length = head.content_length
        rest = data[head.size :]
        if not head.whole_size or self._method == "HEAD":
            self._begin_unusual(head, rest)
            return
        self.buffered = rest
        if len(data) == head.whole_size:
            # The usual response: all of the body came along.
            self._state = _DONE
            self.is_done = True
            self.can_reuse = head.is_persistent
        else:
            self._remaining = head.whole_size - head.size
            self._state = _LENGTH

    def _pass_on(self, status_code: int, rest: bytes) -> None:
        """Go on to the next head, or to what the connection carries from here on."""
        if status_code >= 200 or status_code == 101:
            # RFC 9110 9.3.6: Content-Length and Transfer-Encoding of a 2xx to CONNECT mean nothing.
            self.is_upgraded = True
            self._is_persistent = False
            self._finish(rest)
            return
        self._informational_count += 1
        limit = self._limits.max_informational
        if self._informational_count > limit:
            raise RemoteProtocolError(f"Too many informational responses: at most {limit} are taken")
        self._partial += rest

    def _begin_unusual(self, head: ResponseHead, rest: bytes) -> None:
        """Begin a response whose body is chunked, ends with the connection, or is not there."""
        coding = head.coding
        # RFC 9112 6.3 rule 1: their fields tell what another request would bring.
        if self._method == "HEAD" or head.status_code in WITHOUT_BODY:
            self._finish(rest)
        elif coding is not None:
            # One way to say it, and no lists: each lenient reading of this field has been a way to smuggle.
            if coding.lower() != b"chunked":
                raise RemoteProtocolError(f"Only Transfer-Encoding: chunked is supported, not {quote(coding)}")
            # RFC 9112 6.1, 6.3 rule 3: with Content-Length, or in HTTP/1.0, the coding counts and the connection ends.
            if self.content_length is not None or head.http_version == b"HTTP/1.0":
                self._is_persistent = False
            self.content_length = None
            self._chunks = ChunkedDecoder(self._limits)
            self._state = _CHUNKED
            self.buffered = rest
        elif self.content_length == 0:
            self._finish(rest)
        else:
            self._is_persistent = False
            self._state = _UNTIL_CLOSE
            self.buffered = rest

    def _decode(self, data: bytes) -> bytes:
        """Take some bytes of the body."""
        state = self._state
        if state is _LENGTH:
            missing = self._remaining
            if len(data) < missing:
                self._remaining = missing - len(data)
                return data
            self._remaining = -1
            self._finish(data[missing:])
            return data[:missing]
        if state is _CHUNKED:
            return self._decode_chunks(data)
        if state is _UNTIL_CLOSE:
            return data
        if state is _DONE:
            # Nobody asked for these: they could be the answer to a request that somebody else smuggled in.
            self.leftover += data
            self.can_reuse = False
            return b""
        raise self._refusal()

    def _decode_chunks(self, data: bytes) -> bytes:
        chunks = self._chunks
        assert chunks is not None
        try:
            body = chunks.feed(data)
        except RemoteProtocolError as exc:
            self._fail(exc)
            raise
        if chunks.is_done:
            self._chunks = None
            self.trailers = chunks.trailers
            self._finish(chunks.leftover)
        return body

    def _finish(self, rest: bytes) -> None:
        self._state = _DONE
        self.is_done = True
        self.leftover = rest
        self.can_reuse = self._is_persistent and not rest

    def _fail(self, exc: RemoteProtocolError) -> None:
        self._state = _FAILED
        self._failure = str(exc)
        self.is_done = False
        self.can_reuse = False
        self._partial.clear()
        self.buffered = b""

    def _refusal(self) -> Exception:
        if self._state is _FAILED:
            return RemoteProtocolError(f"The connection failed before: {self._failure}")
        return RuntimeError(f"Internal error: not possible in the state {self._state.name} of the response")

    def _early_end(self) -> RemoteProtocolError:
        """Return the error for a stream that ends here."""
        incomplete = "peer closed connection without sending complete message body"
        if self._state is _LENGTH:
            expected = self.content_length or 0
            received = expected - self._remaining
            return RemoteProtocolError(f"{incomplete} (received {received} bytes, expected {expected})")
        if self._state is _CHUNKED:
            return RemoteProtocolError(f"{incomplete} (incomplete chunked read)")
        if self._state is _UNTIL_CLOSE:
            return RemoteProtocolError(f"{incomplete} (it ends with the stream, and TLS close_notify is missing)")
        if not self.bytes_received:
            return RemoteProtocolError("Server disconnected without sending a response.")
        return RemoteProtocolError(
            f"Server disconnected without sending a complete response head (received {self.bytes_received} bytes)"
        )


class _State(enum.Enum):
    """What comes next on the connection; see the module's docstring."""

    IDLE = enum.auto()
    HEAD = enum.auto()
    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    UNTIL_CLOSE = enum.auto()
    DONE = enum.auto()
    FAILED = enum.auto()


# Bound to names of the module for speed: an enum's attribute costs several times as much, in each call.
_IDLE = _State.IDLE
_HEAD = _State.HEAD
_LENGTH = _State.LENGTH
_CHUNKED = _State.CHUNKED
_UNTIL_CLOSE = _State.UNTIL_CLOSE
_DONE = _State.DONE
_FAILED = _State.FAILED

# How each version of the protocol begins that this decoder takes.
_PROTOCOL = b"HTTP/1."

# RFC 9112 6.3 rule 1: statuses that end with the head. (Those below 200 are handled before.)
