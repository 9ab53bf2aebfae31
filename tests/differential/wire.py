"""A tiny origin for facts about bytes: it notes what came, and answers by a script."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # for localhost and 127.0.0.1, signed by itself

_PATIENCE = 10.0  # seconds; no case comes near


class Origin:
    """A server on a port of its own, in a thread; each request gets the next answer of the script.

    An answer that says `Connection: close` or `HTTP/1.0`, or that is empty, ends its connection; so does the end of the
    script.
    `heard` holds the requests of each connection, with what differs from run to run masked.
    """

    def __init__(self, *answers: bytes, is_tls: bool = False) -> None:
        self.heard: list[list[str]] = []
        self._answers = list(answers)
        self._context: ssl.SSLContext | None = None
        if is_tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if is_tls else 'http'}://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Origin:
        self._start(self._accept)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # No connection is accepted from here on, so that none is forgotten.
        _end(self._listener)
        self._threads[0].join(_PATIENCE)
        for sock in self._sockets:
            _end(sock)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def mask(self, text: str) -> str:
        """Return text without what differs from run to run and from version to version."""
        return mask(text.replace(str(self.port), "PORT"))

    # Private from here on.

    def _start(self, function: object, *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)  # type: ignore[arg-type]  # one of ours
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        heard: list[str] = []
        self.heard.append(heard)
        try:
            sock.settimeout(_PATIENCE)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            while request := _read_request(sock):
                heard.append(self.mask(request.decode("latin-1")))
                answer = self._answers.pop(0) if self._answers else b""
                sock.sendall(answer)
                if not answer or answer.startswith(b"HTTP/1.0") or b"connection: close" in answer.lower():
                    break
        except OSError:
            pass
        finally:
            sock.close()


def client_context() -> ssl.SSLContext:
    """Return a context that trusts the certificate of `Origin`."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def answer(status: str = "200 OK", body: bytes = b"", *fields: str) -> bytes:
    """Return a response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def mask(text: str) -> str:
    """Return text without versions, addresses of objects and local ports."""
    text = re.sub(r"python-httpx/[\w.]+", "python-httpx/VERSION", text)
    return re.sub(r"0x[0-9a-fA-F]+", "0xADDRESS", text)


# Private from here on.


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def _read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        data += part
        # The end, or TLS spoken to a server that knows none.
        if not part or data.startswith(b"\x16"):
            return data
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?mi)^content-length: *(\d+)", head)
    if length is not None:
        while len(body) < int(length[1]):
            body += sock.recv(65536)
    elif re.search(rb"(?mi)^transfer-encoding: *chunked", head):
        while not body.endswith(b"0\r\n\r\n"):
            body += sock.recv(65536)
    return head + b"\r\n\r\n" + body
