"""Scripted origins: real sockets, a thread a connection, and every byte of the answers in the hands of the test."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.network.peers import PATIENCE, Channel, MakeChannel, PlainChannel

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class ClientClosed(Exception):
    """The client closed the connection; that ends a script quietly."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    head: bytes
    body: bytes
    # On which connection, counted from 0.
    connection: int

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of that name."""
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [value.strip().decode() for key, _, value in lines if key.lower() == name.lower().encode()]


class Conversation:
    """The server's end of one connection."""

    def __init__(self, server: Server, number: int, channel: Channel) -> None:
        self.server = server
        self.number = number
        self.channel = channel
        self._buffer = b""

    def read_head(self) -> bytes:
        """Return the next head, without the empty line."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self.server.heads.append(head)
        return head

    def read_request(self) -> Received:
        """Return the next request, read to its end."""
        head = self.read_head()
        received = Received(head, b"", self.number)
        if received.values("transfer-encoding") == ["chunked"]:
            body = self._read_chunks()
        else:
            body = self.read_exactly(int((received.values("content-length") or ["0"])[0]))
        received = Received(head, body, self.number)
        self.server.requests.append(received)
        return received

    def read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_to_end(self) -> bytes:
        """Return everything up to the client's close."""
        with contextlib.suppress(ClientClosed, OSError):
            while True:
                self._receive()
        return self._buffer

    def send(self, data: bytes) -> None:
        self.channel.sendall(data)

    def answer(self, response: bytes) -> Received:
        """Read a request and answer it."""
        received = self.read_request()
        self.send(response)
        return received

    # Private from here on.

    def _receive(self) -> None:
        data = self.channel.recv()
        if not data:
            raise ClientClosed
        self.server.received_size += len(data)
        self._buffer += data

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._receive()
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            size = int(line, 16)
            body += self.read_exactly(size)
            assert self.read_exactly(2) == b"\r\n"
            if not size:
                return body


Script = Callable[[Conversation], object]


class Server:
    """Runs the scripts: the first for the first connection, and so on; the last one for all that follow.

    A script that returns closes its connection. OSError and the client's close end it quietly, anything else fails the
    test.
    """

    def __init__(
        self, *scripts: Script, make_channel: MakeChannel = PlainChannel, listener: socket.socket | None = None
    ) -> None:
        self.heads: list[bytes] = []
        self.requests: list[Received] = []
        self.received_size = 0
        self.connection_count = 0
        self.ended_count = 0
        # For scripts that wait for the test; set at the end, so that none hangs.
        self.may_go_on = threading.Event()
        self._scripts = scripts
        self._make_channel = make_channel
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._is_closed = False
        self._errors: list[BaseException] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="server", daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def wait(self) -> None:
        """In a script: wait until the test sets `may_go_on`."""
        assert self.may_go_on.wait(PATIENCE), "the test did not go on"

    def close(self) -> None:
        """Stop serving, and raise what scripts raised."""
        self._is_closed = True
        self.may_go_on.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(PATIENCE)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a script hangs"
        if self._errors:
            raise self._errors[0]

    # Private from here on.

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                sock = self._listener.accept()[0]
            except TimeoutError:
                continue
            except OSError:
                return
            sock.settimeout(PATIENCE)
            if sock.family != getattr(socket, "AF_UNIX", None):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = self.connection_count
            self.connection_count += 1
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, number), name="connection", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            channel = self._make_channel(sock)
            script = self._scripts[min(number, len(self._scripts) - 1)]
            script(Conversation(self, number, channel))
            channel.close()
        except (ClientClosed, OSError):
            pass
        except BaseException as exc:
            self._errors.append(exc)
        finally:
            sock.close()
            self.ended_count += 1


def answering(*responses: bytes) -> Script:
    """Return a script that gives these answers to the requests of a connection, and then closes it."""

    def script(conversation: Conversation) -> None:
        for response in responses:
            conversation.answer(response)

    return script


def answering_always(response: bytes = OK) -> Script:
    """Return a script that answers all the requests of a connection alike."""

    def script(conversation: Conversation) -> None:
        while True:
            conversation.answer(response)

    return script


def silent(conversation: Conversation) -> None:
    """Be a script that receives and never answers."""
    conversation.read_to_end()


def closing_at_once(conversation: Conversation) -> None:
    """Be a script that closes after the request, without a byte of an answer."""
    conversation.read_request()
