"""Gather the field blocks that come in HEADERS and CONTINUATION frames (RFC 9113 4.3 and 6.10)."""

from __future__ import annotations

from .errors import ConnectionFault, ErrorCode
from .frames import CONTINUATION, END_HEADERS, END_STREAM, HAS_PRIORITY, unpad

# Bytes of a compressed block. What it says is bounded by the decoder; compressed, it is hardly ever larger than that.
MAX_BLOCK_SIZE = 128 * 1024

# A block of that size takes eight; some servers send smaller ones, and empty ones would cost without end.
MAX_CONTINUATIONS = 64


class FieldBlock:
    """A field block that is complete: of which stream, and whether it ends that."""

    __slots__ = ("data", "is_last", "stream_id")

    def __init__(self, stream_id: int, data: bytes, *, is_last: bool) -> None:
        self.stream_id = stream_id
        self.data = data
        self.is_last = is_last


class BlockGatherer:
    """Put the parts of field blocks together. Between the parts of one nothing else may come.

    `stream_id` is that of the incomplete block, 0 if there is none.
    """

    __slots__ = ("_is_last", "_parts", "_size", "stream_id")

    def __init__(self) -> None:
        self.stream_id = 0
        self._is_last = False
        self._parts: list[bytes] = []
        self._size = 0

    def begin(self, flags: int, stream_id: int, payload: bytes) -> FieldBlock | None:
        """Take a HEADERS frame; return the block if that is all of it.

        Raises:
            ConnectionFault: it is malformed.
        """
        payload = unpad(flags, payload, frame="HEADERS")
        if flags & HAS_PRIORITY:
            # RFC 9113 6.2: five bytes that mean nothing any more.
            if len(payload) < 5:
                raise ConnectionFault(
                    ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for the priority that it announces"
                )
            payload = payload[5:]
        is_last = bool(flags & END_STREAM)
        if flags & END_HEADERS:
            return FieldBlock(stream_id, payload, is_last=is_last)
        if not stream_id:
            # RFC 9113 6.2. A block that is complete is looked at with its stream.
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS without a stream")
        self.stream_id, self._is_last = stream_id, is_last
        self._parts, self._size = [payload], len(payload)
        return None

    def go_on(self, frame_type: int, flags: int, stream_id: int, payload: bytes) -> FieldBlock | None:
        """Take the frame that follows while a block is incomplete; return the block if it is complete.

        Raises:
            ConnectionFault: it is no CONTINUATION of the block, or the block becomes too large.
        """
        if frame_type != CONTINUATION or stream_id != self.stream_id:
            raise ConnectionFault(
                ErrorCode.PROTOCOL_ERROR,
                f"a frame of type {frame_type} and stream {stream_id} inside the field block of stream "
                f"{self.stream_id}",
            )
        self._parts.append(payload)
        self._size += len(payload)
        if self._size > MAX_BLOCK_SIZE or len(self._parts) > MAX_CONTINUATIONS:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM,
                f"a field block of more than {MAX_BLOCK_SIZE} bytes or {MAX_CONTINUATIONS} frames",
            )
        if not flags & END_HEADERS:
            return None
        block = FieldBlock(stream_id, b"".join(self._parts), is_last=self._is_last)
        self.stream_id = 0
        self._parts = []
        return block
