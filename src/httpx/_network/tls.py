"""TLS over any stream: over TCP, over a proxy's tunnel, over TLS, in every colour.

The engine does no I/O (`tls_engine`); what this module adds is waiting, for bytes or for room, which happens outside
the engine's lock. Nothing is lost by a cancelled wait.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from .._certificates import Rules
from .._exceptions import ReadError, WriteError
from .errors import closed_read_error
from .tls_engine import LOCK_PATIENCE, TLSEngine

T = TypeVar("T")


class TLSStream(TLSEngine):
    """An encrypted stream over another one, which it owns."""

    __slots__ = ()

    async def shake_hands(self, deadline: float | None) -> None:
        """Do the handshake.

        Raises:
            ReadTimeout, WriteTimeout, ReadError, WriteError: as the stream below.
            ssl.SSLError: it failed. What tells the peer so has gone out, if that could be at once.
        """
        try:
            while not await self._step_handshake(deadline):
                if self.has_unsent:
                    await self.wait_writable(None, deadline)
                self._feed(await self._inner.read(None, deadline))
        except ssl.SSLError:
            self._send_now()
            raise
        if self.has_unsent:
            await self.wait_writable(None, deadline)
        if self._incoming.pending:
            # Data that came in one segment with the end of the handshake: no read of the socket will bring it.
            self._receive(self._incoming.read())

    @property
    def context(self) -> ssl.SSLContext:
        """The context that it was made by, as it was given."""
        return self._context

    @property
    def rules(self) -> Rules:
        """What its context asks for besides."""
        return self._rules

    @property
    def certificate(self) -> bytes | None:
        """The peer's certificate in DER."""
        return self._object.getpeercert(binary_form=True)

    @property
    def selected_alpn_protocol(self) -> str | None:
        """The protocol that both sides agreed upon."""
        return self._object.selected_alpn_protocol()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection to the same peer can resume; with TLS 1.3 only known after the first read."""
        # As in `write_now`.
        if not self._lock.acquire(True, LOCK_PATIENCE):
            return None
        try:
            return self._object.session
        finally:
            self._lock.release()

    async def read(self, timeout: float | None, deadline: float | None = None) -> bytes:
        while True:
            if self._plain:
                return self._plain.popleft()
            if self._is_at_end:
                return b""
            if self._fault is not None:
                raise self._fault
            if self._unsent:
                self._send_now()
            self._receive(await self._inner.read(timeout, deadline))

    def read_available(self) -> bytes | None:
        if self.is_readable():
            if self._plain:
                return self._plain.popleft()
            if self._is_at_end:
                return b""
            assert self._fault is not None
            raise self._fault
        return None

    def is_readable(self) -> bool:
        # What the peer sent may be no data at all: a session ticket makes a socket readable, but not this stream.
        while not self._plain and not self._is_at_end and self._fault is None:
            try:
                # Speed: to be told that nothing is there costs some colours an exception.
                data = self._inner.read_available() if self._inner.is_readable() else None
                if data is None:
                    return False
                self._receive(data)
            except ReadError as exc:
                self._fault = exc
        return True

    def watch(self, notice: Callable[[], None]) -> None:
        self._inner.watch(lambda: notice() if self.is_readable() else None)

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        return self._write(data, self._inner.write_now)

    def write_soon(self, data: bytes) -> int:
        return self._write(data, self._inner.write_soon)

    def call_when_writable(self, function: Callable[[], None]) -> bool:
        return self._inner.call_when_writable(function)

    async def write(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> None:
        size = self.write_now(data)
        if size < len(data):
            rest = memoryview(data)[size:]
            while rest:
                await self.wait_writable(timeout, deadline)
                rest = rest[self.write_now(rest) :]
        if self.has_unsent:
            await self.wait_writable(timeout, deadline)

    async def write_or_readable(
        self, data: bytes | bytearray | memoryview, timeout: float | None, deadline: float | None = None
    ) -> int:
        size = await super().write_or_readable(data, timeout, deadline)
        if size == len(data):
            await self.wait_writable_or_readable(timeout, deadline)
        return size

    async def wait_writable(self, timeout: float | None, deadline: float | None = None) -> None:
        while True:
            await self._inner.wait_writable(timeout, deadline)
            if not self.has_unsent:
                return
            with self._lock:
                self._flush()

    async def wait_writable_or_readable(self, timeout: float | None, deadline: float | None = None) -> None:
        while self.has_unsent and not self.is_readable():
            await self._inner.wait_writable_or_readable(timeout, deadline)
            if not self.is_readable():
                with self._lock:
                    self._flush()

    @property
    def has_unsent(self) -> bool:  # type: ignore[override]  # read only, and computed here alone
        return bool(self._unsent) or self._inner.has_unsent

    @property
    def lost_message(self) -> bool:  # type: ignore[override]  # as above
        return self._inner.lost_message

    def wake(self) -> None:
        self._inner.wake()

    def close(self) -> None:
        if not self._is_open:
            return
        try:
            # Closing a socket with something unread in it resets the connection, and session tickets mostly are unread.
            self.is_readable()
            self._is_open = False
            with self._lock:
                self._flush()
                if not self._unsent:
                    self._say_goodbye()
        except WriteError:
            # The peer is gone and needs no goodbye.
            pass
        except BaseException:
            self.abort()
            raise
        self._forget_received()
        if self.has_unsent:
            self._inner.abort()
        else:
            self._inner.close()

    def abort(self) -> None:
        self._is_open = False
        self._forget_received()
        self._inner.abort()

    @property
    def is_truncated(self) -> bool:
        return self._is_truncated and not self._rules.allows_truncation

    def forget(self) -> None:
        self._is_open = False
        self._forget_received()
        self._inner.forget()

    async def call_blocking(self, function: Callable[[], T], deadline: float | None) -> T:
        return await self._inner.call_blocking(function, deadline)

    def get_extra_info(self, name: str) -> Any:
        if name == "ssl_object":
            return self._object
        read = _INFOS.get(name)
        if read is None:
            return self._inner.get_extra_info(name)
        with self._lock:
            return read(self._object)

    # Private from here on.

    def _forget_received(self) -> None:
        self._plain.clear()
        self._is_at_end = False
        self._fault = closed_read_error()

    async def _step_handshake(self, deadline: float | None) -> bool:
        if self._verifies_slowly:
            is_done = await self._inner.call_blocking(self._shake, deadline)
        else:
            is_done = self._shake()
        with self._lock:
            self._flush()
        return is_done

    def _shake(self) -> bool:
        with self._lock:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return False
            return True


# Private from here on.

_INFOS: dict[str, Callable[[ssl.SSLObject], Any]] = {
    "tls_version": lambda tls: tls.version(),
    "cipher": lambda tls: tls.cipher(),
    "alpn_protocol": lambda tls: tls.selected_alpn_protocol(),
    "peer_certificate": lambda tls: tls.getpeercert(binary_form=True),
}
