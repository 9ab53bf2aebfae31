"""Real servers for tests: a thread with blocking sockets that runs a script, over plain TCP, TLS, or TLS in TLS."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

# Seconds after which a peer that waits for the client gives up.
PATIENCE = 10.0


class Channel(ABC):
    """The server's end of a connection; every call blocks."""

    @abstractmethod
    def recv(self) -> bytes:
        """Return some bytes; b"" at the clean end of the stream."""

    @abstractmethod
    def sendall(self, data: bytes) -> None: ...

    @abstractmethod
    def finish(self) -> None:
        """Tell the client that nothing more comes; what it sends can still be received."""

    @abstractmethod
    def close(self) -> None:
        """Close cleanly."""

    @property
    @abstractmethod
    def raw(self) -> socket.socket:
        """The socket at the bottom."""

    def recv_exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            data = self.recv()
            assert data, f"the client closed with {size} bytes missing"
            parts.append(data)
            size -= len(data)
        assert size == 0, "more than expected"
        return b"".join(parts)

    def recv_all(self) -> bytes:
        return b"".join(iter(self.recv, b""))

    def reset(self) -> None:
        """Send RST."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()


class PlainChannel(Channel):
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def recv(self) -> bytes:
        return self._socket.recv(65536)

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)

    def finish(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    @property
    def raw(self) -> socket.socket:
        return self._socket


class TLSChannel(Channel):
    """TLS over another channel. (`wrap_socket` cannot do TLS in TLS.)"""

    def __init__(self, inner: Channel, context: ssl.SSLContext) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._call(self.ssl.do_handshake)

    def recv(self) -> bytes:
        try:
            data: bytes = self._call(partial(self.ssl.read, 65536))
        except ssl.SSLZeroReturnError:
            return b""
        return data

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            size = self._call(partial(self.ssl.write, view[:16384]))
            view = view[size:]

    def finish(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.ssl.unwrap()
        self._flush()

    def close(self) -> None:
        with contextlib.suppress(ssl.SSLError, OSError):
            self.finish()
        self._inner.close()

    @property
    def raw(self) -> socket.socket:
        return self._inner.raw

    # Private from here on.

    def _call(self, function: Callable[[], Any]) -> Any:
        while True:
            try:
                result = function()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._inner.recv()
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                # The alert tells the client what went wrong.
                self._flush()
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._inner.sendall(data)


Script = Callable[[Channel], object]


class Sink:
    """A script that receives until the client closes."""

    def __init__(self, *, seconds_between_reads: float = 0.0) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.may_read = threading.Event()
        self.may_read.set()
        self._pause = seconds_between_reads

    def __call__(self, channel: Channel) -> None:
        self.may_read.wait(PATIENCE)
        while part := channel.recv():
            self.digest.update(part)
            self.size += len(part)
            time.sleep(self._pause)


MakeChannel = Callable[[socket.socket], Channel]


class Peer:
    """A listening socket, and a thread that runs the script on each connection, one after the other.

    OSError (SSLError included) ends a script quietly, since tests abort connections; anything else fails the test.
    """

    def __init__(
        self,
        script: Script,
        make_channel: MakeChannel = PlainChannel,
        *,
        listener: socket.socket | None = None,
        connections_count: int = 1,
    ) -> None:
        self._script = script
        self._make_channel = make_channel
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        # Closing a listener does not wake `accept` everywhere.
        self._listener.settimeout(0.1)
        self._connections_count = connections_count
        self._connection: socket.socket | None = None
        self._is_closed = False
        self.results: list[object] = []
        self.error: BaseException | None = None
        self.address = self._listener.getsockname()
        self.thread = threading.Thread(target=self._serve, name="peer", daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        port: int = self.address[1]
        return port

    @property
    def is_done(self) -> bool:
        return not self.thread.is_alive()

    @property
    def result(self) -> object:
        """What the script returned for the first connection; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.results[0]

    def close(self) -> None:
        """Stop serving, and raise what the scripts raised."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            # Wakes `accept`.
            self._listener.shutdown(socket.SHUT_RDWR)
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the peer hangs"
        if self.error is not None and not isinstance(self.error, OSError):
            raise self.error

    # Private from here on.

    def _serve(self) -> None:
        for _ in range(self._connections_count):
            connection = self._accept()
            if connection is None:
                return
            self._connection = connection
            connection.settimeout(PATIENCE)
            if connection.family != getattr(socket, "AF_UNIX", None):
                # What waits for more bytes would be lost by a reset.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._serve_one(connection)
            except BaseException as exc:
                self.error = exc
            finally:
                connection.close()

    def _accept(self) -> socket.socket | None:
        while not self._is_closed:
            try:
                return self._listener.accept()[0]
            except TimeoutError:
                continue
            except OSError:
                return None
        return None

    def _serve_one(self, connection: socket.socket) -> None:
        channel = self._make_channel(connection)
        self.results.append(self._script(channel))
        channel.close()
