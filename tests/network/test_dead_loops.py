"""What outlives its event loop: streams can only be dropped, which closes their descriptors and warns of nothing."""

from __future__ import annotations

import gc
import threading

import pytest

from httpx._network.base import Network, Stream, Waiter

from .colours import CANCELLABLE, PATIENCE, Colour
from .leaks import assert_no_socket_left
from .lines import Line
from .peers import Channel

pytestmark = [
    pytest.mark.parametrize("colour", CANCELLABLE, indirect=True),
    # Uvloop says so while its loop is closed, before anybody could have dropped the stream.
    pytest.mark.filterwarnings("ignore:unclosed resource <TCPTransport:ResourceWarning"),
]


@pytest.mark.parametrize("method", ["abort", "close", "wake"])
@pytest.mark.parametrize("state", ["idle", "with unread bytes", "at its end", "blocked"])
def test_a_stream_of_a_dead_loop_can_be_dropped(
    colour: Colour, line: Line, sockets_before: set[str], method: str, state: str
) -> None:
    is_over = threading.Event()

    def script(channel: Channel) -> None:
        if state == "with unread bytes":
            channel.sendall(bytes(1000))
        if state == "at its end":
            channel.finish()
        if state == "blocked":
            is_over.wait(PATIENCE)
        while channel.recv():
            pass

    stream, network, waiter = colour.run(leave_stream, colour, line, script, state)
    colour.close()
    assert not network.is_current()
    waiter.set()
    stream.is_readable()
    for _ in range(2):
        getattr(stream, method)()
    if method == "wake":
        stream.abort()
    del stream
    gc.collect()
    is_over.set()
    line.close()
    assert_no_socket_left(sockets_before)


async def leave_stream(colour: Colour, line: Line, script: object, state: str) -> tuple[Stream, Network, Waiter]:
    stream = await line.connect(line.serve(script))  # type: ignore[arg-type]  # a script
    if state == "blocked":
        while stream.write_now(bytes(1 << 18)):
            pass
    if state in ("with unread bytes", "at its end"):
        await colour.until(stream.is_readable)
    waiter = colour.network.make_waiter()
    return stream, colour.network, waiter


def test_a_reader_of_a_dead_loop_is_forgotten(colour: Colour, line: Line, sockets_before: set[str]) -> None:
    async def leave_reader() -> Stream:
        stream = await line.connect(line.serve(lambda channel: channel.recv()))
        reader = colour.start(stream.read, PATIENCE)
        await colour.network.sleep(0.001)
        reader.cancel()
        await colour.checkpoint()
        return stream

    stream = colour.run(leave_reader)
    colour.close()
    stream.wake()
    stream.abort()
    line.close()
    assert_no_socket_left(sockets_before)
