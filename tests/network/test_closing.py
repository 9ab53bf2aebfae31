"""Closing, aborting and waking streams."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from httpx._drive import drive
from httpx._exceptions import ReadError, WriteError
from httpx._network import sync
from httpx._network.asyncio_sockets import AsyncioSocketStream
from httpx._network.asyncio_waiters import WokenTasks
from httpx._network.base import Stream
from httpx._network.read_limits import ReadLimits
from httpx._network.socket_watch import SocketWatch
from httpx._network.sync import SyncStream

from .colours import PATIENCE, AsyncioColour, Colour
from .leaks import open_sockets
from .lines import Line
from .peers import Channel, Sink
from .test_writing import LARGE, fill_for_good


async def test_close_delivers_what_was_written_and_ends_cleanly(colour: Colour, line: Line) -> None:
    # For a TLS peer `recv_all` fails if close_notify is missing.
    peer = line.serve(lambda channel: channel.recv_all())
    stream = await line.connect(peer)
    await stream.write(b"all", PATIENCE)
    stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.result == b"all"


async def test_close_delivers_a_large_write(colour: Colour, line: Line) -> None:
    # It must not reset the connection, as kernels do when a socket is closed with session tickets unread in it.
    sink = Sink(seconds_between_reads=0.0002)
    peer = line.serve(sink)
    stream = await line.connect(peer)
    await stream.write(bytes(LARGE // 4), PATIENCE)
    stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.result is None
    assert sink.size == LARGE // 4


async def test_the_peer_of_an_aborted_stream_notices(colour: Colour, line: Line) -> None:
    peer = line.serve(lambda channel: channel.recv_all())
    stream = await line.connect(peer)
    stream.abort()
    await colour.until(lambda: peer.is_done)


@pytest.mark.parametrize("methods", ["close close", "abort abort", "close abort", "abort close", "wake close wake"])
async def test_a_stream_may_be_closed_again(colour: Colour, line: Line, methods: str) -> None:
    peer = line.serve(lambda channel: channel.recv())
    before = open_sockets()
    stream = await line.connect(peer)
    for method in methods.split():
        getattr(stream, method)()
        await colour.checkpoint()
        getattr(stream, method)()
    # The peer has closed its end, so the sockets that are left are ours.
    await colour.until(lambda: peer.is_done and not open_sockets() - before)


async def test_a_closed_stream_can_neither_read_nor_write(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv()))
    stream.close()
    for _ in range(2):
        await assert_unusable(stream)
        await colour.checkpoint()


async def test_an_aborted_stream_can_neither_read_nor_write(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv()))
    stream.abort()
    for _ in range(2):
        await assert_unusable(stream)
        await colour.checkpoint()


async def assert_unusable(stream: Stream) -> None:
    with pytest.raises(ReadError):
        await stream.read(0.1)
    with pytest.raises(ReadError):
        stream.read_available()
    with pytest.raises(WriteError):
        stream.write_now(b"more")
    with pytest.raises(WriteError):
        await stream.write(b"more", 0.1)
    with pytest.raises(WriteError):
        await stream.wait_writable(0.1)
    assert stream.is_readable()  # since a read would raise at once


async def test_closing_does_not_wait_for_a_peer_that_does_not_read(colour: Colour, line: Line) -> None:
    is_over = threading.Event()
    peer = line.serve(lambda _: is_over.wait(PATIENCE))
    before = open_sockets()
    stream = await line.connect(peer)
    await fill_for_good(colour, stream)
    stream.close()
    # The peer's socket is the one that is left.
    await colour.until(lambda: len(open_sockets() - before) <= 1)
    is_over.set()


async def test_aborting_frees_the_descriptor_at_once(colour: Colour, line: Line) -> None:
    is_over = threading.Event()
    before = open_sockets()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    await fill_for_good(colour, stream)
    stream.abort()
    await colour.until(lambda: len(open_sockets() - before) <= 2)  # the peer's and its listener
    is_over.set()


@pytest.mark.parametrize("has_begun", [True, False], ids=["while reading", "before reading"])
async def test_a_reader_is_woken_from_another_thread(colour: Colour, line: Line, has_begun: bool) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.recv()))
    if has_begun:
        reader = colour.start(stream.read, None)
        await colour.network.sleep(0.01)
        await colour.in_thread(stream.wake)
    else:
        await colour.in_thread(stream.wake)
        reader = colour.start(stream.read, None)
    with pytest.raises(ReadError) as raised:
        await reader.join()
    assert str(raised.value)
    with pytest.raises(ReadError):
        await stream.read(PATIENCE)
    stream.close()


@pytest.mark.parametrize("method", ["wait_writable", "wait_writable_or_readable"])
async def test_a_writer_is_woken_from_another_thread(colour: Colour, line: Line, method: str) -> None:
    is_over = threading.Event()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    await fill_for_good(colour, stream)
    writer = colour.start(getattr(stream, method), None)
    await colour.network.sleep(0.01)
    await colour.in_thread(stream.wake)
    with pytest.raises(WriteError) as raised:
        await writer.join()
    assert str(raised.value)
    is_over.set()
    stream.close()


async def test_a_woken_reader_and_writer_both_end(colour: Colour, line: Line) -> None:
    is_over = threading.Event()
    stream = await line.connect(line.serve(lambda _: is_over.wait(PATIENCE)))
    reader = colour.start(stream.read, None)
    writer = colour.start(stream.write, bytes(LARGE), None)
    await colour.network.sleep(0.05)
    await colour.in_thread(stream.wake)
    with pytest.raises(ReadError):
        await reader.join()
    with pytest.raises(WriteError):
        await writer.join()
    is_over.set()
    stream.close()


async def test_a_stream_tells_its_addresses(colour: Colour, line: Line) -> None:
    peer = line.serve(lambda channel: channel.recv())
    layers = await line.connect_layers(peer)
    stream = layers[-1]
    assert stream.get_extra_info("server_addr") == peer.address
    assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
    assert stream.get_extra_info("socket").fileno() >= 0
    assert stream.get_extra_info("of no meaning") is None
    assert isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject) is not line.is_plain
    stream.close()


async def test_an_end_without_close_notify_is_truncated(colour: Colour, line: Line) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"half")
        channel.raw.close()

    stream = await line.connect(line.serve(script))
    assert not stream.is_truncated
    assert await stream.read(PATIENCE) == b"half"
    for _ in range(2):
        assert await stream.read(PATIENCE) == b""
        assert stream.is_truncated is not line.is_plain
    stream.close()


async def test_an_end_with_close_notify_is_not_truncated(colour: Colour, line: Line) -> None:
    stream = await line.connect(line.serve(lambda channel: channel.sendall(b"whole")))
    assert await stream.read(PATIENCE) == b"whole"
    assert await stream.read(PATIENCE) == b""
    assert not stream.is_truncated
    stream.close()


async def test_a_close_notify_of_the_outermost_layer_is_enough(colour: Colour, line: Line) -> None:
    # The outermost close_notify tells that the bytes are complete; what ends below it does not matter.
    def script(channel: Channel) -> None:
        channel.sendall(b"whole")
        channel.finish()
        channel.raw.close()

    stream = await line.connect(line.serve(script))
    assert await stream.read(PATIENCE) == b"whole"
    assert await stream.read(PATIENCE) == b""
    assert not stream.is_truncated
    stream.close()


async def test_no_socket_is_left_after_many_streams(colour: Colour, line: Line) -> None:
    count = 10
    before = open_sockets()
    peer = line.serve(lambda channel: channel.recv(), connections_count=count)
    for number in range(count):
        stream = await line.connect(peer)
        if number % 2:
            stream.close()
        else:
            stream.abort()
    await colour.until(lambda: peer.is_done)
    await colour.until(lambda: len(open_sockets() - before) <= 1)  # the listener


def test_a_stream_of_a_dead_loop_closes_even_if_somebody_still_waits(sockets_before: set[str]) -> None:
    colour = AsyncioColour("asyncio", asyncio.new_event_loop())
    near, far = socket.socketpair()
    near.setblocking(False)

    async def leave_reader() -> tuple[Stream, object]:
        stream = AsyncioSocketStream(
            colour.loop,
            near,
            view=memoryview(bytearray(1000)),
            limits=ReadLimits(colour.loop),
            woken=WokenTasks(colour.loop),
            watch=SocketWatch(colour.loop),
        )
        reader = colour.start(stream.read, PATIENCE)
        await colour.network.sleep(0.001)
        return stream, reader

    stream, reader = colour.run(leave_reader)
    colour.loop.close()
    stream.close()
    assert near.fileno() < 0
    far.close()
    # The loop complains of the task that it was closed with, as it would without us.
    del stream, reader
    gc.collect()
    assert [error["message"] for error in colour.errors] == ["Task was destroyed but it is pending!"]


class SlowStep:
    """Stands in for a poll or a socket: what another thread does just before the wait begins is done first."""

    def __init__(self, stream: Any, name: str, meanwhile: Callable[[], None]) -> None:
        self._waiting, self._meanwhile = getattr(stream, name), meanwhile
        setattr(stream, name, self)

    def __call__(self, timeout: float | None) -> object:
        self._meanwhile()
        return self._waiting(timeout)

    def recv(self, size: int, flags: int) -> object:
        self._meanwhile()
        return self._waiting.recv(size, flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._waiting, name)


@pytest.mark.parametrize("step", ["_socket", "_poll_read", "_poll_write"])
def test_a_thread_that_is_about_to_wait_does_not_wait_on_the_next_socket_of_that_number(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if another thread than the main one read.
    monkeypatch.setattr(sync, "get_ident", lambda: -1)
    own, other = socket.socketpair()
    own.setblocking(False)
    stream = SyncStream(own)
    # A read with a deadline waits by a poll.
    deadline = time.monotonic() + PATIENCE if step == "_poll_read" else None
    number = own.fileno()
    next_sockets: list[socket.socket] = []

    def close() -> None:
        stream.close()
        next_sockets.extend(socket.socketpair())

    SlowStep(stream, step, close)
    with other:
        with pytest.raises(WriteError if step == "_poll_write" else ReadError, match="closed"):
            drive(stream.wait_writable(PATIENCE) if step == "_poll_write" else stream.read(PATIENCE, deadline))
        assert own.fileno() == -1
        assert number not in [sock.fileno() for sock in next_sockets]
    for sock in next_sockets:
        sock.close()


def test_closing_wakes_a_thread_that_reads_and_one_that_writes() -> None:
    own, other = socket.socketpair()
    own.setblocking(False)
    stream = SyncStream(own)
    while stream.write_now(bytes(LARGE)):
        pass
    errors: list[BaseException] = []

    def wait(coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            drive(coroutine)
        except (ReadError, WriteError) as exc:
            errors.append(exc)

    threads = [
        threading.Thread(target=wait, args=(coroutine,))
        for coroutine in (stream.read(None), stream.wait_writable(None))
    ]
    for thread in threads:
        thread.start()
    stream.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert {type(error) for error in errors} == {ReadError, WriteError}
    assert own.fileno() == -1
    other.close()
