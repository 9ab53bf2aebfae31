"""An origin for counting, in a process of its own, since what it allocates would be counted with the client's.

    python -m tests.budget.origin

It prints its port. Each answer goes out in one segment, so that clients read it at once and count the same every time.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

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


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
