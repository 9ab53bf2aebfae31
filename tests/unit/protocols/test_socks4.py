"""The SOCKS4 handshake, by the two documents that describe it."""

from __future__ import annotations

import pytest

from httpx import LocalProtocolError, ProxyError
from httpx._protocols.socks4 import Socks4Handshake

GRANTED = b"\x00\x5a\x1f\x90\x7f\x00\x00\x01"


@pytest.mark.parametrize(
    ("host", "user", "message"),
    [
        ("192.0.2.7", b"", b"\x04\x01\x01\xbb\xc0\x00\x02\x07\x00"),
        ("192.0.2.7", b"me", b"\x04\x01\x01\xbb\xc0\x00\x02\x07me\x00"),
        ("a.example", b"me", b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00a.example\x00"),
    ],
)
def test_message_names_host_and_user(host: str, user: bytes, message: bytes) -> None:
    assert Socks4Handshake(host, 443, user=user).greeting == message


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize("version", [b"\x00", b"\x04"])
def test_reply_may_come_in_any_pieces(size: int, version: bytes) -> None:
    handshake = Socks4Handshake("192.0.2.7", 80)
    reply = version + GRANTED[1:]
    for start in range(0, len(reply), size):
        assert not handshake.is_done
        assert handshake.receive(reply[start : start + size]) == b""
    assert handshake.is_done
    assert handshake.leftover == b""


def test_what_follows_the_reply_is_left() -> None:
    handshake = Socks4Handshake("192.0.2.7", 80)
    handshake.receive(GRANTED + b"more")
    assert handshake.leftover == b"more"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"\x00\x5b", "Request rejected or failed"),
        (b"\x00\x5c\x00", "No identd answers on this machine"),
        (b"\x00\x5d" + bytes(6), "The identd of this machine tells of another user"),
        (b"\x00\x07", "The reply code 0x07, which has no meaning"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "The proxy does not speak SOCKS4: it sent b'HTTP/1.1 400 Bad"),
        (b"\x05\xff", "The proxy does not speak SOCKS4"),
        (b"", "The proxy closed the connection in the SOCKS4 handshake."),
    ],
)
def test_refusals_say_why(reply: bytes, message: str) -> None:
    with pytest.raises(ProxyError) as caught:
        Socks4Handshake("192.0.2.7", 80).receive(reply)
    assert message in str(caught.value)


def test_what_it_cannot_say_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="IPv6"):
        Socks4Handshake("::1", 80)
    with pytest.raises(LocalProtocolError, match="NUL"):
        Socks4Handshake("192.0.2.7", 80, user=b"a\x00b")
