"""TLS with a real peer: haproxy, as an origin that asks for certificates, and as the TLS in front of a proxy.

`scripts/install-peers` installs it on Debian. Where it is missing, these tests are skipped, and fail in CI.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

import httpx
from tests.client.faces import Face, FaceClient, make_face
from tests.conformance.peers import HOST, PATIENCE, find_binary, free_port, running, write
from tests.network.colours import COLOURS, Colour, make_colour
from tests.origin import Origin

# Answers with what it saw of TLS: the name in the client's certificate, version, name asked for, protocol, resumption.
SEEN = "%[ssl_c_s_dn(CN)] %[ssl_fc_protocol] %[ssl_fc_sni] %[ssl_fc_alpn] %[ssl_fc_is_resumed]"

HAPROXY = """
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s

frontend origin
    bind {host}:{ports.origin} ssl crt {folder}/good.pem crt {folder}/bad {asking} verify optional alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string "{seen}"

frontend strict
    bind {host}:{ports.strict} ssl crt {folder}/good.pem {asking} verify required
    http-request return status 200 content-type text/plain lf-string "{seen}"

frontend old
    bind {host}:{ports.old} ssl crt {folder}/good.pem ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0
    http-request return status 200 content-type text/plain lf-string "{seen}"

frontend tls_in_front_of_a_proxy
    mode tcp
    bind {host}:{ports.proxy} ssl crt {folder}/good.pem alpn http/1.1
    bind unix@{folder}/proxy.socket mode 666
    default_backend proxy

backend proxy
    mode tcp
    server proxy {host}:{ports.tinyproxy}
