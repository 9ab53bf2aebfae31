"""Let the tasks that share one connection take turns at reading its socket: the reader baton.

Theory of operation
-------------------
The problem. Over one multiplexed connection (HTTP/2, HTTP/3) many tasks or threads each wait for events of their own
stream, but a socket serves one reader at a time, and what one read brings belongs to any of them.

The naive way is a background task that reads for all. A sync client has no loop to run it, in an async one it outlives
the request that started it, and its errors belong to nobody. The next naive way is a lock around the read: each task
locks, reads, hands out what came. Whoever is behind the lock does not notice that its events were read by the one in
front, and waits for a read that may never return.

Our way. A baton, and a place for each who waits.

* Who needs data and finds no reader becomes the reader; everybody else waits at a place of its own, first come first.
* The reader waits for bytes without the lock. It feeds them to the engine under the lock, and the engine's owner calls
  `wake` there for every key that got something. Those leave their places and find their need met.
* When its own need is met, when it fails, runs out of time or is cancelled, the reader hands the baton to the longest
  waiting place. With nobody waiting the baton lies free: an idle connection has no reader.

Why nobody waits without a reader. Each decision (is my need met? is there a reader? I take a place; I hand on) is made
under the lock in one hold, and every way out of `wait` goes through `_leave`. That covers the task that was handed the
baton and is cancelled, or runs out of time, before it could run: by then it owns the baton, so leaving hands it on. A
need is a state, looked at again after each wake-up, not a signal that could be missed; a wake-up too many does no harm.

Time. Where an event loop would have to be given a timer for each wait, and be told to forget nearly all of them, one
alarm for all who wait rings at the first of their limits. A wait is bounded from its beginning, whatever role the task
has or gets meanwhile: bytes for other streams do not extend it. A reader that runs out of time fails alone; any other
error of `read` or `feed` means that the connection is dead, and everyone who waits gets it, each an exception of its
own.

Interrupts. A cancelled read loses nothing (see `Stream`). A KeyboardInterrupt may strike between any two instructions
and lose bytes that were received but not fed; a connection that lost bytes must not go on, so the connection fails.
"""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from .._exceptions import ReadError, ReadTimeout, TimeoutException
from .._network.errors import read_timeout

if TYPE_CHECKING:
    import threading

    from .._network.base import Alarm, Waiter

Received = TypeVar("Received")

_FOREVER = float("inf")


