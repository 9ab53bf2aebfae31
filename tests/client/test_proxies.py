"""Proxies: requests that they forward, tunnels by CONNECT and SOCKS5, refusals, limits, and the environment."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

import httpx
from tests.network.colours import CANCELLABLE, Colour
from tests.network.lines import Trust
from tests.network.peers import MakeChannel, PlainChannel, TLSChannel

from .conftest import Serve
from .faces import Face, FaceClient
from .proxy_scripts import ESTABLISHED, GRANTED, always, answering_connect, socks, stopping_after, tunnelling
from .servers import OK, Conversation, Server, answering, answering_always

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
VARIABLES = [name for word in ("http", "https", "all", "no") for name in (f"{word}_proxy", f"{word}_proxy".upper())]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, without proxies at first."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def pool_of(client: FaceClient, url: str = "http://a.example/") -> Any:
    """Return the connections of the transport that serves the URL."""
    transport: Any = client.bare._transport_for_url(httpx.URL(url))
    return transport._pool


def lines(head: bytes) -> list[str]:
    return head.decode().split("\r\n")


# Forwarding.


async def test_an_http_url_is_asked_for_in_absolute_form(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=proxy.url()) as client:
        for url in ("http://user:pass@a.example/a%20b?c=d#e", "http://A.example:80", "http://b.example:81/x"):
            assert (await client.get(url)).text == "ok"
        assert pool_of(client).connection_count == 2
    assert [received.target for received in proxy.requests] == [
        "http://a.example/a%20b?c=d",
        "http://a.example/",
        "http://b.example:81/x",
    ]
    assert [received.values("host") for received in proxy.requests] == [["a.example"], ["a.example"], ["b.example:81"]]
    assert [received.connection for received in proxy.requests] == [0, 0, 1]
    assert all("proxy-authorization" not in received.head.decode().lower() for received in proxy.requests)


async def test_fields_for_the_proxy_follow_host(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always())
    settings = httpx.Proxy(proxy.url(), auth=("user", "p:ä"), headers={"X-Proxy": "1", "User-Agent": "not this"})
    async with face.client(proxy=settings, headers={"User-Agent": "mine"}) as client:
        await client.post("http://a.example/", content=b"body")
    assert lines(proxy.requests[0].head) == [
        "POST http://a.example/ HTTP/1.1",
        "Host: a.example",
        "Proxy-Authorization: Basic dXNlcjpwOsOk",
        "X-Proxy: 1",
        "Accept: */*",
        f"Accept-Encoding: {client.bare.headers['Accept-Encoding']}",
        "Connection: keep-alive",
        "User-Agent: mine",
        "Content-Length: 4",
    ]
    assert proxy.requests[0].body == b"body"


@pytest.mark.parametrize(
    ("userinfo", "expected"),
    [("user:p%20w@", "Basic dXNlcjpwIHc="), ("user@", "Basic dXNlcjo=")],
)
async def test_credentials_of_the_proxy_url_are_sent(face: Face, serve: Serve, userinfo: str, expected: str) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=f"http://{userinfo}127.0.0.1:{proxy.port}") as client:
        await client.get("http://a.example/")
        await client.get("http://a.example/", headers={"proxy-authorization": "of the request"})
    assert [received.values("proxy-authorization") for received in proxy.requests] == [[expected], ["of the request"]]


async def test_an_ipv6_host_keeps_its_brackets(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=proxy.url()) as client:
        await client.get("http://[2001:db8::1]:8080/x")
    assert lines(proxy.requests[0].head)[:2] == ["GET http://[2001:db8::1]:8080/x HTTP/1.1", "Host: [2001:db8::1]:8080"]


async def test_the_target_extension_is_taken_as_it_is(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=proxy.url()) as client:
        await client.get("http://a.example/", extensions={"target": b"/other"})
    assert proxy.requests[0].target == "/other"


async def test_a_forwarding_proxy_answers_for_itself(face: Face, serve: Serve) -> None:
    proxy = serve(answering(REFUSED))
    async with face.client(proxy=proxy.url()) as client:
        assert (await client.get("http://a.example/")).status_code == 407


async def test_bodies_of_all_kinds_go_through_a_forwarding_proxy(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
    async with face.client(proxy=proxy.url()) as client:
        assert (await client.post("http://a.example/", content=face.generate([b"a" * 100_000] * 3))).text == "ok"
        async with client.stream("GET", "http://a.example/") as response:
            assert await face.read(response) == b"ok"
    assert proxy.requests[0].body == b"a" * 300_000
    assert proxy.connection_count == 1


async def test_an_https_proxy_forwards_over_tls(face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust) -> None:
    proxy = serve(answering_always(), make_channel=over_tls)
    settings = httpx.Proxy(proxy.url(scheme="https", host="localhost"), ssl_context=trust.client_context())
    async with face.client(proxy=settings) as client:
        for _ in range(2):
            assert (await client.get("http://a.example/x")).text == "ok"
    assert [received.target for received in proxy.requests] == ["http://a.example/x"] * 2
    assert proxy.connection_count == 1


async def test_an_https_proxy_is_verified_as_the_environment_says(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = serve(answering_always(), make_channel=over_tls)
    url = proxy.url(scheme="https", host="localhost")
    async with face.client(proxy=url) as client:
        with pytest.raises(httpx.ConnectError, match=r"certificate verify failed.*localhost"):
            await client.get("http://a.example/")
        assert pool_of(client).connection_count == 0
    trust.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    environment.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with face.client(proxy=url) as client:
        assert (await client.get("http://a.example/")).text == "ok"


@pytest.mark.parametrize("http1", [True, False])
async def test_what_is_forwarded_is_http_1_1_in_any_case(face: Face, serve: Serve, http1: bool) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=proxy.url(), http1=http1, http2=True) as client:
        for _ in range(2):
            assert (await client.get("http://a.example/x")).text == "ok"
    assert heads_of(proxy) == ["GET http://a.example/x HTTP/1.1"] * 2
    assert proxy.connection_count == 1


async def test_what_is_for_a_proxy_does_not_follow_a_redirect_past_it(face: Face, serve: Serve) -> None:
    origin = serve(answering_always())
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {origin.url('/b')}\r\nContent-Length: 0\r\n\r\n"
    proxy = serve(answering_always(moved.encode()))
    settings = httpx.Proxy(proxy.url(), auth=("user", "secret"), headers={"X-Proxy": "1"})
    mounts = {"all://a.example": face.http_transport(proxy=settings)}
    async with face.client(mounts=mounts, follow_redirects=True) as client:
        response = await client.get("http://a.example/")
        assert response.text == "ok"
        assert "proxy-authorization" not in response.history[0].request.headers
    assert proxy.requests[0].values("proxy-authorization")
    for received in origin.requests:
        assert not received.values("proxy-authorization")
        assert not received.values("x-proxy")


# Tunnels.


async def test_an_https_url_goes_through_a_tunnel(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context()))
    settings = httpx.Proxy(proxy.url().replace("//", "//user:pass@"), headers={"X-Proxy": "1"})
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        for _ in range(2):
            assert (await client.get("https://localhost/x?y")).text == "ok"
        assert pool_of(client).connection_count == 1
    assert lines(proxy.heads[0]) == [
        "CONNECT localhost:443 HTTP/1.1",
        "Host: localhost:443",
        "Accept: */*",
        "Proxy-Authorization: Basic dXNlcjpwYXNz",
        "X-Proxy: 1",
    ]
    assert [received.target for received in proxy.requests] == ["/x?y"] * 2
    for received in proxy.requests:
        assert received.values("host") == ["localhost"]
        assert not received.values("x-proxy")
        assert not received.values("proxy-authorization")


async def test_fields_of_the_proxy_take_the_place_of_those_of_connect(face: Face, serve: Serve) -> None:
    proxy = serve(answering_connect(REFUSED))
    settings = httpx.Proxy(proxy.url(), headers={"accept": "text/plain", "host": "other.example"}, auth=("a", "b"))
    async with face.client(proxy=settings) as client:
        with pytest.raises(httpx.ProxyError):
            await client.get("https://[::1]:8443/")
    assert lines(proxy.heads[0]) == [
        "CONNECT [::1]:8443 HTTP/1.1",
        "host: other.example",
        "Proxy-Authorization: Basic YTpi",
        "accept: text/plain",
    ]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (REFUSED, httpx.ProxyError, "407 Proxy Authentication Required"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\nbody", httpx.ProxyError, "502 Bad Gateway"),
        (b"HTTP/1.1 403 \r\n\r\n", httpx.ProxyError, "403 "),
        (b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\n\r\n", httpx.ProxyError, "302 Found"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", httpx.ProxyError, "101 Switching"),
        (b"", httpx.RemoteProtocolError, "Server disconnected without sending a response."),
        (b"SSH-2.0-x\r\n\r\n", httpx.RemoteProtocolError, "illegal status line: b'SSH-2.0-x'"),
        (ESTABLISHED + b"HTTP/1.1 200 OK\r\n\r\n", httpx.RemoteProtocolError, "before anything was sent"),
    ],
)
async def test_a_refused_tunnel_says_why(
    face: Face, serve: Serve, answer: bytes, error: type[Exception], message: str
) -> None:
    proxy = serve(answering_connect(answer))
    async with face.client(proxy=proxy.url()) as client:
        with pytest.raises(error) as caught:
            await client.get("https://a.example/")
        assert pool_of(client).connection_count == 0
    assert isinstance(caught.value, httpx.TransportError)
    assert str(caught.value) == message or message in str(caught.value)
    assert caught.value.request.url == "https://a.example/"


async def test_informational_answers_and_lengths_do_not_end_a_tunnel(face: Face, serve: Serve, trust: Trust) -> None:
    # RFC 9110 9.3.6: framing fields in a 2xx to CONNECT are ignored.
    reply = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.0 204 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    proxy = serve(tunnelling(always, context=trust.server_context(), reply=reply))
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        assert (await client.get("https://localhost/")).text == "ok"


async def test_tls_goes_through_an_https_proxy_in_tls(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    inner = trust.server_context(trust.issue("origin.example"))
    proxy = serve(tunnelling(always, context=inner), make_channel=over_tls)
    settings = httpx.Proxy(proxy.url(scheme="https", host="localhost"), ssl_context=trust.client_context())
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        response = await client.post("https://origin.example/", content=b"x" * 1_000_000)
        assert response.text == "ok"
        assert (await client.get("https://origin.example/")).text == "ok"
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        assert tls.getpeercert()["subjectAltName"] == (("DNS", "origin.example"),)
        with pytest.raises(httpx.ConnectError, match=r"not valid for 'other.example'"):
            await client.get("https://other.example/")
        assert pool_of(client).connection_count == 1
    assert lines(proxy.heads[0])[0] == "CONNECT origin.example:443 HTTP/1.1"


async def test_sni_hostname_counts_inside_a_tunnel(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context(trust.issue("inner.example"))))
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        response = await client.get("https://192.0.2.1/", extensions={"sni_hostname": "inner.example"})
        assert response.text == "ok"
    assert lines(proxy.heads[0])[0] == "CONNECT 192.0.2.1:443 HTTP/1.1"


async def test_a_hundred_failed_handshakes_in_tunnels_cost_no_slot(
    face: Face, colour: Colour, serve: Serve, trust: Trust
) -> None:
    context = trust.server_context()
    proxy = serve(tunnelling(always, context=context))
    limits = httpx.Limits(max_connections=2)
    async with face.client(proxy=proxy.url(), verify=trust.client_context(), limits=limits) as client:
        for _ in range(100):
            with pytest.raises(httpx.ConnectError, match=r"not valid for 'wrong.example'"):
                await client.get("https://wrong.example/")
        pool = pool_of(client)
        assert pool.connection_count == 0
        # Two connections at a time, which are there at once: one for each host.
        async with (
            client.stream("GET", "https://localhost/") as one,
            client.stream("GET", "https://127.0.0.1/", timeout=httpx.Timeout(5, pool=0)) as two,
        ):
            assert (await face.read(one), await face.read(two)) == (b"ok", b"ok")
        assert pool.connection_count == 2
    assert proxy.connection_count == 102


# SOCKS5.


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://nowhere.example/x", b"\x03\x0fnowhere.example\x00\x50"),
        ("http://127.0.0.1:88/x", b"\x01\x7f\x00\x00\x01\x00\x58"),
        ("http://[::1]/x", b"\x04" + bytes(15) + b"\x01\x00\x50"),
    ],
)
async def test_socks_proxies_are_told_names_and_addresses(
    face: Face, serve: Serve, scheme: str, url: str, address: bytes
) -> None:
    proxy = serve(socks(always))
    async with face.client(proxy=proxy.url(scheme=scheme)) as client:
        for _ in range(2):
            assert (await client.get(url)).text == "ok"
    assert proxy.heads[0] == b"\x05\x01\x00" + address
    assert [received.target for received in proxy.requests] == ["/x", "/x"]
    assert proxy.connection_count == 1


async def test_socks_proxies_get_the_credentials_and_lead_to_tls(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(socks(always, context=trust.server_context(), auth=b"\x01\x04user\x03p w"))
    url = f"socks5://user:p%20w@127.0.0.1:{proxy.port}"
    async with face.client(proxy=url, verify=trust.client_context()) as client:
        assert (await client.get("https://localhost/")).text == "ok"
    assert proxy.heads[0] == b"\x05\x01\x00\x03\x09localhost\x01\xbb"
    assert "proxy-authorization" not in proxy.requests[0].head.decode().lower()


@pytest.mark.parametrize(
    ("answers", "userinfo", "message"),
    [
        ([b"\x05\xff"], "", "Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS."),
        ([b"\x05\x02", b"\x01\x05"], "user:secret@", "Invalid username/password"),
        ([b"\x05\x00", b"\x05\x05\x00\x01" + bytes(6)], "", "Proxy Server could not connect: Connection refused."),
        ([b"\x05\x00", b"\x05\x02"], "", "Proxy Server could not connect: Connection not allowed by ruleset."),
        ([b"HTTP/1.0 400 Bad\r\n\r\n"], "", "The proxy does not speak SOCKS5: it sent b'HTTP/1.0 400 Bad\\r\\n\\r\\n'"),
    ],
)
async def test_a_refusing_socks_proxy_says_why(
    face: Face, serve: Serve, answers: list[bytes], userinfo: str, message: str
) -> None:
    proxy = serve(stopping_after(*answers))
    async with face.client(proxy=f"socks5://{userinfo}127.0.0.1:{proxy.port}") as client:
        for url in ("http://a.example/", "https://a.example/"):
            with pytest.raises(httpx.ProxyError) as caught:
                await client.get(url)
            assert str(caught.value) == message
            assert pool_of(client).connection_count == 0


async def test_what_a_socks_proxy_sends_too_early_is_no_answer(face: Face, serve: Serve) -> None:
    proxy = serve(socks(always, reply=GRANTED + OK))
    async with face.client(proxy=proxy.url(scheme="socks5")) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="before anything was sent"):
            await client.get("http://a.example/")


# Limits.

STEPS = {
    "tls to the proxy": ("https", "http://a.example/", []),
    "connect": ("http", "https://a.example/", []),
    "half an answer": ("http", "https://a.example/", [b"HTTP/1.1 200 Conn"]),
    "tls in the tunnel": ("http", "https://a.example/", [ESTABLISHED]),
    "socks greeting": ("socks5", "http://a.example/", []),
    "socks request": ("socks5", "http://a.example/", [b"\x05\x00"]),
    "tls through socks": ("socks5", "https://a.example/", [b"\x05\x00", GRANTED]),
}


@pytest.mark.parametrize("step", STEPS)
async def test_the_connect_timeout_is_for_every_step(face: Face, serve: Serve, step: str) -> None:
    scheme, url, answers = STEPS[step]
    proxy = serve(stopping_after(*answers))
    async with face.client(proxy=proxy.url(scheme=scheme), timeout=httpx.Timeout(30, connect=0.1)) as client:
        with pytest.raises(httpx.ConnectTimeout, match=r"within 0\.1 s"):
            await client.get(url)
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(url, timeout=httpx.Timeout(None, total=0.1))
        assert pool_of(client).connection_count == 0


async def test_all_steps_share_one_connect_timeout(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(b"HTTP/1.1 200 ")
        # A byte now and then is progress, and does not help.
        while not conversation.server.may_go_on.wait(0.02):
            conversation.send(b"X")

    proxy = serve(script)
    async with face.client(proxy=proxy.url(), timeout=httpx.Timeout(30, connect=0.2)) as client:
        start = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("https://a.example/")
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("colour", [name for name in CANCELLABLE if name != "asyncio-debug"], indirect=True)
async def test_a_cancelled_step_leaves_nothing(face: Face, colour: Colour, serve: Serve, step: str) -> None:
    scheme, url, answers = STEPS[step]
    proxy = serve(stopping_after(*answers))

    async def ask() -> None:
        await client.get(url, timeout=None)

    async with face.client(proxy=proxy.url(scheme=scheme), limits=httpx.Limits(max_connections=1)) as client:
        task = colour.start(ask)
        await colour.until(lambda: len(proxy.heads) == len(answers))
        await colour.until(lambda: proxy.received_size or step == "half an answer")
        assert not task.is_done
        task.cancel()
        await colour.until(lambda: task.is_done)
        assert pool_of(client).connection_count == 0
        # The proxy sees the end.
        await colour.until(lambda: proxy.ended_count)


# What is about the connection to the proxy.


async def test_retries_are_for_all_of_a_connection(face: Face, serve: Serve, trust: Trust) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(ESTABLISHED)

    proxy = serve(script, tunnelling(always, context=trust.server_context()))
    transport = face.http_transport(proxy=proxy.url(), retries=1, verify=trust.client_context())
    async with face.client(transport=transport) as client:
        assert (await client.get("https://localhost/")).text == "ok"
    assert proxy.connection_count == 2


async def test_a_refusal_is_not_repeated(face: Face, serve: Serve) -> None:
    proxy = serve(answering_connect(REFUSED))
    async with face.client(transport=face.http_transport(proxy=httpx.URL(proxy.url()), retries=3)) as client:
        with pytest.raises(httpx.ProxyError):
            await client.get("https://a.example/")
    assert proxy.connection_count == 1


async def test_local_address_and_socket_options_are_for_the_proxy(face: Face, serve: Serve) -> None:
    address = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    proxy = serve(answering_always())
    transport = face.http_transport(
        proxy=httpx.Proxy(proxy.url()),
        local_address=address,
        socket_options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
    )
    async with face.client(transport=transport) as client:
        stream = (await client.get("http://a.example/")).extensions["network_stream"]
        assert stream.get_extra_info("client_addr")[0] == address
        assert stream.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
async def test_a_proxy_may_listen_on_a_unix_socket(face: Face, serve: Serve, trust: Trust) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="h") as folder,
        contextlib.closing(socket.socket(socket.AF_UNIX)) as listener,
    ):
        path = f"{folder}/socket"
        listener.bind(path)
        listener.listen()
        proxy = serve(tunnelling(always, context=trust.server_context()), listener=listener)
        transport = face.http_transport(proxy="http://proxy.example", uds=path, verify=trust.client_context())
        async with face.client(transport=transport) as client:
            assert (await client.get("https://localhost/")).text == "ok"
        proxy.close()


async def test_a_dead_proxy_is_a_connect_error(face: Face) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with face.client(proxy=f"http://127.0.0.1:{port}") as client:
        for url in ("http://a.example/", "https://a.example/"):
            with pytest.raises(httpx.ConnectError, match=str(port)):
                await client.get(url)


async def test_a_proxy_url_without_host_is_a_connect_error(face: Face) -> None:
    async with face.client(proxy="http://") as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://a.example/")


@pytest.mark.parametrize("scheme", ["ftp", "socks6"])
def test_other_schemes_are_refused(scheme: str) -> None:
    for make in (httpx.HTTPTransport, httpx.AsyncHTTPTransport, httpx.Client, httpx.AsyncClient):
        with pytest.raises(ValueError) as caught:
            make(proxy=f"{scheme}://user:secret@a.example:1")
        assert str(caught.value) == f"Unknown scheme for proxy URL URL('{scheme}://user:[secure]@a.example:1')"


async def test_later_tunnels_resume_the_session_of_the_origin(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    proxy = serve(tunnelling(answering(OK, closing), context=trust.server_context()), make_channel=over_tls)
    settings = httpx.Proxy(proxy.url(scheme="https", host="localhost"), ssl_context=trust.client_context())
    is_resumed = []
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        for _ in range(4):
            response = await client.get("https://localhost/")
            is_resumed.append(response.extensions["network_stream"].get_extra_info("ssl_object").session_reused)
    assert is_resumed == [False, False, True, True]
    assert proxy.connection_count == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_later_connections_resume_the_session_of_the_proxy(
    face: Face, serve: Serve, trust: Trust, scheme: str
) -> None:
    channels: list[TLSChannel] = []
    context = trust.server_context()

    def make_channel(sock: socket.socket) -> TLSChannel:
        channels.append(TLSChannel(PlainChannel(sock), context))
        return channels[-1]

    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    origin = answering(OK, closing)
    script = origin if scheme == "http" else tunnelling(origin, context=trust.server_context())
    proxy = serve(script, make_channel=make_channel)
    settings = httpx.Proxy(proxy.url(scheme="https", host="localhost"), ssl_context=trust.client_context())
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        for _ in range(6):
            assert (await client.get(f"{scheme}://localhost/")).text == "ok"
    assert [channel.ssl.session_reused for channel in channels] == [False, True, True]


async def test_credentials_show_nowhere(
    face: Face, serve: Serve, caplog: pytest.LogCaptureFixture, over_tls: MakeChannel
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for scheme, script in [
        ("http", answering_connect(REFUSED)),
        ("http", answering_connect(b"")),
        ("http", stopping_after()),
        ("https", stopping_after()),
        ("socks5", stopping_after(b"\x05\x02", b"\x01\x01")),
        ("socks5", stopping_after()),
        ("http", answering_always()),
    ]:
        proxy = serve(script)
        settings = httpx.Proxy(f"{scheme}://user:hidden-word@127.0.0.1:{proxy.port}")
        async with face.client(proxy=settings, timeout=0.1) as client:
            texts += [repr(client.bare), repr(settings), repr(vars(client.bare))]
            for url in ("https://a.example/", "http://a.example/"):
                try:
                    texts.append(repr(await client.get(url)))
                except httpx.TransportError as exc:
                    texts += [repr(exc), str(exc), repr(exc.__cause__), repr(exc.request)]
    texts.append(caplog.text)
    # As it is, and in the form of Basic.
    assert [text for text in texts if "hidden-word" in text or "dXNlcjpoaWRkZW4" in text] == []


# The environment.


def heads_of(server: Server) -> list[str]:
    """Return the request lines that a proxy or an origin got."""
    return [head.decode("latin-1").split("\r\n", 1)[0] for head in server.heads]


async def test_the_environment_names_proxies_by_scheme(
    face: Face, serve: Serve, trust: Trust, environment: pytest.MonkeyPatch
) -> None:
    for_http = serve(answering_always())
    for_https = serve(tunnelling(always, context=trust.server_context()))
    environment.setenv("HTTP_PROXY", f"user:pass@127.0.0.1:{for_http.port}")
    environment.setenv("HTTPS_PROXY", for_https.url())
    async with face.client(verify=trust.client_context()) as client:
        assert (await client.get("http://a.example/x")).text == "ok"
        assert (await client.get("https://localhost/x")).text == "ok"
    assert heads_of(for_http) == ["GET http://a.example/x HTTP/1.1"]
    assert for_http.requests[0].values("proxy-authorization") == ["Basic dXNlcjpwYXNz"]
    assert heads_of(for_https) == ["CONNECT localhost:443 HTTP/1.1", "GET /x HTTP/1.1"]


async def test_all_proxy_is_for_the_rest_and_no_proxy_for_exceptions(
    face: Face, serve: Serve, environment: pytest.MonkeyPatch
) -> None:
    proxy, other, origin = serve(socks(always)), serve(answering_always()), serve(answering_always())
    environment.setenv("ALL_PROXY", proxy.url(scheme="socks5h"))
    environment.setenv("NO_PROXY", "nowhere.example, 127.0.0.0/8")
    async with face.client() as client:
        assert (await client.get("http://a.example/")).text == "ok"
        assert (await client.get(origin.url("/direct"))).text == "ok"
    assert heads_of(origin) == ["GET /direct HTTP/1.1"]
    assert proxy.heads[0] == b"\x05\x01\x00\x03\x09a.example\x00\x50"
    environment.setenv("HTTP_PROXY", other.url())
    async with face.client() as client:
        assert (await client.get("http://a.example/")).text == "ok"
    assert heads_of(other) == ["GET http://a.example/ HTTP/1.1"]
    assert proxy.connection_count == 1


async def test_trust_env_keeps_the_environment_out(face: Face, serve: Serve, environment: pytest.MonkeyPatch) -> None:
    origin = serve(answering_always())
    environment.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with face.client(trust_env=False) as client:
        assert (await client.get(origin.url())).text == "ok"
    transport = face.http_transport()
    async with face.client(mounts={"all://127.0.0.1": transport}) as client:
        assert (await client.get(origin.url())).text == "ok"
    assert heads_of(origin) == ["GET / HTTP/1.1"] * 2


async def test_mounts_send_some_urls_through_a_proxy(face: Face, serve: Serve) -> None:
    proxy, origin = serve(answering_always()), serve(answering_always())
    mounts = {"all://*.example": face.http_transport(proxy=proxy.url())}
    async with face.client(mounts=mounts) as client:
        assert (await client.get("http://a.example/")).text == "ok"
        assert (await client.get(origin.url("/direct"))).text == "ok"
    assert heads_of(proxy) == ["GET http://a.example/ HTTP/1.1"]
    assert heads_of(origin) == ["GET /direct HTTP/1.1"]
