"""What every colour does with plain sockets: wait for some of them, name their ends, empty a dying one."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from typing import Any

# Seconds; twelve days. A longer wait is one without end: what the system takes is a count of milliseconds.
MAX_WAIT = 1_000_000.0


def wait_for_any(
    readers: Sequence[socket.socket], writers: Sequence[socket.socket], timeout: float | None
) -> list[socket.socket]:
    """Block until some of the sockets can be read from or written to, or have failed; return these."""
    if not hasattr(select, "poll"):
        # Windows tells of a failed handshake in the third list only.
        readable, writable, failed = select.select(
            readers, writers, writers, None if timeout is None else min(timeout, MAX_WAIT)
        )
        return list(dict.fromkeys([*readable, *writable, *failed]))
    events: dict[socket.socket, int] = dict.fromkeys(readers, select.POLLIN)
    for sock in writers:
        events[sock] = events.get(sock, 0) | select.POLLOUT
    poll = select.poll()
    for sock, mask in events.items():
        poll.register(sock, mask)
    ready = {
        descriptor for descriptor, _ in poll.poll(None if timeout is None or timeout > MAX_WAIT else timeout * 1000)
    }
    return [sock for sock in events if sock.fileno() in ready]


def socket_info(sock: socket.socket, name: str) -> Any:
    """Return what `Stream.get_extra_info` tells about a socket."""
    try:
        if name == "socket":
            return sock
        if name == "client_addr":
            return sock.getsockname()
        if name == "server_addr":
            return sock.getpeername()
        if name == "is_readable":
            # A closed one does not let a read wait either.
            return sock.fileno() < 0 or bool(wait_for_any([sock], [], 0))
    except OSError:
        # Closed, or the peer is gone.
        pass
    return None


def socket_addresses(sock: socket.socket | None) -> dict[str, Any]:
    """Return both ends of a connection, as `Stream.get_extra_info` names them."""
    addresses: dict[str, Any] = {"client_addr": None, "server_addr": None}
    try:
        if sock is not None:
            addresses["client_addr"] = sock.getsockname()
            addresses["server_addr"] = sock.getpeername()
    except OSError:
        # As above.
        pass
    return addresses


def receive_rest(sock: socket.socket, *, max_size: int) -> bytes:
    """Return what a dying socket still holds: a failed write must not lose the answer that came before it."""
    parts: list[bytes] = []
    size = 0
    while size < max_size:
        try:
            data = sock.recv(65536)
        except OSError:
            break
        if not data:
            break
        parts.append(data)
        size += len(data)
    return b"".join(parts)
