"""Sockets on their way to a connection: Happy Eyeballs (RFC 8305) without a clock and without waiting.

A `Race` opens sockets to the addresses of a host, one after the other: the next one when the last has failed, or when
it has not answered within the attempt delay, which the waiting side measures. The first to finish its handshake wins,
and the others are closed. Who drives it waits on `pending`, for `patience` seconds at most.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Sequence

from .._exceptions import ConnectError, ConnectTimeout
from .addresses import CONNECTION_ATTEMPT_DELAY, Address

# Level, option, value; or level, option, None, length.
SocketOption = tuple[int, int, int | bytes] | tuple[int, int, None, int]

# Seconds between two attempts to reach a unix socket whose queue is full.
UNIX_RETRY_DELAY = 0.01

# Speed: Linux makes a socket that does not block by one system call.
_NON_BLOCKING_STREAM = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)

# What `connect_ex` returns while the handshake of a non-blocking socket is under way.
_IN_PROGRESS = frozenset(
    {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR, getattr(errno, "WSAEWOULDBLOCK", -1)}
)


class Race:
    """The attempts to reach one host."""

    __slots__ = ("_addresses", "_errors", "_local_address", "_next", "_options", "_target", "pending", "winner")

    def __init__(
        self,
        target: str,
        addresses: Sequence[Address],
        *,
        local_address: str | None,
        socket_options: Sequence[SocketOption],
    ) -> None:
        self.pending: list[socket.socket] = []
        self._target = target
        self._addresses = addresses
        self._next = 0
        self._local_address = local_address
        self._options = socket_options
        self._errors: list[OSError] = []
        # What was connected first, until it is taken.
        self.winner: socket.socket | None = None

    @property
    def patience(self) -> float | None:
        """Seconds to wait for `pending` before the next attempt is started; None when there is no other address."""
        return CONNECTION_ATTEMPT_DELAY if self._next < len(self._addresses) else None

    def start_attempts(self) -> None:
        """Start the next attempt, and more if they fail at once.

        Raises:
            ConnectError: no address is left, and nothing is under way.
        """
        while self._next < len(self._addresses):
            address = self._addresses[self._next]
            self._next += 1
            try:
                self._start_attempt(address)
                return
            except OSError as exc:
                self._errors.append(exc)
        if not self.pending:
            raise self._failure()

    def finish_attempts(self, finished: Iterable[socket.socket]) -> None:
        """Take the sockets whose handshake has ended: the first that is connected wins."""
        for sock in finished:
            self.pending.remove(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._errors.append(_system_error(code))
                sock.close()
            elif self.winner is None:
                self.winner = sock
            else:
                sock.close()

    def close(self) -> None:
        """Close every socket that was not taken."""
        for sock in self.pending:
            sock.close()
        self.pending.clear()
        if self.winner is not None:
            self.winner.close()
            self.winner = None

    # Private from here on.

    def _start_attempt(self, address: Address) -> None:
        family, sockaddr = address
        # What other packages put in its place may refuse the flag (PySocks), or not look at it (gevent, eventlet).
        is_own = socket.socket.__module__ == "socket"
        sock = socket.socket(family, _NON_BLOCKING_STREAM if is_own else socket.SOCK_STREAM)
        try:
            if sock.gettimeout() != 0:
                sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._options:
                set_options(sock, self._options)
            if self._local_address is not None:
                sock.bind((self._local_address, 0))
            code = sock.connect_ex(sockaddr)
            if code == errno.EINPROGRESS:
                # On the own machine a handshake is over as soon as it has begun, and asking again tells.
                code = sock.connect_ex(sockaddr)
        except BaseException:
            sock.close()
            raise
        if not code or code == errno.EISCONN:
            self.winner = sock
        elif code in _IN_PROGRESS:
            self.pending.append(sock)
        else:
            sock.close()
            raise _system_error(code)

    def _failure(self) -> ConnectError:
        reasons = "; ".join(dict.fromkeys(str(error) for error in self._errors))
        failure = ConnectError(f"{reasons or 'no address'}: could not connect to {self._target}")
        failure.__cause__ = self._errors[-1] if self._errors else None
        return failure


def open_unix_socket(path: str, options: Sequence[SocketOption]) -> socket.socket:
    """Return a non-blocking unix socket.

    Raises:
        ConnectError: this platform has none.
    """
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise ConnectError(f"Unix sockets do not exist on this platform: could not connect to {path}")
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        set_options(sock, options)
    except BaseException:
        sock.close()
        raise
    return sock


def set_options(sock: socket.socket, options: Sequence[SocketOption]) -> None:
    """Set the user's options."""
    for option in options:
        if len(option) == 3:
            sock.setsockopt(option[0], option[1], option[2])
        else:
            sock.setsockopt(option[0], option[1], option[2], option[3])


def connect_unix_socket(sock: socket.socket, path: str) -> bool:
    """Connect to the path; return False if the listener's queue is full.

    Raises:
        ConnectError
    """
    try:
        sock.connect(path)
    except BlockingIOError:
        return False
    except (OSError, ValueError) as exc:
        raise ConnectError(f"{exc}: could not connect to {path}") from exc
    return True


def connect_timeout(target: str, timeout: float | None) -> ConnectTimeout:
    """Return the error of a connection that was not made in time."""
    limit = "its deadline" if timeout is None else f"{timeout} s"
    return ConnectTimeout(f"Connect timeout: could not connect to {target} within {limit}.")


# Private from here on.


def _system_error(code: int) -> OSError:
    # Windows keeps the texts for its sockets apart from those that `strerror` knows.
    texts: dict[int, str] = getattr(socket, "errorTab", {})
    return OSError(code, texts.get(code) or os.strerror(code))
