"""Connecting over TCP and unix sockets."""

from __future__ import annotations

import contextlib
import errno
import pathlib
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from httpx._exceptions import ConnectError, ConnectTimeout

from .colours import CANCELLABLE, PATIENCE, Colour, TaskCancelled
from .leaks import open_sockets
from .lines import Line
from .peers import Channel, Peer

Serve = Callable[..., Peer]
only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="a full queue drops SYNs on Linux only")


@contextlib.contextmanager
def full_listener(host: str, port: int = 0) -> Iterator[int]:
    """A listening socket whose queue is full: the kernel answers no further SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def answer_lookups(monkeypatch: pytest.MonkeyPatch, port: int, *hosts: str) -> list[Any]:
    """Make every name resolve to these addresses, in this order; return the questions."""
    questions: list[Any] = []

    def getaddrinfo(*args: Any, **options: Any) -> list[Any]:
        questions.append(args)
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host in hosts]
        return [
            (family, socket.SOCK_STREAM, 6, "", (host, port, 0, 0) if ":" in host else (host, port))
            for family, host in zip(families, hosts, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return questions


def say_hello(channel: Channel) -> None:
    channel.sendall(b"hello")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_peer_is_reached_by_address_and_by_name(colour: Colour, serve: Serve, host: str) -> None:
    peer = serve(say_hello)
    stream = await colour.network.connect_tcp(host, peer.port, timeout=PATIENCE)
    assert await stream.read(PATIENCE) == b"hello"
    assert stream.get_extra_info("server_addr") == peer.address
    stream.close()


async def test_a_system_may_have_texts_of_its_own_for_its_sockets(
    colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Windows has: its strerror knows nothing of sockets.
    monkeypatch.setattr(socket, "errorTab", {errno.ECONNREFUSED: "The machine actively refused it"}, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError, match="The machine actively refused it"):
        await colour.network.connect_tcp("127.0.0.1", port, timeout=PATIENCE)


async def test_a_refused_connection_names_host_port_and_reason(colour: Colour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError) as raised:
        await colour.network.connect_tcp("127.0.0.1", port, timeout=PATIENCE)
    message = str(raised.value)
    assert "127.0.0.1" in message and str(port) in message and "refused" in message.lower()
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid", "two..dots.invalid"])
async def test_an_unresolvable_host_is_a_connect_error(colour: Colour, host: str) -> None:
    with pytest.raises(ConnectError) as raised:
        await colour.network.connect_tcp(host, 80, timeout=PATIENCE)
    assert host in str(raised.value)


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_name_resolution_counts_as_connecting(
    colour: Colour, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    may_answer = threading.Event()

    def getaddrinfo(*args: Any, **options: Any) -> list[Any]:
        may_answer.wait(PATIENCE)
        raise socket.gaierror(socket.EAI_NONAME, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    start = time.monotonic()
    timeout, deadline = (0.05, None) if limit == "timeout" else (None, start + 0.05)
    try:
        with pytest.raises(ConnectTimeout) as raised:
            await colour.network.connect_tcp("slow.test", 80, timeout=timeout, deadline=deadline)
        assert "slow.test" in str(raised.value)
        assert time.monotonic() - start < 5
    finally:
        may_answer.set()


@only_on_linux
@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_peer_that_does_not_accept_is_a_timeout(colour: Colour, limit: str) -> None:
    with full_listener("127.0.0.1") as port:
        before = open_sockets()
        start = time.monotonic()
        timeout, deadline = (0.05, None) if limit == "timeout" else (60, start + 0.05)
        with pytest.raises(ConnectTimeout) as raised:
            await colour.network.connect_tcp("127.0.0.1", port, timeout=timeout, deadline=deadline)
        assert "127.0.0.1" in str(raised.value) and str(port) in str(raised.value)
        assert time.monotonic() - start < 10
        assert open_sockets() <= before


async def test_a_name_with_one_dead_address_is_reached_by_the_other(
    colour: Colour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ::1 refuses: nothing listens there.
    peer = serve(say_hello)
    questions = answer_lookups(monkeypatch, peer.port, "::1", "127.0.0.1")
    stream = await colour.network.connect_tcp("both.test", peer.port, timeout=PATIENCE)
    assert await stream.read(PATIENCE) == b"hello"
    assert questions[0][:2] == ("both.test", peer.port)
    stream.close()


@only_on_linux
async def test_a_silent_address_does_not_hold_up_the_next(
    colour: Colour, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # RFC 8305 5: the next attempt begins before the first has failed, which takes minutes.
    peer = serve(say_hello)
    with full_listener("127.0.0.2", peer.port):
        before = open_sockets()
        answer_lookups(monkeypatch, peer.port, "127.0.0.2", "127.0.0.1")
        stream = await colour.network.connect_tcp("both.test", peer.port, timeout=PATIENCE)
        assert await stream.read(PATIENCE) == b"hello"
        await colour.until(lambda: peer.is_done)
        assert len(open_sockets() - before) == 1, "the losing socket is open"
        stream.close()


async def test_all_addresses_are_tried_before_the_error(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer_lookups(monkeypatch, port, "127.0.0.1", "127.0.0.2", "::1")
    with pytest.raises(ConnectError) as raised:
        await colour.network.connect_tcp("many.test", port, timeout=PATIENCE)
    assert "many.test" in str(raised.value)


async def test_a_name_without_addresses_is_a_connect_error(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_lookups(monkeypatch, 80)
    with pytest.raises(ConnectError, match=r"empty\.test"):
        await colour.network.connect_tcp("empty.test", 80, timeout=PATIENCE)


@pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is up on the loopback device")
async def test_the_local_address_is_used(colour: Colour, serve: Serve) -> None:
    peer = serve(lambda channel: channel.raw.getpeername()[0])
    stream = await colour.network.connect_tcp("127.0.0.1", peer.port, timeout=PATIENCE, local_address="127.0.0.5")
    assert stream.get_extra_info("client_addr")[0] == "127.0.0.5"
    await colour.until(lambda: peer.is_done)
    assert peer.result == "127.0.0.5"
    stream.close()


@pytest.mark.parametrize("address", ["192.0.2.77", "::1", "no address"])
async def test_an_impossible_local_address_is_a_connect_error(colour: Colour, serve: Serve, address: str) -> None:
    peer = serve(say_hello)
    with pytest.raises(ConnectError):
        await colour.network.connect_tcp("127.0.0.1", peer.port, timeout=PATIENCE, local_address=address)


async def test_socket_options_are_set(colour: Colour, serve: Serve) -> None:
    peer = serve(lambda channel: channel.recv())
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    stream = await colour.network.connect_tcp("127.0.0.1", peer.port, timeout=PATIENCE, socket_options=options)
    sock = stream.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    stream.close()


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_cancelled_connect_leaves_nothing(colour: Colour, serve: Serve, host: str) -> None:
    # Cancelled after each number of steps in turn, until it is through before.
    cancelled_count = 0
    for steps_count in range(12):
        peer = serve(lambda channel: channel.recv())
        before = open_sockets()
        connecting = colour.start(connect_to, colour, host, peer.port)
        for _ in range(steps_count):
            await colour.checkpoint()
        connecting.cancel()
        try:
            stream = await connecting.join()
        except TaskCancelled:
            cancelled_count += 1
        else:
            stream.abort()
        # The peer may have accepted before; its end goes away with ours.
        await colour.until(lambda before=before: not open_sockets() - before)  # type: ignore[misc]  # a default in a lambda
    assert cancelled_count


async def connect_to(colour: Colour, host: str, port: int) -> Any:
    return await colour.network.connect_tcp(host, port, timeout=PATIENCE)


@pytest.mark.parametrize("colour", CANCELLABLE, indirect=True)
@only_on_linux
async def test_a_connect_that_hangs_can_be_cancelled(colour: Colour) -> None:
    with full_listener("127.0.0.1") as port:
        before = open_sockets()
        connecting = colour.start(connect_to, colour, "127.0.0.1", port)
        await colour.until(lambda: open_sockets() - before)
        connecting.cancel()
        with pytest.raises(TaskCancelled):
            await connecting.join()
        assert open_sockets() <= before


@pytest.fixture
def unix_path() -> Iterator[str]:
    if not hasattr(socket, "AF_UNIX"):
        pytest.skip("no unix sockets")
    # The path of pytest's own directory may be too long.
    with tempfile.TemporaryDirectory() as directory:
        yield str(pathlib.Path(directory) / "socket")


async def test_a_unix_socket_is_reached(colour: Colour, serve: Serve, unix_path: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(unix_path)
    listener.listen()
    peer = serve(lambda channel: channel.sendall(channel.recv_exactly(5)), listener=listener)
    stream = await colour.network.connect_unix(unix_path, timeout=PATIENCE)
    await stream.write(b"hello", PATIENCE)
    assert await stream.read(PATIENCE) == b"hello"
    assert await stream.read(PATIENCE) == b""
    assert stream.get_extra_info("server_addr") == unix_path
    assert peer.address == unix_path
    stream.close()


async def test_a_missing_unix_socket_names_its_path(colour: Colour, unix_path: str) -> None:
    with pytest.raises(ConnectError) as raised:
        await colour.network.connect_unix(unix_path, timeout=PATIENCE)
    assert unix_path in str(raised.value)


@pytest.mark.parametrize("path", ["x" * 300, "with\0nul/path"])
async def test_an_impossible_unix_path_is_a_connect_error(colour: Colour, path: str, unix_path: str) -> None:
    with pytest.raises(ConnectError):
        await colour.network.connect_unix(unix_path + path, timeout=PATIENCE)


@only_on_linux
async def test_a_full_unix_socket_is_a_timeout(colour: Colour, unix_path: str) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(unix_path)
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket(socket.AF_UNIX))
            filler.setblocking(False)
            filler.connect_ex(unix_path)
        with pytest.raises(ConnectTimeout):
            await colour.network.connect_unix(unix_path, timeout=0.05)


async def test_a_socket_of_another_package_takes_no_flags(
    colour: Colour, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PySocks puts its own in the place of the standard library's."""

    class StrictSocket(socket.socket):
        def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM, -1):
                raise ValueError(f"Socket type must be stream or datagram, not {kind!r}")
            super().__init__(family, kind, proto, fileno)

    peer = line.serve(lambda channel: channel.sendall(b"data"))
    monkeypatch.setattr(socket, "socket", StrictSocket)
    stream = await line.connect(peer)
    monkeypatch.undo()
    assert await stream.read(PATIENCE) == b"data"
    stream.close()
