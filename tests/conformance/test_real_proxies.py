"""What real proxies make of us: squid, tinyproxy, dante and microsocks, each started here with a configuration of ours.

`scripts/install-peers` installs them on Debian. Where one is missing, its tests are skipped, and fail in CI.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

import httpx
from tests.client.faces import Face, FaceClient, make_face
from tests.network.colours import COLOURS, Colour, make_colour
from tests.origin import Origin

# Seconds for a proxy to start or to stop. Reached by failing tests only.
PATIENCE = 20.0

HOST = "127.0.0.1"
USER, PASSWORD = "user", "pass.word-1"

SQUID = """
http_port {host}:{port}
https_port {host}:{tls_port} tls-cert={folder}/proxy.pem
visible_hostname proxy.example
acl allowed_ports port 1024-65535
acl CONNECT method CONNECT
http_access deny CONNECT !allowed_ports
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
    """Forwards and tunnels, also over TLS; lets CONNECT through to unprivileged ports only."""
    binary = find_binary("squid")
    authority = trustme.CA()
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "proxy.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    proxy = RunningProxy(free_port(), free_port(), context)
    text = SQUID.format(host=HOST, port=proxy.port, tls_port=proxy.tls_port, folder=folder)
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


@pytest.fixture(params=[name for name in COLOURS if name != "asyncio-debug"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


Check = Callable[[FaceClient], Awaitable[None]]


@pytest.fixture
def run(colour: Colour, tls_origin: Origin) -> Callable[[httpx.Proxy | str, Check], None]:
    """Run a check with a client of the colour that uses a proxy."""
    face: Face = make_face(colour.name)

    def run(proxy: httpx.Proxy | str, check: Check) -> None:
        async def use_client() -> None:
            async with face.client(proxy=proxy, verify=tls_origin.make_client_context(), timeout=PATIENCE) as client:
                await check(client)

        colour.run(use_client)

    return run


Run = Callable[[httpx.Proxy | str, Check], None]


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


# What starts and stops them.


def find_binary(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/usr/bin")
    if path is not None:
        return path
    if os.environ.get("CI") == "true" and sys.platform == "linux":
        pytest.fail(f"{name} is missing: run scripts/install-peers")
    pytest.skip(f"{name} is not installed; scripts/install-peers does that on Debian")


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@contextlib.contextmanager
def running(port: int, command: list[str]) -> Iterator[None]:
    """Run a server in the foreground, from the moment when it accepts connections on the port."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            output = process.communicate()[0].decode(errors="replace")
            pytest.fail(f"{process.args!r} ended at once: {output}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"{process.args!r} does not listen"
            time.sleep(0.02)
