"""Many threads (and tasks) share one real TLS connection through the reader baton and the write turn.

The protocol is an echo with stream ids. Its frames carry a sequence number that is given under the lock when they are
produced, and TLS numbers its records besides: the server notices any byte that is lost, repeated or out of order.
"""

from __future__ import annotations

import random
import select
import socket
import ssl
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from httpx._connections.baton import ReaderBaton
from httpx._connections.turn import WriteTurn
from httpx._exceptions import ReadError, ReadTimeout, WriteTimeout
from httpx._network.base import Network, Stream

from .colours import CANCELLABLE, PATIENCE, Colour, TaskCancelled
from .lines import HOST, Trust

HEADER = struct.Struct(">QII")  # sequence number, stream id, size of the payload
ACK_ID = 2**32 - 1  # what the client sends for each 8th message that it gets; the server does not answer
STREAMS_COUNT = 16
# Bytes; small, so that writers are blocked often.
BUFFER_SIZE = 4096


@pytest.fixture
def server(trust: Trust) -> Iterator[EchoServer]:
    server = EchoServer(trust.server_context())
    yield server
    server.close()


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    """Let the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


async def test_every_echo_is_right(colour: Colour, server: EchoServer, trust: Trust, hasty_switches: None) -> None:
    messages_count = 200 if colour.name == "sync" else 50
    connection = await EchoConnection.connect(colour.network, server, trust)

    async def talk(stream_id: int) -> None:
        chance = random.Random(stream_id)
        for number in range(messages_count):
            payload = b"%d:%d:" % (stream_id, number) + chance.randbytes(pick_size(chance))
            assert await connection.echo(stream_id, payload) == payload

    await run_all(colour, talk)
    connection.assert_at_rest()
    connection.stream.close()
    server.close()
    assert server.messages_count == STREAMS_COUNT * messages_count


async def test_waits_that_run_out_lose_nothing(
    colour: Colour, server: EchoServer, trust: Trust, hasty_switches: None
) -> None:
    connection = await EchoConnection.connect(colour.network, server, trust)

    async def talk(stream_id: int) -> None:
        chance = random.Random(stream_id)
        for number in range(50):
            payload = b"%d:%d:" % (stream_id, number) + chance.randbytes(pick_size(chance))
            assert await connection.echo_impatiently(stream_id, payload, chance) == payload

    await run_all(colour, talk)
    connection.assert_at_rest()
    connection.stream.close()
    server.close()
    assert server.messages_count == STREAMS_COUNT * 50


async def test_a_lost_connection_is_told_to_everybody(colour: Colour, server: EchoServer, trust: Trust) -> None:
    connection = await EchoConnection.connect(colour.network, server, trust)
    tasks = [colour.start(connection.receive, stream_id) for stream_id in range(STREAMS_COUNT)]
    await colour.until(lambda: connection.waiting_count == STREAMS_COUNT - 1)
    server.close()
    for task in tasks:
        with pytest.raises(ReadError):
            await task.join()
    connection.stream.close()


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
async def test_cancelled_echoes_disturb_nobody(colour: Colour, server: EchoServer, trust: Trust) -> None:
    connection = await EchoConnection.connect(colour.network, server, trust)

    async def talk(stream_id: int) -> None:
        chance = random.Random(stream_id)
        for number in range(12):
            # Each echo on a stream of its own, for the answers to the cancelled ones come nevertheless.
            await try_echo(stream_id + STREAMS_COUNT * number, chance)

    async def try_echo(stream_id: int, chance: random.Random) -> None:
        payload = chance.randbytes(pick_size(chance))
        task = colour.start(connection.echo, stream_id, payload)
        if chance.random() < 0.5:
            for _ in range(chance.randrange(20)):
                await colour.checkpoint()
            task.cancel()
        try:
            assert await task.join() == payload
        except TaskCancelled:
            pass

    await run_all(colour, talk)
    assert await connection.echo(2**31, b"still in order") == b"still in order"
    connection.assert_at_rest()
    connection.stream.close()


class EchoConnection:
    """The client's end: what h2 is to HTTP/2, in small."""

    def __init__(self, network: Network, stream: Stream, context: ssl.SSLContext) -> None:
        self.stream = stream
        self.lock = threading.Lock()
        self.turn = WriteTurn(self.lock, network.make_waiter, stream)
        self.baton: ReaderBaton[bytes] = ReaderBaton(self.lock, network.make_waiter, read=self._read, feed=self._feed)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=HOST)
        self._received = bytearray()
        self._received_count = 0
        self._inboxes: dict[int, deque[bytes]] = {}
        self._sequence_number = 0

    @classmethod
    async def connect(cls, network: Network, server: EchoServer, trust: Trust) -> EchoConnection:
        options = [(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_SIZE)]
        stream = await network.connect_tcp(*server.address, timeout=PATIENCE, socket_options=options)
        self = cls(network, stream, trust.client_context())
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await stream.write(self._outgoing.read(), PATIENCE)
                self._incoming.write(await stream.read(PATIENCE))
            else:
                await stream.write(self._outgoing.read(), PATIENCE)
                return self

    async def echo(self, stream_id: int, payload: bytes) -> bytes:
        with self.lock:
            self._produce(stream_id, payload)
            is_sent = self.turn.flush_now()
        if not is_sent:
            await self.turn.flush(PATIENCE)
        return await self.receive(stream_id)

    async def receive(self, stream_id: int, timeout: float = PATIENCE) -> bytes:
        inbox = self._inboxes.setdefault(stream_id, deque())
        await self.baton.wait(stream_id, lambda: bool(inbox), timeout)
        with self.lock:
            return inbox.popleft()

    async def echo_impatiently(self, stream_id: int, payload: bytes, chance: random.Random) -> bytes:
        """Echo with waits so short that most run out; try again until one does not."""
        with self.lock:
            self._produce(stream_id, payload)
        while True:
            try:
                await self.turn.flush(chance.random() * 0.002)
                break
            except WriteTimeout:
                continue
        while True:
            try:
                return await self.receive(stream_id, chance.random() * 0.002)
            except ReadTimeout:
                continue

    def assert_at_rest(self) -> None:
        with self.lock:
            assert self.turn.flush_now()
            assert not self.baton.has_reader and not self.baton._waiting
            assert self.turn._holder is None and not self.turn._waiting

    @property
    def waiting_count(self) -> int:
        with self.lock:
            return len(self.baton._waiting)

    # Private from here on.

    def _produce(self, stream_id: int, payload: bytes) -> None:
        view = memoryview(HEADER.pack(self._sequence_number, stream_id, len(payload)) + payload)
        self._sequence_number += 1
        while view:
            view = view[self._ssl.write(view) :]
        self.turn.put(self._outgoing.read())

    async def _read(self, timeout: float | None, deadline: float | None) -> bytes:
        if self.turn.is_stalled:
            await self.turn.flush_or_readable(timeout, deadline)
        return await self.stream.read(timeout, deadline)

    def _feed(self, data: bytes) -> None:
        if not data:
            raise ReadError("The server closed the connection.")
        self._incoming.write(data)
        while True:
            try:
                self._received += self._ssl.read(65536)
            except ssl.SSLWantReadError:
                break
        for _, stream_id, payload in take_frames(self._received):
            self._inboxes.setdefault(stream_id, deque()).append(payload)
            self.baton.wake(stream_id)
            self._received_count += 1
            if self._received_count % 8 == 0:
                self._produce(ACK_ID, b"")
        self.turn.flush_now()


