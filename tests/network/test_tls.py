"""TLS: what the server sees, what is verified, and how sessions live on."""

from __future__ import annotations

import contextlib
import datetime
import io
import pathlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import pytest
import trustme

from httpx._exceptions import ConnectError, ConnectTimeout, ReadError
from httpx._network.handshake import start_tls
from httpx._network.tls import TLSStream

from .colours import PATIENCE, Colour
from .leaks import open_sockets
from .lines import HOST, Trust
from .peers import Channel, Peer, PlainChannel, TLSChannel
from .test_reading import read_exactly

Serve = Callable[..., Peer]


def serve_tls(serve: Serve, script: Callable[[Any], object], context: ssl.SSLContext, **options: Any) -> Peer:
    return serve(script, make_channel=partial(_make_channel, context), **options)


def _make_channel(context: ssl.SSLContext, sock: socket.socket) -> Channel:
    return TLSChannel(PlainChannel(sock), context)


async def connect(
    colour: Colour, peer: Peer, context: ssl.SSLContext, *, server_hostname: str = HOST, **options: Any
) -> TLSStream:
    stream = await colour.network.connect_tcp("127.0.0.1", peer.port, timeout=PATIENCE)
    return await start_tls(stream, context, server_hostname=server_hostname, timeout=PATIENCE, **options)


def read_one(channel: Channel) -> None:
    channel.recv()


@pytest.mark.parametrize(("name", "seen"), [("www.example.test", "www.example.test"), ("127.0.0.1", None)])
async def test_the_server_sees_the_name_asked_for(
    colour: Colour, serve: Serve, trust: Trust, name: str, seen: str | None
) -> None:
    # RFC 6066 3: an address is no server name.
    names: list[str | None] = []
    context = trust.server_context()
    context.sni_callback = lambda _, server_name, __: names.append(server_name)
    stream = await connect(colour, serve_tls(serve, read_one, context), trust.client_context(), server_hostname=name)
    assert names == [seen]
    stream.close()


@pytest.mark.parametrize(
    ("offered", "accepted", "agreed"),
    [(["h2", "http/1.1"], ["http/1.1"], "http/1.1"), (["h2", "http/1.1"], ["h2"], "h2"), (["h2"], [], None)],
)
async def test_alpn_is_negotiated(
    colour: Colour, serve: Serve, trust: Trust, offered: list[str], accepted: list[str], agreed: str | None
) -> None:
    server_context, client_context = trust.server_context(), trust.client_context()
    if accepted:
        server_context.set_alpn_protocols(accepted)
    client_context.set_alpn_protocols(offered)
    stream = await connect(colour, serve_tls(serve, read_one, server_context), client_context)
    assert stream.selected_alpn_protocol == agreed
    stream.close()


@pytest.mark.parametrize("fault", ["unknown authority", "wrong host", "expired", "self-signed"])
async def test_a_certificate_that_does_not_hold_is_a_connect_error(
    colour: Colour, serve: Serve, trust: Trust, fault: str
) -> None:
    name, client_context, server_context, reason = HOST, trust.client_context(), trust.server_context(), ""
    if fault == "unknown authority":
        client_context, reason = (
            ssl.create_default_context(cadata=Trust().authority.cert_pem.bytes().decode()),
            "issuer",
        )
    elif fault == "wrong host":
        name, reason = "elsewhere.test", "elsewhere.test"
    elif fault == "expired":
        long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        certificate = trust.issue(HOST, not_before=long_ago, not_after=long_ago + datetime.timedelta(days=1))
        server_context, reason = trust.server_context(certificate), "expired"
    else:
        other = trustme.CA(key_type=trustme.KeyType.ECDSA)
        certificate = other.issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
        server_context, reason = trust.server_context(certificate), "certificate verify failed"
    peer = serve_tls(serve, read_one, server_context)
    before = open_sockets()
    with pytest.raises(ConnectError) as raised:
        await connect(colour, peer, client_context, server_hostname=name)
    assert name in str(raised.value) and reason in str(raised.value)
    assert isinstance(raised.value.__cause__, ssl.SSLError)
    await colour.until(lambda: peer.is_done and not open_sockets() - before)
    # The alert told the server.
    assert "ALERT" in str(peer.error).upper()


