"""The extensions that send one request another way: `proxy`, `verify`, `cert`; and that no other request gets on it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust
from tests.network.peers import MakeChannel, PlainChannel, TLSChannel

from .conftest import Serve
from .faces import Face
from .proxy_scripts import always, socks, tunnelling
from .servers import Server, answering, answering_always


@pytest.fixture
def secure(serve: Serve, over_tls: MakeChannel) -> Server:
    """An https origin, of which nobody knows the authority."""
    return serve(answering_always(), make_channel=over_tls)


# Proxies.


async def test_a_request_names_its_own_proxy(face: Face, serve: Serve, trust: Trust) -> None:
    origin, forwarding = serve(answering_always()), serve(answering_always())
    tunnel = serve(tunnelling(always, context=trust.server_context()))
    through_socks = serve(socks(always))
    async with face.client(verify=trust.client_context()) as client:
        for _ in range(2):
            assert (await client.get(origin.url("/direct"))).text == "ok"
            assert (await client.get(origin.url("/forwarded"), extensions={"proxy": forwarding.url()})).text == "ok"
            assert (await client.get("https://localhost/", extensions={"proxy": httpx.URL(tunnel.url())})).text == "ok"
            proxy = httpx.Proxy(through_socks.url(scheme="socks5"))
            assert (await client.get("http://a.example/", extensions={"proxy": proxy})).text == "ok"
        assert client.pool.connection_count == 4
    assert [received.target for received in origin.requests] == ["/direct"] * 2
    assert [received.target for received in forwarding.requests] == [origin.url("/forwarded")] * 2
    assert tunnel.heads[0].startswith(b"CONNECT localhost:443 ")
    for server in (origin, forwarding, tunnel, through_socks):
        assert server.connection_count == 1


async def test_a_request_goes_without_the_proxy_of_its_client(face: Face, serve: Serve) -> None:
    origin, proxy = serve(answering_always()), serve(answering_always())
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=("user", "secret"))) as client:
        for _ in range(2):
            await client.get(origin.url("/direct"), extensions={"proxy": None})
            await client.get(origin.url("/forwarded"))
    assert [received.target for received in origin.requests] == ["/direct"] * 2
    assert [received.values("proxy-authorization") for received in origin.requests] == [[], []]
    assert [received.target for received in proxy.requests] == [origin.url("/forwarded")] * 2


async def test_the_proxy_of_the_client_is_one_and_the_same_when_a_request_names_it(face: Face, serve: Serve) -> None:
    proxy = serve(answering_always())
    async with face.client(proxy=proxy.url()) as client:
        await client.get("http://a.example/")
        await client.get("http://a.example/", extensions={"proxy": httpx.Proxy(proxy.url())})
    assert proxy.connection_count == 1


async def test_connections_by_other_credentials_are_others(face: Face, serve: Serve) -> None:
    proxy = serve(socks(always, auth=b"\x01\x01a\x01b"), socks(always, auth=b"\x01\x01c\x01d"))
    async with face.client() as client:
        for userinfo in ("a:b", "c:d", "a:b"):
            extensions = {"proxy": f"socks5://{userinfo}@127.0.0.1:{proxy.port}"}
            assert (await client.get("http://a.example/", extensions=extensions)).text == "ok"
    assert [received.connection for received in proxy.requests] == [0, 1, 0]


async def test_connections_with_other_fields_or_trust_are_others(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    proxy = serve(answering_always(), make_channel=over_tls)
    url = proxy.url(scheme="https", host="localhost")
    context = trust.client_context()
    async with face.client() as client:
        for headers in ({"X-Team": "red"}, {"X-Team": "blue"}, {"X-Team": "red"}):
            settings = httpx.Proxy(url, headers=headers, ssl_context=context)
            await client.get("http://a.example/", extensions={"proxy": settings})
        other = httpx.Proxy(url, headers={"X-Team": "red"}, ssl_context=trust.client_context())
        await client.get("http://a.example/", extensions={"proxy": other})
    assert [received.connection for received in proxy.requests] == [0, 1, 0, 2]
    assert [received.values("x-team")[0] for received in proxy.requests] == ["red", "blue", "red", "red"]


async def test_the_proxy_of_a_request_counts_for_its_redirects(face: Face, serve: Serve) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\nContent-Length: 0\r\n\r\n"
    proxy = serve(answering(moved), answering_always())
    async with face.client(follow_redirects=True) as client:
        assert (await client.get("http://a.example/", extensions={"proxy": proxy.url()})).text == "ok"
    assert [received.target for received in proxy.requests] == ["http://a.example/", "http://b.example/"]


@pytest.mark.parametrize(
    ("extensions", "error"),
    [
        ({"proxy": "ftp://a.example"}, ValueError),
        ({"proxy": 1}, TypeError),
        ({"verify": 1.5}, TypeError),
        ({"verify": "/no/such/file"}, FileNotFoundError),
        ({"cert": "/no/such/file"}, FileNotFoundError),
        ({"cert": b"no PEM"}, ssl.SSLError),
        ({"verify": ssl.create_default_context(), "cert": b"anything"}, ValueError),
    ],
)
async def test_a_value_that_is_none_is_refused(face: Face, extensions: dict[str, Any], error: type[Exception]) -> None:
    async with face.client() as client:
        with pytest.raises(error):
            await client.get("https://a.example/", extensions=extensions)
        assert client.pool.connection_count == 0


# Verification.


async def test_what_was_not_verified_serves_nobody_who_wants_that(face: Face, secure: Server, trust: Trust) -> None:
    url = secure.url(scheme="https", host="localhost")
    async with face.client(verify=trust.client_context()) as client:
        for _ in range(2):
            assert (await client.get(url, extensions={"verify": False})).text == "ok"
            assert (await client.get(url)).text == "ok"
        assert client.pool.connection_count == 2
    assert [received.connection for received in secure.requests] == [0, 1, 0, 1]
    async with face.client() as client:
        assert (await client.get(url, extensions={"verify": False})).text == "ok"
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(url)
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(url, extensions={"verify": True})


async def test_a_request_may_verify_where_its_client_does_not(face: Face, secure: Server, trust: Trust) -> None:
    url = secure.url(scheme="https", host="localhost")
    async with face.client(verify=False) as client:
        assert (await client.get(url)).text == "ok"
        for _ in range(2):
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await client.get(url, extensions={"verify": True})
            assert (await client.get(url, extensions={"verify": trust.client_context()})).text == "ok"
        # What the client does by itself.
        assert (await client.get(url, extensions={"verify": False})).text == "ok"
    assert [received.connection for received in secure.requests] == [0, 2, 4, 0]


async def test_a_request_names_the_authorities_that_it_trusts(
    face: Face, secure: Server, trust: Trust, tmp_path: Path
) -> None:
    url = secure.url(scheme="https", host="localhost")
    trust.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with face.client() as client:
        for path in (tmp_path / "ca.pem", tmp_path / "ca.pem"):
            assert (await client.get(url, extensions={"verify": path})).text == "ok"
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
    assert [received.connection for received in secure.requests] == [0, 0]


async def test_verification_counts_in_tunnels(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context()))
    extensions = {"proxy": proxy.url()}
    async with face.client() as client:
        assert (await client.get("https://localhost/", extensions={**extensions, "verify": False})).text == "ok"
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get("https://localhost/", extensions=extensions)
    assert len(proxy.requests) == 1


async def test_verification_makes_no_difference_without_tls(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        await client.get(server.url())
        await client.get(server.url(), extensions={"verify": False, "cert": None})
    assert server.connection_count == 1


async def test_sessions_are_resumed_by_those_who_verify_alike(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", closing), make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")
    is_resumed = []
    async with face.client(verify=trust.client_context()) as client:
        for verify in (False, False, None, None, False, False, None, None):
            extensions = {} if verify is None else {"verify": verify}
            response = await client.get(url, extensions=extensions)
            is_resumed.append(response.extensions["network_stream"].get_extra_info("ssl_object").session_reused)
    assert is_resumed == [False] * 4 + [True] * 4


# Client certificates.


class Doorman:
    """A server that asks for a client certificate, and notes whose it got."""

    def __init__(self, serve: Serve, trust: Trust) -> None:
        self.channels: list[TLSChannel] = []
        self._context = trust.server_context()
        self._context.verify_mode = ssl.CERT_OPTIONAL
        trust.authority.configure_trust(self._context)
        self.url = serve(answering_always(), make_channel=self._make).url(scheme="https", host="localhost")

    def guests(self) -> list[str]:
        """Return the e-mail address of each connection's certificate, "" where there is none."""
        names = []
        for channel in self.channels:
            certificate: Any = channel.ssl.getpeercert() or {}
            names.append(dict(certificate.get("subjectAltName", ())).get("email", ""))
        return names

    def _make(self, sock: Any) -> TLSChannel:
        self.channels.append(TLSChannel(PlainChannel(sock), self._context))
        return self.channels[-1]


