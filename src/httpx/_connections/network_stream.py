"""The connection as `response.extensions["network_stream"]`: to look at, and to use after an upgrade.

In HTTPX this is an object of httpcore, and raises the exceptions of httpcore. Libraries that speak another protocol
over it, such as httpx-ws, catch these. So what is raised here is an exception of both packages in programs that have
imported httpcore, which is never imported by this one.
"""

from __future__ import annotations

import ssl
import sys
from types import TracebackType
from typing import Any

from .._drive import drive
from .._exceptions import TransportError
from .._network.base import Stream
from .._network.handshake import start_tls
from .._network.sockets import socket_addresses
from .colours import Colour, SyncColour


class _Connection:
    """What both faces do."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._unread = b""
        # Noted while they can be asked for: a closed socket has none.
        self._addresses = socket_addresses(stream.get_extra_info("socket"))

    def get_extra_info(self, info: str) -> Any:
        """Return what is known by that name, else None.

        "client_addr" and "server_addr" are the ends of the connection (with a proxy, its end). Under TLS there are
        "tls_version", "cipher" (name, protocol, bits), "alpn_protocol", "peer_certificate" in DER, and "ssl_object".
        All of these stay when the connection is closed. "socket" and "is_readable" (whether a read would not wait) are
        about an open one.
        """
        return self._addresses[info] if info in self._addresses else self._stream.get_extra_info(info)

    def unread(self, data: bytes) -> None:
        """Put back bytes that came along with the head of an upgrade."""
        self._unread = data + self._unread

    async def _read(self, max_bytes: int, timeout: float | None) -> bytes:
        data = self._unread or await self._stream.read(timeout)
        self._unread = data[max_bytes:]
        return data[:max_bytes]

    async def _start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None, timeout: float | None
    ) -> Stream:
        return await start_tls(self._stream, ssl_context, server_hostname=server_hostname, timeout=timeout)


class SyncNetworkStream(_Connection):
    """An upgraded connection, for threads."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return at most max_bytes; b"" at the end of the stream. Raises ReadTimeout, ReadError."""
        with _errors_of_both:
            return drive(self._read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of buffer. Raises WriteTimeout, WriteError."""
        with _errors_of_both:
            drive(self._stream.write(buffer, timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> SyncNetworkStream:
        """Shake hands over this connection, and return the encrypted one. Raises ConnectTimeout, ConnectError."""
        with _errors_of_both:
            return SyncNetworkStream(drive(self._start_tls(ssl_context, server_hostname, timeout)))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class AsyncNetworkStream(_Connection):
    """An upgraded connection, for tasks."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return at most max_bytes; b"" at the end of the stream. Raises ReadTimeout, ReadError."""
        with _errors_of_both:
            return await self._read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of buffer. Raises WriteTimeout, WriteError."""
        with _errors_of_both:
            await self._stream.write(buffer, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        """Shake hands over this connection, and return the encrypted one. Raises ConnectTimeout, ConnectError."""
        with _errors_of_both:
            return AsyncNetworkStream(await self._start_tls(ssl_context, server_hostname, timeout))

    async def aclose(self) -> None:
        """Close the connection."""
        self._stream.close()


def make_network_stream(stream: Stream, colour: Colour) -> SyncNetworkStream | AsyncNetworkStream:
    """Return the face of stream for this colour."""
    return SyncNetworkStream(stream) if isinstance(colour, SyncColour) else AsyncNetworkStream(stream)


# Private from here on.


class _ErrorsOfBoth:
    """Makes what is raised under it an exception of httpcore as well."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(exc, TransportError) and "httpcore" in sys.modules:
            exc.__class__ = _class_of_both(type(exc))  # in place: it keeps its traceback and cause


_errors_of_both = _ErrorsOfBoth()

_classes_of_both: dict[type[TransportError], type[TransportError]] = {}


def _class_of_both(ours: type[TransportError]) -> type[TransportError]:
    if ours not in _classes_of_both:
        theirs = getattr(sys.modules["httpcore"], ours.__name__, None)
        if not isinstance(theirs, type) or issubclass(ours, theirs):
            return ours
        names = {"__module__": ours.__module__, "__doc__": ours.__doc__}
        _classes_of_both[ours] = type(ours.__name__, (ours, theirs), names)
    return _classes_of_both[ours]
