"""The SOCKS5 handshake, by the figures of RFC 1928 and RFC 1929."""

from __future__ import annotations

import pytest

from httpx import LocalProtocolError, ProxyError
from httpx._protocols.socks5 import Socks5Handshake

GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"
AUTH = (b"user", b"p\xc3\xa4ss")


def run(handshake: Socks5Handshake, *answers: bytes) -> list[bytes]:
    """Give the answers of a proxy, and return what was sent."""
    return [handshake.greeting, *(handshake.receive(answer) for answer in answers)]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("a.example", b"\x03\x09a.example"),
        ("192.0.2.7", b"\x01\xc0\x00\x02\x07"),
        ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("fe80::1%eth0", b"\x04\xfe\x80" + bytes(13) + b"\x01"),
        ("x" * 255, b"\x03\xff" + b"x" * 255),
    ],
)
def test_request_names_host_and_port(host: str, address: bytes) -> None:
    handshake = Socks5Handshake(host, 443)
    sent = run(handshake, b"\x05\x00", GRANTED)
    assert sent == [b"\x05\x01\x00", b"\x05\x01\x00" + address + b"\x01\xbb", b""]
    assert handshake.is_done
    assert handshake.leftover == b""


def test_login_comes_before_the_request() -> None:
    handshake = Socks5Handshake("a.example", 80, auth=AUTH)
    sent = run(handshake, b"\x05\x02", b"\x01\x00", GRANTED)
    assert sent == [b"\x05\x01\x02", b"\x01\x04user\x05p\xc3\xa4ss", b"\x05\x01\x00\x03\x09a.example\x00\x50", b""]
    assert handshake.is_done


@pytest.mark.parametrize(
    "reply",
    [
        GRANTED,
        b"\x05\x00\x00\x03\x05proxy\x00\x50",
        b"\x05\x00\x00\x03\x00\x00\x50",
        b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x50",
    ],
)
def test_answers_may_come_byte_by_byte(reply: bytes) -> None:
    handshake = Socks5Handshake("a.example", 80, auth=AUTH)
    answers = b"\x05\x02" + b"\x01\x00" + reply
    sent = []
    for position in range(len(answers)):
        assert not handshake.is_done
        sent.append(handshake.receive(answers[position : position + 1]))
    assert handshake.is_done
    assert [message for message in sent if message] == [handshake._login, handshake._request]


def test_what_follows_the_reply_is_left_over() -> None:
    handshake = Socks5Handshake("a.example", 80)
    run(handshake, b"\x05\x00", GRANTED + b"early")
    assert handshake.is_done
    assert handshake.leftover == b"early"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, "General SOCKS server failure"),
        (2, "Connection not allowed by ruleset"),
        (3, "Network unreachable"),
        (4, "Host unreachable"),
        (5, "Connection refused"),
        (6, "TTL expired"),
        (7, "Command not supported"),
        (8, "Address type not supported"),
        (9, "The reply code 0x09, which has no meaning"),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\x00\x01\x00\x00\x00\x00\x00\x00"])
def test_refusal_says_why(code: int, reason: str, rest: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        run(Socks5Handshake("a.example", 80), b"\x05\x00", bytes([5, code]) + rest)
    assert str(caught.value) == f"Proxy Server could not connect: {reason}."


@pytest.mark.parametrize(
    ("auth", "answers", "message"),
    [
        (None, [b"\x05\xff"], "Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS."),
        (AUTH, [b"\x05\xff"], "Requested USERNAME/PASSWORD from proxy server, but got NO ACCEPTABLE METHODS."),
        (AUTH, [b"\x05\x00"], "Requested USERNAME/PASSWORD from proxy server, but got NO AUTHENTICATION REQUIRED."),
        (None, [b"\x05\x55"], "Requested NO AUTHENTICATION REQUIRED from proxy server, but got the method 0x55."),
        (AUTH, [b"\x05\x02", b"\x01\x01"], "Invalid username/password"),
        (None, [b"HTTP/1.1 400 Bad"], "The proxy does not speak SOCKS5: it sent b'HTTP/1.1 400 Bad'"),
        (None, [b"\x05\x00", b"\x04\x00"], "The proxy does not speak SOCKS5: it sent b'\\x04\\x00'"),
        (
            None,
            [b"\x05\x00", b"\x05\x00\x00\x02\x00"],
            "The proxy's SOCKS5 reply is malformed: b'\\x05\\x00\\x00\\x02\\x00'",
        ),
        (None, [b""], "The proxy closed the connection in the SOCKS5 handshake."),
        (None, [b"\x05\x00", GRANTED[:9], b""], "The proxy closed the connection in the SOCKS5 handshake."),
    ],
)
def test_everything_else_is_a_proxy_error(auth: tuple[bytes, bytes] | None, answers: list[bytes], message: str) -> None:
    with pytest.raises(ProxyError) as caught:
        run(Socks5Handshake("a.example", 80, auth=auth), *answers)
    assert str(caught.value) == message


def test_what_the_protocol_cannot_say_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(LocalProtocolError, match="at most 255 bytes"):
        Socks5Handshake("x" * 256, 80)
    with pytest.raises(LocalProtocolError, match="at most 255 bytes") as caught:
        Socks5Handshake("a.example", 80, auth=(b"user", b"secret" * 50))
    assert "secret" not in str(caught.value)
