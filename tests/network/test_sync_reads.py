"""Reads of the sync client, bounded by the kernel where it can, and by a poll elsewhere: nobody can tell which."""

from __future__ import annotations

import os
import signal
import socket
import struct
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
    # As if another thread than the main one read.
    monkeypatch.setattr(sync, "get_ident", lambda: -1)
    if request.param == "poll":
        monkeypatch.setattr(sync, "_BINDS_READS", False)
    elif not sync._BINDS_READS:
        pytest.skip("this platform cannot")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        # A limit that a user has set on all sockets is none of ours.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 1000))
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


def test_which_limits_the_kernel_has(pair: Pair) -> None:
    stream, _ = pair
    if stream._now:
        assert stream._bind_reads(5.0) and stream._bind_reads(None)
        for timeout in (0.0, 1e-9, 0.0009, 1e12):
            assert not stream._bind_reads(timeout)


def test_the_main_thread_is_known_in_a_forked_child() -> None:
    assert sync._main_ident == threading.main_thread().ident
    seen: list[int] = []

    def fork() -> None:
        child = os.fork()
        if not child:
            os._exit(0 if sync._main_ident == threading.get_ident() else 1)
        seen.append(os.waitpid(child, 0)[1])

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    assert seen == [0]


@pytest.mark.parametrize("mode", [0.0, 0.01, 5.0])
def test_a_user_changes_the_mode_of_the_socket(pair: Pair, mode: float) -> None:
    stream, peer = pair
    stream.get_extra_info("socket").settimeout(mode)
    assert 0.05 <= time_out(stream, 0.05) < PATIENCE
    threading.Timer(0.1, peer.sendall, [b"late"]).start()
    assert drive(stream.read(PATIENCE)) == b"late"


def test_signals_do_not_prolong_a_read_in_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = socket.socketpair()
    own.setblocking(False)
    stream = SyncStream(own)
    signals: list[int] = []
    previous = signal.signal(signal.SIGALRM, lambda number, frame: signals.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        with other:
            assert 0.1 <= time_out(stream, 0.1) < PATIENCE / 2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        stream.close()
    assert signals


def test_a_forked_child_leaves_the_connection_to_its_parent(pair: Pair) -> None:
    stream, peer = pair
    parents = stream.get_extra_info("socket").dup()
    # The thread that read when the process was forked is in the parent.
    stream._reads = True
    stream.forget()
    with parents:
        parents.settimeout(PATIENCE)
        peer.sendall(b"data")
        assert parents.recv(100) == b"data"
    with pytest.raises(ReadError):
        drive(stream.read(PATIENCE))
