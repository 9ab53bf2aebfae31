"""Send what the tasks that share one connection produce, in the order of its production: the write turn.

Theory of operation
-------------------
The problem. The bytes of a multiplexed connection depend on those before them: HPACK indexes, stream ids, the sequence
numbers of TLS records. They must reach the wire in the order in which they were produced, whole, although the socket
takes only some of them at a time and any producer can be cancelled while it waits for room.

The naive way is to produce under a lock, release it and write: two threads then write in the wrong order. To write
under the lock blocks everybody on a slow peer, and in an event loop one cannot await under a lock. A lock of its own
around the writing does not help: who is cancelled in the middle of a write takes with it the knowledge of how much was
sent, and the connection is lost.

Our way. Produced bytes go to a queue, under the state lock that ordered their production. The turn is the right to
wait for room in the socket; there is one.

* `flush_now` sends, under the lock and without waiting, as much as goes of all that is queued, in one write. Nearly
  always everything goes, and nobody waits for anything.
* Who has to wait finds the turn free and takes it, or finds it taken and waits behind. The holder awaits room without
  the lock, then sends under the lock, for all; those whose bytes are gone are woken.
* The holder leaves when what was queued at its coming is on the wire, or when it runs out of time or is cancelled, and
  the turn passes to the one who came after it. What is sent is counted under the lock in the same hold in which it is
  handed to the socket, so that a cancelled wait loses, repeats and reorders nothing.

What is left out. A cancelled holder with nobody behind leaves its bytes in the queue: `is_stalled`. They go out with
whatever is flushed next. A reader looks before each read, and if it is so waits with `flush_or_readable` for both
directions: the peer might wait for our WINDOW_UPDATE among those bytes while we wait for its DATA.

Who waits for room may have something else to look at: the answer, which ends an upload, or that nobody reads any more,
so that the peer, who cannot write, does not read either. What changes that cannot wake a thread that waits for its
socket. So with `until` the wait is cut into pieces, and that is looked at between them.

Time. `timeout` bounds how long nothing moves: whatever part is taken, of anybody's bytes, starts it anew for all.
A failed write fails all writers, each with an exception of its own; reading goes on, for the peer may have answered
before it closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from .._exceptions import ReadTimeout, WriteError, WriteTimeout
from .._network.errors import write_timeout
from .baton import copy_of, limit_of

if TYPE_CHECKING:
    import threading

    from .._network.base import Stream, Waiter

# Seconds between two looks at what ends a wait for room besides room: few enough not to be seen in a CPU's load, and
# soon enough for what only happens while a peer takes nothing.
LOOK_INTERVAL = 0.05


class WriteTurn:
    """Queue the bytes of a connection and write them to its stream, one writer at a time.

    Usage: under the lock `put` what was produced and `flush_now`; if that returns False, release the lock and
    await `flush`.
    """

    __slots__ = (
        "_error",
        "_holder",
        "_lock",
        "_make_waiter",
        "_moved_at",
        "_queue",
        "_rest",
        "_sent_size",
        "_stream",
        "_waiting",
        "queued_size",
    )

    def __init__(self, lock: threading.Lock, make_waiter: Callable[[], Waiter], stream: Stream) -> None:
        self._lock = lock
        self._make_waiter = make_waiter
        self._stream = stream
        # What no write has seen yet, and before that in order, the unsent end of what the last write was given.
        self._queue: list[bytes | memoryview] = []
        self._rest: memoryview | None = None
        # Bytes, counted from the beginning of the connection.
        self.queued_size = 0
        self._sent_size = 0
        self._holder: _Place | None = None
        # In the order of their marks; nobody is in here while there is no holder.
        self._waiting: deque[_Place] = deque()
        self._moved_at = 0.0
        self._error: Exception | None = None

    def put(self, data: bytes | memoryview) -> None:
        """Queue data, which nobody changes. To be called under the lock, in the hold in which data was produced."""
        if data and self._error is None:
            self._queue.append(data)
            self.queued_size += len(data)

    def flush_now(self) -> bool:
        """Send what goes without waiting; return True if all that was queued is sent. To be called under the lock.

        What the stream has taken and holds back for want of room, as TLS's records, is not sent.

        It leaves the sending to the holder of the turn, if there is one, and never raises an error of the network: that
        one waits for those who `flush`, so that a reader can call this and go on reading.
        """
        if self._holder is None and self._error is None:
            self._send()
        return self._sent_size == self.queued_size and self._error is None and not self._stream.has_unsent

    async def flush(
        self, timeout: float | None, deadline: float | None = None, *, until: Callable[[], bool] | None = None
    ) -> None:
        """Wait until all that is queued at this moment is on the wire, or until() holds.

        `until` is called under the lock. Cancelling this, or running out of time, takes nothing back: the bytes stay
        queued.

        Raises:
            WriteTimeout: nothing moved for too long, or the deadline passed.
            WriteError: the connection is gone.
        """
        place = None
        try:
            with self._lock:
                if self.flush_now():
                    return
                self.raise_failure()
                place = _Place(self.queued_size, monotonic())
                self._enter(place)
            while True:
                in_time = await self._wait(place, timeout, deadline, is_cut=until is not None)
                with self._lock:
                    if self._is_done(place) or (until is not None and until()):
                        self._leave(place)
                        return
                    self.raise_failure()
                    if not in_time:
                        self._raise_if_overdue(place, timeout, deadline)
        except BaseException:
            if place is not None:
                with self._lock:
                    self._leave(place)
            raise

    async def flush_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        """Send until nothing is unsent or something can be read. For the reader of the connection alone.

        Returns at once if somebody else holds the turn or writing failed: the read that follows will tell.

        Raises:
            ReadTimeout: neither direction moved in time.
        """
        place = _Place(0, 0.0)
        try:
            while True:
                with self._lock:
                    if self._holder is None:
                        self._holder = place
                    if self._holder is not place:
                        return
                    self._send()
                    if self._error is not None or not self.is_behind or self._stream.is_readable():
                        return
                await self._stream.wait_writable_or_readable(timeout, deadline)
        except WriteTimeout as exc:
            raise ReadTimeout(f"Read timeout: nothing came, and nothing could be sent. {exc}") from exc
        except WriteError as exc:
            with self._lock:
                self.fail(exc)
        finally:
            with self._lock:
                self._leave(place)

    def fail(self, error: Exception) -> None:
        """Give the error to all writers, those to come included, and drop what is queued. To be called under the lock.

        The first error stays. A holder that waits for room notices it when its wait returns: wake the stream.
        """
        if self._error is None:
            self._error = copy_of(error)
            self._error.__cause__ = error.__cause__
            self._queue.clear()
            self._rest = None
            while self._waiting:
                self._waiting.popleft().waiter.set()

    @property
    def is_stalled(self) -> bool:
        """Tell whether something is unsent and nobody waits to send it."""
        return self.is_behind and self._holder is None and self._error is None

    @property
    def is_behind(self) -> bool:
        """Tell whether anything is unsent."""
        return self._sent_size != self.queued_size or self._stream.has_unsent

    @property
    def has_failed(self) -> bool:
        """Tell whether nothing can be written any more."""
        return self._error is not None

    def raise_failure(self) -> None:
        """Raise the error that ended all writing, if there was one."""
        if self._error is not None:
            raise copy_of(self._error) from self._error.__cause__

    def has_sent(self, size: int) -> bool:
        """Tell whether the first `size` bytes of all are on the wire. To be called under the lock."""
        return size <= self._sent_size and not self._stream.has_unsent

    def has_begun(self, size: int) -> bool:
        """Tell whether anything behind the first `size` bytes of all was handed to the stream."""
        return self._sent_size > size

    # Private from here on.

    def _send(self) -> None:
        """Hand to the stream as much as it takes. The turn is ours, or free, and the lock is held."""
        sent_size = self._sent_size
        try:
            if self._stream.has_unsent:
                self._stream.write_now(b"")
            # Twice at most: the rest of an earlier write, and in one write all that came after it.
            while (rest := self._take_rest()) is not None:
                size = self._stream.write_now(rest)
                self._sent_size += size
                if size != len(rest):
                    self._rest = memoryview(rest)[size:]
                    break
                self._rest = None
        except Exception as exc:
            self.fail(exc)
        except BaseException:
            self.fail(WriteError("The connection was given up: an interrupt struck while it was written."))
            raise
        if self._holder is not None:
            if self._sent_size != sent_size:
                self._moved_at = monotonic()
            while self._waiting and self.has_sent(self._waiting[0].mark):
                place = self._waiting.popleft()
                place.is_sent = True
                place.waiter.set()

    def _take_rest(self) -> bytes | memoryview | None:
        """Return what the next write is given, None if there is nothing."""
        queue = self._queue
        if self._rest is not None or not queue:
            return self._rest
        data = queue[0] if len(queue) == 1 else b"".join(queue)
        queue.clear()
        return data

    async def _wait(self, place: _Place, timeout: float | None, deadline: float | None, *, is_cut: bool) -> bool:
        """Wait for room if the turn is ours, else for the holder; return False if time was up."""
        limit = self._limit_of(place, timeout, deadline)
        if is_cut:
            limit = limit_of(LOOK_INTERVAL, limit)
        # Passed on between the hold of the lock and this line, the turn needs no wait: nobody else can take it away.
        if self._holder is not place:
            return await place.waiter.wait(timeout, limit)
        try:
            await self._stream.wait_writable(timeout, limit)
        except WriteTimeout:
            return False
        except Exception as exc:
            # Of two errors the first is raised: this one may be the consequence of our own closing.
            with self._lock:
                self.fail(exc)
        return True

    def _limit_of(self, place: _Place, timeout: float | None, deadline: float | None) -> float | None:
        return limit_of(timeout, deadline, max(place.since, self._moved_at))

    def _enter(self, place: _Place) -> None:
        """Take the turn if it is free, else a place behind those who wait for it."""
        if self._holder is None:
            self._holder = place
        else:
            place.waiter = self._make_waiter()
            self._waiting.append(place)

    def _is_done(self, place: _Place) -> bool:
        """Tell whether what that place waits for is on the wire; its holder sends first."""
        if self._holder is place and self._error is None:
            self._send()
        # Who was told so is in no queue any more, and what others have sent since is not to be waited for.
        return place.is_sent or self.has_sent(place.mark)

    def _raise_if_overdue(self, place: _Place, timeout: float | None, deadline: float | None) -> None:
        """Fail one whose time was up, unless others moved something meanwhile, so that it may go on waiting."""
        limit = self._limit_of(place, timeout, deadline)
        if limit is None or monotonic() < limit:
            return
        if self._holder is place:
            raise write_timeout(timeout, deadline)
        bound = "before the deadline" if timeout is None else f"for {timeout} s"
        raise WriteTimeout(f"Write timeout: others had to send first, and the server took too little {bound}.")

    def _leave(self, place: _Place) -> None:
        """Leave whatever place this is; if it holds the turn, pass it on. Leaving again does nothing."""
        if self._holder is place:
            successor = self._waiting.popleft() if self._waiting else None
            self._holder = successor
            if successor is not None:
                successor.waiter.set()
        elif place in self._waiting:
            # In linear time, but only for one who is cancelled in a queue that only a blocked socket makes.
            self._waiting.remove(place)


class _Place:
    """The place of one task: waiting for the turn, holding it, or neither."""

    __slots__ = ("is_sent", "mark", "since", "waiter")

    # Made when the place is among the waiting; a holder needs none.
    waiter: Waiter

    def __init__(self, mark: int, since: float) -> None:
        # The count of sent bytes at which all that this task wants sent is sent, and the time of its coming.
        self.mark = mark
        self.since = since
        # Whether it left the queue because of that.
        self.is_sent = False
