"""What real proxies make of us: squid, tinyproxy, dante, microsocks and ssh, each started with a configuration of ours.

`scripts/install-peers` installs them on Debian. Where one is missing, its tests are skipped, and fail in CI.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

import httpx
from tests.client.faces import Face, FaceClient, make_face
from tests.conformance.peers import HOST, PATIENCE, find_binary, free_port, running, write
from tests.network.colours import COLOURS, Colour, make_colour
from tests.origin import Origin

USER, PASSWORD = "user", "pass.word-1"

# Comes with squid.
DIGEST_HELPER = "/usr/lib/squid/digest_file_auth"

SQUID = """
http_port {host}:{port}
http_port {host}:{digest_port}
https_port {host}:{tls_port} tls-cert={folder}/proxy.pem
visible_hostname proxy.example
acl allowed_ports port 1024-65535
acl CONNECT method CONNECT
http_access deny CONNECT !allowed_ports
auth_param digest program {helper} {folder}/passwords
auth_param digest children 1
auth_param digest realm squid, by digest
acl by_digest localport {digest_port}
acl known proxy_auth REQUIRED
http_access deny by_digest !known
http_access allow all
cache deny all
access_log none
cache_log {folder}/log
pid_filename none
coredump_dir {folder}
shutdown_lifetime 0 seconds
pinger_enable off
"""

TINYPROXY = """
Port {port}
Listen {host}
Timeout 60
MaxClients 100
LogFile "{folder}/log"
LogLevel Info
BasicAuth {user} {password}
"""

SSHD = """
ListenAddress {host}:{port}
HostKey {folder}/host-key
AuthorizedKeysFile {folder}/user-key.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
"""

DANTE = """
logoutput: {folder}/log
internal: {host} port = {port}
external: {host}
clientmethod: none
socksmethod: none
client pass {{ from: 0/0 to: 0/0 }}
socks block {{ from: 0/0 to: 127.0.0.9/32 }}
socks pass {{ from: 0/0 to: 0/0 }}
"""


@dataclass(frozen=True, slots=True)
class RunningProxy:
    """A proxy on this machine."""

    port: int
    tls_port: int = 0
    digest_port: int = 0
    ssl_context: ssl.SSLContext | None = None

    def url(self, *, scheme: str = "http", userinfo: str = "") -> str:
        return f"{scheme}://{userinfo}{HOST}:{self.port}"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that proxies can use which change their user."""
    with tempfile.TemporaryDirectory(prefix="proxies-") as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def squid(folder: Path) -> Iterator[RunningProxy]:
    """Forwards and tunnels, also over TLS and by digest; lets CONNECT through to unprivileged ports only."""
    binary = find_binary("squid")
    authority = trustme.CA()
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "proxy.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    write(folder / "passwords", f"{USER}:{PASSWORD}\n")
    proxy = RunningProxy(free_port(), free_port(), free_port(), context)
    text = SQUID.format(
        host=HOST,
        port=proxy.port,
        tls_port=proxy.tls_port,
        digest_port=proxy.digest_port,
        helper=DIGEST_HELPER,
        folder=folder,
    )
    with running(proxy.port, [binary, "-N", "-f", write(folder / "squid.conf", text)]):
        yield proxy


@pytest.fixture(scope="module")
def tinyproxy(folder: Path) -> Iterator[RunningProxy]:
    """Forwards and tunnels for who has the password."""
    binary = find_binary("tinyproxy")
    proxy = RunningProxy(free_port())
    text = TINYPROXY.format(host=HOST, port=proxy.port, folder=folder, user=USER, password=PASSWORD)
    with running(proxy.port, [binary, "-d", "-c", write(folder / "tinyproxy.conf", text)]):
        yield proxy


@pytest.fixture(scope="module")
def dante(folder: Path) -> Iterator[RunningProxy]:
    """Speaks SOCKS5, and leads everywhere but to 127.0.0.9."""
    binary = find_binary("danted")
    proxy = RunningProxy(free_port())
    text = DANTE.format(host=HOST, port=proxy.port, folder=folder)
    with running(proxy.port, [binary, "-f", write(folder / "danted.conf", text)]):
        yield proxy


@pytest.fixture(scope="module")
def microsocks() -> Iterator[RunningProxy]:
    """Speaks SOCKS5 with who has the password."""
    binary = find_binary("microsocks")
    proxy = RunningProxy(free_port())
    with running(proxy.port, [binary, "-i", HOST, "-p", str(proxy.port), "-u", USER, "-P", PASSWORD]):
        yield proxy


