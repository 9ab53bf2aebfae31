"""The reading half of the stream contract."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time

import pytest

from httpx._exceptions import ReadError, ReadTimeout
from httpx._network.base import READ_SIZE, Stream

from .colours import PATIENCE, Colour
from .lines import Line
from .peers import Channel


async def read_exactly(stream: Stream, size: int) -> bytes:
    parts = []
    while size > 0:
        data = await stream.read(PATIENCE)
        assert data, f"the peer closed with {size} bytes missing"
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


async def test_read_returns_what_is_there_without_waiting_for_more(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        for part in (b"one", b"two", b"three"):
            channel.sendall(part)
            assert channel.recv_exactly(1) == b"+"

    stream = await line.connect(line.serve(script))
    for part in (b"one", b"two", b"three"):
        assert await stream.read(PATIENCE) == part
        await stream.write(b"+", PATIENCE)
    stream.close()


async def test_a_large_transfer_arrives_unchanged_in_bounded_reads(colour: Colour, line: Line) -> None:
    data = random.Random(1).randbytes(4 << 20)

    def script(channel: Channel) -> None:
        channel.sendall(data)

    stream = await line.connect(line.serve(script))
    digest = hashlib.sha256()
    while part := await stream.read(PATIENCE):
        assert len(part) <= READ_SIZE
        digest.update(part)
    assert digest.digest() == hashlib.sha256(data).digest()
    stream.close()


async def test_bytes_returned_earlier_are_not_changed_by_later_reads(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        for letter in (b"a", b"b"):
            channel.sendall(letter * 1000)
            channel.recv_exactly(1)

    stream = await line.connect(line.serve(script))
    first = await read_exactly(stream, 1000)
    await stream.write(b"+", PATIENCE)
    second = await read_exactly(stream, 1000)
    await stream.write(b"+", PATIENCE)
    assert (first, second) == (b"a" * 1000, b"b" * 1000)
    assert type(first) is bytes
    stream.close()


async def test_an_end_of_stream_is_returned_again_and_again(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.sendall(b"last")))
    assert await stream.read(PATIENCE) == b"last"
    for _ in range(3):
        assert await stream.read(PATIENCE) == b""
        assert stream.read_available() == b""
        assert stream.is_readable()
    stream.close()


async def test_an_idle_stream_has_nothing_available(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv()))
    assert stream.read_available() is None
    assert not stream.is_readable()
    stream.close()


async def test_an_idle_stream_notices_bytes(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"unsolicited")
        channel.recv()

    stream = await line.connect(line.serve(script))
    assert not stream.is_readable()
    await stream.write(b"+", PATIENCE)
    await colour.until(stream.is_readable)
    assert stream.is_readable()
    assert stream.read_available() == b"unsolicited"
    assert stream.read_available() is None
    assert not stream.is_readable()
    stream.close()


async def test_an_idle_stream_notices_the_end(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv_exactly(1)))
    assert not stream.is_readable()
    await stream.write(b"+", PATIENCE)
    await colour.until(stream.is_readable)
    assert stream.read_available() == b""
    stream.close()


async def test_bytes_noticed_by_is_readable_are_returned_by_read(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"bytes")
        channel.recv()

    stream = await line.connect(line.serve(script))
    await colour.until(stream.is_readable)
    assert await stream.read(0) == b"bytes"
    stream.close()


async def test_a_session_ticket_does_not_make_an_idle_stream_readable(colour: Colour, line: Line) -> None:
    # TLS 1.3 servers send tickets after the handshake.
    has_sent = threading.Event()

    def script(channel: Channel) -> None:
        # The tickets are written when the handshake ends, before the script runs.
        has_sent.set()
        channel.recv_exactly(1)
        channel.sendall(b"answer")
        channel.recv()

    stream = await line.connect(line.serve(script))
    await colour.until(has_sent.is_set)
    for _ in range(5):
        await colour.network.sleep(0.001)
        assert not stream.is_readable()
    assert stream.read_available() is None
    await stream.write(b"+", PATIENCE)
    await colour.until(stream.is_readable)
    assert await stream.read(PATIENCE) == b"answer"
    stream.close()


class Source:
    """A script that sends so many bytes, or as many as the client takes; knows how many went."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sent_size = 0

    def __call__(self, channel: Channel) -> None:
        for start in range(0, len(self.data), 1 << 16):
            channel.sendall(self.data[start : start + (1 << 16)])
            self.sent_size = start + (1 << 16)

    async def wait_until_blocked(self, colour: Colour) -> None:
        # A loaded machine may end this too early, which only makes the tests easier to pass.
        size, idle_rounds = 0, 0
        while idle_rounds < 20 and self.sent_size < len(self.data):
            idle_rounds = idle_rounds + 1 if size == self.sent_size else 0
            size = self.sent_size
            await colour.network.sleep(0.005)


