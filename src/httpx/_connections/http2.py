"""HTTP/2 on one connection: what the exchanges on it share.

The engine, what is queued to be sent, and the state of the streams change under one lock, in single steps without
waiting; the write turn and the reader baton do the waiting. There is no task that reads: whoever waits for something of
its own stream reads for all (see `baton`), and in between, where an event loop tells of what came, that is taken at
once, so that a server's PING and SETTINGS are answered also while nobody waits.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from .._exceptions import LocalProtocolError, PoolTimeout, ReadError, ReadTimeout, RemoteProtocolError, TransportError
from .._models import Request, Response
from .._network.base import Network, Stream
from .._network.errors import is_over
from .._protocols.h2.engine import H2Engine
from .._protocols.h2.errors import ErrorCode
from .._protocols.h2.request_fields import RequestHead
from .._protocols.h2.settings import DEFAULT_MAX_STREAMS
from .._protocols.h2.streams import H2Stream
from .._trace import log_close
from .baton import ReaderBaton
from .colours import Colour
from .http2_exchange import Http2Exchange
from .network_stream import make_network_stream
from .shared import NoRoomError, SharedKeeper
from .turn import LOOK_INTERVAL, WriteTurn

# How often something available is read in a row while the lock is held; what is left is read by who waits for it.
MAX_DRAINED_READS = 16

# Seconds. Others have the lock for less; who waits longer has it itself.
LOCK_PATIENCE = 0.2

# Answers to PING and SETTINGS by which the sending of those before them must have caught up; as in Go.
MAX_ANSWERS = 10_000


class Http2Connection:
    """A stream, and any number of exchanges on it."""

    is_shared: Literal[True] = True

    __slots__ = (
        "__weakref__",
        *("_answers_mark", "_lost_streams"),
        *("_max_streams", "_network"),
        "_others",
        "baton",
        "colour",
        "engine",
        "exchange_count",
        "is_flush_due",
        "idle_until",
        "is_idle",
        "is_reused",
        "is_usable",
        "keeper",
        "lock",
        "max_exchanges",
        "network_stream",
        "probe_after",
        "route",
        "shelf",
        "stream",
        "turn",
    )

    def __init__(
        self,
        stream: Stream,
        *,
        route: Any,
        keeper: SharedKeeper,
        colour: Colour,
        network: Network,
        probe_after: float | None = None,
    ) -> None:
        # The keeper's: what it files the connection under, where, how many exchanges it gave to it, when it expires.
        self.route = route
        self.shelf: Any = None
        self.exchange_count = 0
        self.is_idle = False
        self.idle_until = 0.0
        # Whether it carried an exchange to its end, whether another one may begin, and how many it takes at this time.
        self.is_reused = False
        self.is_usable = True
        self.max_exchanges = DEFAULT_MAX_STREAMS
        self.keeper = keeper
        self.stream = stream
        self.colour = colour
        self.network_stream = make_network_stream(stream, colour)
        self._network = network
        # Seconds of silence after which the server is asked for a sign of life.
        self.probe_after = probe_after
        self.lock = threading.Lock()
        self.turn = WriteTurn(self.lock, network.make_waiter, stream)
        self.baton: ReaderBaton[bytes | None] = ReaderBaton(
            self.lock, network.make_waiter, read=self._read, feed=self._feed, make_alarm=network.make_alarm
        )
        # In the order in which they came: who was refused before is the first again.
        self._others: dict[object, None] = {}
        self._lost_streams: deque[H2Stream] = deque()
        self.is_flush_due = False
        self._answers_mark = 0  # how much was queued when the answers were counted the last time
        # Nothing is sent before the first request is, to go out in one write with it.
        self.engine = H2Engine(put=self.turn.put, wake=self.baton.wake, wake_others=self._wake_others)
        self._max_streams = self.max_exchanges  # what the keeper was told
        # Weakly: the loop holds the stream, and a client that is lost must not live on through that.
        notice = weakref.WeakMethod(self._notice)
        stream.watch(lambda: None if (method := notice()) is None else method())

    # For the pool.

    def check(self) -> bool:
        """Take what came while nobody read; return whether another exchange may begin. It does not wait."""
        with self.lock:
            if not self.baton.has_reader:
                self._drain()
            self.look()
        return self.is_usable

    def look(self) -> None:
        """Take over what became of its parts."""
        if self.engine.is_closing or self.turn.has_failed or self.baton.has_failed:
            self.is_usable = False
        self.max_exchanges = max(self.engine.peer.max_concurrent_streams, 1)

    def retire(self) -> None:
        """Let no other exchange begin on it."""
        self.is_usable = False

    def exchange(self, request: Request, head: RequestHead) -> Awaitable[Response]:
        """Return what sends a request and gives its response, with the body still to be read.

        Raises:
            NoRoomError: the server does not take another stream. Nothing was sent.
            PoolTimeout: it did not take one in time.
            ReadTimeout, WriteTimeout, ReadError: as the stream.
            RemoteProtocolError: the response is malformed, or the server ended it.
            LocalProtocolError: the body is not as long as declared.
        """
        return Http2Exchange(self, request).run(head)

    async def probe(self, timeout: float | None, deadline: float | None) -> None:
        """Ask the server for a sign of life if nothing was received for long.

        Raises:
            NoRoomError: none came in time.
        """
        engine, after = self.engine, self.probe_after
        is_silent = after is not None and time.monotonic() - engine.received_at >= after
        if not is_silent or not self.is_reused or self.exchange_count > 1:
            return
        with self.lock:
            count = engine.pong_count
            engine.ping(count.to_bytes(8, "big"))
            self.turn.flush_now()
        try:
            await self._wait_apart(lambda: engine.pong_count > count or not self.is_usable, timeout, deadline)
        except TransportError:
            self.retire()
        if not self.is_usable:
            raise NoRoomError

    def wake(self) -> None:
        """Make the exchanges under way fail, from any thread."""
        self.stream.wake()

    def close(self) -> None:
        """Close a connection that carries no exchange."""
        try:
            # As in `give_up`.
            if self.lock.acquire(timeout=LOCK_PATIENCE):
                try:
                    self.engine.say_goodbye()
                    self.turn.flush_now()
                finally:
                    self.lock.release()
        finally:
            log_close(self.stream.close)

    def abort(self) -> None:
        """Drop the connection, whatever its state."""
        self.is_usable = False
        self.stream.abort()

    # For its exchanges.

    def can_open(self) -> bool:
        """Tell whether a stream may be opened at this time. To be called under the lock."""
        if self._lost_streams:
            self._reset_lost()
        peer, count = self.engine.peer, len(self.engine.streams)
        # Of those who come before the server has spoken, one goes ahead; the others wait for what it says.
        return self.is_usable and count < peer.max_concurrent_streams and (count == 0 or peer.is_known)

    async def wait_to_open(self, timeout: float | None, deadline: float | None) -> None:
        """Wait until a stream may be opened, for what only the server's word stands in the way of.

        Raises:
            NoRoomError: streams that are open stand in the way, or the connection takes no more.
            PoolTimeout: the server said nothing in time.
        """
        try:
            await self._wait_apart(lambda: self.can_open() or not self._may_wait(), timeout, deadline)
        except ReadTimeout as exc:
            raise PoolTimeout(
                f"Pool timeout: for {timeout} s the server of an HTTP/2 connection let no stream be opened. It may "
                "have limited their number to 0."
            ) from exc
        with self.lock:
            if not self._may_wait() and not self.can_open():
                raise NoRoomError

    async def wait_for_tunnels(self, timeout: float | None, deadline: float | None) -> None:
        """Wait until it is known that the server takes extended CONNECT (RFC 8441 3).

        Raises:
            LocalProtocolError: it does not.
        """
        with self.lock:
            self.flush_soon()
        await self._wait_apart(lambda: self.engine.peer.is_known or not self.is_usable, timeout, deadline)
        if not self.engine.peer.enable_connect_protocol:
            raise LocalProtocolError("The server takes no CONNECT with a protocol (RFC 8441).")

    def expect_writers(self) -> None:
        """Let two wait for each stream from now on: who writes to a tunnel (by the negative id), and who reads it."""
        self.engine.set_wake(self._wake_both)

    def flush_soon(self) -> bool:
        """Send what is queued; return False if somebody has to wait for room. To be called under the lock.

        Speed: what all tasks produce that run in one turn of an event loop goes out in one write, if there are several.
        """
        if self.is_flush_due:
            return True
        if self.exchange_count > 1 and self._network.call_soon(self._flush_due):
            self.is_flush_due = True
            return True
        return self.turn.flush_now() or self.stream.call_when_writable(self._flush_due)

    def lose(self, stream: H2Stream | None) -> None:
        """Give up an exchange that nobody will finish. For finalisers: takes no lock."""
        if stream is not None:
            self._lost_streams.append(stream)
        self.keeper.lose_exchange(self)

    def give_up(self, stream: H2Stream) -> None:
        """Reset a stream that nobody reads to its end.

        The garbage collector may finish a user's generator, and close its response, while this very thread has the
        lock. Then it is left to whoever has the lock, or has it next.
        """
        self._lost_streams.append(stream)
        self.reset_lost(patience=LOCK_PATIENCE)

    def reset_lost(self, *, patience: float = 0) -> None:
        """Reset the streams of lost exchanges, unless somebody has the lock, who will then do so."""
        if self._lost_streams and self.lock.acquire(timeout=patience):
            try:
                self._reset_lost()
                self.flush_soon()
            finally:
                self.lock.release()

    def tell_keeper(self) -> None:
        """Tell the keeper if the connection takes more or fewer exchanges than it last knew. Not under the lock."""
        max_streams = self.max_exchanges if self.is_usable else 0
        if max_streams != self._max_streams:
            self._max_streams = max_streams
            self.keeper.refresh(self)

    # Private from here on.

    async def _wait_apart(self, is_met: Callable[[], bool], timeout: float | None, deadline: float | None) -> None:
        """Wait for something that is not of a stream."""
        key = object()
        with self.lock:
            self._others[key] = None
        try:
            await self.baton.wait(key, is_met, timeout, deadline)
        finally:
            with self.lock:
                self._others.pop(key, None)

    def _may_wait(self) -> bool:
        """Tell whether the server may take another stream before one of those under way ends."""
        return self.is_usable and not (self.engine.peer.is_known and self.engine.streams)

    def _wake_both(self, stream_id: int) -> None:
        self.baton.wake(stream_id)
        self.baton.wake(-stream_id)

    def _wake_others(self) -> None:
        for key in self._others:
            self.baton.wake(key)

    async def _read(self, timeout: float | None, deadline: float | None) -> bytes | None:
        """Wait for bytes, for the baton; None if something was sent meanwhile, which somebody may wait for."""
        self.tell_keeper()
        if self.turn.has_failed:
            self.is_usable = False
            # What the server said before it went away comes first, and nothing more will come.
            data = self.stream.read_available()
            if data is None:
                self.turn.raise_failure()
            return data
        is_cut = False
        if self.turn.is_stalled:
            await self.turn.flush_or_readable(timeout, deadline)
            if not self.stream.is_readable():
                return None
        elif self.turn.is_behind:
            # Another one sends, maybe what the reader waits for, and cannot wake it.
            is_cut, timeout = True, LOOK_INTERVAL
        try:
            return await self.stream.read(timeout, deadline)
        except ReadTimeout:
            if not is_cut or is_over(deadline):
                raise
            return None

    def _feed(self, data: bytes | None) -> None:
        if data is None:
            if not self.turn.is_behind:
                self.baton.wake_all()
            return
        try:
            if data:
                self.engine.receive(data, time.monotonic())
                if self.engine.answer_count >= MAX_ANSWERS:
                    self._check_answers()
            else:
                self.engine.receive_end()
                # For those who have no stream.
                self.baton.fail(ReadError("The server closed the connection."))
        except TransportError:
            self.is_usable = False
            raise
        finally:
            if self._lost_streams:
                self._reset_lost()
            self.flush_soon()
            self.look()

    def _check_answers(self) -> None:
        """Refuse to queue answers without end for a server that goes on asking, and reads none of them."""
        self.engine.answer_count = 0
        if not self.turn.has_sent(self._answers_mark):
            raise RemoteProtocolError(
                f"The server asked for more than {MAX_ANSWERS} answers (to PING or SETTINGS) and read none of them."
            )
        self._answers_mark = self.turn.queued_size

    def _drain(self) -> None:
        """Take what is there. The lock is held, and nobody reads."""
        try:
            for _ in range(MAX_DRAINED_READS):
                data = self.stream.read_available()
                if data is None:
                    break
                self._feed(data)
                if not data:
                    break
        except TransportError as exc:
            self.is_usable = False
            self.baton.fail(exc)
        except BaseException:
            # Bytes may be lost, and without them the others mean nothing.
            self.is_usable = False
            self.baton.fail(ReadError("The connection was given up: an interrupt struck while it was read."))
            raise

    def _reset_lost(self) -> None:
        while self._lost_streams:
            self.engine.reset(self._lost_streams.popleft(), ErrorCode.CANCEL)

    def _flush_due(self) -> None:
        """Send what was queued in this turn of the loop, and go on when there is room."""
        with self.lock:
            self.is_flush_due = False
            if not self.turn.flush_now() and not self.turn.has_failed:
                self.stream.call_when_writable(self._flush_due)

    def _notice(self) -> None:
        """Take what came while nobody reads: the loop calls it."""
        with self.lock:
            if not self.baton.has_reader:
                self._drain()
        self.tell_keeper()
        if self.is_idle and not self.is_usable:
            self.keeper.drop_idle(self)