@pytest.fixture(scope="module")
def ssh(folder: Path) -> Iterator[RunningProxy]:
    """Speaks SOCKS4, SOCKS4a and SOCKS5, as `ssh -D` does, and leads on through a server of OpenSSH."""
    server, client, make_key = find_binary("sshd"), find_binary("ssh"), find_binary("ssh-keygen")
    for name in ("host-key", "user-key"):
        subprocess.run([make_key, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        # Which the service makes, and it does not run.
        os.makedirs("/run/sshd", exist_ok=True)
    server_port, proxy = free_port(), RunningProxy(free_port())
    text = SSHD.format(host=HOST, port=server_port, folder=folder)
    options = [
        f"-o{option}" for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes")
    ]
    way = ["-N", "-F", "none", "-i", str(folder / "user-key"), "-D", f"{HOST}:{proxy.port}", "-p", str(server_port)]
    with (
        running(server_port, [server, "-D", "-e", "-f", write(folder / "sshd.conf", text)]),
        running(proxy.port, [client, *options, *way, HOST]),
    ):
        yield proxy


@pytest.fixture(params=[name for name in COLOURS if name != "asyncio-debug"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


Check = Callable[[FaceClient], Awaitable[None]]


@pytest.fixture
def run(colour: Colour, tls_origin: Origin) -> Callable[[httpx.Proxy | str | None, Check], None]:
    """Run a check with a client of the colour that uses a proxy."""
    face: Face = make_face(colour.name)

    def run(proxy: httpx.Proxy | str | None, check: Check) -> None:
        async def use_client() -> None:
            async with face.client(proxy=proxy, verify=tls_origin.make_client_context(), timeout=PATIENCE) as client:
                await check(client)

        colour.run(use_client)

    return run


Run = Callable[[httpx.Proxy | str | None, Check], None]


def make_traffic(origin: Origin, tls_origin: Origin) -> Check:
    """Return a check that moves some of everything in plain text and under TLS.

    All of it can be sent again, since a proxy may close its connections after a response without saying so.
    """

    async def check(client: FaceClient) -> None:
        for peer in (origin, tls_origin):
            for _ in range(3):
                assert (await client.get(peer.url("/hello"))).text == "Hello, world!\n"
            assert len((await client.get(peer.url("/bytes/3000000"))).content) == 3_000_000
            assert len((await client.get(peer.url("/stream/300000/1000"))).content) == 300_000
            response = await client.request("PUT", peer.url("/upload"), content=b"x" * 1_000_000)
            assert response.status_code == 200
            assert (await client.get(peer.url("/status/404"))).status_code == 404
            echo = (await client.get(peer.url("/echo"), headers={"X-Mine": "1"})).json()
            names = {name.lower() for name in echo["headers"]}
            assert "x-mine" in names
            assert "proxy-authorization" not in names

    return check


def make_upload(origin: Origin, tls_origin: Origin) -> Check:
    """Return a check that sends bodies in chunks, which are there once only."""

    async def check(client: FaceClient) -> None:
        for peer in (origin, tls_origin):
            response = await client.post(peer.url("/upload"), content=client.face.generate([b"x" * 100_000] * 10))
            assert response.json()["length"] == 1_000_000

    return check


def test_squid_forwards_and_tunnels(squid: RunningProxy, run: Run, origin: Origin, tls_origin: Origin) -> None:
    run(squid.url(), make_traffic(origin, tls_origin))
    run(squid.url(), make_upload(origin, tls_origin))


def test_squid_forwards_and_tunnels_over_tls(squid: RunningProxy, run: Run, origin: Origin, tls_origin: Origin) -> None:
    proxy = httpx.Proxy(f"https://{HOST}:{squid.tls_port}", ssl_context=squid.ssl_context)
    run(proxy, make_traffic(origin, tls_origin))


@pytest.mark.parametrize("auth_scheme", ["basic", "digest"])
def test_squid_takes_digests(
    squid: RunningProxy, run: Run, origin: Origin, tls_origin: Origin, auth_scheme: str
) -> None:
    url = f"http://{HOST}:{squid.digest_port}"
    run(httpx.Proxy(url, auth=(USER, PASSWORD), auth_scheme=auth_scheme), make_traffic(origin, tls_origin))

    async def check(client: FaceClient) -> None:
        assert (await client.get(origin.url("/hello"))).status_code == 407
        with pytest.raises(httpx.ProxyError, match="407 Proxy Authentication Required"):
            await client.get(tls_origin.url("/hello"))

    run(httpx.Proxy(url, auth=(USER, "wrong"), auth_scheme=auth_scheme), check)
    run(url, check)


def test_each_request_goes_its_own_way(
    squid: RunningProxy, dante: RunningProxy, run: Run, origin: Origin, tls_origin: Origin
) -> None:
    async def check(client: FaceClient) -> None:
        for peer in (origin, tls_origin):
            for _ in range(2):
                for proxy in (None, squid.url(), dante.url(scheme="socks5h"), dante.url(scheme="socks4a")):
                    response = await client.get(peer.url("/hello"), extensions={"proxy": proxy})
                    assert response.text == "Hello, world!\n"
                    # Each through its own connection, whose other end is the proxy's.
                    end = response.extensions["network_stream"].get_extra_info("server_addr")
                    assert end[1] == httpx.URL(proxy or peer.url("/")).port
        # Squid, whose own name this is, is asked only by those that name it.
        assert "via" not in (await client.get(origin.url("/hello"))).headers
        assert "via" in (await client.get(origin.url("/hello"), extensions={"proxy": squid.url()})).headers

    run(None, check)


def test_the_environment_leads_to_real_proxies(
    squid: RunningProxy,
    dante: RunningProxy,
    run: Run,
    origin: Origin,
    tls_origin: Origin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    async def ends(client: FaceClient, origin_url: str) -> list[int]:
        urls = [origin_url, tls_origin.url("/hello")]
        responses = [await client.get(url) for url in urls]
        return [response.extensions["network_stream"].get_extra_info("server_addr")[1] for response in responses]

    async def check(client: FaceClient) -> None:
        assert await ends(client, origin.url("/hello")) == expected

    own = [httpx.URL(peer.url("/")).port for peer in (origin, tls_origin)]
    monkeypatch.setenv("HTTP_PROXY", squid.url())
    expected = [squid.port, own[1]]
    run(None, check)
    monkeypatch.setenv("ALL_PROXY", dante.url(scheme="socks5"))
    expected = [squid.port, dante.port]
    run(None, check)
    for entry in ("127.0.0.0/8", f"[::1], {HOST}", "*"):
        monkeypatch.setenv("NO_PROXY", entry)
        expected = own
        run(None, check)
    monkeypatch.setenv("NO_PROXY", f"{HOST}:{own[0]}")
    expected = [own[0], dante.port]
    run(None, check)


def test_settings_of_the_socket_are_for_the_proxy(
    squid: RunningProxy, run: Run, origin: Origin, tls_origin: Origin
) -> None:
    settings = {
        "proxy": httpx.Proxy(squid.url(), headers={"X-Team": "blue"}),
        "local_address": "127.0.0.3",
        "socket_options": [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
        "retries": 1,
        "verify": tls_origin.make_client_context(),
    }

    async def check(client: FaceClient) -> None:
        mounts = {"all://127.0.0.1": client.face.http_transport(**settings)}
        async with client.face.client(mounts=mounts, timeout=PATIENCE) as client:
            for peer in (origin, tls_origin):
                response = await client.get(peer.url("/echo"))
                # What the proxy forwards carries its fields on; what goes through its tunnels does not.
                assert ("x-team" in {name.lower() for name in response.json()["headers"]}) is (peer is origin)
                stream = response.extensions["network_stream"]
                assert stream.get_extra_info("client_addr")[0] == "127.0.0.3"
                assert stream.get_extra_info("server_addr")[1] == squid.port
                assert stream.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    run(None, check)


@pytest.mark.parametrize("name", ["squid", "dante"])
def test_a_hundred_failed_handshakes_in_tunnels_cost_no_slot(
    squid: RunningProxy, dante: RunningProxy, colour: Colour, tls_origin: Origin, name: str
) -> None:
    proxy = squid.url() if name == "squid" else dante.url(scheme="socks5")
    url = tls_origin.url("/hello")

    async def use_client() -> None:
        limits = httpx.Limits(max_connections=2)
        context = tls_origin.make_client_context()
        face = make_face(colour.name)
        async with face.client(proxy=proxy, verify=context, limits=limits, timeout=PATIENCE) as client:
            for _ in range(100):
                with pytest.raises(httpx.ConnectError, match=r"not valid for 'wrong\.example'"):
                    await client.get(url, extensions={"sni_hostname": "wrong.example"})
            # Two at a time, which need not wait.
            timeout = httpx.Timeout(PATIENCE, pool=0)
            large = tls_origin.url("/bytes/3000000")
            async with client.stream("GET", large) as one, client.stream("GET", large, timeout=timeout) as two:
                assert len(await face.read(one)) == len(await face.read(two)) == 3_000_000

    colour.run(use_client)


def test_squid_tells_what_it_refuses(squid: RunningProxy, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        with pytest.raises(httpx.ProxyError, match="403 Forbidden"):
            await client.get(f"https://{HOST}:1/")
        with pytest.raises(httpx.ProxyError, match="503 Service Unavailable"):
            await client.get(f"https://{HOST}:{free_port()}/")
        assert (await client.get(f"http://{HOST}:{free_port()}/")).status_code == 503

    run(squid.url(), check)


def test_tinyproxy_takes_the_credentials(tinyproxy: RunningProxy, run: Run, origin: Origin, tls_origin: Origin) -> None:
    run(tinyproxy.url(userinfo=f"{USER}:{PASSWORD}@"), make_traffic(origin, tls_origin))
    run(tinyproxy.url(userinfo=f"{USER}:{PASSWORD}@"), make_upload(origin, tls_origin))
    run(httpx.Proxy(tinyproxy.url(), auth=(USER, PASSWORD)), make_traffic(origin, tls_origin))


@pytest.mark.parametrize("userinfo", ["", "user:wrong@"])
def test_tinyproxy_refuses_other_credentials(
    tinyproxy: RunningProxy, run: Run, origin: Origin, tls_origin: Origin, userinfo: str
) -> None:
    async def check(client: FaceClient) -> None:
        assert (await client.get(origin.url("/hello"))).status_code in (401, 407)
        with pytest.raises(httpx.ProxyError, match=r"^(401|407) "):
            await client.get(tls_origin.url("/hello"))

    run(tinyproxy.url(userinfo=userinfo), check)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_dante_leads_on(dante: RunningProxy, run: Run, origin: Origin, tls_origin: Origin, scheme: str) -> None:
    run(dante.url(scheme=scheme), make_traffic(origin, tls_origin))
    run(dante.url(scheme=scheme), make_upload(origin, tls_origin))


def test_dante_leads_on_by_socks4(dante: RunningProxy, run: Run, origin: Origin, tls_origin: Origin) -> None:
    # Names are resolved here: dante knows no SOCKS4a.
    run(dante.url(scheme="socks4"), make_traffic(origin, tls_origin))
    run(dante.url(scheme="socks4", userinfo="me@"), make_upload(origin, tls_origin))

    async def check(client: FaceClient) -> None:
        assert (await client.get(origin.url("/hello").replace(HOST, "localhost"))).status_code == 200
        with pytest.raises(httpx.ProxyError, match="Request rejected or failed"):
            await client.get("http://127.0.0.9/")

    run(dante.url(scheme="socks4"), check)


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5"])
def test_ssh_leads_on(ssh: RunningProxy, run: Run, origin: Origin, tls_origin: Origin, scheme: str) -> None:
    run(ssh.url(scheme=scheme), make_traffic(origin, tls_origin))

    async def check(client: FaceClient) -> None:
        # By its name, which is resolved here or there.
        assert (await client.get(origin.url("/hello").replace(HOST, "localhost"))).status_code == 200
        with pytest.raises((httpx.ProxyError, httpx.ConnectError)):
            await client.get(f"http://{HOST}:{free_port()}/")

    run(ssh.url(scheme=scheme), check)


def test_dante_tells_what_it_refuses(dante: RunningProxy, run: Run) -> None:
    async def check(client: FaceClient) -> None:
        for scheme in ("http", "https"):
            with pytest.raises(httpx.ProxyError, match="Proxy Server could not connect: Connection refused"):
                await client.get(f"{scheme}://{HOST}:{free_port()}/")
            with pytest.raises(httpx.ProxyError, match="Connection not allowed by ruleset"):
                await client.get(f"{scheme}://127.0.0.9/")

    run(dante.url(scheme="socks5"), check)


def test_microsocks_takes_the_credentials(
    microsocks: RunningProxy, run: Run, origin: Origin, tls_origin: Origin
) -> None:
    run(microsocks.url(scheme="socks5", userinfo=f"{USER}:{PASSWORD}@"), make_traffic(origin, tls_origin))


def test_microsocks_resolves_names(microsocks: RunningProxy, run: Run, origin: Origin) -> None:
    async def check(client: FaceClient) -> None:
        assert (await client.get(origin.url("/hello").replace(HOST, "localhost"))).status_code == 200
        with pytest.raises(httpx.ProxyError, match="Proxy Server could not connect"):
            await client.get("http://nowhere.invalid/")

    run(httpx.Proxy(microsocks.url(scheme="socks5h"), auth=(USER, PASSWORD)), check)


def test_microsocks_refuses_other_credentials(microsocks: RunningProxy, run: Run, origin: Origin) -> None:
    async def check(client: FaceClient) -> None:
        with pytest.raises(httpx.ProxyError, match="Invalid username/password"):
            await client.get(origin.url("/hello"))

    run(microsocks.url(scheme="socks5", userinfo="user:wrong@"), check)


def test_microsocks_asks_for_credentials(microsocks: RunningProxy, run: Run, origin: Origin) -> None:
    async def check(client: FaceClient) -> None:
        with pytest.raises(httpx.ProxyError, match="got NO ACCEPTABLE METHODS"):
            await client.get(origin.url("/hello"))

    run(microsocks.url(scheme="socks5"), check)