"""

TINYPROXY = """
Port {port}
Listen {host}
Timeout 60
MaxClients 100
LogFile "{folder}/log"
BasicAuth user pass.word-1
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where haproxy listens, and tinyproxy behind it."""

    origin: int
    strict: int
    old: int
    proxy: int
    tinyproxy: int


class Peers:
    """The running servers, and the authority behind their certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca_path = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca_path)
        self.ports = Ports(*(free_port() for _ in range(5)))
        names = (HOST, "localhost", "::1", "münchen.example", "*.wild.example")
        self.good = self.authority.issue_cert(*names)
        self.good.private_key_and_cert_chain_pem.write_to_path(folder / "good.pem")
        self._write_bad(folder / "bad")
        asking = f"ca-file {self.ca_path}"
        text = HAPROXY.format(host=HOST, ports=self.ports, folder=folder, asking=asking, seen=SEEN)
        self.config = write(folder / "haproxy.cfg", text)

    def client_context(self, **options: Any) -> ssl.SSLContext:
        context = httpx.create_ssl_context(**options)
        self.authority.configure_trust(context)
        return context

    def issue(self, name: str) -> trustme.LeafCert:
        """Return a client certificate."""
        return self.authority.issue_cert(f"{name}@a.example", common_name=name)

    def url(self, name: str = "origin") -> str:
        return f"https://{HOST}:{getattr(self.ports, name)}/"

    # Private from here on.

    def _write_bad(self, folder: Path) -> None:
        """Write the certificates that are shown to who asks for their names."""
        folder.mkdir()
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        expired = self.authority.issue_cert("expired.example", not_after=past)
        unknown = trustme.CA().issue_cert("unknown.example")
        expired.private_key_and_cert_chain_pem.write_to_path(folder / "expired.pem")
        unknown.private_key_and_cert_chain_pem.write_to_path(folder / "unknown.pem")


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    haproxy, tinyproxy = find_binary("haproxy"), find_binary("tinyproxy")
    with tempfile.TemporaryDirectory(prefix="tls-peers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        peers = Peers(folder)
        text = TINYPROXY.format(host=HOST, port=peers.ports.tinyproxy, folder=folder)
        with (
            running(peers.ports.tinyproxy, [tinyproxy, "-d", "-c", write(folder / "tinyproxy.conf", text)]),
            running(peers.ports.origin, [haproxy, "-db", "-f", peers.config]),
        ):
            yield peers


@pytest.fixture(params=[name for name in COLOURS if name != "asyncio-debug"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


Check = Callable[[FaceClient], Awaitable[None]]


@pytest.fixture
def run(colour: Colour) -> Callable[..., None]:
    """Run a check with a client of the colour."""
    face: Face = make_face(colour.name)

    def run(check: Check, **settings: Any) -> None:
        async def use_client() -> None:
            async with face.client(timeout=PATIENCE, **settings) as client:
                await check(client)

        colour.run(use_client)

    return run


Run = Callable[..., None]


def test_certificates_of_all_forms_are_shown(peers: Peers, run: Run, tmp_path: Path) -> None:
    ann = peers.issue("ann")
    both, chain, key = tmp_path / "both.pem", tmp_path / "chain.pem", tmp_path / "key.pem"
    ann.private_key_and_cert_chain_pem.write_to_path(both)
    chain.write_bytes(b"".join(pem.bytes() for pem in ann.cert_chain_pems))
    ann.private_key_pem.write_to_path(key)
    forms: list[Any] = [str(both), both, (str(chain), str(key)), (str(chain), str(key), "unused"), both.read_bytes()]
    forms += [(chain.read_bytes(), key.read_bytes()), (str(chain), key.read_bytes())]

    async def check(client: FaceClient) -> None:
        for form in forms:
            for name in ("origin", "strict"):
                response = await client.get(peers.url(name), extensions={"cert": form, "verify": peers.ca_path})
                assert response.text.startswith("ann TLSv1.3 ")
        # Each is its own client to the server, and none of them serves who shows nothing.
        assert (await client.get(peers.url())).text.startswith(" TLSv1.3 ")
        with pytest.raises((httpx.ConnectError, httpx.ReadError), match="certificate required"):
            await client.get(peers.url("strict"))

    run(check, verify=peers.client_context())


def test_certificates_with_a_password_are_shown(peers: Peers, run: Run) -> None:
    from cryptography.hazmat.primitives import serialization

    ann = peers.issue("ann")
    key = serialization.load_pem_private_key(ann.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass word"),
    )
    chain = b"".join(pem.bytes() for pem in ann.cert_chain_pems)

    async def check(client: FaceClient) -> None:
        trust = {"verify": peers.ca_path}
        right: list[Any] = [(chain, locked, "pass word"), (chain + locked, None, "pass word")]
        for cert in right:
            response = await client.get(peers.url("strict"), extensions={**trust, "cert": cert})
            assert response.text.startswith("ann ")
        # A password that is not there is not asked for on the terminal.
        wrong: list[Any] = [(chain, locked, "wrong"), (chain, locked), chain + locked]
        for cert in wrong:
            with pytest.raises(ssl.SSLError):
                await client.get(peers.url("strict"), extensions={**trust, "cert": cert})

    run(check)


def test_a_client_shows_its_certificate_to_all(peers: Peers, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        assert (await client.get(peers.url("strict"))).text.startswith("bob ")
        assert (await client.get(peers.url(), extensions={"cert": None})).text.startswith(" ")

    cert = peers.issue("bob").private_key_and_cert_chain_pem.bytes()
    run(check, verify=False, cert=cert)


def test_what_was_not_verified_serves_nobody_who_wants_that(peers: Peers, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        for _ in range(2):
            assert (await client.get(peers.url(), extensions={"verify": False})).status_code == 200
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await client.get(peers.url())

    run(check)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired.example", "certificate has expired"),
        ("unknown.example", "unable to get local issuer certificate"),
        ("wrong.example", "certificate is not valid for 'wrong.example'"),
    ],
)
def test_refused_certificates_are_named(peers: Peers, run: Run, name: str, reason: str) -> None:
    async def check(client: FaceClient) -> None:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(peers.url(), extensions={"sni_hostname": name})
        assert reason in str(caught.value)
        assert f"the TLS handshake with {name} failed." in str(caught.value)
        assert client.pool.connection_count == 0

    run(check, verify=peers.client_context())


@pytest.mark.parametrize("name", ["localhost", "xn--mnchen-3ya.example", "a.wild.example"])
def test_names_are_asked_for_and_checked(peers: Peers, run: Run, name: str) -> None:
    async def check(client: FaceClient) -> None:
        response = await client.get(peers.url(), extensions={"sni_hostname": name})
        # Nothing but what is spoken is offered, though this server has HTTP/2 as well.
        assert response.text.split(" ")[1:4] == ["TLSv1.3", name, "http/1.1"]

    run(check, verify=peers.client_context())


def test_sessions_are_resumed(peers: Peers, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        seen = [(await client.get(peers.url())).text.rpartition(" ")[2] for _ in range(3)]
        assert seen == ["0", "1", "1"]
        # Under another context, they begin anew.
        response = await client.get(peers.url(), extensions={"verify": peers.client_context()})
        assert response.text.endswith(" 0")

    run(check, verify=peers.client_context(), limits=httpx.Limits(max_keepalive_connections=0))


def test_old_versions_are_refused(peers: Peers, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        for verify in (True, False):
            with pytest.raises(httpx.ConnectError, match=rf"handshake with {HOST} failed"):
                await client.get(peers.url("old"), extensions={"verify": verify})

    run(check)


def test_fingerprints_pin_a_certificate(peers: Peers, run: Run) -> None:
    import hashlib

    der = ssl.PEM_cert_to_DER_cert(peers.good.cert_chain_pems[0].bytes().decode())
    right = hashlib.sha256(der).hexdigest()

    async def check(client: FaceClient) -> None:
        pinned = peers.client_context(fingerprints=right)
        response = await client.get(peers.url(), extensions={"verify": pinned})
        assert response.extensions["network_stream"].get_extra_info("peer_certificate") == der
        wrong = peers.client_context(fingerprints="00" * 32)
        with pytest.raises(httpx.ConnectError, match="fingerprint"):
            await client.get(peers.url(), extensions={"verify": wrong})

    run(check)


def test_tls_goes_through_tls_to_a_proxy(peers: Peers, run: Run, origin: Origin, tls_origin: Origin) -> None:
    proxy = httpx.Proxy(
        f"https://{HOST}:{peers.ports.proxy}", auth=("user", "pass.word-1"), ssl_context=peers.client_context()
    )

    async def check(client: FaceClient) -> None:
        for peer in (origin, tls_origin):
            for _ in range(2):
                assert (await client.get(peer.url("/hello"))).text == "Hello, world!\n"
            assert len((await client.get(peer.url("/bytes/3000000"))).content) == 3_000_000
            response = await client.request("PUT", peer.url("/upload"), content=b"x" * 1_000_000)
            assert response.status_code == 200
            echo = (await client.get(peer.url("/echo"))).json()
            assert "proxy-authorization" not in {name.lower() for name in echo["headers"]}
        stream = (await client.get(tls_origin.url("/hello"))).extensions["network_stream"]
        assert stream.get_extra_info("server_addr") == (HOST, peers.ports.proxy)
        timings = (await client.get(tls_origin.url("/status/404"))).extensions["timings"]
        assert timings.send is not None

    run(check, proxy=proxy, verify=tls_origin.make_client_context())


def test_a_proxy_whose_certificate_does_not_hold_is_refused(peers: Peers, run: Run, tls_origin: Origin) -> None:
    async def check(client: FaceClient) -> None:
        with pytest.raises(httpx.ConnectError, match=rf"certificate verify failed.*handshake with {HOST} failed"):
            await client.get(tls_origin.url("/hello"))

    # What `verify` says is about origins.
    run(check, proxy=f"https://user:pass.word-1@{HOST}:{peers.ports.proxy}", verify=False)


def test_timings_and_addresses_outlive_the_connection(peers: Peers, run: Run) -> None:
    responses: list[httpx.Response] = []

    async def check(client: FaceClient) -> None:
        responses.append(await client.get(peers.url().replace(HOST, "localhost")))

    run(check, verify=peers.client_context())
    timings = responses[0].extensions["timings"].as_dict()
    assert {name for name, took in timings.items() if took is None} == {"proxy"}
    stream = responses[0].extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == (HOST, peers.ports.origin)
    assert stream.get_extra_info("client_addr")[0] == HOST
    assert stream.get_extra_info("tls_version") == "TLSv1.3"


def test_a_proxy_may_listen_on_a_unix_socket(peers: Peers, run: Run, origin: Origin, tls_origin: Origin) -> None:
    settings = {
        "proxy": "http://user:pass.word-1@proxy.example",
        "uds": str(peers.folder / "proxy.socket"),
        "verify": tls_origin.make_client_context(),
    }

    async def check(client: FaceClient) -> None:
        transport = client.face.http_transport(**settings)
        async with client.face.client(transport=transport) as client:
            for peer in (origin, tls_origin):
                assert (await client.get(peer.url("/hello"))).text == "Hello, world!\n"

    run(check)


def test_http2_is_chosen_where_it_is_enabled_whatever_the_way(peers: Peers, run: Run, tls_origin: Origin) -> None:
    """One context for all of it: clients that differ in what they offer, and a proxy that is offered HTTP/1.1 only."""
    context = peers.client_context()
    proxies = [
        None,
        f"http://user:pass.word-1@{HOST}:{peers.ports.tinyproxy}",
        httpx.Proxy(f"https://{HOST}:{peers.ports.proxy}", auth=("user", "pass.word-1"), ssl_context=context),
    ]

    def make_check(version: str, alpn: str) -> Check:
        async def check(client: FaceClient) -> None:
            for proxy in proxies:
                first = await client.get(peers.url(), extensions={"proxy": proxy})
                second = await client.get(peers.url(), extensions={"proxy": proxy})
                for response in (first, second):
                    assert (response.http_version, response.text.split(" ")[3]) == (version, alpn)
                timings = second.extensions["timings"].as_dict()
                happened = [name for name, took in timings.items() if took is not None]
                assert happened == ["queue", "send", "wait", "receive"]
            # One a proxy, however many requests.
            assert client.pool.connection_count == 3

        return check

    for http2, version, alpn in ((True, "HTTP/2", "h2"), (False, "HTTP/1.1", "http/1.1"), (True, "HTTP/2", "h2")):
        run(make_check(version, alpn), verify=context, http2=http2)
