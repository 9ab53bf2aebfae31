"""Cancelling reads and writes of the async colours: no byte is lost, and the stream can be used on."""

from __future__ import annotations

import threading

import pytest

from .colours import CANCELLABLE, PATIENCE, Colour, TaskCancelled
from .lines import Line
from .peers import Channel, Sink
from .test_reading import read_exactly
from .test_writing import LARGE, fill_for_good

pytestmark = pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)


async def test_a_cancelled_read_leaves_a_usable_stream(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.recv_exactly(1)
        channel.sendall(b"answer")
        channel.recv()

    stream = await line.connect(line.serve(script))
    for _ in range(3):
        reader = colour.start(stream.read, PATIENCE)
        await colour.network.sleep(0.001)
        reader.cancel()
        with pytest.raises(TaskCancelled):
            await reader.join()
    await stream.write(b"+", PATIENCE)
    assert await stream.read(PATIENCE) == b"answer"
    stream.close()


@pytest.mark.parametrize("steps_count", range(6))
async def test_no_byte_is_lost_by_a_read_that_is_cancelled_while_it_arrives(
    colour: Colour, line: Line, steps_count: int
) -> None:
    # The bytes are there, in the kernel or further up, in the very moment of the cancellation.
    parts = [bytes([number]) * 1000 for number in range(4)]
    may_send, has_sent = threading.Semaphore(0), threading.Semaphore(0)

    def script(channel: Channel) -> None:
        for part in parts:
            assert may_send.acquire(timeout=PATIENCE)
            channel.sendall(part)
            has_sent.release()
        channel.recv()

    stream = await line.connect(line.serve(script))
    received = b""
    for _ in parts:
        reader = colour.start(stream.read, PATIENCE)
        await colour.network.sleep(0.001)  # so that it waits
        may_send.release()
        # Blocks the loop, which thus has not looked when the bytes are there.
        assert has_sent.acquire(timeout=PATIENCE)
        for _ in range(steps_count):
            await colour.checkpoint()
        reader.cancel()
        try:
            received += await reader.join()
        except TaskCancelled:
            pass
    received += await read_exactly(stream, 4000 - len(received)) if len(received) < 4000 else b""
    assert received == b"".join(parts)
    stream.close()


@pytest.mark.parametrize("method", ["wait_writable", "wait_writable_or_readable"])
async def test_a_cancelled_wait_for_room_loses_nothing(colour: Colour, line: Line, method: str) -> None:
    sink = Sink()
    sink.may_read.clear()
    stream = await line.connect(line.serve(sink))
    total = await fill_for_good(colour, stream)
    for _ in range(2):
        waiter = colour.start(getattr(stream, method), PATIENCE)
        await colour.network.sleep(0.001)
        waiter.cancel()
        with pytest.raises(TaskCancelled):
            await waiter.join()
    sink.may_read.set()
    await stream.wait_writable(PATIENCE)
    total += stream.write_now(b"more")
    await stream.wait_writable(PATIENCE)
    await colour.until(lambda: sink.size >= total)
    assert sink.size == total
    stream.close()


async def test_a_cancelled_write_can_be_aborted(colour: Colour, line: Line) -> None:
    is_over = threading.Event()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    for method in (stream.write, stream.write_or_readable):
        writer = colour.start(method, bytes(LARGE), PATIENCE)
        await colour.network.sleep(0.01)
        writer.cancel()
        with pytest.raises(TaskCancelled):
            await writer.join()
    is_over.set()
    stream.abort()


async def test_a_cancelled_handshake_leaves_nothing(colour: Colour, line: Line) -> None:
    # The fixture looks for sockets that are left.
    if line.is_plain:
        pytest.skip("no handshake")
    for steps_count in range(1, 30, 3):
        peer = line.serve(lambda channel: channel.recv())
        connecting = colour.start(line.connect, peer)
        for _ in range(steps_count):
            await colour.checkpoint()
        connecting.cancel()
        try:
            stream = await connecting.join()
        except TaskCancelled:
            continue
        stream.abort()