async def test_a_server_that_speaks_no_tls_is_a_connect_error(colour: Colour, serve: Serve, trust: Trust) -> None:
    peer = serve(lambda channel: channel.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(ConnectError) as raised:
        await connect(colour, peer, trust.client_context())
    assert HOST in str(raised.value)


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_server_that_hangs_up_is_a_connect_error(colour: Colour, serve: Serve, trust: Trust, end: str) -> None:
    def script(channel: Channel) -> None:
        channel.recv()
        if end == "reset":
            channel.reset()

    with pytest.raises(ConnectError) as raised:
        await connect(colour, serve(script), trust.client_context())
    assert HOST in str(raised.value)


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_silent_server_is_a_timeout(colour: Colour, serve: Serve, trust: Trust, limit: str) -> None:
    peer = serve(lambda channel: channel.recv_all())
    before = open_sockets()
    stream = await colour.network.connect_tcp("127.0.0.1", peer.port, timeout=PATIENCE)
    start = time.monotonic()
    timeout, deadline = (0.05, None) if limit == "timeout" else (60.0, start + 0.05)
    with pytest.raises(ConnectTimeout) as raised:
        await start_tls(stream, trust.client_context(), server_hostname=HOST, timeout=timeout, deadline=deadline)
    assert HOST in str(raised.value)
    assert time.monotonic() - start < 5
    await colour.until(lambda: peer.is_done and not open_sockets() - before)


async def test_a_dripping_server_does_not_outlive_the_timeout(colour: Colour, serve: Serve, trust: Trust) -> None:
    is_over = threading.Event()

    def script(channel: Channel) -> None:
        # The header of a record that is announced and never comes whole.
        channel.sendall(b"\x16\x03\x03\x3f\xff")
        while not is_over.wait(0.005):
            channel.sendall(b"\x02")

    stream = await colour.network.connect_tcp("127.0.0.1", serve(script).port, timeout=PATIENCE)
    start = time.monotonic()
    try:
        with pytest.raises(ConnectTimeout):
            await start_tls(stream, trust.client_context(), server_hostname=HOST, timeout=0.1)
        assert time.monotonic() - start < 5
    finally:
        is_over.set()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_resumed(colour: Colour, serve: Serve, trust: Trust, version: ssl.TLSVersion) -> None:
    server_context, client_context = trust.server_context(), trust.client_context()
    server_context.maximum_version = version

    def script(channel: TLSChannel) -> bool:
        channel.sendall(b"hello")
        channel.recv()
        return bool(channel.ssl.session_reused)

    peer = serve_tls(serve, script, server_context, connections_count=3)
    session = None
    for number in range(3):
        stream = await connect(colour, peer, client_context, session=session)
        assert await stream.read(PATIENCE) == b"hello"
        assert stream.get_extra_info("ssl_object").session_reused is bool(number)
        session = stream.session
        assert session is not None
        stream.close()
    await colour.until(lambda: peer.is_done)
    assert peer.results == [False, True, True]


async def test_a_session_that_the_server_has_forgotten_does_no_harm(colour: Colour, serve: Serve, trust: Trust) -> None:
    client_context = trust.client_context()
    session = None
    for _ in range(2):
        peer = serve_tls(serve, lambda channel: channel.sendall(b"hello"), trust.server_context())
        stream = await connect(colour, peer, client_context, session=session)
        assert await stream.read(PATIENCE) == b"hello"
        assert not stream.get_extra_info("ssl_object").session_reused
        session = stream.session
        stream.close()


async def test_a_session_of_another_context_is_a_connect_error_or_unused(
    colour: Colour, serve: Serve, trust: Trust
) -> None:
    server_context = trust.server_context()
    peer = serve_tls(serve, lambda channel: channel.sendall(b"hello"), server_context, connections_count=2)
    stream = await connect(colour, peer, trust.client_context())
    assert await stream.read(PATIENCE) == b"hello"
    session = stream.session
    stream.close()
    with contextlib.suppress(ConnectError):
        stream = await connect(colour, peer, trust.client_context(), session=session)
        stream.close()


async def test_a_client_certificate_is_shown(colour: Colour, serve: Serve, trust: Trust) -> None:
    server_context, client_context = trust.server_context(), trust.client_context()
    server_context.verify_mode = ssl.CERT_REQUIRED
    trust.authority.configure_trust(server_context)
    trust.issue("client.test").configure_cert(client_context)

    def script(channel: TLSChannel) -> None:
        assert channel.ssl.getpeercert()
        channel.sendall(b"welcome")

    stream = await connect(colour, serve_tls(serve, script, server_context), client_context)
    assert await stream.read(PATIENCE) == b"welcome"
    stream.close()


async def test_a_missing_client_certificate_is_told_by_the_read(colour: Colour, serve: Serve, trust: Trust) -> None:
    # With TLS 1.3 the client's part of the handshake is over before the server looks at the certificate.
    server_context = trust.server_context()
    server_context.verify_mode = ssl.CERT_REQUIRED
    trust.authority.configure_trust(server_context)
    stream = await connect(colour, serve_tls(serve, read_one, server_context), trust.client_context())
    for _ in range(2):
        with pytest.raises(ReadError) as raised:
            await stream.read(PATIENCE)
        assert "certificate" in str(raised.value).lower()
    stream.abort()


async def test_garbage_between_records_is_a_read_error(colour: Colour, serve: Serve, trust: Trust) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"hello")
        channel.recv_exactly(1)
        channel.raw.sendall(b"this is no record")
        channel.recv()

    stream = await connect(colour, serve_tls(serve, script, trust.server_context()), trust.client_context())
    assert await stream.read(PATIENCE) == b"hello"
    await stream.write(b"+", PATIENCE)
    for _ in range(2):
        with pytest.raises(ReadError) as raised:
            await stream.read(PATIENCE)
        assert str(raised.value)
    stream.abort()


