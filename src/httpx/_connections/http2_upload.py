"""Send the body of a request on one stream of an HTTP/2 connection, as far as the windows and the socket allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._exceptions import LocalProtocolError, ReadTimeout, WriteError
from .._network.errors import is_over, write_timeout
from .._protocols.fields import FieldList
from .._protocols.h2.request_fields import make_trailers
from .._protocols.h2.streams import H2Stream, StreamState
from .colours import Parts

if TYPE_CHECKING:
    from .http2 import Http2Connection


class Http2Upload:
    """A body on its way.

    What was pulled from the user's parts and not sent is kept in `unsent`; `is_last` says that nothing follows it.
    `trailers` (or what a function of that kind returns when the body is sent) are sent behind it.
    """

    __slots__ = (
        "_connection",
        "_parts",
        "_remaining",
        "_stream",
        "_trailer_fields",
        "_trailers",
        "is_done",
        "is_last",
        "unsent",
    )

    def __init__(
        self,
        connection: Http2Connection,
        stream: H2Stream,
        *,
        content: bytes | memoryview = b"",
        parts: Parts | None = None,
        content_length: int | None = None,
        trailers: Any = None,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._parts = parts
        # Bytes that are missing from what Content-Length announced.
        self._remaining = content_length
        self._trailers = trailers
        # Known when the whole body was taken: they may be made from it.
        self._trailer_fields: FieldList | None = None
        self.unsent = memoryview(content)
        self.is_last = parts is None
        self.is_done = False

    def send(self) -> None:
        """Produce what the windows allow of what is unsent. To be called under the lock."""
        if self._stream.is_sent:
            # The server wants no more of it.
            self.is_done = True
            return
        engine = self._connection.engine
        ends_here = self.is_last and self._trailers is None
        if self.unsent or ends_here:
            size = engine.send_data(self._stream, self.unsent, is_last=ends_here)
            self.unsent = self.unsent[size:]
        if self._stream.is_sent:
            self.is_done = True
        elif self.is_last and not self.unsent and self._trailer_fields is not None:
            engine.send_trailers(self._stream, self._trailer_fields)
            self.is_done = True

    async def push(self, is_met: Callable[[], bool], timeout: float | None, deadline: float | None) -> None:
        """Send until all is sent, or the windows allow no more, or is_met.

        Raises:
            WriteTimeout: the socket took nothing in time.
            LocalProtocolError: the body is longer or shorter than declared.
        """
        connection, stream, turn = self._connection, self._stream, self._connection.turn
        while not self.is_done:
            if not self.unsent and not self.is_last:
                # Nobody may have read what the server has to say.
                connection.check()
                if is_met() or stream.is_sent:
                    break
                await self._take_part()
            if self.is_last and self._trailers is not None and self._trailer_fields is None:
                self._trailer_fields = self._make_trailers()
            if deadline is not None and is_over(deadline):
                raise write_timeout(None, deadline)
            with connection.lock:
                self.send()
                mark = turn.queued_size
                is_flushed = turn.flush_now()
            if not is_flushed:
                await wait_sent(connection, stream, mark, is_met, timeout, deadline)
            if turn.has_failed:
                # What the server said before it went away comes first; who reads finds out.
                self.is_done = True
            elif is_met() or (self.unsent and not connection.engine.can_send(stream)):
                break
        if stream.is_sent:
            self.is_done = True

    async def close(self) -> None:
        """Give up: the rest is not wanted."""
        self.is_done = True
        if self._parts is not None:
            await self._parts.close()

    # Private from here on.

    async def _take_part(self) -> None:
        assert self._parts is not None
        part = await self._parts.next()
        if part is None:
            self.is_last = True
            if self._remaining:
                raise LocalProtocolError("Too little data for declared Content-Length")
            return
        if type(part) is not bytes:
            # A buffer that its owner goes on using while it is sent.
            part = bytes(memoryview(part))
        if self._remaining is not None:
            self._remaining -= len(part)
            if self._remaining < 0:
                raise LocalProtocolError("Too much data for declared Content-Length")
        self.unsent = memoryview(part)

    def _make_trailers(self) -> FieldList:
        trailers: Any = self._trailers() if callable(self._trailers) else self._trailers
        return make_trailers(trailers)


async def wait_sent(
    connection: Http2Connection,
    stream: H2Stream,
    mark: int,
    is_met: Callable[[], bool],
    timeout: float | None,
    deadline: float | None,
    *,
    key: int | None = None,
) -> None:
    """Wait until the first mark bytes of all are sent, or is_met, or the stream is closed, or writing failed.

    `key` is where it waits for what comes: that of the stream, unless another task waits there.

    Raises:
        WriteTimeout: nothing of that in time.
    """
    baton, turn = connection.baton, connection.turn

    def is_done() -> bool:
        return turn.has_sent(mark) or turn.has_failed or is_met() or stream.state is StreamState.CLOSED

    while baton.has_reader:
        # Who reads notices no room. But it may leave, and a peer that cannot write may not read either.
        try:
            await turn.flush(timeout, deadline, until=lambda: is_done() or not baton.has_reader)
        except WriteError:
            # That is for who waits for the answer: the server may have sent one.
            return
        if is_done():
            return
    try:
        await baton.wait(stream.id if key is None else key, is_done, timeout, deadline)
    except ReadTimeout as exc:
        raise write_timeout(timeout, deadline) from exc
