"""A stream over a socket that is watched for it (`socket_watch`).

The watch tells when the socket can be read from, and all else is done here, on the socket itself. A transport of
asyncio's between the two would cost: making one takes a task, three turns of the loop and a third of the CPU time of a
new connection; receiving through one takes three calls more and one copy more of each byte; and it copies what the
kernel does not take of a write. It would also outlive a loop that is closed, along with its descriptor.
"""

from __future__ import annotations

import asyncio
import contextvars
import select
import socket
from collections.abc import Callable
from typing import Any

from .asyncio_stream import CLOSED, AsyncioStream, wake_up
from .asyncio_waiters import WokenTasks
from .base import READ_SIZE
from .read_limits import ReadLimits
from .socket_watch import SocketWatch

# The fault of a stream of which bytes may be lost.
INTERRUPTED = ConnectionAbortedError("given up: an interrupt struck while it was used")

# Bytes. A read of this size is followed by one that takes its memory from the system's heap, and not a copy.
MUCH_SIZE = 32 * 1024


class AsyncioSocketStream(AsyncioStream):
    """A stream over a connected non-blocking socket, which it owns."""

    __slots__ = (
        "_descriptor",
        "_expects_much",
        "_is_awaiting_room",
        "_is_full",
        "_is_watched",
        "_message",
        "_poll",
        "_view",
        "_watch",
        "lost_message",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        *,
        view: memoryview,
        limits: ReadLimits,
        woken: WokenTasks,
        watch: SocketWatch,
    ) -> None:
        super().__init__(loop, sock, limits, woken)
        self._watch = watch
        # The receive buffer of all connections of the loop; what comes is copied out of it at once.
        self._view = view
        # What `write_soon` has taken and not sent.
        self._message = b""
        self.lost_message = False
        # Whether the last read was a large one, and the next one probably is.
        self._expects_much = False
        # Not the socket: the selectors of the standard library describe it in an exception each time they are asked.
        self._descriptor = sock.fileno()
        # Whether the kernel did not take all of the last write.
        self._is_full = False
        self._is_watched = False
        self._is_awaiting_room = False
        self._poll: Any = None
        self._begin_watching()

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        if self._fault is not None:
            raise self._write_failure(self._fault)
        if self._message:
            self.send_message()
            if self._message:
                return 0
        try:
            size = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            size = 0
        except OSError as exc:
            # Nobody needs to be told: whoever writes finds out, and may hold a lock.
            self._unwatch()
            self._break(exc)
            raise self._write_failure(exc) from exc
        if size < len(data):
            self._is_full = True
        return size

    def write_soon(self, data: bytes) -> int:
        if self._watch.is_in_row and len(data) <= MUCH_SIZE and self._fault is None and not self._is_full:
            if self._message:
                self._message += data
            else:
                self._message = data
                self._watch.senders.append(self)
            return len(data)
        if self._message or self._fault is not None:
            return self.write_now(data)
        try:
            size = self._socket.send(data)
        except OSError:
            # Speed: this is `write_now` without the call, and it tells what is wrong.
            return self.write_now(data)
        if size < len(data):
            self._is_full = True
        return size

    def send_message(self) -> None:
        """Send what `write_soon` has taken; called after the last callback of a row."""
        if self._fault is not None or not self._message:
            return
        message, self._message = self._message, b""
        try:
            size = self._socket.send(message)
        except (BlockingIOError, InterruptedError):
            size = 0
        except OSError as exc:
            self.lost_message = not self._is_full
            self._unwatch()
            self._break(exc)
            return
        except BaseException:
            # Nobody knows whether it left.
            self._unwatch()
            self._break(INTERRUPTED)
            raise
        self._message = message[size:]
        if self._message and not self._is_awaiting_room:
            # The rest goes on its own: whoever wrote the message was told that all of it goes.
            self._is_full = True
            self._begin_waiting_for_room()

    def call_when_writable(self, function: Callable[[], None]) -> bool:
        if self._loop.is_closed():
            return False
        self._on_room = function
        if self._is_full and self._fault is None:
            self._begin_waiting_for_room()
        else:
            self._loop.call_soon(self._tell_of_room)
        return True

    def close(self) -> None:
        self._on_room = None
        self._message = b""
        self._fail(CLOSED)
        # Before its number becomes another's.
        self._unwatch()
        if self._is_awaiting_room:
            self._end_waiting_for_room()
        self._socket.close()

    # Nothing is unsent but what the kernel holds, and that goes its way.
    abort = close

    def forget(self) -> None:
        # The parent's loop shares what watches the descriptors: nothing may be changed there.
        self._fault = CLOSED
        self._is_watched = self._is_awaiting_room = False
        self._socket.close()

    def get_extra_info(self, name: str) -> Any:
        if name == "socket":
            return self._socket
        if name == "is_readable" and self._is_watched and self._reader is None:
            if self._received or self._is_at_end or self._fault is not None:
                return True
            # What the loop has not told of yet. Speed: to try costs an exception where nothing is there, and to ask
            # costs a poll object, but only once.
            if self._poll is None and hasattr(select, "poll"):
                self._poll = select.poll()
                self._poll.register(self._descriptor, select.POLLIN)
            if self._poll is not None and not self._poll.poll(0):
                return False
            self._receive()
            return self.is_readable()
        return super().get_extra_info(name)

    # Private from here on.

    def _receive(self) -> None:
        """Take what has come; called by the watch."""
        try:
            if self._expects_much:
                # Speed: without the copy, which costs more than the memory that is asked for in vain.
                data = self._socket.recv(READ_SIZE)
                size = len(data)
            else:
                size = self._socket.recv_into(self._view)
                data = self._view[:size].tobytes()
            if size:
                self._received.append(data)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._unwatch()
            self._break(exc)
            self._call_notice()
            return
        except BaseException:
            # Bytes may be lost, and without them the others mean nothing.
            self._unwatch()
            self._break(INTERRUPTED)
            raise
        if not size:
            # What is at its end is readable for ever.
            self._unwatch()
            self._note_end()
            return
        self._expects_much = size >= MUCH_SIZE
        self._received_size += size
        waiter = self._waiter
        if self._reader is waiter:
            waiter.go_on()
        else:
            self._note_received()

    def _pause_reading(self) -> None:
        self._unwatch()

    def _resume_reading(self) -> None:
        try:
            self._begin_watching()
        except OSError as exc:
            # Its user has closed the socket.
            self._break(exc)

    def _begin_watching(self) -> None:
        self._watch.add(self._descriptor, self._receive)
        self._is_watched = True

    def _unwatch(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._watch.remove(self._descriptor, self._receive)

    def _has_room(self) -> bool:
        return not self._is_full

    def _begin_waiting_for_room(self) -> None:
        contextvars.Context().run(self._loop.add_writer, self._descriptor, self._find_room)
        self._is_awaiting_room = True

    def _find_room(self) -> None:
        if self._message:
            self.send_message()
            if self._message and self._fault is None:
                return
            self._message = b""
        self._is_full = False
        wake_up(self._writer)
        self._tell_of_room()
        self._end_waiting_for_room()

    def _end_waiting_for_room(self) -> None:
        # Whoever asked to be called may wait longer than whoever waited, and so may a message.
        if self._is_awaiting_room and self._on_room is None and not self._message and not self._watch.is_parents:
            self._is_awaiting_room = False
            try:
                self._loop.remove_writer(self._descriptor)
            except RuntimeError:
                # The loop is closed, and watches nothing.
                pass
