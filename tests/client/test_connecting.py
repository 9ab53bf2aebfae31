"""Where connections go and come from: addresses, names, unix sockets, socket options."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import answering_always

needs_unix_sockets = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket in it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="h") as folder:
        yield Path(folder)


@needs_unix_sockets
async def test_a_unix_socket_serves_any_host(face: Face, serve: Serve, short_folder: Path) -> None:
    path = str(short_folder / "socket")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(path)
        listener.listen()
        server = serve(answering_always(), listener=listener)
        async with face.client(transport=face.http_transport(uds=path)) as client:
            for _ in range(2):
                assert (await client.get("http://nowhere.example/path")).text == "ok"
        server.close()
    assert server.connection_count == 1
    assert server.requests[0].target == "/path"
    assert server.requests[0].values("host") == ["nowhere.example"]


@needs_unix_sockets
async def test_a_missing_unix_socket_is_a_connect_error(face: Face, short_folder: Path) -> None:
    path = str(short_folder / "nothing")
    async with face.client(transport=face.http_transport(uds=path)) as client:
        with pytest.raises(httpx.ConnectError, match="nothing") as caught:
            await client.get("http://nowhere.example/")
    assert caught.value.request.url.host == "nowhere.example"


async def test_local_address_is_where_connections_come_from(face: Face, origin: Origin) -> None:
    address = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    async with face.client(transport=face.http_transport(local_address=address)) as client:
        response = await client.get(origin.url("/hello"))
        assert response.extensions["network_stream"].get_extra_info("client_addr")[0] == address


async def test_a_local_address_that_is_not_ours_is_a_connect_error(face: Face, origin: Origin) -> None:
    async with face.client(transport=face.http_transport(local_address="192.0.2.1")) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(origin.url("/hello"))
    assert str(caught.value)


async def test_socket_options_are_set(face: Face, origin: Origin) -> None:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.SOL_SOCKET, socket.SO_RCVBUF, 12345)]
    async with face.client(transport=face.http_transport(socket_options=options)) as client:
        response = await client.get(origin.url("/hello"))
        sock = response.extensions["network_stream"].get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 50_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_localhost_is_found(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        assert (await client.get(origin.url("/hello").replace("127.0.0.1", "localhost"))).status_code == 200


async def test_an_ipv6_literal_is_reached(face: Face, serve: Serve) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    server = serve(answering_always(), listener=listener)
    async with face.client() as client:
        assert (await client.get(server.url(host="[::1]"))).text == "ok"
    assert server.requests[0].values("host") == [f"[::1]:{server.port}"]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for, in the order in which the system would give their addresses."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host not in names:
            return real(host, port, *args, **options)
        return [info for address in names[host] for info in real(address, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


async def test_a_name_whose_first_address_refuses_is_reached_by_the_next(
    face: Face, serve: Serve, resolve: dict[str, list[str]]
) -> None:
    server = serve(answering_always())
    resolve["both.example"] = ["::1", "127.0.0.1"]
    async with face.client() as client:
        assert (await client.get(server.url(host="both.example"))).text == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, and a queue that fills")
async def test_a_name_whose_first_address_hangs_is_reached_by_the_next(
    face: Face, serve: Serve, resolve: dict[str, list[str]]
) -> None:
    server = serve(answering_always())
    resolve["slow.example"] = ["127.0.0.2", "127.0.0.1"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server(("127.0.0.2", server.port), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", server.port))
        start = time.monotonic()
        async with face.client() as client:
            assert (await client.get(server.url(host="slow.example"))).text == "ok"
        # RFC 8305 8: the second attempt starts after 250 ms.
        assert 0.1 < time.monotonic() - start < 4


async def test_all_addresses_refusing_is_one_error_that_names_them(face: Face, resolve: dict[str, list[str]]) -> None:
    resolve["dead.example"] = ["127.0.0.1", "127.0.0.3"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError, match=r"dead\.example") as caught:
            await client.get(f"http://dead.example:{port}/")
        assert client.pool.connection_count == 0
    assert caught.value.request.url.host == "dead.example"


async def test_an_unknown_name_is_a_connect_error(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError, match=r"Name or service not known.*nowhere\.example"):
            await client.get("http://nowhere.example/")
