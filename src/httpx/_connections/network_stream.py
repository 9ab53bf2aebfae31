"""The connection as `response.extensions["network_stream"]`: to look at, and to use after an upgrade."""

from __future__ import annotations

import ssl
from typing import Any

from .._drive import drive
from .._network.base import Stream
from .._network.handshake import start_tls
from .colours import Colour, SyncColour


class _Connection:
    """What both faces do."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._unread = b""
        # Noted while they can be asked for: a closed socket has none.
        self._addresses = {name: stream.get_extra_info(name) for name in ("client_addr", "server_addr")}

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
        return drive(self._read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of buffer. Raises WriteTimeout, WriteError."""
        drive(self._stream.write(buffer, timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> SyncNetworkStream:
        """Shake hands over this connection, and return the encrypted one. Raises ConnectTimeout, ConnectError."""
        return SyncNetworkStream(drive(self._start_tls(ssl_context, server_hostname, timeout)))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class AsyncNetworkStream(_Connection):
    """An upgraded connection, for tasks."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return at most max_bytes; b"" at the end of the stream. Raises ReadTimeout, ReadError."""
        return await self._read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of buffer. Raises WriteTimeout, WriteError."""
        await self._stream.write(buffer, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        """Shake hands over this connection, and return the encrypted one. Raises ConnectTimeout, ConnectError."""
        return AsyncNetworkStream(await self._start_tls(ssl_context, server_hostname, timeout))

    async def aclose(self) -> None:
        """Close the connection."""
        self._stream.close()


def make_network_stream(stream: Stream, colour: Colour) -> SyncNetworkStream | AsyncNetworkStream:
    """Return the face of stream for this colour."""
    return SyncNetworkStream(stream) if isinstance(colour, SyncColour) else AsyncNetworkStream(stream)
