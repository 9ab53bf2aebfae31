"""The sockets that an event loop watches for us, all in one.

A loop calls back once for each socket that can be read from, which costs it some 150 byte codes: a twelfth of a GET.
So where the system has epoll, the sockets stand in one of our own, and the loop watches that: one callback looks which
sockets are ready, and goes through them. It also sees that a connection was reset, of which uvloop does not tell who
watches a socket.

The first few are watched by the loop itself, if it can: alone a socket is cheaper without a second look.

Messages that leave one by one each wake whoever receives them, between two pieces of other work. So what is sent while
several sockets are gone through leaves after the last one: a tenth less CPU of a request, at 16 and at 128 connections
to the same machine.
"""

from __future__ import annotations

import asyncio
import contextvars
import select
import time
from collections.abc import Callable
from typing import Any, Protocol

from .._forks import tell_of_forks

# Sockets that a loop of the standard library watches itself. With two of them about one is ready in a turn.
MAX_DIRECT_COUNT = 2

# Sockets that are gone through in one callback; what else the loop has to run waits that long. A loop itself calls back
# for all that are ready in one turn, whatever their number.
ROW_LENGTH = 512

# Seconds after which messages leave between two callbacks: a program may do much with each response.
MAX_DELAY = 0.002


def can_watch(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop watches what a stream over a socket needs to know of."""
    if isinstance(loop, asyncio.SelectorEventLoop):
        return True
    # Windows' proactor watches nothing; uvloop not all that happens to a socket, but to an epoll.
    return hasattr(select, "epoll") and type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


class Sender(Protocol):
    """A stream with a message."""

    def send_message(self) -> None:
        """Send it, if the stream is still there. Raises no error of the network: who reads is told of it."""


class SocketWatch:
    """Calls back when sockets can be read from, are at their end, or broken.

    Attributes:
        is_in_row: whether a callback runs that others follow, at once: what is to be sent may wait in `senders`.
        senders: streams with a message, which are told to send it after the last callback of the row.
        is_parents: whether this is a forked child, where all of it is the parent's.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_direct",
        "_epoll",
        "_loop",
        "_max_direct_count",
        "is_in_row",
        "is_parents",
        "senders",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callbacks: dict[int, Callable[[], None]] = {}
        # The descriptors that the loop watches, and the epoll that watches the others.
        self._direct: set[int] = set()
        self._epoll: Any = None
        self._max_direct_count: float = MAX_DIRECT_COUNT if isinstance(loop, asyncio.SelectorEventLoop) else 0
        if not hasattr(select, "epoll"):
            self._max_direct_count = float("inf")
        self.is_in_row = False
        self.is_parents = False
        self.senders: list[Sender] = []
        tell_of_forks(self)

    def add(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call back whenever this socket can be read from; in no context, since connections outlive requests.

        Raises:
            OSError: the system watches no more.
        """
        if descriptor in self._callbacks:
            # Of a socket that its user has closed.
            self._drop(descriptor)
        try:
            if len(self._direct) < self._max_direct_count:
                contextvars.Context().run(self._loop.add_reader, descriptor, callback)
                self._direct.add(descriptor)
            else:
                epoll = self._make_epoll() if self._epoll is None else self._epoll
                epoll.register(descriptor, select.EPOLLIN)
            self._callbacks[descriptor] = callback
        finally:
            self._close_if_empty()

    def remove(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call this back no more. To be called before the socket is closed."""
        # Where its user has closed it, the number may be another's.
        if self._callbacks.get(descriptor) == callback:
            self._drop(descriptor)
            self._close_if_empty()

    def send(self) -> None:
        """Send all messages."""
        for sender in self.senders:
            sender.send_message()
        self.senders.clear()

    def forget_parent(self) -> None:
        # What watches the sockets is shared with the parent: nothing may be changed there.
        self.is_parents = True
        self._callbacks.clear()
        self._direct.clear()
        self.senders.clear()
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            epoll.close()

    # Private from here on.

    def _make_epoll(self) -> Any:
        epoll = self._epoll = select.epoll()
        contextvars.Context().run(self._loop.add_reader, epoll.fileno(), self._go_through)
        return epoll

    def _drop(self, descriptor: int) -> None:
        del self._callbacks[descriptor]
        try:
            if descriptor in self._direct:
                self._direct.remove(descriptor)
                self._loop.remove_reader(descriptor)
            else:
                self._epoll.unregister(descriptor)
        except (RuntimeError, OSError):
            # The loop is closed, and watches nothing; or the user has closed the socket.
            pass

    def _close_if_empty(self) -> None:
        """Leave nothing with the loop, nor a descriptor open, of a client that is closed."""
        if not self._callbacks and self._epoll is not None:
            self._close_epoll()

    def _close_epoll(self) -> None:
        epoll, self._epoll = self._epoll, None
        try:
            self._loop.remove_reader(epoll.fileno())
        except RuntimeError:
            # The loop is closed.
            pass
        epoll.close()

    def _go_through(self) -> None:
        """Call back for the sockets that are ready. What is left out, by an error as well, is ready again next time."""
        ready = [] if self._epoll is None else self._epoll.poll(0, ROW_LENGTH)
        callbacks, senders = self._callbacks, self.senders
        send_by = time.monotonic() + MAX_DELAY
        callback = None
        try:
            try:
                self.is_in_row = len(ready) > 1
                for descriptor, _ in ready:
                    # One before it may have closed it.
                    callback = callbacks.get(descriptor)
                    if callback is not None:
                        callback()
                        if senders and time.monotonic() > send_by:
                            self.send()
                            send_by = time.monotonic() + MAX_DELAY
            finally:
                self.is_in_row = False
                if senders:
                    self.send()
        except BaseException:
            if senders:
                self._loop.call_soon(self.send)
            raise
        if callback is None and ready:
            self._renew(ready)

    def _renew(self, ready: list[tuple[int, int]]) -> None:
        """Make a new epoll if this one tells of a closed socket: it has a copy, and cannot be taken out."""
        if self._epoll is not None and not any(descriptor in self._callbacks for descriptor, _ in ready):
            self._close_epoll()
            nested = self._callbacks.keys() - self._direct
            epoll: Any = self._make_epoll() if nested else None
            for descriptor in nested:
                try:
                    epoll.register(descriptor, select.EPOLLIN)
                except OSError:
                    # As in `_drop`.
                    pass
