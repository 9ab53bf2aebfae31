"""Go through a proxy: TLS to it, CONNECT and SOCKS through it, and the fields for what it forwards.

Everything here is part of connecting, so it shares the limit of that, and its timeouts are `ConnectTimeout`.
"""

from __future__ import annotations

import socket
import ssl
from typing import NamedTuple, Protocol

from ._config import Proxy
from ._connections.colours import close_body
from ._exceptions import (
    ConnectError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    WriteError,
    WriteTimeout,
)
from ._models import Request, Response
from ._network.addresses import literal_address
from ._network.base import Network, Stream
from ._network.errors import is_over, read_timeout
from ._network.handshake import start_tls
from ._network.racing import connect_timeout
from ._network.tls import TLSStream
from ._protocols.fields import FieldList
from ._protocols.h1.decoder import ResponseDecoder
from ._protocols.h1.encoder import encode_head
from ._protocols.h1.head import ResponseHead
from ._proxy_auth import MAX_ANSWERS, ProxyCredentials
from ._timings import Timings
from ._tls import default_context
from ._trace import Tracer, trace

# RFC 1928 3 has 1080 for SOCKS; RFC 9110 4.2 the others.
DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}

# What is offered to an https proxy. In the tunnel, the client's own offer is made to the origin.
PROXY_ALPN = ("http/1.1",)


class Attempt(NamedTuple):
    """What the steps of one attempt to connect share."""

    network: Network
    # The limit that was set, for messages, and the end that it and the whole request's deadline make.
    timeout: float | None
    deadline: float | None
    timings: Timings
    tracer: Tracer | None


