"""SOCKS4 and SOCKS4a proxies."""

from __future__ import annotations

import socket
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust

from .conftest import Serve
from .faces import Face
from .proxy_scripts import GRANTED4, always, socks4, stopping_after
from .servers import OK

A_NAME = b"\x00\x00\x00\x01"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A resolver that knows two names; returns those that it was asked for."""
    asked: list[str] = []
    known: dict[str, list[tuple[int, Any]]] = {
        "both.example": [(socket.AF_INET6, ("2001:db8::1", 0, 0, 0)), (socket.AF_INET, ("192.0.2.7", 0))],
        "six.example": [(socket.AF_INET6, ("2001:db8::1", 0, 0, 0))],
    }

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        asked.append(host)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    ("scheme", "url", "message"),
    [
        ("socks4", "http://192.0.2.1:88/x", b"\x04\x01\x00\x58\xc0\x00\x02\x01\x00"),
        ("socks4", "http://both.example/x", b"\x04\x01\x00\x50\xc0\x00\x02\x07\x00"),
        ("socks4a", "http://192.0.2.1/x", b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00"),
        ("socks4a", "http://both.example/x", b"\x04\x01\x00\x50" + A_NAME + b"\x00both.example\x00"),
    ],
)
async def test_the_proxy_is_told_an_address_or_a_name(
    face: Face, serve: Serve, resolver: list[str], scheme: str, url: str, message: bytes
) -> None:
    proxy = serve(socks4(always))
    async with face.client(proxy=proxy.url(scheme=scheme)) as client:
        for _ in range(2):
            assert (await client.get(url)).text == "ok"
    assert proxy.heads[0] == message
    assert [received.target for received in proxy.requests] == ["/x", "/x"]
    assert proxy.connection_count == 1
    # Names for SOCKS4a are the proxy's business.
    assert resolver == (["both.example"] if scheme == "socks4" and "both" in url else [])


async def test_the_user_is_named_and_tls_is_inside(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(socks4(always, context=trust.server_context()))
    url = f"socks4a://me@127.0.0.1:{proxy.port}"
    async with face.client(proxy=url, verify=trust.client_context()) as client:
        assert (await client.get("https://localhost/")).text == "ok"
        assert (await client.get("https://localhost/", extensions={"proxy": url})).text == "ok"
    assert proxy.heads[0] == b"\x04\x01\x01\xbb" + A_NAME + b"me\x00localhost\x00"
    assert proxy.connection_count == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"\x00\x5b" + bytes(6), "Proxy Server could not connect: Request rejected or failed."),
        (b"\x00\x5c", "Proxy Server could not connect: No identd answers on this machine."),
        (b"\x05\x00", "The proxy does not speak SOCKS4: it sent b'\\x05\\x00'"),
    ],
)
async def test_a_refusal_says_why(face: Face, serve: Serve, answer: bytes, message: str) -> None:
    proxy = serve(stopping_after(answer))
    async with face.client(proxy=proxy.url(scheme="socks4a")) as client:
        for url in ("http://a.example/", "https://a.example/"):
            with pytest.raises(httpx.ProxyError) as caught:
                await client.get(url)
            assert str(caught.value) == message


async def test_what_cannot_be_said_in_socks4_is_refused(face: Face, serve: Serve, resolver: list[str]) -> None:
    proxy = serve(socks4(always))
    async with face.client(proxy=proxy.url(scheme="socks4")) as client:
        with pytest.raises(httpx.LocalProtocolError, match="no IPv6 addresses, such as 2001:db8::1"):
            await client.get("http://[2001:db8::1]/")
        with pytest.raises(httpx.ConnectError, match=r"'six\.example' has no IPv4 address"):
            await client.get("http://six.example/")
        with pytest.raises(httpx.ConnectError, match=r"could not resolve 'nowhere\.example'"):
            await client.get("http://nowhere.example/")


async def test_what_comes_too_early_is_no_answer(face: Face, serve: Serve) -> None:
    proxy = serve(socks4(always, reply=GRANTED4 + OK))
    async with face.client(proxy=proxy.url(scheme="socks4a")) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="before anything was sent"):
            await client.get("http://a.example/")


@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
def test_there_is_no_password(scheme: str) -> None:
    with pytest.raises(ValueError, match="no password") as caught:
        httpx.Client(proxy=f"{scheme}://user:hidden-word@a.example")
    assert "hidden-word" not in str(caught.value)
