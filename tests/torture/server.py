"""A small HTTP/1.1 server in threads, for clients that are tortured: it survives whatever they do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import BinaryIO

LARGE_BODY = bytes(range(256)) * 4096


class Server:
    """Answers GET /small, GET /large (chunked), GET /redirect and POST /length, over plain TCP or TLS."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.1)
        self._is_closed = False
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="server", daemon=True)
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
            threading.Thread(target=self._serve, args=(sock,), name="server connection", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(30)
        with contextlib.suppress(OSError, EOFError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            with sock.makefile("rb") as file:
                while line := file.readline():
                    method, path, _ = line.split()
                    length = _read_body(file)
                    sock.sendall(_answer(method, path, length))
        sock.close()


# Private from here on.


def _read_body(file: BinaryIO) -> int:
    """Read the fields and the body of a request; return the body's size."""
    readline, read = file.readline, file.read
    fields: dict[bytes, bytes] = {}
    while (line := readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    if fields.get(b"transfer-encoding") != b"chunked":
        return len(read(int(fields.get(b"content-length", 0))))
    length = 0
    while size := int(readline() or b"0", 16):
        length += len(read(size))
        readline()
    readline()
    return length


def _answer(method: bytes, path: bytes, length: int) -> bytes:
    if path == b"/large":
        chunks = b"".join(
            b"8000\r\n" + LARGE_BODY[start : start + 0x8000] + b"\r\n" for start in range(0, len(LARGE_BODY), 0x8000)
        )
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    if path == b"/redirect":
        return b"HTTP/1.1 302 Found\r\nLocation: /small\r\nContent-Length: 0\r\n\r\n"
    body = str(length).encode() if method == b"POST" else b"hello"
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