class EchoServer:
    """A thread that echoes, on a socket that never blocks: it reads also while the client does not."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.messages_count = 0
        self._context = context
        self._error: BaseException | None = None
        self._is_closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the connection, and raise what went wrong."""
        self._is_closing = True
        self._thread.join(PATIENCE)
        self._listener.close()
        assert not self._thread.is_alive(), "the server hangs"
        if self._error is not None:
            raise self._error

    # Private from here on.

    def _serve(self) -> None:
        try:
            sock, _ = self._listener.accept()
            sock.settimeout(PATIENCE)
            with self._context.wrap_socket(sock, server_side=True) as connection:
                connection.setblocking(False)
                self._echo(connection)
        except BaseException as exc:
            self._error = exc

    def _echo(self, connection: ssl.SSLSocket) -> None:
        received, unsent = bytearray(), bytearray()
        sequence_number = 0
        while True:
            is_ready = connection.pending() or any(
                select.select([connection], [connection] if unsent else [], [], 0.02)
            )
            data = receive_now(connection)
            if data == b"" or (self._is_closing and not is_ready):
                return
            received += data or b""
            for number, stream_id, payload in take_frames(received):
                assert number == sequence_number, "the client's frames are out of order"
                sequence_number += 1
                if stream_id != ACK_ID:
                    self.messages_count += 1
                    unsent += HEADER.pack(0, stream_id, len(payload)) + payload
            if unsent:
                del unsent[: send_now(connection, unsent)]


def receive_now(connection: ssl.SSLSocket) -> bytes | None:
    try:
        return connection.recv(65536)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None
    except (ssl.SSLEOFError, ConnectionResetError):
        return b""


def send_now(connection: ssl.SSLSocket, data: bytearray) -> int:
    try:
        return connection.send(bytes(data[:65536]))
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0


def take_frames(received: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Remove the whole frames from what was received."""
    start = 0
    while len(received) - start >= HEADER.size:
        number, stream_id, size = HEADER.unpack_from(received, start)
        if len(received) - start < HEADER.size + size:
            break
        start += HEADER.size + size
        yield number, stream_id, bytes(received[start - size : start])
    del received[:start]


def pick_size(chance: random.Random) -> int:
    return chance.randrange(20_000) if chance.random() < 0.05 else chance.randrange(200)


async def run_all(colour: Colour, talk: Any) -> None:
    tasks = [colour.start(talk, stream_id) for stream_id in range(STREAMS_COUNT)]
    for task in tasks:
        await task.join()
