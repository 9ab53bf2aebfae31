"""A small proxy in threads, for clients that are tortured: CONNECT, SOCKS5, in the open or over TLS."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from .server import Server

GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
CHALLENGE = (
    b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Digest realm=r, nonce=n, qop=auth, algorithm=SHA-256\r\n"
    b"Content-Length: 0\r\n\r\n"
)

# Does the proxy's part of a handshake, and tells whether the connection is granted.
Handshake = Callable[[socket.socket], bool]


class ProxyServer:
    """Leads every connection to one server, after its handshake."""

    def __init__(self, target: Server, handshake: Handshake, context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(target.url)
        self._target = (parts.hostname, parts.port)
        self._handshake = handshake
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._is_closed = False
        self._thread = threading.Thread(target=self._accept, name="server proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_closed = True
        self._thread.join()
        self._listener.close()

    # Private from here on.

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                continue
            threading.Thread(target=self._serve, args=(sock,), name="server proxy connection", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(30)
        with contextlib.suppress(OSError, EOFError), contextlib.closing(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            if self._handshake(sock):
                with socket.create_connection(self._target) as target:
                    target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    _relay(sock, target)
        sock.close()


def connect(sock: socket.socket) -> bool:
    """Answer CONNECT."""
    _read_head(sock)
    sock.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
    return True


def connect_by_digest(sock: socket.socket) -> bool:
    """Answer CONNECT, if it brings the answer to a challenge."""
    is_granted = b"\r\nProxy-Authorization: Digest " in _read_head(sock)
    sock.sendall(b"HTTP/1.1 200 Go on\r\n\r\n" if is_granted else CHALLENGE)
    return is_granted


def socks5(sock: socket.socket) -> bool:
    """Speak SOCKS5 with a user who logs in."""
    assert _read(sock, 3) == b"\x05\x01\x02"
    sock.sendall(b"\x05\x02")
    assert _read(sock, 5) == b"\x01\x01u\x01p"
    sock.sendall(b"\x01\x00")
    assert _read(sock, 10)[:4] == b"\x05\x01\x00\x01"
    sock.sendall(GRANTED)
    return True


# Private from here on.


def _read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _read(sock, 1)
    return head


def _relay(client: socket.socket, target: socket.socket) -> None:
    """Pass on what comes from either side until one of them closes. One thread, since an SSLSocket takes no two."""
    others = {client: target, target: client}
    while True:
        has_pending = isinstance(client, ssl.SSLSocket) and client.pending()
        for sock in [client] if has_pending else select.select(list(others), [], [], 30)[0]:
            data = sock.recv(65536)
            if not data:
                return
            others[sock].sendall(data)
