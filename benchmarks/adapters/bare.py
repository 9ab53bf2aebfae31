"""No client at all: sockets, and just enough code to take an answer of the origin apart.

It is shown beside the clients and compared with nothing: it tells how much of a figure a client could save at most.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import cast

from .base import Answer, AsyncAdapter, Settings, SyncAdapter, Unsupported

BUFFER_SIZE = 256 * 1024  # bytes


class Async(AsyncAdapter):
    """`asyncio.BufferedProtocol`, one for each connection."""

    async def open(self) -> None:
        refuse_features(self.settings)
        self._idle: list[Connection] = []

    async def close(self) -> None:
        for connection in self._idle:
            connection.transport.close()

    async def get(self, url: str) -> Answer:
        host, port, request = make_request(url)
        connection = self._idle.pop() if self._idle else await self._connect(host, port)
        answer = await connection.exchange(request)
        self._idle.append(connection)
        return answer

    async def _connect(self, host: str, port: int) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
        return connection


class Connection(asyncio.BufferedProtocol):
    """One exchange after the other; all connections receive into the same buffer."""

    _buffer = memoryview(bytearray(BUFFER_SIZE))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()

    def exchange(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a request, and return what gets its answer."""
        self._answer: asyncio.Future[Answer] = self._loop.create_future()
        self._receiver = Receiver()
        self.transport.write(request)
        return self._answer

    def get_buffer(self, size_hint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        answer = self._receiver.take(self._buffer[:count])
        if answer is not None:
            self._answer.set_result(answer)


class Sync(SyncAdapter):
    """A blocking socket for each thread."""

    def open(self) -> None:
        refuse_features(self.settings)
        self._local = threading.local()

    def get(self, url: str) -> Answer:
        host, port, request = make_request(url)
        local = self._local
        sock: socket.socket | None = getattr(local, "sock", None)
        if sock is None:
            sock = local.sock = socket.create_connection((host, port))
            local.buffer = memoryview(bytearray(BUFFER_SIZE))
        sock.sendall(request)
        receiver = Receiver()
        while True:
            answer = receiver.take(local.buffer[: sock.recv_into(local.buffer)])
            if answer is not None:
                return answer


class Receiver:
    """Takes one answer apart; its head is to come in one piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def take(self, data: memoryview) -> Answer | None:
        part = bytes(data)
        if not self._parts:
            head, _, part = part.partition(b"\r\n\r\n")
            status, *lines = head.split(b"\r\n")
            self._status = int(status[9:12])
            self._fields = dict(line.split(b": ", 1) for line in lines)
            self._left = int(self._fields[b"Content-Length"])
        self._parts.append(part)
        self._left -= len(part)
        if self._left:
            return None
        return Answer(self._status, self._fields[b"Content-Type"], b"".join(self._parts))


def refuse_features(settings: Settings) -> None:
    if settings.authority or settings.http2 or settings.cookies or settings.follow_redirects:
        raise Unsupported("only a GET")


def make_request(url: str) -> tuple[str, int, bytes]:
    address, _, path = url.removeprefix("http://").partition("/")
    if not path.startswith(("bytes/", "unique/")):
        raise Unsupported("only a GET")
    host, _, port = address.partition(":")
    head = (
        f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nUser-Agent: bare\r\n\r\n"
    )
    return host, int(port), head.encode()
