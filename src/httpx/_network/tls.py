"""TLS over any stream: over TCP, over a proxy's tunnel, over TLS, in every colour.

The TLS engine (an `ssl.SSLObject` between two memory buffers) does no I/O; what this module adds is the order of
things. Every call on the engine, and every `write_now` of what it made, happens under one lock: so records go out in
the order in which they were made, also when the reader must answer (a KeyUpdate, a session ticket that is fed) while
another thread writes, and no two threads are ever inside one SSLObject, which crashes the interpreter. Waiting, for
bytes or for room, happens outside the lock. Nothing is lost by a cancelled wait: records that did not go out stay in
`_unsent`, ahead of whatever comes next.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from .._certificates import Rules, rules_of
from .._exceptions import ReadError, TransportError, WriteError
from .base import Stream
from .errors import closed_read_error, read_error, write_error

T = TypeVar("T")

# Bytes of plain text that one `write_now` encrypts; sixteen records. What the peer does not take is held in memory.
WRITE_SIZE = 256 * 1024

# Seconds. Others have the lock for less; who waits longer has it itself.
LOCK_PATIENCE = 0.2

# The largest plain text of one record; RFC 8446 5.1.
_RECORD_SIZE = 16 * 1024


class TLSStream(Stream):
    """An encrypted stream over another one, which it owns."""

    __slots__ = (
        "_context",
        "_fault",
        "_incoming",
        "_inner",
        "_is_at_end",
        "_is_open",
        "_is_truncated",
        "_lock",
        "_object",
        "_outgoing",
        "_plain",
        "_rules",
        "_unsent",
        "_verifies_slowly",
    )

    def __init__(
        self,
        inner: Stream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname, session=session
        )
        self._lock = threading.Lock()
        self._plain: deque[bytes] = deque()
        self._unsent = memoryview(b"")
        self._is_at_end = False
        self._is_truncated = False
        self._is_open = True
        self._fault: TransportError | None = None
        self._context = context
        self._rules = rules_of(context)
        # Truststore asks the operating system, which may look into the network.
        self._verifies_slowly = type(context).__module__.partition(".")[0] == "truststore"

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
                data = self._inner.read_available()
                if data is None:
                    return False
                self._receive(data)
            except ReadError as exc:
                self._fault = exc
        return True

    def watch(self, notice: Callable[[], None]) -> None:
        self._inner.watch(lambda: notice() if self.is_readable() else None)

    def write_now(self, data: bytes | bytearray | memoryview) -> int:
        # The garbage collector may finish what closes a response, in the middle of a read of this very thread.
        if not self._lock.acquire(True, LOCK_PATIENCE):
            return 0
        try:
            self._flush()
            if self._unsent or not data:
                return 0
            if len(data) > WRITE_SIZE:
                data = memoryview(data)[:WRITE_SIZE]
            try:
                size = self._object.write(data)
            except (ssl.SSLError, ValueError) as exc:
                raise write_error(exc) from exc
            self._flush()
            return size
        finally:
            self._lock.release()

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

    def _feed(self, data: bytes) -> None:
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _receive(self, data: bytes) -> None:
        """Feed what came from the peer, and decrypt all of it."""
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            try:
                self._decrypt()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self._is_at_end = True
            except (ssl.SSLError, ValueError) as exc:
                self._take_end(exc, is_eof=not data)
            self._flush_answers()

    def _decrypt(self) -> None:
        read, incoming, pending = self._object.read, self._incoming, self._object.pending
        parts: list[bytes] = []
        try:
            while True:
                plain = read(_RECORD_SIZE)
                if not plain:
                    self._is_at_end = True
                    return
                parts.append(plain)
                if not incoming.pending and not pending():
                    return
        finally:
            if parts:
                self._plain.append(parts[0] if len(parts) == 1 else b"".join(parts))

    def _take_end(self, exc: Exception, *, is_eof: bool) -> None:
        if is_eof:
            # RFC 8446 6.1: only close_notify tells that nothing was cut off.
            self._is_at_end = self._is_truncated = True
        else:
            self._fault = read_error(exc)
            self._fault.__cause__ = exc

    def _take_records(self) -> None:
        if self._outgoing.pending:
            records = self._outgoing.read()
            self._unsent = memoryview(bytes(self._unsent) + records if self._unsent else records)

    def _flush(self) -> None:
        """Hand over as much as goes; under the lock."""
        self._take_records()
        if self._unsent:
            self._unsent = self._unsent[self._inner.write_now(self._unsent) :]

    def _flush_answers(self) -> None:
        if self._outgoing.pending:
            try:
                self._flush()
            except WriteError:
                # The next write says so; what came before can still be read.
                pass

    def _send_now(self) -> None:
        with self._lock:
            try:
                self._flush()
            except WriteError:
                # The next write says so.
                pass

    def _say_goodbye(self) -> None:
        try:
            self._object.unwrap()
        except (ssl.SSLError, ValueError):
            # It waits for the peer's goodbye, which we do not.
            pass
        self._flush()


# Private from here on.

_INFOS: dict[str, Callable[[ssl.SSLObject], Any]] = {
    "tls_version": lambda tls: tls.version(),
    "cipher": lambda tls: tls.cipher(),
    "alpn_protocol": lambda tls: tls.selected_alpn_protocol(),
    "peer_certificate": lambda tls: tls.getpeercert(binary_form=True),
}
