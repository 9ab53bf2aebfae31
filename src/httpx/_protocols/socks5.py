"""Ask a SOCKS5 proxy for a connection (RFC 1928), with a user name and password if need be (RFC 1929); no I/O.

The handshake goes through these states, each with the message that it waits for; a refusal ends it by an exception:

    METHOD -> (LOGIN ->) REPLY -> DONE
"""

from __future__ import annotations

import enum
import ipaddress

from .._exceptions import LocalProtocolError, ProxyError
from .fields import quote


class Socks5Handshake:
    """The client's side of one handshake: send `greeting`, then pass on what comes and send what that returns.

    Exactly one method is offered, and the name of a host goes to the proxy, which resolves it.

    Raises:
        LocalProtocolError: the host's name or the credentials are longer than the protocol can say.
    """

    __slots__ = ("_buffer", "_login", "_method", "_request", "_state", "leftover")

    def __init__(self, host: str, port: int, *, auth: tuple[bytes, bytes] | None = None) -> None:
        self._method = _NO_AUTHENTICATION if auth is None else _USERNAME_PASSWORD
        # RFC 1929 2: VER ULEN UNAME PLEN PASSWD
        self._login = (
            b"" if auth is None else b"\x01" + b"".join(_counted(part, "A user name or password") for part in auth)
        )
        # RFC 1928 4: VER CMD RSV ATYP DST.ADDR DST.PORT
        self._request = _VERSION + b"\x01\x00" + _encode_address(host) + port.to_bytes(2, "big")
        self._buffer = b""
        self._state = _State.METHOD
        # What came after the proxy's reply.
        self.leftover = b""

    @property
    def greeting(self) -> bytes:
        """What the client begins with; RFC 1928 3."""
        return _VERSION + b"\x01" + bytes([self._method])

    @property
    def is_done(self) -> bool:
        """Tell whether the connection is there."""
        return self._state is _State.DONE

    def receive(self, data: bytes) -> bytes:
        """Take what the proxy sent, b"" at the end of the stream, and return what is to be sent.

        Raises:
            ProxyError: the proxy refuses, went away, or speaks something else.
        """
        if not data:
            raise ProxyError("The proxy closed the connection in the SOCKS5 handshake.")
        self._buffer += data
        if self._state is _State.METHOD:
            return self._receive_method()
        if self._state is _State.LOGIN:
            return self._receive_login()
        self._receive_reply()
        return b""

    # Private from here on.

    def _receive_method(self) -> bytes:
        self._check_version(_VERSION)
        if len(self._buffer) < 2:
            return b""
        method = self._take(2)[1]
        if method != self._method:
            name = _METHODS.get(method, f"the method {method:#04x}")
            raise ProxyError(f"Requested {_METHODS[self._method]} from proxy server, but got {name}.")
        self._state = _State.LOGIN if self._login else _State.REPLY
        return self._login or self._request

    def _receive_login(self) -> bytes:
        # RFC 1929 2: VER STATUS. Some proxies answer with SOCKS's version in place of the negotiation's.
        if len(self._buffer) < 2:
            return b""
        if self._take(2)[1] != 0:
            raise ProxyError("Invalid username/password")
        self._state = _State.REPLY
        return self._request

    def _receive_reply(self) -> None:
        # RFC 1928 6: VER REP RSV ATYP BND.ADDR BND.PORT. The bound address is of no use to us, but has a length.
        self._check_version(_VERSION)
        buffer = self._buffer
        if len(buffer) < 2:
            return
        if buffer[1] != 0:
            # Some proxies close before the rest of a refusal.
            reason = _REPLIES.get(buffer[1], f"The reply code {buffer[1]:#04x}, which has no meaning")
            raise ProxyError(f"Proxy Server could not connect: {reason}.")
        if len(buffer) < 5:
            return
        address_size = 1 + buffer[4] if buffer[3] == _DOMAIN_NAME else _ADDRESS_SIZES.get(buffer[3])
        if address_size is None:
            raise ProxyError(f"The proxy's SOCKS5 reply is malformed: {quote(buffer)}")
        size = 4 + address_size + 2
        if len(buffer) >= size:
            self._take(size)
            self.leftover = self._buffer
            self._state = _State.DONE

    def _check_version(self, version: bytes) -> None:
        if not self._buffer.startswith(version):
            raise ProxyError(f"The proxy does not speak SOCKS5: it sent {quote(self._buffer)}")

    def _take(self, size: int) -> bytes:
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


# Private from here on.


class _State(enum.Enum):
    """Which message the proxy sends next; see the module's docstring."""

    METHOD = enum.auto()
    LOGIN = enum.auto()
    REPLY = enum.auto()
    DONE = enum.auto()


_VERSION = b"\x05"

# RFC 1928 3.
_NO_AUTHENTICATION = 0x00
_USERNAME_PASSWORD = 0x02
_METHODS = {
    _NO_AUTHENTICATION: "NO AUTHENTICATION REQUIRED",
    0x01: "GSSAPI",
    _USERNAME_PASSWORD: "USERNAME/PASSWORD",
    0xFF: "NO ACCEPTABLE METHODS",
}

# RFC 1928 5: the types of addresses, and the bytes that an address of each has.
_IPV4, _DOMAIN_NAME, _IPV6 = 0x01, 0x03, 0x04
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}

# RFC 1928 6.
_REPLIES = {
    0x01: "General SOCKS server failure",
    0x02: "Connection not allowed by ruleset",
    0x03: "Network unreachable",
    0x04: "Host unreachable",
    0x05: "Connection refused",
    0x06: "TTL expired",
    0x07: "Command not supported",
    0x08: "Address type not supported",
}


def _encode_address(host: str) -> bytes:
    """Return ATYP and DST.ADDR."""
    try:
        # RFC 4007 11.2: a zone means something to this machine alone.
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bytes([_DOMAIN_NAME]) + _counted(host.encode("ascii"), "The name of a host")
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


def _counted(data: bytes, what: str) -> bytes:
    if len(data) > 255:
        raise LocalProtocolError(f"{what} has at most 255 bytes in SOCKS5, and not {len(data)}.")
    return bytes([len(data)]) + data
