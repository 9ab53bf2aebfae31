"""The `trace` extension and the logs of the steps, by the names that programs know."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust
from tests.network.peers import MakeChannel
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .proxy_scripts import always, answering_connect, socks, stopping_after, tunnelling

EXCHANGE = [
    "http11.send_request_headers.started",
    "http11.send_request_headers.complete",
    "http11.send_request_body.started",
    "http11.send_request_body.complete",
    "http11.receive_response_headers.started",
    "http11.receive_response_headers.complete",
    "http11.receive_response_body.started",
    "http11.receive_response_body.complete",
    "http11.response_closed.started",
    "http11.response_closed.complete",
]
CONNECT = ["connection.connect_tcp.started", "connection.connect_tcp.complete"]
TLS = ["connection.start_tls.started", "connection.start_tls.complete"]


class Listener:
    """Notes what it is told, and raises at one of the events if it is to."""

    def __init__(self, face: Face, failing: str = "") -> None:
        self.names: list[str] = []
        self.infos: dict[str, dict[str, Any]] = {}
        self.callback: Callable[..., Any] = self._note
        if face.is_async:

            async def note(name: str, info: dict[str, Any]) -> None:
                self._note(name, info)

            self.callback = note
        self._failing = failing

    @property
    def extensions(self) -> dict[str, Any]:
        return {"trace": self.callback}

    def _note(self, name: str, info: dict[str, Any]) -> None:
        self.names.append(name)
        self.infos[name] = info
        if name == self._failing:
            raise ZeroDivisionError(name)


async def test_the_steps_of_a_get_are_told_in_order(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        first, second = Listener(face), Listener(face)
        await client.get(origin.url("/hello"), extensions=first.extensions)
        await client.get(origin.url("/hello"), extensions=second.extensions)
    assert first.names == [*CONNECT, *EXCHANGE]
    assert second.names == EXCHANGE
    version, status, reason, fields = first.infos["http11.receive_response_headers.complete"]["return_value"]
    assert (version, status, reason) == (b"HTTP/1.1", 200, b"OK")
    assert (b"content-type", b"text/plain; charset=utf-8") in [(name.lower(), value) for name, value in fields]
    assert first.infos["connection.connect_tcp.started"]["host"] == "127.0.0.1"


async def test_the_steps_of_tls_are_told(face: Face, tls_origin: Origin) -> None:
    listener = Listener(face)
    async with face.client(verify=tls_origin.make_client_context()) as client:
        await client.get(tls_origin.url("/hello"), extensions=listener.extensions)
    assert listener.names == [*CONNECT, *TLS, *EXCHANGE]


async def test_a_failed_connect_is_told(face: Face) -> None:
    listener = Listener(face)
    # Bound and not listening, a port refuses whoever comes.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with face.client() as client:
            with pytest.raises(httpx.ConnectError) as raised:
                await client.get(f"http://127.0.0.1:{bound.getsockname()[1]}/", extensions=listener.extensions)
    assert listener.names == ["connection.connect_tcp.started", "connection.connect_tcp.failed"]
    assert listener.infos["connection.connect_tcp.failed"]["exception"] is raised.value


@pytest.mark.parametrize("event", [*CONNECT, *TLS, *EXCHANGE])
async def test_what_a_callback_raises_arrives_and_leaves_nothing_behind(
    face: Face, tls_origin: Origin, event: str
) -> None:
    limits = httpx.Limits(max_connections=1)
    async with face.client(verify=tls_origin.make_client_context(), limits=limits, timeout=5) as client:
        with pytest.raises(ZeroDivisionError, match=event):
            await client.get(tls_origin.url("/hello"), extensions=Listener(face, event).extensions)
        assert client.pool.waiter_count == 0
        assert (await client.get(tls_origin.url("/hello"))).status_code == 200
        assert client.pool.connection_count == 1


async def test_the_callback_has_the_colour_of_the_client(face: Face, origin: Origin) -> None:
    async def coroutine_function(name: str, info: dict[str, Any]) -> None:
        pass

    def function(name: str, info: dict[str, Any]) -> None:
        pass

    async with face.client() as client:
        with pytest.raises(TypeError, match="synchronous"):
            wrong = function if face.is_async else coroutine_function
            await client.get(origin.url("/hello"), extensions={"trace": wrong})


async def test_the_steps_are_logged(face: Face, origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "httpcore"):
        async with face.client() as client:
            await client.get(origin.url("/cookies/set?name=secret"))
    records = [(record.name, record.getMessage()) for record in caplog.records if record.name.startswith("httpcore")]
    names = [f"{name.removeprefix('httpcore.')}.{message.split(' ')[0]}" for name, message in records]
    assert names == [*CONNECT, *EXCHANGE, "connection.close.started", "connection.close.complete"]
    assert all("secret" not in message for _, message in records)


# Through proxies: the names are those that two packages below HTTPX 0.28 gave to their steps.

CONNECT_REQUEST = EXCHANGE[:6]
SOCKS = ["socks.connect_tcp.started", "socks.connect_tcp.complete"]
SOCKS_HANDSHAKE = ["socks.setup_socks5_connection.started", "socks.setup_socks5_connection.complete"]


async def test_the_steps_of_a_tunnel_are_told(face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust) -> None:
    plain = serve(tunnelling(always, context=trust.server_context()))
    secure = serve(tunnelling(always, context=trust.server_context()), make_channel=over_tls)
    in_tunnel = ["proxy.start_tls.started", "proxy.start_tls.complete"]
    for proxy, scheme, to_proxy in ((plain, "http", CONNECT), (secure, "https", [*CONNECT, *TLS])):
        listener = Listener(face)
        settings = httpx.Proxy(
            proxy.url(scheme=scheme, host="localhost"), auth=("user", "hidden-word"), ssl_context=trust.client_context()
        )
        async with face.client(proxy=settings, verify=trust.client_context()) as client:
            await client.get("https://localhost/", extensions=listener.extensions)
        assert listener.names == [*to_proxy, *CONNECT_REQUEST, *in_tunnel, *EXCHANGE]
        asked = listener.infos["http11.send_request_headers.started"]["request"]
        assert asked.headers.get("proxy-authorization") is None


async def test_a_refused_tunnel_is_told(face: Face, serve: Serve) -> None:
    proxy = serve(answering_connect(b"HTTP/1.1 403 No\r\n\r\n"))
    listener = Listener(face)
    async with face.client(proxy=proxy.url()) as client:
        with pytest.raises(httpx.ProxyError):
            await client.get("https://a.example/", extensions=listener.extensions)
    assert listener.names == [*CONNECT, *CONNECT_REQUEST]
    assert listener.infos["http11.receive_response_headers.complete"]["return_value"] == (b"HTTP/1.1", 403, b"No", [])


async def test_the_steps_through_socks_are_told(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(socks(always, context=trust.server_context()))
    listener = Listener(face)
    async with face.client(proxy=proxy.url(scheme="socks5"), verify=trust.client_context()) as client:
        await client.get("https://localhost/", extensions=listener.extensions)
    in_tunnel = ["socks.start_tls.started", "socks.start_tls.complete"]
    assert listener.names == [*SOCKS, *SOCKS_HANDSHAKE, *in_tunnel, *EXCHANGE]
    refusing = serve(stopping_after(b"\x05\xff"))
    listener = Listener(face)
    async with face.client(proxy=refusing.url(scheme="socks5")) as client:
        with pytest.raises(httpx.ProxyError):
            await client.get("https://localhost/", extensions=listener.extensions)
    assert listener.names == [*SOCKS, SOCKS_HANDSHAKE[0], "socks.setup_socks5_connection.failed"]


@pytest.mark.parametrize(
    "failing",
    [*CONNECT, *CONNECT_REQUEST[:2], CONNECT_REQUEST[5], "proxy.start_tls.started", "proxy.start_tls.complete"],
)
async def test_a_listener_that_fails_in_a_tunnel_costs_no_slot(
    face: Face, serve: Serve, trust: Trust, failing: str
) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context()))
    async with face.client(
        proxy=proxy.url(), verify=trust.client_context(), limits=httpx.Limits(max_connections=1)
    ) as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("https://localhost/", extensions=Listener(face, failing).extensions)
        assert (await client.get("https://localhost/")).text == "ok"


async def test_tunnels_are_logged_without_credentials(
    face: Face, serve: Serve, trust: Trust, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context()))
    caplog.set_level(logging.DEBUG, "httpcore.proxy")
    settings = httpx.Proxy(proxy.url(), auth=("user", "hidden-word"))
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        await client.get("https://localhost/")
    assert [record.message.partition(" ")[0] for record in caplog.records] == [
        "start_tls.started",
        "start_tls.complete",
    ]
    caplog.set_level(logging.DEBUG)
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        await client.get("https://localhost/")
    assert "send_request_headers.started request=<Request [b'CONNECT']>" in caplog.text
    assert "hidden-word" not in caplog.text
