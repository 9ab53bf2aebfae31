"""A stream of HTTP/2 that carries bytes of another protocol, after CONNECT (RFC 9113 8.5, RFC 8441), as a `Stream`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._exceptions import ReadTimeout
from .._network.base import Stream
from .._network.errors import closed_read_error, closed_write_error, write_timeout
from .._protocols.h2.sender import MAX_PRODUCED_SIZE
from .._protocols.h2.streams import H2Stream, StreamState
from .http2_upload import wait_sent

if TYPE_CHECKING:
    from .http2_exchange import Http2Exchange


class Http2Tunnel(Stream):
    """The bytes that go to and from the other end of an exchange; closing it ends the exchange.

    It lives as long as the response does: who closes that has closed the tunnel.
    """

    __slots__ = ("_connection", "_exchange", "_is_open", "_stream")

    def __init__(self, exchange: Http2Exchange, stream: H2Stream) -> None:
        self._exchange = exchange
        self._connection = exchange.connection
        self._connection.expect_writers()
        self._stream = stream
        self._is_open = True

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        while True:
            data = self.read_available()
            if data is not None:
                return data
            await self._connection.baton.wait(self._stream.id, self._stream.has_news, timeout, deadline)

    def read_available(self) -> bytes | None:
        connection, stream = self._connection, self._stream
        if not self._is_open:
            raise closed_read_error()
        connection.check()
        with connection.lock:
            data = connection.engine.take(stream)
            # In the same hold: behind it, another thread may bring the rest and the end.
            is_complete, failure = stream.is_complete, stream.failure
            connection.flush_soon()
        if data:
            return data
        if failure is not None:
            raise failure
        return b"" if is_complete else None

    def is_readable(self) -> bool:
        self._connection.check()
        return not self._is_open or self._stream.has_news()

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        connection = self._connection
        with connection.lock:
            self._check_sending()
            if connection.turn.is_behind:
                # It would only lie in the queue.
                connection.flush_soon()
                if connection.turn.is_behind:
                    return 0
            # Copied, for its owner may go on using it; but no more than goes.
            part = memoryview(bytes(memoryview(data)[:MAX_PRODUCED_SIZE]))
            size = connection.engine.send_data(self._stream, part, is_last=False)
            connection.flush_soon()
        return size

    async def write(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> None:
        await super().write(data, timeout, deadline)
        # What lies in the queue goes out with what follows, and nothing may follow.
        if self.has_unsent:
            mark = self._connection.turn.queued_size
            await wait_sent(self._connection, self._stream, mark, _never, timeout, deadline, key=-self._stream.id)

    @property
    def has_unsent(self) -> bool:  # type: ignore[override]  # read only, and computed here alone
        return self._connection.turn.is_behind

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        await self._wait(False, timeout, deadline)
        self._check_sending()

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        await self._wait(True, timeout, deadline)
        if not self._stream.has_news():
            self._check_sending()

    def wake(self) -> None:
        self._connection.wake()

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        connection, stream = self._connection, self._stream
        if stream.is_complete and not stream.is_sent:
            with connection.lock:
                connection.engine.send_data(stream, memoryview(b""), is_last=True)
                connection.flush_soon()
        # RFC 9113 8.5: what is not closed in order is reset, with CANCEL in place of a TCP reset.
        self._exchange.abandon()

    abort = close

    def get_extra_info(self, name: str) -> Any:
        if name == "is_readable":
            return self.is_readable()
        return self._connection.stream.get_extra_info(name)

    # Private from here on.

    def _check_sending(self) -> None:
        if self._stream.failure is not None:
            raise self._stream.failure
        if not self._is_open or self._stream.state is StreamState.CLOSED:
            raise closed_write_error()

    async def _wait(self, or_readable: bool, timeout: float | None, deadline: float | None) -> None:
        """Wait for room in the windows, and in the socket, and optionally for something to read."""
        connection, stream = self._connection, self._stream
        can_send = connection.engine.can_send

        def is_readable() -> bool:
            return or_readable and stream.has_news()

        def is_met() -> bool:
            return can_send(stream) or stream.state is StreamState.CLOSED or is_readable()

        # At a place of its own: another task may read meanwhile.
        key = -stream.id
        mark = connection.turn.queued_size
        await wait_sent(connection, stream, mark, is_readable, timeout, deadline, key=key)
        try:
            await connection.baton.wait(key, is_met, timeout, deadline)
        except ReadTimeout as exc:
            raise write_timeout(timeout, deadline) from exc


# Private from here on.


def _never() -> bool:
    return False