class Hop:
    """The proxy between this machine and the origins: where it is, and how it takes connections on.

    Two that do the same with the same credentials are equal: their connections can stand for each other.

    Attributes:
        host, port: what to connect to in place of the origin.
        is_forwarding: whether it is asked to forward the requests for http origins, which name their target in absolute
            form then. SOCKS proxies make a connection for them, too.

    Raises:
        ValueError: a password for SOCKS4, which has none.
    """

    __slots__ = (
        "_auth",
        "_credentials",
        "_fields",
        "_key",
        "_scheme",
        "_session",
        "_ssl_context",
        "_trust_env",
        "host",
        "is_forwarding",
        "port",
    )

    def __init__(self, proxy: Proxy, *, trust_env: bool) -> None:
        self._scheme, self.host, port = proxy.url._uri_reference.route_key
        self.port = DEFAULT_PORTS[self._scheme] if port is None else port
        self.is_forwarding = self._scheme in ("http", "https")
        self._auth = proxy.raw_auth
        if self._auth is not None and self._auth[1] and self._scheme.startswith("socks4"):
            raise ValueError("SOCKS4 knows the name of a user, and no password: leave it out, or use SOCKS5.")
        self._credentials: ProxyCredentials | None = None
        if self._auth is not None and self.is_forwarding:
            self._credentials = ProxyCredentials(*self._auth, is_password_sent=proxy.auth_scheme == "basic")
        self._fields: FieldList = proxy.headers.raw
        self._ssl_context = proxy.ssl_context
        # The last TLS session with an https proxy, and the context that it belongs to.
        self._session: tuple[ssl.SSLContext, ssl.SSLSession] | None = None
        self._trust_env = trust_env
        self._key = (
            *(self._scheme, self.host, self.port, self._auth, proxy.auth_scheme),
            *(tuple(self._fields), self._ssl_context),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hop) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def make_fields(self, method: bytes, target: bytes, request: Request | None) -> FieldList:
        """Return what a request for the proxy itself carries besides its own fields. None stands for CONNECT."""
        if self._credentials is None:
            return self._fields
        content = b"" if request is None else getattr(request, "_content", None)
        value = self._credentials.authorize(method, target, content)
        return self._fields if value is None else [(b"Proxy-Authorization", value), *self._fields]

    async def takes_challenge(self, request: Request, response: Response, *, answers_left: int) -> bool:
        """Tell whether to send a request once more that was forwarded: its response, closed then, makes a challenge.

        Credentials that the request brings itself are left alone.
        """
        if response.status_code != 407 or request.url.scheme != "http":
            return False
        if not getattr(request.stream, "_is_replayable", False) or "proxy-authorization" in request.headers:
            return False
        has_content = hasattr(request, "_content")
        if not self._take_challenge(response.headers.raw, answers_left, has_content=has_content):
            return False
        await close_body(response)
        return True

    async def lead_on(
        self, stream: Stream, scheme: str, host: str, port: int, attempt: Attempt, *, answers_left: int = 0
    ) -> Stream | None:
        """Make of a stream to the proxy one that leads to an origin, or to the proxy which forwards to it.

        The stream belongs to the returned one, and is aborted when that fails. None tells to come again on a stream of
        its own: the proxy made a challenge that can be answered. Up to `answers_left` of these are taken.

        Raises:
            ConnectTimeout, ConnectError
            ProxyError: the proxy refuses.
            RemoteProtocolError: the proxy's answer is malformed, or did not come.
            LocalProtocolError: the origin cannot be named to the proxy.
        """
        proxy = f"the proxy {self.host} port {self.port}"
        try:
            if self._scheme == "https":
                stream = await self._start_tls(stream, attempt)
            if not self.is_forwarding:
                await self._ask_socks(stream, host, port, attempt)
            elif scheme == "https":
                is_open = await self._open_tunnel(stream, host, port, attempt, answers_left)
                self.keep_session(stream)
                if not is_open:
                    stream.abort()
                    return None
        except (ReadTimeout, WriteTimeout) as exc:
            stream.abort()
            raise connect_timeout(f"{host} port {port} (waiting for {proxy})", attempt.timeout) from exc
        except (ReadError, WriteError) as exc:
            stream.abort()
            raise ConnectError(f"{exc} (while {proxy} was asked for {host} port {port})") from exc
        except BaseException:
            stream.abort()
            raise
        return stream

    def keep_session(self, stream: Stream) -> None:
        """Remember the TLS session of a stream to the proxy, which has answered, for the next one."""
        if isinstance(stream, TLSStream) and (session := stream.session) is not None:
            self._session = (stream.context, session)

    # Private from here on.

    def _take_challenge(self, fields: FieldList, answers_left: int, *, has_content: bool) -> bool:
        if self._credentials is None or not answers_left:
            return False
        is_first = answers_left == MAX_ANSWERS
        return self._credentials.take_challenge(fields, is_first=is_first, has_content=has_content)

    async def _start_tls(self, stream: Stream, attempt: Attempt) -> Stream:
        # Made when it is needed, and shared with all who bring none.
        context = self._ssl_context or default_context(trust_env=self._trust_env)
        info = {"ssl_context": context, "server_hostname": self.host, "timeout": attempt.timeout}
        session = None
        if self._session is not None and self._session[0] is context:
            session = self._session[1]
        return await trace(
            attempt.tracer,
            "start_tls",
            info,
            lambda: start_tls(
                stream,
                context,
                server_hostname=self.host,
                alpn=PROXY_ALPN,
                session=session,
                timeout=attempt.timeout,
                deadline=attempt.deadline,
            ),
        )

    async def _open_tunnel(self, stream: Stream, host: str, port: int, attempt: Attempt, answers_left: int) -> bool:
        """Have the proxy make the connection; return False if it is to be asked again.

        Nothing but the last of its answers counts, so what it says in the body of another one is not read.
        """
        target = _encode_authority(host, port)
        head = encode_connect(target, self.make_fields(b"CONNECT", target, None))
        response = await _exchange_heads(stream, head, host, port, attempt)
        if 200 <= response.status_code < 300:
            return True
        if response.status_code == 407 and self._take_challenge(response.fields, answers_left, has_content=True):
            return False
        reason = response.reason_phrase.decode("ascii", "ignore")
        raise ProxyError(f"{response.status_code} {reason}")

    async def _ask_socks(self, stream: Stream, host: str, port: int, attempt: Attempt) -> None:
        tracer = None if attempt.tracer is None else attempt.tracer.renamed("socks")
        from ._protocols.socks4 import Socks4Handshake  # most clients have no such proxy
        from ._protocols.socks5 import Socks5Handshake

        handshake: _Handshake
        if self._scheme == "socks4":
            host = await _resolve_ipv4(host, port, attempt)
        if self._scheme in ("socks4", "socks4a"):
            handshake = Socks4Handshake(host, port, user=b"" if self._auth is None else self._auth[0])
        else:
            handshake = Socks5Handshake(host, port, auth=self._auth)
        step = "setup_socks5_connection" if self._scheme.startswith("socks5") else "setup_socks4_connection"
        info = {"stream": stream, "host": host, "port": port}
        await trace(tracer, step, info, lambda: _shake_hands(stream, handshake, attempt.deadline))


