"""A cheap HTTP/1.1 origin for measurements: a bare asyncio protocol, in a process of its own.

    python benchmarks/origin.py [CERTIFICATE KEY]

It prints its port, and with a certificate speaks TLS. `GET /N` is answered with N bytes, `POST` with the count of what
came. It pins itself to the last core, so that it does not share one with what is measured.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from typing import Any

PART = b"x" * 65536


class OriginProtocol(asyncio.Protocol):
    """Just enough HTTP/1.1 for a well-behaved client."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._body_left = 0
        self._body_size = 0
        self._is_chunked = False
        self._unsent = 0
        self._is_paused = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._body_left or self._is_chunked:
            self._take_body(data)
            return
        self._head += data
        while (end := self._head.find(b"\r\n\r\n")) >= 0:
            head, self._head = self._head[:end], self._head[end + 4 :]
            self._start(head)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._send_more()

    def _start(self, head: bytes) -> None:
        if head.startswith(b"GET /"):
            size = int(head[5 : head.index(b" ", 5)])
            self._answer(size)
            return
        fields = head.lower()
        rest, self._head = self._head, b""
        self._body_size = 0
        if b"transfer-encoding: chunked" in fields:
            self._is_chunked = True
        else:
            start = fields.index(b"content-length:") + 15
            self._body_left = int(fields[start:].split(b"\r", 1)[0])
        if rest:
            self._take_body(rest)

    def _take_body(self, data: bytes) -> None:
        self._body_size += len(data)
        if self._is_chunked:
            # Not a chunk parser: what is uploaded here never ends in these bytes before its end.
            if not data.endswith(b"0\r\n\r\n"):
                return
            self._is_chunked = False
        else:
            self._body_left -= len(data)
            if self._body_left:
                return
        self._answer(len(str(self._body_size)), str(self._body_size).encode())

    def _answer(self, size: int, body: bytes | None = None) -> None:
        assert self._transport is not None
        head = (
            b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n" % size
        )
        if body is not None or size <= len(PART):
            self._transport.write(head + (PART[:size] if body is None else body))
            return
        self._unsent = size
        self._transport.write(head)
        self._send_more()

    def _send_more(self) -> None:
        assert self._transport is not None
        while self._unsent and not self._is_paused:
            part = PART[: self._unsent]
            self._unsent -= len(part)
            self._transport.write(part)


async def serve(context: ssl.SSLContext | None) -> None:
    """Serve until killed, or until standard input closes with the parent."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(OriginProtocol, "127.0.0.1", 0, ssl=context, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tls_context = None
    if len(sys.argv) == 3:
        tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls_context.load_cert_chain(sys.argv[1], sys.argv[2])
    try:
        import uvloop

        uvloop.run(serve(tls_context))
    except ImportError:
        asyncio.run(serve(tls_context))