async def test_a_peer_that_is_not_read_from_is_blocked(colour: Colour, line: Line) -> None:
    # The stream must not buffer without bound what nobody reads.
    source = Source(bytes(48 << 20))
    stream = await line.connect(line.serve(source))
    assert await stream.read(PATIENCE)
    await source.wait_until_blocked(colour)
    assert 0 < source.sent_size < 24 << 20
    stream.abort()


async def test_a_stream_that_blocked_its_peer_loses_nothing(colour: Colour, line: Line) -> None:
    source = Source(random.Random(2).randbytes(8 << 20))
    stream = await line.connect(line.serve(source))
    await source.wait_until_blocked(colour)
    assert await read_exactly(stream, len(source.data)) == source.data
    assert await stream.read(PATIENCE) == b""
    stream.close()


async def test_what_arrived_before_a_reset_is_returned_first(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"early")
        channel.recv_exactly(1)
        channel.sendall(b"late")
        channel.reset()

    peer = line.serve(script)
    stream = await line.connect(peer)
    assert await stream.read(PATIENCE) == b"early"
    await stream.write(b"+", PATIENCE)
    await colour.until(lambda: peer.is_done)
    assert await stream.read(PATIENCE) == b"late"
    for _ in range(2):
        with pytest.raises(ReadError) as raised:
            await stream.read(PATIENCE)
        assert str(raised.value)
    stream.abort()


async def test_read_available_tells_of_a_reset_after_the_bytes(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"late")
        channel.reset()

    peer = line.serve(script)
    stream = await line.connect(peer)
    await stream.write(b"+", PATIENCE)
    await colour.until(lambda: peer.is_done and stream.is_readable())
    received = b""
    with pytest.raises(ReadError):
        while len(received) < 100:
            received += stream.read_available() or b""
            await colour.checkpoint()
    assert received == b"late"
    assert stream.is_readable()
    stream.abort()


async def test_a_blocked_read_times_out_and_the_stream_can_be_used_on(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"answer")
        channel.recv()

    stream = await line.connect(line.serve(script))
    for timeout in (0.02, 0, 0.01):
        with pytest.raises(ReadTimeout) as raised:
            await stream.read(timeout)
        assert str(raised.value)
    await stream.write(b"+", PATIENCE)
    assert await stream.read(PATIENCE) == b"answer"
    stream.close()


@pytest.mark.parametrize("limit", ["no timeout", "longer timeout"])
async def test_a_read_ends_at_its_deadline(colour: Colour, line: Line, limit: str) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv()))
    timeout = None if limit == "no timeout" else 60.0
    start = time.monotonic()
    with pytest.raises(ReadTimeout):
        await stream.read(timeout, start + 0.05)
    assert 0.04 < time.monotonic() - start < 10
    with pytest.raises(ReadTimeout):
        await stream.read(timeout, start)
    stream.close()