class ReaderBaton(Generic[Received]):
    """Make one of those who wait on a connection read for all of them.

    `read(timeout, deadline)` waits for data, and is awaited by the reader alone, without the lock. Timers of the
    protocol belong in it. `feed(data)` gives them to the engine, under the lock, and calls `wake` for each key that got
    something. At the end of the stream it has to meet every need or to raise: the reader would read the end forever.
    """

    __slots__ = (
        "__weakref__",
        "_alarm",
        "_error",
        "_feed",
        "_lock",
        "_make_waiter",
        "_read",
        "_rings_at",
        "_waiting",
        "reader",
    )

    def __init__(
        self,
        lock: threading.Lock,
        make_waiter: Callable[[], Waiter],
        *,
        read: Callable[[float | None, float | None], Awaitable[Received]],
        feed: Callable[[Received], object],
        make_alarm: Callable[[Callable[[], None]], Alarm | None] = lambda _: None,
    ) -> None:
        self._lock = lock
        self._make_waiter = make_waiter
        self._read = read
        self._feed = feed
        self.reader: _Place | None = None
        # Nobody is in here while there is no reader.
        self._waiting: OrderedDict[Hashable, _Place] = OrderedDict()
        self._error: Exception | None = None
        # Weakly: an alarm that is set must not keep a connection that is lost. It rings at the first limit of those who
        # wait, or before that.
        ring = weakref.WeakMethod(self._check_limits)
        self._alarm = make_alarm(lambda: None if (method := ring()) is None else method())
        self._rings_at = _FOREVER

    async def wait(
        self, key: Hashable, is_met: Callable[[], bool], timeout: float | None, deadline: float | None = None
    ) -> None:
        """Wait until `is_met()`, which is called under the lock. One task at a time may wait for a key.

        Raises:
            ReadTimeout: it was not met in time.
            RuntimeError: another one waits for that key.
            Exception: the connection failed; what happened before that is delivered first.
        """
        # Speed: `limit_of`, without the call.
        limit = deadline
        if timeout is not None:
            end = monotonic() + timeout
            limit = end if deadline is None or end < deadline else deadline
        place = _Place()
        place.key = key
        in_time = True
        try:
            while True:
                with self._lock:
                    if is_met():
                        self._leave(place)
                        return
                    if self._error is not None:
                        raise copy_of(self._error) from self._error.__cause__
                    if not in_time:
                        raise read_timeout(timeout, deadline)
                    self._enter(place, limit)
                # Handed on between these lines, the baton needs no wait: nobody else can take it away.
                if self.reader is not place:
                    if self._alarm is None:
                        in_time = await place.waiter.wait(timeout, limit)
                    else:
                        await place.waiter
                        # Speed: where an alarm is, all run in one thread, and who was woken for its need has left.
                        if self.reader is not place and is_met():
                            return
                        in_time = not place.is_late
                elif await self._read_until(is_met, place, timeout, limit):
                    return
        except BaseException as exc:
            with self._lock:
                self._leave(place)
            if isinstance(exc, ReadTimeout):
                # Of a read that was bounded by what was left, which says nothing about why.
                raise read_timeout(timeout, deadline) from exc
            raise

    def wake(self, key: Hashable) -> None:
        """Let whoever waits for key look again. To be called under the lock."""
        place = self._waiting.pop(key, None)
        if place is not None:
            place.waiter.set()

    def wake_all(self) -> None:
        """Let everybody look again. To be called under the lock."""
        while self._waiting:
            self._waiting.popitem()[1].waiter.set()

    def fail(self, error: Exception) -> None:
        """Give the error to all who wait, and to all who come, unless their need is met. To be called under the lock.

        The first error stays. A reader that waits for bytes notices it when its read returns: wake the stream.
        """
        if self._error is None:
            self._error = copy_of(error)
            self._error.__cause__ = error.__cause__
            self.wake_all()

    @property
    def has_failed(self) -> bool:
        """Tell whether nothing more will be read."""
        return self._error is not None

    @property
    def has_reader(self) -> bool:
        """Tell whether somebody reads or is about to.

        While this is False and the lock is held, whoever holds it may read what is available.
        """
        return self.reader is not None

    # Private from here on.

    async def _read_until(
        self, is_met: Callable[[], bool], place: _Place, timeout: float | None, limit: float | None
    ) -> bool:
        """Read for everybody until is_met, then leave and return True; return False if the connection failed."""
        try:
            while True:
                received = await self._read(timeout, limit)
                with self._lock:
                    if self._error is not None:
                        return False
                    self._feed(received)
                    if is_met():
                        self._leave(place)
                        return True
        except TimeoutException:
            raise
        except Exception as exc:
            with self._lock:
                is_first = self._error is None
                self.fail(exc)
            if is_first:
                raise
            # Somebody closed the connection under this read; the reason given then says more than this consequence.
            return False
        except (KeyboardInterrupt, SystemExit):
            with self._lock:
                self.fail(ReadError("The connection was given up: an interrupt struck while it was read."))
            raise

    def _check_limits(self) -> None:
        """Let those go whose time is up, and set the alarm for the next one."""
        with self._lock:
            now = monotonic()
            late = [place for place in self._waiting.values() if place.limit <= now]
            for place in late:
                place.is_late = True
                self.wake(place.key)
            self._rings_at = min((place.limit for place in self._waiting.values()), default=_FOREVER)
            if self._alarm is not None and self._rings_at < _FOREVER:
                self._alarm.set(self._rings_at)

    def _enter(self, place: _Place, limit: float | None) -> None:
        """Take the baton if it is free, else a place among the waiting."""
        reader = self.reader
        if reader is None:
            self.reader = place
        elif reader is not place:
            key, waiting = place.key, self._waiting
            if key in waiting or reader.key == key:
                raise RuntimeError(f"Another task waits for {key!r}; one at a time may.")
            place.waiter = self._make_waiter()
            waiting[key] = place
            if self._alarm is not None and limit is not None:
                place.limit = limit
                if limit < self._rings_at:
                    self._rings_at = limit
                    self._alarm.set(limit)

    def _leave(self, place: _Place) -> None:
        """Leave whatever place this is; if it holds the baton, hand it on. Leaving again does nothing."""
        if self.reader is place:
            successor = self._waiting.popitem(last=False)[1] if self._waiting else None
            self.reader = successor
            if successor is not None:
                successor.waiter.set()
        elif self._waiting.get(place.key) is place:
            del self._waiting[place.key]


class _Place:
    """The place of one task: waiting, reading, or neither. Speed: it needs no constructor."""

    key: Hashable
    # Made when the place is among the waiting; a reader needs none.
    waiter: Waiter
    # Where an alarm tells the time: when to stop waiting, and whether that has come.
    limit = _FOREVER
    is_late = False


def limit_of(timeout: float | None, deadline: float | None, since: float | None = None) -> float | None:
    """Return the point on `monotonic()` at which a wait that began at `since` (None: at this moment) has to end."""
    if timeout is None:
        return deadline
    end = (monotonic() if since is None else since) + timeout
    return end if deadline is None or end < deadline else deadline


def copy_of(error: Exception) -> Exception:
    """Return an equal exception without a traceback: each request that fails gets its own to be attached to."""
    try:
        return copy.copy(error)
    except Exception:
        # A class of somebody else's, whose constructor wants more than its `args`.
        return ReadError(f"The connection failed: {error!r}")
