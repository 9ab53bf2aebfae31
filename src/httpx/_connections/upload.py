"""Send the body of a request while watching for an answer that comes early.

A server may answer before it has the whole body: 413 to a file that is too large, 403 to one that it does not want. It
may stop reading then, and a client that only writes would wait for room until its timeout, or see a reset and lose the
answer. So every write ends as soon as something can be read, and whoever reads the response goes on with `push` until
the body is sent or the answer makes the rest of it pointless. No task of its own is needed for that, also in full
duplex, where the response streams while the request does.
"""

from __future__ import annotations

from collections import deque

from .._network.base import Stream
from .._network.errors import is_over, write_timeout
from .._protocols.h1.encoder import ChunkedEncoder, LengthEncoder
from .colours import Parts


class NoParts:
    """The body of a request all of which is in the head's write."""

    __slots__ = ()

    async def next(self) -> bytes | None:
        return None

    async def close(self) -> None:
        pass


class Upload:
    """A head and a body on their way to the server."""

    __slots__ = ("_encoder", "_is_last", "_parts", "_pieces", "_stream", "_unsent", "has_written", "is_done")

    def __init__(self, stream: Stream, head: bytes, parts: Parts, encoder: LengthEncoder | ChunkedEncoder) -> None:
        self.is_done = False
        self.has_written = False
        self._stream = stream
        self._parts = parts
        self._encoder = encoder
        self._unsent = memoryview(head)
        self._pieces: deque[bytes] = deque()
        self._is_last = False

    async def push(self, timeout: float | None, deadline: float | None) -> None:
        """Send until all is sent or something can be read.

        Raises:
            WriteTimeout: the server neither took nor sent anything in time.
            WriteError: the connection is gone, and nothing is left to read.
            LocalProtocolError: the body is longer or shorter than declared.
        """
        while not self.is_done:
            if not self._unsent and not self._stream.has_unsent and not await self._take_piece():
                return
            if deadline is not None and is_over(deadline):
                raise write_timeout(None, deadline)
            count = await self._stream.write_or_readable(self._unsent, timeout, deadline)
            if count:
                self.has_written = True
                self._unsent = self._unsent[count:]
            if self._unsent or self._stream.has_unsent:
                return
            self.is_done = self._is_last and not self._pieces

    async def close(self) -> None:
        """Give up: the rest is not wanted."""
        await self._parts.close()

    # Private from here on.

    async def _take_piece(self) -> bool:
        """Make the next piece of the body `_unsent`; return False if the server has something to say first."""
        while not self._pieces and not self._is_last:
            if self._stream.is_readable():
                return False
            part = await self._parts.next()
            if part is not None and type(part) is not bytes:
                # A buffer that its owner goes on using while it is sent.
                part = bytes(memoryview(part))
            self._is_last = part is None
            encoded = self._encoder.finish() if part is None else self._encoder.encode(part)
            if isinstance(encoded, tuple):
                self._pieces.extend(encoded)
            elif encoded:
                self._pieces.append(encoded)
        if self._pieces:
            self._unsent = memoryview(self._pieces.popleft())
        else:
            self.is_done = True
        return True