async def test_a_dripping_peer_does_not_outlive_the_deadline(colour: Colour, line: Line) -> None:
    is_over = threading.Event()

    def script(channel: Channel) -> None:
        while not is_over.wait(0.005):
            channel.sendall(b".")

    stream = await line.connect(line.serve(script))
    deadline = time.monotonic() + 0.1
    with pytest.raises(ReadTimeout):
        while True:
            assert await stream.read(PATIENCE, deadline)
    is_over.set()
    assert time.monotonic() - deadline < 10
    stream.abort()


async def test_a_short_timeout_after_a_long_one_is_kept(colour: Colour, line: Line) -> None:
    # Lazily armed timers must be armed anew for it.
    def script(channel: Channel) -> None:
        channel.sendall(b"first")
        channel.recv()

    stream = await line.connect(line.serve(script))
    assert await stream.read(PATIENCE) == b"first"
    start = time.monotonic()
    with pytest.raises(ReadTimeout):
        await stream.read(0.02)
    assert time.monotonic() - start < 10
    stream.close()


async def test_the_timer_of_an_earlier_read_does_not_end_a_later_one(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        for _ in range(3):
            channel.recv_exactly(1)
            channel.sendall(b"fast")
            channel.recv_exactly(1)
            time.sleep(0.1)  # longer than the first timeout
            channel.sendall(b"slow")
        channel.recv()

    stream = await line.connect(line.serve(script))
    for _ in range(3):
        await stream.write(b"+", PATIENCE)
        try:
            assert await stream.read(0.05) == b"fast"
        except ReadTimeout:  # a slow machine
            assert await stream.read(PATIENCE) == b"fast"
        await stream.write(b"+", PATIENCE)
        assert await stream.read(PATIENCE) == b"slow"
    stream.close()


async def test_the_timer_of_an_earlier_read_does_not_end_one_without_timeout(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"fast")
        channel.recv_exactly(1)
        time.sleep(0.1)  # longer than the first timeout
        channel.sendall(b"slow")
        channel.recv()

    stream = await line.connect(line.serve(script))
    with contextlib.suppress(ReadTimeout):  # a slow machine
        await colour.checkpoint()
        assert await stream.read(0.05) == b"fast"
    await stream.write(b"+", PATIENCE)
    while (data := await stream.read(None)) == b"fast":
        pass
    assert data == b"slow"
    stream.close()


async def test_the_timer_of_an_earlier_read_does_not_end_a_write(colour: Colour, line: Line) -> None:
    may_read, is_blocked = threading.Event(), threading.Event()

    def script(channel: Channel) -> None:
        channel.sendall(b"+")
        is_blocked.wait(PATIENCE)
        time.sleep(0.1)  # longer than the timeout of the read
        may_read.set()
        channel.recv_all()

    stream = await line.connect(line.serve(script))
    with contextlib.suppress(ReadTimeout):
        await stream.read(0.05)
    is_blocked.set()
    await stream.write_or_readable(bytes(16 << 20), PATIENCE)
    assert may_read.is_set()
    stream.abort()


@pytest.mark.parametrize("timeout", [1e6, 1e12, None])
async def test_a_read_may_wait_for_ages(colour: Colour, line: Line, timeout: float | None) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        time.sleep(0.01)  # so that the read has begun to wait
        channel.sendall(b"answer")
        channel.recv()

    stream = await line.connect(line.serve(script))
    await stream.write(b"+", PATIENCE)
    assert await stream.read(timeout) == b"answer"
    stream.close()


async def test_one_task_reads_while_another_writes(colour: Colour, line: Line) -> None:
    data = random.Random(3).randbytes(2 << 20)

    def script(channel: Channel) -> None:
        received = 0
        while received < len(data):
            part = channel.recv()
            received += len(part)
            channel.sendall(part)

    stream = await line.connect(line.serve(script))
    writer = colour.start(stream.write, data, PATIENCE)
    assert await read_exactly(stream, len(data)) == data
    await writer.join()
    stream.close()
