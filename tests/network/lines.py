"""Make connections of one kind: plain, TLS, or TLS in TLS. Every test of the stream contract runs over each."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial

import trustme

from httpx._network.base import Stream
from httpx._network.handshake import start_tls

from .colours import Colour
from .peers import Channel, MakeChannel, Peer, PlainChannel, Script, TLSChannel

HOST = "localhost"
LAYERS = {"plain": 0, "tls": 1, "tls-in-tls": 2}


class Trust:
    """A certificate authority, and contexts that use it."""

    def __init__(self) -> None:
        self.authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._certificate = self.issue(HOST, "127.0.0.1", "*.example.test")

    def issue(self, *names: str, **options: object) -> trustme.LeafCert:
        return self.authority.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **options)  # type: ignore[arg-type]  # passed through

    def server_context(self, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (certificate or self._certificate).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context


class Line:
    """Peers and streams with so many layers of TLS; closes the peers at the end of the test."""

    def __init__(self, trust: Trust, tls_depth: int, colour: Colour) -> None:
        self.trust = trust
        self.tls_depth = tls_depth
        self._colour = colour
        self._peers: list[Peer] = []
        self._streams: list[Stream] = []
        self._server_context = trust.server_context()
        self._client_context = trust.client_context()

    @property
    def is_plain(self) -> bool:
        return not self.tls_depth

    def serve(self, script: Script, *, connections_count: int = 1) -> Peer:
        """Start a peer that runs the script over this line's layers."""
        return self.add(Peer(script, self._make_channel(), connections_count=connections_count))

    def add(self, peer: Peer) -> Peer:
        """Close a peer at the end of the test."""
        self._peers.append(peer)
        return peer

    async def connect(self, peer: Peer) -> Stream:
        return (await self.connect_layers(peer))[-1]

    async def connect_layers(self, peer: Peer) -> list[Stream]:
        """Connect, and return the streams from the bottom to the top."""
        layers = [await self._colour.network.connect_tcp("127.0.0.1", peer.port, timeout=20)]
        self._streams.append(layers[0])
        for _ in range(self.tls_depth):
            layers.append(await start_tls(layers[-1], self._client_context, server_hostname=HOST, timeout=20))
        return layers

    def abort_streams(self) -> None:
        """Drop the connections of a test that failed, so that it is not reported a second time for them."""
        for stream in self._streams:
            stream.abort()

    def close(self) -> None:
        for peer in self._peers:
            peer.close()

    # Private from here on.

    def _make_channel(self) -> MakeChannel:
        make: Callable[..., Channel] = PlainChannel
        for _ in range(self.tls_depth):
            make = partial(_wrap, make, self._server_context)
        return make


# Private from here on.


def _wrap(make_inner: MakeChannel, context: ssl.SSLContext, sock: object) -> Channel:
    return TLSChannel(make_inner(sock), context)  # type: ignore[arg-type]  # partial hides that it is a socket
