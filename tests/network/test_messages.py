"""Messages that leave together, after the last of several connections that were ready at once."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from httpx._exceptions import ReadError, WriteError
from httpx._network.asyncio import AsyncioNetwork
from httpx._network.asyncio_sockets import MUCH_SIZE, AsyncioSocketStream
from httpx._network.asyncio_stream import HIGH_WATER_SIZE

from .colours import PATIENCE, AsyncioColour, Colour
from .lines import Line
from .peers import Channel, Sink
from .test_writing import fill_for_good


@pytest.fixture
def asyncio_colour(sockets_before: set[str]) -> Iterator[AsyncioColour]:
    colour = AsyncioColour("asyncio", asyncio.SelectorEventLoop(), debug=False)
    yield colour
    colour.close()


async def connect_pair() -> tuple[AsyncioSocketStream, socket.socket]:
    """Return a stream that is in a row with others, up to `end_row`, and its peer's socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = AsyncioNetwork(asyncio.get_running_loop())
        stream = await network.connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=PATIENCE)
        assert isinstance(stream, AsyncioSocketStream)
        peer, _ = listener.accept()
    peer.settimeout(PATIENCE)
    stream._watch.is_in_row = True
    return stream, peer


def end_row(stream: AsyncioSocketStream) -> None:
    stream._watch.is_in_row = False
    stream._watch.send()


async def test_messages_and_writes_arrive_in_order(colour: Colour, line: Line) -> None:
    def greet_and_receive(channel: Channel) -> bytes:
        channel.sendall(b"ready")
        return channel.recv_all()

    peer = line.serve(greet_and_receive)
    stream = await line.connect(peer)
    # Behind the session tickets of TLS: to close a socket with something unread in it would reset the connection.
    assert await stream.read(PATIENCE) == b"ready"
    for number in range(20):
        message = b"message %d " % number
        assert stream.write_soon(message) == len(message)
        if number % 3 == 0:
            await stream.write(b"write %d " % number, PATIENCE)
        if number % 5 == 0:
            await colour.checkpoint()
    await colour.checkpoint()
    await colour.checkpoint()
    stream.close()
    await colour.until(lambda: peer.is_done)
    written = [f"message {number} " + (f"write {number} " if number % 3 == 0 else "") for number in range(20)]
    assert peer.result == "".join(written).encode()


async def test_answers_to_a_crowd_are_answered(colour: Colour, line: Line) -> None:
    """Ten connections, each of which asks again as soon as it has its answer; some turns have many of these."""
    rounds, width = 30, 10

    def echo(channel: Channel) -> None:
        for _ in range(rounds):
            channel.sendall(channel.recv_exactly(8)[::-1])

    peer = line.serve(echo, connections_count=width)

    async def ask(number: int) -> list[bytes]:
        stream = await line.connect(peer)
        answers = []
        for index in range(rounds):
            assert stream.write_soon(b"%04d%04d" % (number, index)) == 8
            answer = await stream.read(PATIENCE)
            while len(answer) < 8:
                answer += await stream.read(PATIENCE)
            answers.append(answer)
        stream.close()
        return answers

    tasks = [colour.start(ask, number) for number in range(width)]
    for number, task in enumerate(tasks):
        assert await task.join() == [(b"%04d%04d" % (number, index))[::-1] for index in range(rounds)]


