"""Ask a SOCKS4 proxy for a connection, by address, or by name as SOCKS4a allows; no I/O.

Both are documents of their time and no RFCs: "SOCKS: A protocol for TCP proxy across firewalls" (Ying-Da Lee), and
"SOCKS 4A: A Simple Extension to SOCKS 4 Protocol". One message goes to the proxy, and one of eight bytes comes back.
"""

from __future__ import annotations

import ipaddress

from .._exceptions import LocalProtocolError, ProxyError
from .fields import quote


class Socks4Handshake:
    """The client's side of one handshake: send `greeting`, then pass on what comes.

    `host` is an IPv4 address, or a name for a proxy that speaks SOCKS4a and resolves it.

    Raises:
        LocalProtocolError: the host or the user's name cannot be said in this protocol.
    """

    __slots__ = ("_buffer", "greeting", "is_done", "leftover")

    def __init__(self, host: str, port: int, *, user: bytes = b"") -> None:
        address, name = _encode_host(host)
        if b"\x00" in user:
            raise LocalProtocolError("The name of a user has no NUL in SOCKS4.")
        # VN CD DSTPORT DSTIP USERID NULL, and in SOCKS4a the name with another NULL.
        self.greeting = b"\x04\x01" + port.to_bytes(2, "big") + address + user + b"\x00" + name
        self._buffer = b""
        # Whether the connection is there.
        self.is_done = False
        # What came after the proxy's reply.
        self.leftover = b""

    def receive(self, data: bytes) -> bytes:
        """Take what the proxy sent, b"" at the end of the stream, and return what is to be sent: nothing more.

        Raises:
            ProxyError: the proxy refuses, went away, or speaks something else.
        """
        if not data:
            raise ProxyError("The proxy closed the connection in the SOCKS4 handshake.")
        self._buffer += data
        # VN CD DSTPORT DSTIP; the version of a reply is 0. Some proxies repeat the request's.
        if self._buffer[0] not in (0, 4):
            raise ProxyError(f"The proxy does not speak SOCKS4: it sent {quote(self._buffer)}")
        code = self._buffer[1] if len(self._buffer) > 1 else _GRANTED
        if code != _GRANTED:
            # Some proxies close before the rest of a refusal.
            reason = _REPLIES.get(code, f"The reply code {code:#04x}, which has no meaning")
            raise ProxyError(f"Proxy Server could not connect: {reason}.")
        if len(self._buffer) >= _REPLY_SIZE:
            self.leftover = self._buffer[_REPLY_SIZE:]
            self.is_done = True
        return b""


# Private from here on.

_REPLY_SIZE = 8  # bytes

_GRANTED = 90
_REPLIES = {
    91: "Request rejected or failed",
    92: "No identd answers on this machine",
    93: "The identd of this machine tells of another user",
}


def _encode_host(host: str) -> tuple[bytes, bytes]:
    """Return DSTIP, and the name for a SOCKS4a proxy with the NULL behind it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # An address of 0.0.0.x, x being no 0, announces a name.
        return b"\x00\x00\x00\x01", host.encode("ascii") + b"\x00"
    if address.version == 6:
        raise LocalProtocolError(f"SOCKS4 has no IPv6 addresses, such as {host}: use SOCKS5.")
    return address.packed, b""
