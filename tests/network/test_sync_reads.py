"""Reads of the sync client, bounded by the kernel where it can, and by a poll elsewhere: nobody can tell which."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from httpx._drive import drive
from httpx._exceptions import ReadError, ReadTimeout
from httpx._network import sync
from httpx._network.sync import SyncStream

from .colours import PATIENCE

Pair = tuple[SyncStream, socket.socket]


@pytest.fixture(params=["kernel", "poll"])
def pair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A stream, and its peer's socket."""
    if request.param == "poll":
        monkeypatch.setattr(sync, "_BINDS_READS", False)
    elif not sync._BINDS_READS:
        pytest.skip("this platform cannot")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        sock.setblocking(False)
        peer, _ = listener.accept()
    stream = SyncStream(sock)
    with peer:
        yield stream, peer
        stream.close()


def time_out(stream: SyncStream, timeout: float | None, deadline: float | None = None) -> float:
    """Read in vain, and return how many seconds that took."""
    start = time.monotonic()
    with pytest.raises(ReadTimeout):
        drive(stream.read(timeout, deadline))
    return time.monotonic() - start


def test_each_read_has_its_own_limit(pair: Pair) -> None:
    stream, peer = pair
    # Long ones are far above, since a busy machine may take its time.
    for timeout in (0.05, 0.002, 0.0005, 0.0, 0.05, 1.5e-9, 0.02):
        assert timeout <= time_out(stream, timeout) < PATIENCE
    peer.sendall(b"one")
    assert drive(stream.read(PATIENCE)) == b"one"
    assert 0.05 <= time_out(stream, 0.05) < PATIENCE
    peer.sendall(b"two")
    assert drive(stream.read(None)) == b"two"
    assert 0.05 <= time_out(stream, 0.05) < PATIENCE
    peer.sendall(b"three")
    assert drive(stream.read(1e12)) == b"three"


def test_a_deadline_ends_a_read_with_a_longer_limit(pair: Pair) -> None:
    stream, peer = pair
    assert 0.0 < time_out(stream, PATIENCE, time.monotonic() + 0.05) < PATIENCE
    assert time_out(stream, PATIENCE, time.monotonic() - 1) < PATIENCE
    # The limit of the next read is none of that.
    threading.Timer(0.05, peer.sendall, [b"late"]).start()
    assert drive(stream.read(PATIENCE)) == b"late"


def test_a_read_without_a_limit_waits_on_after_one_with_a_limit(pair: Pair) -> None:
    stream, peer = pair
    time_out(stream, 0.01)
    threading.Timer(0.1, peer.sendall, [b"late"]).start()
    assert drive(stream.read(None)) == b"late"


def test_what_must_not_wait_does_not(pair: Pair) -> None:
    stream, peer = pair
    time_out(stream, 0.01)
    assert stream.read_available() is None
    assert not stream.is_readable()
    while stream.write_now(bytes(1 << 16)):
        pass
    assert stream.write_now(b"no room") == 0
    peer.sendall(b"data")
    assert drive(stream.read(PATIENCE)) == b"data"
    assert stream.read_available() is None


@pytest.mark.parametrize("timeout", [None, PATIENCE])
@pytest.mark.parametrize("method", ["close", "wake"])
def test_another_thread_ends_a_read(pair: Pair, method: str, timeout: float | None) -> None:
    stream, _ = pair
    start = time.monotonic()
    threading.Timer(0.05, getattr(stream, method)).start()
    with pytest.raises(ReadError):
        drive(stream.read(timeout))
    assert time.monotonic() - start < PATIENCE
    with pytest.raises(ReadError):
        drive(stream.read(timeout))


@pytest.mark.parametrize("method", ["close", "wake"])
def test_a_stream_that_was_closed_before_the_read(pair: Pair, method: str) -> None:
    stream, _ = pair
    time_out(stream, 0.01)
    getattr(stream, method)()
    for timeout in (0.01, 5.0, None):
        with pytest.raises(ReadError):
            drive(stream.read(timeout))


def test_the_end_of_the_stream(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(b"last")
    peer.shutdown(socket.SHUT_WR)
    assert drive(stream.read(PATIENCE)) == b"last"
    for timeout in (PATIENCE, None, 0.0):
        assert drive(stream.read(timeout)) == b""
    assert stream.read_available() == b""