def test_a_message_leaves_at_the_end_of_the_row(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            peer.setblocking(False)
            assert stream.write_soon(b"message") == 7
            with pytest.raises(BlockingIOError):
                peer.recv(100)
            end_row(stream)
            assert peer.recv(100) == b"message"
            assert stream.write_soon(b"alone") == 5
            assert peer.recv(100) == b"alone"
            stream.close()

    asyncio_colour.run(test)


def test_messages_of_one_row_leave_in_order(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            for message in (b"one ", b"two ", b"three"):
                assert stream.write_soon(message) == len(message)
            end_row(stream)
            assert peer.recv(100) == b"one two three"
            stream.close()

    asyncio_colour.run(test)


def test_a_large_message_leaves_at_once(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            assert stream.write_soon(bytes(MUCH_SIZE + 1)) > 0
            assert peer.recv(100)
            stream.close()

    asyncio_colour.run(test)


def test_a_write_pushes_the_message_before_it(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            stream.write_soon(b"message ")
            assert stream.write_now(b"write") == 5
            stream.close()
            assert b"".join(iter(lambda: peer.recv(100), b"")) == b"message write"

    asyncio_colour.run(test)


@pytest.mark.parametrize("method", ["close", "abort", "forget"])
def test_a_message_of_a_closed_stream_does_not_leave(asyncio_colour: AsyncioColour, method: str) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            stream.write_soon(b"message")
            getattr(stream, method)()
            end_row(stream)
            assert peer.recv(100) == b""
        assert not stream.lost_message

    asyncio_colour.run(test)


def test_a_message_that_does_not_fit_goes_on_by_itself(asyncio_colour: AsyncioColour) -> None:
    message = random.Random(8).randbytes(MUCH_SIZE)

    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            while stream.write_now(bytes(1 << 16)):
                pass
            # Room for a part of it, of which the stream is not told.
            stream._is_full = False
            assert stream.write_soon(message) == len(message)
            end_row(stream)
            assert stream.write_now(b"not yet") == 0
            waiting = asyncio.ensure_future(stream.wait_writable(0.01))
            with pytest.raises(Exception, match="time"):
                await waiting
            received = bytearray()
            thread = threading.Thread(target=lambda: received.extend(b"".join(iter(lambda: peer.recv(1 << 16), b""))))
            thread.start()
            await stream.wait_writable(PATIENCE)
            assert stream.write_now(b"end") == 3
            stream.close()
            while thread.is_alive():
                await asyncio.sleep(0.001)
            assert hashlib.sha256(received[-len(message) - 3 :]).digest() == hashlib.sha256(message + b"end").digest()
            assert not any(received[: -len(message) - 3])

    asyncio_colour.run(test)


def test_a_message_to_a_peer_that_is_gone_is_lost(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        # So that the loop does not tell of the reset before the message does.
        stream._unwatch()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        assert stream.write_soon(b"message") == 7
        end_row(stream)
        with pytest.raises(ReadError):
            await stream.read(PATIENCE)
        assert stream.lost_message
        with pytest.raises(WriteError):
            stream.write_soon(b"another")
        stream.close()

    asyncio_colour.run(test)


class InterruptingSocket:
    """A socket whose next calls succeed, and are followed by an interrupt."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def send(self, data: bytes) -> int:
        self._sock.send(data)
        raise KeyboardInterrupt

    def recv_into(self, buffer: memoryview) -> int:
        self._sock.recv_into(buffer)
        raise KeyboardInterrupt


def test_a_message_whose_sending_is_interrupted_does_not_leave_twice(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            stream.write_soon(b"message")
            stream._socket = InterruptingSocket(stream._socket)  # type: ignore[assignment]  # as one
            with pytest.raises(KeyboardInterrupt):
                end_row(stream)
            end_row(stream)
            # Nobody knows whether it left: so it may not be sent again.
            assert not stream.lost_message
            with pytest.raises(ReadError, match="interrupt"):
                await stream.read(PATIENCE)
            stream.close()
            assert b"".join(iter(lambda: peer.recv(100), b"")) == b"message"

    asyncio_colour.run(test)


def test_a_stream_that_may_have_lost_bytes_is_broken(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            peer.sendall(b"lost")
            stream._socket = InterruptingSocket(stream._socket)  # type: ignore[assignment]  # as one
            with pytest.raises(KeyboardInterrupt):
                stream._receive()
            peer.sendall(b"and more")
            with pytest.raises(ReadError, match="interrupt"):
                await stream.read(PATIENCE)
            stream.close()

    asyncio_colour.run(test)


def test_a_paused_stream_whose_socket_the_user_has_closed_breaks(asyncio_colour: AsyncioColour) -> None:
    async def test() -> None:
        stream, peer = await connect_pair()
        with peer:
            thread = threading.Thread(target=lambda: peer.sendall(bytes(2 * HIGH_WATER_SIZE)))
            thread.start()
            await asyncio_colour.until(lambda: stream._is_reading_paused)
            stream._socket.close()
            received = 0
            with pytest.raises(ReadError):
                while True:
                    received += len(await stream.read(PATIENCE))
            assert received >= HIGH_WATER_SIZE
            stream.close()
        thread.join()

    asyncio_colour.run(test)


async def test_a_full_stream_takes_no_message(colour: Colour, line: Line) -> None:
    sink = Sink()
    sink.may_read.clear()
    stream = await line.connect(line.serve(sink))
    await fill_for_good(colour, stream)
    assert stream.write_soon(b"message") == 0
    sink.may_read.set()
    stream.abort()