def encode_connect(target: bytes, fields: FieldList) -> bytes:
    """Return the head of a CONNECT request (RFC 9110 9.3.6) with the fields that are meant for the proxy.

    Raises:
        LocalProtocolError: a field is outside the grammar.
    """
    given = {name.lower() for name, _ in fields}
    defaults = [(b"Host", target), (b"Accept", b"*/*")]
    fields = [field for field in defaults if field[0].lower() not in given] + fields
    # RFC 9110 7.2: Host comes first. The sort is stable.
    fields.sort(key=lambda field: field[0].lower() != b"host")
    return encode_head(b"CONNECT", target, fields)


# Private from here on.


class _Handshake(Protocol):
    """The client's side of SOCKS."""

    leftover: bytes

    @property
    def greeting(self) -> bytes: ...

    @property
    def is_done(self) -> bool: ...

    def receive(self, data: bytes) -> bytes: ...


def _encode_authority(host: str, port: int) -> bytes:
    # RFC 6874 4: the zone of an address is not sent.
    name = f"[{host.partition('%')[0]}]" if ":" in host else host
    return b"%b:%d" % (name.encode("ascii"), port)


async def _exchange_heads(stream: Stream, head: bytes, host: str, port: int, attempt: Attempt) -> ResponseHead:
    """Send a CONNECT request, and return the final answer to it. The steps are told as those of any request."""
    tracer = None if attempt.tracer is None else attempt.tracer.renamed("http11")
    # Without the credentials.
    info = (
        {} if tracer is None else {"request": Request("CONNECT", f"https://{_encode_authority(host, port).decode()}")}
    )
    deadline = attempt.deadline
    await trace(tracer, "send_request_headers", info, lambda: stream.write(head, None, deadline))
    if tracer is not None:
        await tracer.begin("send_request_body", info)
        await tracer.end()
    return await trace(
        tracer, "receive_response_headers", info, lambda: _receive_head(stream, deadline), show=ResponseHead.as_tuple
    )


async def _receive_head(stream: Stream, deadline: float | None) -> ResponseHead:
    decoder = ResponseDecoder()
    decoder.reset("CONNECT")
    response: ResponseHead | None = None
    while response is None:
        response = decoder.receive_head(await _read(stream, deadline))
        while response is not None and response.status_code < 200 and not decoder.is_upgraded:
            response = decoder.next_head()
    if 200 <= response.status_code < 300:
        _refuse_early(decoder.leftover)
    return response


async def _shake_hands(stream: Stream, handshake: _Handshake, deadline: float | None) -> None:
    await stream.write(handshake.greeting, None, deadline)
    while not handshake.is_done:
        data = handshake.receive(await _read(stream, deadline))
        if data:
            await stream.write(data, None, deadline)
    _refuse_early(handshake.leftover)


async def _resolve_ipv4(host: str, port: int, attempt: Attempt) -> str:
    """Return an address of a host, for a proxy that takes no names."""
    if ":" in host or literal_address(host, port):
        return host
    addresses = await attempt.network.resolve(host, port, attempt.deadline, timeout=attempt.timeout)
    for family, address in addresses:
        if family == socket.AF_INET:
            return str(address[0])
    raise ConnectError(f"{host!r} has no IPv4 address, and SOCKS4 takes no other: use SOCKS4a or SOCKS5.")


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
