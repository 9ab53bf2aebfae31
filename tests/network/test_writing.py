"""The writing half of the stream contract."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time

import pytest

from httpx._exceptions import ReadError, WriteError, WriteTimeout
from httpx._network.base import Stream

from .colours import PATIENCE, Colour
from .lines import Line
from .peers import Channel, Sink

# Bytes; more than the kernels and the streams of both ends hold.
LARGE = 32 << 20


def fill(stream: Stream) -> int:
    """Write until nothing goes any more; return how much went."""
    part = bytes(1 << 18)
    total = 0
    while size := stream.write_now(part):
        total += size
        assert total < LARGE, "the stream takes everything, however slow the peer is"
    return total


async def fill_for_good(colour: Colour, stream: Stream) -> int:
    """Write until nothing goes any more, though the kernel moved what it could to the peer's side."""
    total, idle_rounds = 0, 0
    while idle_rounds < 20:
        size = fill(stream)
        total += size
        idle_rounds = 0 if size else idle_rounds + 1
        await colour.network.sleep(0.005)
    return total


async def test_what_is_written_arrives(colour: Colour, line: Line) -> None:
    peer = line.serve(lambda channel: channel.recv_all())
    stream = await line.connect(peer)
    await stream.write(b"bytes ", PATIENCE)
    await stream.write(bytearray(b"bytearray "), PATIENCE)
    await stream.write(memoryview(b"-memoryview-")[1:-1], PATIENCE)
    await stream.write(b"", PATIENCE)
    stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.result == b"bytes bytearray memoryview"


async def test_a_large_write_arrives_unchanged(colour: Colour, line: Line) -> None:
    data = random.Random(4).randbytes(4 << 20)
    sink = Sink()
    stream = await line.connect(line.serve(sink))
    await stream.write(data, PATIENCE)
    await colour.until(lambda: sink.size >= len(data))
    assert sink.digest.digest() == hashlib.sha256(data).digest()
    stream.close()


async def test_a_reused_buffer_may_be_changed_after_the_write(colour: Colour, line: Line) -> None:
    peer = line.serve(lambda channel: channel.recv_all())
    stream = await line.connect(peer)
    buffer = bytearray(1000)
    for letter in b"abc":
        buffer[:] = bytes([letter]) * 1000
        await stream.write(buffer, PATIENCE)
    del buffer[:]
    stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.result == b"a" * 1000 + b"b" * 1000 + b"c" * 1000


async def test_write_now_takes_only_what_goes(colour: Colour, line: Line) -> None:
    sink = Sink()
    sink.may_read.clear()
    stream = await line.connect(line.serve(sink))
    total = await fill_for_good(colour, stream)
    assert stream.write_now(b"more") == 0
    sink.may_read.set()
    while total < LARGE:
        await stream.wait_writable(PATIENCE)
        total += stream.write_now(bytes(min(1 << 18, LARGE - total)))
    await stream.wait_writable(PATIENCE)
    assert not stream.has_unsent
    await colour.until(lambda: sink.size >= total)
    assert sink.size == total
    stream.close()


