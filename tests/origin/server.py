"""The origin: a server in a thread of its own, on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

from .certificates import Authority
from .messages import BadRequest, read_request, write_answer
from .routes import respond

HOST = "127.0.0.1"


class Origin:
    """Serve the routes of `routes`, plain or, given an authority, under TLS.

    Used in a `with` statement, which starts the server, and stops it with all its connections.

        with Origin() as origin:
            httpx.get(origin.url("/hello"))
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.port = 0
        # What was seen since the start. Only the server's thread writes to these, before it answers.
        self.requests = 0
        self.connections = 0
        self._authority = authority
        self._connections: set[asyncio.Task[None]] = set()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="origin")

    def __enter__(self) -> Origin:
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def url(self, path: str = "") -> str:
        """Return the URL of a path here."""
        scheme = "http" if self._authority is None else "https"
        return f"{scheme}://{HOST}:{self.port}{path}"

    @property
    def ca_path(self) -> Path:
        """The PEM file of the authority that vouches for this origin."""
        if self._authority is None:
            raise RuntimeError("A plain origin has no certificate authority.")
        return self._authority.path

    def make_client_context(self) -> ssl.SSLContext:
        """Make a context that trusts this origin, and nothing else."""
        return ssl.create_default_context(cafile=self.ca_path)

    # Private from here on.

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as exc:
            if self._started.done():
                raise
            self._started.set_exception(exc)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_report_fault)
        self._stop = asyncio.Event()
        context = None
        if self._authority is not None:
            context = self._authority.make_server_context("localhost", HOST)
        server = await asyncio.start_server(self._accept, HOST, 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set_result(None)
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(self._serve_connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve_connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while await self._serve_request(reader, writer):
                pass
            await _linger(reader, writer)
        except (BadRequest, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the client went away, or speaks something else: close
        finally:
            writer.transport.abort()

    async def _serve_request(self, reader: StreamReader, writer: StreamWriter) -> bool:
        """Answer one request, and tell whether the connection can carry another."""
        request = await read_request(reader, writer)
        self.requests += 1
        answer = await respond(request)
        if request.headers.get("connection", "").lower() == "close":
            answer.is_last = True
        if not answer.is_last:
            await request.body.discard()
        await write_answer(writer, answer, method=request.method)
        return not answer.is_last


def _report_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Stay quiet about what clients do, such as to give up a TLS handshake; report faults of the origin."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


async def _linger(reader: StreamReader, writer: StreamWriter) -> None:
    """Say that no more follows, and wait until the client closes.

    RFC 9112 9.6: a server that closes with unread bytes in its buffer makes the kernel send a reset, which can
    destroy the answer before the client has read it.
    """
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()  # TLS: close_notify; the transport is gone once it is sent
    while await reader.read(64 * 1024):
        pass