async def test_bytes_before_garbage_are_returned_first(colour: Colour, serve: Serve, trust: Trust) -> None:
    def script(channel: Channel) -> None:
        channel.sendall(b"hello")
        channel.raw.sendall(b"this is no record")
        channel.recv()

    peer = serve_tls(serve, script, trust.server_context())
    stream = await connect(colour, peer, trust.client_context())
    assert await read_exactly(stream, 5) == b"hello"
    with pytest.raises(ReadError):
        await stream.read(PATIENCE)
    stream.abort()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_bytes_right_behind_the_handshake_are_readable(
    colour: Colour, serve: Serve, trust: Trust, version: ssl.TLSVersion
) -> None:
    # With TLS 1.2 the server has the last word of the handshake, and may send data in the same segment.
    context = trust.server_context()
    context.maximum_version = version

    def make_channel(sock: socket.socket) -> Channel:
        return CorkedChannel(sock, context)

    def script(channel: Channel) -> None:
        channel.sendall(b"hello")
        channel.recv()

    for method in ("read", "is_readable"):
        stream = await connect(colour, serve(script, make_channel=make_channel), trust.client_context())
        if method == "is_readable":
            await colour.until(stream.is_readable)
            assert stream.read_available() == b"hello"
        else:
            assert await stream.read(PATIENCE) == b"hello"
        stream.close()


class CorkedChannel(TLSChannel):
    """Sends the end of the handshake together with the first data."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(PlainChannel(sock), context)

    def _call(self, function: Callable[[], Any]) -> Any:
        if function == self.ssl.do_handshake:
            return self._shake_hands()
        return super()._call(function)

    def _shake_hands(self) -> None:
        while True:
            try:
                self.ssl.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(self._inner.recv())
            else:
                # What is left in the buffer goes with the first write.
                return


@contextlib.contextmanager
def openssl_server(trust: Trust, path: pathlib.Path) -> Iterator[tuple[BinaryIO, BinaryIO, int]]:
    """`openssl s_server`: sends what it reads, prints what it receives, and updates keys on "k" and "K"."""
    file = path / "certificate.pem"
    file.write_bytes(trust.issue(HOST).private_key_and_cert_chain_pem.bytes())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = ["openssl", "s_server", "-tls1_3", "-accept", f"127.0.0.1:{port}", "-cert", str(file)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError:
        pytest.skip("no openssl program")
    with process:
        assert isinstance(process.stdin, io.BufferedWriter) and isinstance(process.stdout, io.BufferedReader)
        # Ends a read of output that does not come.
        watchdog = threading.Timer(2 * PATIENCE, process.kill)
        watchdog.start()
        try:
            wait_for_line(process.stdout, b"ACCEPT")
            yield process.stdin, process.stdout, port
        finally:
            watchdog.cancel()
            process.kill()


def wait_for_line(output: BinaryIO, text: bytes) -> None:
    for line in output:
        if text in line:
            return
    pytest.fail(f"openssl ended without {text!r}")


@pytest.mark.parametrize("command", [b"k", b"K"], ids=["theirs", "both"])
async def test_a_key_update_is_followed(colour: Colour, trust: Trust, tmp_path: pathlib.Path, command: bytes) -> None:
    # RFC 8446 4.6.3: the peer changes its keys, and may ask us to change ours.
    with openssl_server(trust, tmp_path) as (commands, output, port):
        raw = await colour.network.connect_tcp("127.0.0.1", port, timeout=PATIENCE)
        stream = await start_tls(raw, trust.client_context(), server_hostname=HOST, timeout=PATIENCE)
        for number, word in enumerate((b"one\n", b"two\n", b"three\n")):
            if number:
                commands.write(command + b"\n")
                commands.flush()
                # The update makes the socket readable, but there is no data in it.
                await colour.until(raw.is_readable)
                assert not stream.is_readable()
                assert not raw.is_readable()
            commands.write(word)
            commands.flush()
            assert await read_exactly(stream, len(word)) == word
            await stream.write(b"answer " + word, PATIENCE)
            wait_for_line(output, b"answer " + word)
        stream.close()