async def test_a_write_waits_for_room_as_often_as_it_takes(colour: Colour, line: Line) -> None:
    sink = Sink(seconds_between_reads=0.0002)  # slower than the writer
    stream = await line.connect(line.serve(sink))
    await stream.write(bytes(LARGE // 4), PATIENCE)
    await colour.until(lambda: sink.size >= LARGE // 4)
    assert sink.size == LARGE // 4
    stream.close()


@pytest.mark.parametrize("method", ["wait_writable", "wait_writable_or_readable"])
async def test_waiting_for_room_times_out(colour: Colour, line: Line, method: str) -> None:
    is_over = threading.Event()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    await fill_for_good(colour, stream)
    start = time.monotonic()
    for limits in ((0.02, None), (0, None), (60.0, start + 0.1), (None, start + 0.1)):
        with pytest.raises(WriteTimeout) as raised:
            await getattr(stream, method)(*limits)
        assert str(raised.value)
    assert time.monotonic() - start < 10
    is_over.set()
    stream.abort()


async def test_a_blocked_write_times_out(colour: Colour, line: Line) -> None:
    is_over = threading.Event()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    with pytest.raises(WriteTimeout):
        await stream.write(bytes(LARGE), 0.05)
    with pytest.raises(WriteTimeout):
        await stream.write_or_readable(bytes(LARGE), 0.05)
    is_over.set()
    stream.abort()


async def test_a_slow_reader_does_not_outlive_the_deadline(colour: Colour, line: Line) -> None:
    is_over = threading.Event()

    def script(channel: Channel) -> None:
        while not is_over.wait(0.002):
            channel.recv()

    stream = await line.connect(line.serve(script))
    deadline = time.monotonic() + 0.2
    with pytest.raises(WriteTimeout):
        while True:
            await stream.write(bytes(LARGE), PATIENCE, deadline)
    is_over.set()
    assert time.monotonic() - deadline < 10
    stream.abort()


async def test_an_early_answer_ends_a_blocked_write(colour: Colour, line: Line) -> None:
    is_over = threading.Event()

    def script(channel: Channel) -> None:
        channel.recv()
        time.sleep(0.02)  # so that the writer is blocked
        channel.sendall(b"413")
        is_over.wait(PATIENCE)

    stream = await line.connect(line.serve(script))
    written = await stream.write_or_readable(bytes(LARGE), PATIENCE)
    assert 0 < written < LARGE
    assert await stream.read(PATIENCE) == b"413"
    assert not stream.is_readable()
    with pytest.raises(WriteTimeout):
        await stream.write_or_readable(bytes(LARGE), 0.05)
    is_over.set()
    stream.abort()


async def test_waiting_in_both_directions_ends_with_an_answer(colour: Colour, line: Line) -> None:
    is_blocked, is_over = threading.Event(), threading.Event()

    def script(channel: Channel) -> None:
        is_blocked.wait(PATIENCE)
        time.sleep(0.01)  # so that the client waits
        channel.sendall(b"413")
        is_over.wait(PATIENCE)

    stream = await line.connect(line.serve(script))
    await fill_for_good(colour, stream)
    is_blocked.set()
    await stream.wait_writable_or_readable(PATIENCE)
    assert stream.is_readable()
    assert await stream.read(PATIENCE) == b"413"
    is_over.set()
    stream.abort()


async def test_waiting_in_both_directions_ends_with_room(colour: Colour, line: Line) -> None:
    sink = Sink()
    sink.may_read.clear()
    stream = await line.connect(line.serve(sink))
    total = await fill_for_good(colour, stream)
    sink.may_read.set()
    await stream.wait_writable_or_readable(PATIENCE)
    assert not stream.is_readable()
    total += stream.write_now(b"more")
    await stream.wait_writable(PATIENCE)
    await colour.until(lambda: sink.size >= total)
    assert sink.size == total
    stream.close()


async def test_write_or_readable_writes_all_if_nothing_comes(colour: Colour, line: Line) -> None:
    sink = Sink()
    stream = await line.connect(line.serve(sink))
    assert await stream.write_or_readable(bytes(LARGE), PATIENCE) == LARGE
    await stream.wait_writable(PATIENCE)
    await colour.until(lambda: sink.size >= LARGE)
    stream.close()


async def test_write_or_readable_writes_nothing_if_an_answer_is_there(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"408")
        channel.recv()

    stream = await line.connect(line.serve(script))
    await colour.until(stream.is_readable)
    assert await stream.write_or_readable(b"request", PATIENCE) == 0
    assert await stream.read(PATIENCE) == b"408"
    stream.close()


async def test_an_answer_before_a_reset_survives_the_failed_write(colour: Colour, line: Line) -> None:
    # A server that refuses an upload answers, closes, and resets, since it did not read all of it.
    def script(channel: Channel) -> None:
        channel.recv()
        channel.sendall(b"413")
        channel.close()

    stream = await line.connect(line.serve(script))
    written = await stream.write_or_readable(bytes(LARGE), PATIENCE)
    assert written < LARGE
    answer = b""
    with pytest.raises((ReadError, WriteError)):
        while part := await stream.read(PATIENCE):
            answer += part
        raise ReadError("a clean end is as good")
    assert answer == b"413"
    stream.abort()


async def test_a_failed_write_leaves_what_was_received(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"early")
        channel.reset()

    peer = line.serve(script)
    stream = await line.connect(peer)
    await stream.write(b"+", PATIENCE)
    await colour.until(lambda: peer.is_done)
    with pytest.raises(WriteError) as raised:
        for _ in range(1000):
            await stream.write(b"more", PATIENCE)
            await colour.checkpoint()
    assert str(raised.value)
    assert await stream.read(PATIENCE) == b"early"
    stream.abort()


async def test_a_reset_that_a_write_saw_is_no_clean_end_for_the_reader(colour: Colour, line: Line) -> None:
    # The kernel reports a reset once: after a failed send, recv returns b"" as if the peer had finished.
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"half an answer")
        channel.reset()

    peer = line.serve(script)
    stream = await line.connect(peer)
    await stream.write(b"+", PATIENCE)
    await colour.until(lambda: peer.is_done)
    with pytest.raises(WriteError):
        for _ in range(1000):
            stream.write_now(b"more")
            await colour.checkpoint()
    assert await stream.read(PATIENCE) == b"half an answer"
    for _ in range(2):
        with pytest.raises(ReadError):
            await stream.read(PATIENCE)
    stream.abort()


async def test_writes_to_a_finished_peer_fail_in_the_end(colour: Colour, line: Line) -> None:
    peer = line.serve(lambda _: None)
    stream = await line.connect(peer)
    await colour.until(lambda: peer.is_done)
    with pytest.raises(WriteError):
        for _ in range(1000):
            await stream.write(bytes(1000), PATIENCE)
            await colour.network.sleep(0.0005)
    with pytest.raises(WriteError):
        await stream.write(b"again", PATIENCE)
    stream.abort()


async def test_after_a_half_close_by_the_peer_writing_goes_on(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> bytes:
        channel.sendall(b"all that I have")
        channel.finish()
        return channel.recv_all()

    peer = line.serve(script)
    stream = await line.connect(peer)
    assert await stream.read(PATIENCE) == b"all that I have"
    assert await stream.read(PATIENCE) == b""
    await stream.write(b"still ", PATIENCE)
    assert await stream.read(PATIENCE) == b""
    await stream.write(b"here", PATIENCE)
    stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.result == b"still here"


async def test_large_writes_survive_small_buffers(colour: Colour, line: Line) -> None:
    # Partial writes: the kernel takes a few kilobytes at a time.
    data = random.Random(5).randbytes(1 << 20)
    sink = Sink()
    stream = await line.connect(line.serve(sink))
    stream.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    await stream.write(data, PATIENCE)
    await colour.until(lambda: sink.size >= len(data))
    assert sink.digest.digest() == hashlib.sha256(data).digest()
    stream.close()
