"""The TLS engine of a connection, an `ssl.SSLObject` between two memory buffers, and the order of things around it.

Every call on the engine, and every `write_now` of what it made, happens under one lock: so records go out in the order
in which they were made, also when the reader must answer (a KeyUpdate, a session ticket that is fed) while another
thread writes, and no two threads are ever inside one SSLObject, which crashes the interpreter. Nothing here waits.
Records that did not go out stay in `_unsent`, ahead of whatever comes next.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .._certificates import rules_of
from .._exceptions import TransportError, WriteError
from .base import Stream
from .errors import read_error, write_error

# Bytes of plain text that one `write_now` encrypts; sixteen records. What the peer does not take is held in memory.
WRITE_SIZE = 256 * 1024

# Seconds. Others have the lock for less; who waits longer has it itself.
LOCK_PATIENCE = 0.2

# The largest plain text of one record; RFC 8446 5.1.
_RECORD_SIZE = 16 * 1024


class TLSEngine(Stream):
    """What a TLS stream does without waiting."""

    __slots__ = (
        "_context",
        "_engine",
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
        # Contexts that are not of the standard library may know of no sessions.
        resumed: dict[str, Any] = {} if session is None else {"session": session}
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname, **resumed)
        # Speed: SSLObject passes on to this one what it is asked, in one call more.
        self._engine: Any = getattr(self._object, "_sslobj", self._object)
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

    # For the stream.

    def _write(self, data: bytes | bytearray | memoryview, send: Callable[[bytes], int]) -> int:
        # The garbage collector may finish what closes a response, in the middle of a read of this very thread.
        if not self._lock.acquire(True, LOCK_PATIENCE):
            return 0
        try:
            if self._unsent or self._outgoing.pending:
                self._flush()
            if self._unsent or not data:
                return 0
            if len(data) > WRITE_SIZE:
                data = memoryview(data)[:WRITE_SIZE]
            try:
                size: int = self._engine.write(data)
            except (ssl.SSLError, ValueError) as exc:
                raise write_error(exc) from exc
            records = self._outgoing.read()
            sent_size = send(records)
            if sent_size < len(records):
                self._unsent = memoryview(records)[sent_size:]
            return size
        finally:
            self._lock.release()

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
                # Speed: mostly it is one record, and it takes a read of this size to its end.
                plain = self._engine.read(_RECORD_SIZE)
                if plain and not self._incoming.pending:
                    self._plain.append(plain)
                else:
                    self._decrypt(plain)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self._is_at_end = True
            except (ssl.SSLError, ValueError) as exc:
                self._take_end(exc, is_eof=not data)
            if self._outgoing.pending:
                self._flush_answers()

    def _decrypt(self, plain: bytes) -> None:
        """Decrypt the records that came after one whose plain text is here."""
        parts: list[bytes] = []
        try:
            while plain:
                parts.append(plain)
                if not self._incoming.pending:
                    return
                plain = self._engine.read(_RECORD_SIZE)
            self._is_at_end = True
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