async def test_a_request_shows_its_own_certificate(face: Face, serve: Serve, trust: Trust, tmp_path: Path) -> None:
    doorman = Doorman(serve, trust)
    ann, bob = trust.issue("ann@a.example"), trust.issue("bob@a.example")
    trust.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ann.private_key_and_cert_chain_pem.write_to_path(tmp_path / "ann.pem")
    chain = b"".join(pem.bytes() for pem in bob.cert_chain_pems)
    of_bob = (chain, bob.private_key_pem.bytes())
    verify = {"verify": tmp_path / "ca.pem"}
    async with face.client() as client:
        for _ in range(2):
            assert (await client.get(doorman.url, extensions=verify)).text == "ok"
            assert (
                await client.get(doorman.url, extensions={**verify, "cert": str(tmp_path / "ann.pem")})
            ).text == "ok"
            assert (await client.get(doorman.url, extensions={**verify, "cert": of_bob})).text == "ok"
    assert doorman.guests() == ["", "ann@a.example", "bob@a.example"]


async def test_a_request_may_show_no_certificate(face: Face, serve: Serve, trust: Trust) -> None:
    doorman = Doorman(serve, trust)
    pem = trust.issue("ann@a.example").private_key_and_cert_chain_pem.bytes()
    async with face.client(verify=False, cert=pem) as client:
        await client.get(doorman.url)
        await client.get(doorman.url, extensions={"cert": None})
        await client.get(doorman.url)
    assert doorman.guests() == ["ann@a.example", ""]
