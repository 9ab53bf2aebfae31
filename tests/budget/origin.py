"""An origin for counting, in a process of its own, since what it allocates would be counted with the client's.

    python -m tests.budget.origin

It prints its ports: that of HTTP/1.1, and that of HTTP/2 without TLS. Each answer goes out in one segment, so that
clients read it at once and count the same every time.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import h2.config
import h2.connection
import h2.events

BODY = b"x" * 1024
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\nX-Request-Id: %08d\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
)


class Connection(asyncio.Protocol):
    """Answers each request; those with a body are to bring 1 KiB."""

    def __init__(self) -> None:
        self._received = b""
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or (head.startswith(b"POST") and len(body) < len(BODY)):
            return
        self._received = b""
        self._count += 1
        # As on real servers, no two heads are the same.
        self._transport.write(ANSWER % (self._count, len(BODY), BODY))


class Http2Connection(asyncio.Protocol):
    """Answers each stream when it has ended."""

    def __init__(self) -> None:
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._h2.initiate_connection()
        self._transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self._answer(event.stream_id)
        self._transport.write(self._h2.data_to_send())

    def _answer(self, stream_id: int) -> None:
        self._count += 1
        fields = [
            (":status", "200"),
            ("server", "origin"),
            ("date", "Sun, 22 Nov 2026 08:00:00 GMT"),
            ("x-request-id", f"{self._count:08}"),
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(BODY))),
        ]
        self._h2.send_headers(stream_id, fields)
        self._h2.send_data(stream_id, BODY, end_stream=True)


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocol, "127.0.0.1", 0) for protocol in (Connection, Http2Connection)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
