"""Go through a proxy: TLS to it, CONNECT and SOCKS5 through it, and the fields for what it forwards.

Everything here is part of connecting, so it shares the limit of that, and its timeouts are `ConnectTimeout`.
"""

from __future__ import annotations

from binascii import b2a_base64

from ._config import Proxy
from ._exceptions import (
    ConnectError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    WriteError,
    WriteTimeout,
)
from ._network.base import Stream
from ._network.errors import is_over, read_timeout
from ._network.handshake import start_tls
from ._network.racing import connect_timeout
from ._protocols.fields import FieldList
from ._protocols.h1.decoder import ResponseDecoder
from ._protocols.h1.encoder import encode_head
from ._protocols.h1.head import ResponseHead
from ._protocols.socks5 import Socks5Handshake
from ._tls import default_context

# RFC 1928 3 has 1080 for SOCKS; RFC 9110 4.2 the others.
DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

# What is offered to an https proxy. In the tunnel, the client's own offer is made to the origin.
PROXY_ALPN = ("http/1.1",)


class Hop:
    """The proxy between this machine and the origins: where it is, and how it takes connections on.

    Two that do the same with the same credentials are equal: their connections can stand for each other.

    Attributes:
        host, port: what to connect to in place of the origin.
        forward_fields: what the requests for http origins carry to a proxy that forwards them, None if it does not
            (SOCKS). Requests that a proxy is to forward name their target in absolute form.
    """

    __slots__ = ("_auth", "_key", "_scheme", "_ssl_context", "_trust_env", "forward_fields", "host", "port")

    def __init__(self, proxy: Proxy, *, trust_env: bool) -> None:
        self._scheme, self.host, port = proxy.url._uri_reference.route_key
        self.port = DEFAULT_PORTS[self._scheme] if port is None else port
        self._auth = proxy.raw_auth
        self._ssl_context = proxy.ssl_context
        self._trust_env = trust_env
        self.forward_fields: FieldList | None = None
        if self._scheme in ("http", "https"):
            credentials = [] if self._auth is None else [(b"Proxy-Authorization", _encode_basic(*self._auth))]
            self.forward_fields = credentials + proxy.headers.raw
        self._key = (self._scheme, self.host, self.port, self._auth, tuple(proxy.headers.raw), self._ssl_context)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hop) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    async def lead_on(
        self, stream: Stream, scheme: str, host: str, port: int, *, timeout: float | None, deadline: float | None
    ) -> Stream:
        """Make of a stream to the proxy one that leads to an origin, or to the proxy which forwards to it.

        The stream belongs to the returned one, and is aborted when that fails.

        Raises:
            ConnectTimeout, ConnectError
            ProxyError: the proxy refuses.
            RemoteProtocolError: the proxy's answer is malformed, or did not come.
        """
        proxy = f"the proxy {self.host} port {self.port}"
        try:
            if self._scheme == "https":
                # Made when it is needed, and shared with all who bring none.
                context = self._ssl_context or default_context(trust_env=self._trust_env)
                stream = await start_tls(
                    stream,
                    context,
                    server_hostname=self.host,
                    alpn=PROXY_ALPN,
                    timeout=timeout,
                    deadline=deadline,
                )
            if self.forward_fields is None:
                await _shake_hands(stream, Socks5Handshake(host, port, auth=self._auth), deadline)
            elif scheme == "https":
                await _open_tunnel(stream, encode_connect(host, port, self.forward_fields), deadline)
        except (ReadTimeout, WriteTimeout) as exc:
            stream.abort()
            raise connect_timeout(f"{host} port {port} (waiting for {proxy})", timeout) from exc
        except (ReadError, WriteError) as exc:
            stream.abort()
            raise ConnectError(f"{exc} (while {proxy} was asked for {host} port {port})") from exc
        except BaseException:
            stream.abort()
            raise
        return stream


def encode_connect(host: str, port: int, fields: FieldList) -> bytes:
    """Return the head of a CONNECT request (RFC 9110 9.3.6) with the fields that are meant for the proxy.

    Raises:
        LocalProtocolError: a field is outside the grammar.
    """
    # RFC 6874 4: the zone of an address is not sent.
    name = f"[{host.partition('%')[0]}]" if ":" in host else host
    target = b"%b:%d" % (name.encode("ascii"), port)
    given = {name.lower() for name, _ in fields}
    defaults = [(b"Host", target), (b"Accept", b"*/*")]
    fields = [field for field in defaults if field[0].lower() not in given] + fields
    # RFC 9110 7.2: Host comes first. The sort is stable.
    fields.sort(key=lambda field: field[0].lower() != b"host")
    return encode_head(b"CONNECT", target, fields)


# Private from here on.


async def _open_tunnel(stream: Stream, head: bytes, deadline: float | None) -> None:
    """Send a CONNECT request, and return when the proxy has made the connection."""
    await stream.write(head, None, deadline)
    decoder = ResponseDecoder()
    decoder.reset("CONNECT")
    response: ResponseHead | None = None
    while response is None:
        response = decoder.receive_head(await _read(stream, deadline))
        while response is not None and response.status_code < 200 and not decoder.is_upgraded:
            response = decoder.next_head()
    if not 200 <= response.status_code < 300:
        reason = response.reason_phrase.decode("ascii", "ignore")
        raise ProxyError(f"{response.status_code} {reason}")
    _refuse_early(decoder.leftover)


async def _shake_hands(stream: Stream, handshake: Socks5Handshake, deadline: float | None) -> None:
    await stream.write(handshake.greeting, None, deadline)
    while not handshake.is_done:
        data = handshake.receive(await _read(stream, deadline))
        if data:
            await stream.write(data, None, deadline)
    _refuse_early(handshake.leftover)


async def _read(stream: Stream, deadline: float | None) -> bytes:
    data = await stream.read(None, deadline)
    if is_over(deadline):
        # A proxy that sends a byte now and then must not hold the connection in the making for ever.
        raise read_timeout(None, deadline)
    return data


def _refuse_early(data: bytes) -> None:
    """Refuse what came through a tunnel before anything was sent: in HTTP and in TLS the client speaks first."""
    if data:
        raise RemoteProtocolError(f"{len(data)} bytes came through the proxy's tunnel before anything was sent.")


def _encode_basic(username: bytes, password: bytes) -> bytes:
    # RFC 7617 2.
    return b"Basic " + b2a_base64(username + b":" + password, newline=False)
