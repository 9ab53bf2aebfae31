"""Scripted proxies: scripts for `Server` that open tunnels and play the origin behind them, or stop half-way."""

from __future__ import annotations

import ssl

from tests.network.peers import TLSChannel

from .servers import Conversation, Script, answering_always

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"


def tunnelling(origin: Script, *, context: ssl.SSLContext | None = None, reply: bytes = ESTABLISHED) -> Script:
    """Return a script that answers CONNECT and is the origin from then on, over TLS if there is a context."""

    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(reply)
        play_origin(conversation, origin, context)

    return script


def socks(
    origin: Script, *, context: ssl.SSLContext | None = None, auth: bytes = b"", reply: bytes = GRANTED
) -> Script:
    """Return a script that speaks SOCKS5; auth is the message of RFC 1929 to expect.

    The client's request, address and port, is noted among the heads.
    """

    def script(conversation: Conversation) -> None:
        assert conversation.read_exactly(3) == (b"\x05\x01\x02" if auth else b"\x05\x01\x00")
        if auth:
            conversation.send(b"\x05\x02")
            is_right = conversation.read_exactly(len(auth)) == auth
            conversation.send(b"\x01\x00" if is_right else b"\x01\x01")
        else:
            conversation.send(b"\x05\x00")
        request = conversation.read_exactly(4)
        if request[3] == 3:
            request += conversation.read_exactly(1)
            request += conversation.read_exactly(request[4] + 2)
        else:
            request += conversation.read_exactly((4 if request[3] == 1 else 16) + 2)
        conversation.server.heads.append(request)
        conversation.send(reply)
        play_origin(conversation, origin, context)

    return script


def play_origin(conversation: Conversation, origin: Script, context: ssl.SSLContext | None) -> None:
    """Go on as the origin behind the tunnel."""
    if context is not None:
        conversation.channel = TLSChannel(conversation.channel, context)
    origin(conversation)


def answering_connect(answer: bytes) -> Script:
    """Return a script that gives that answer to CONNECT, and closes."""

    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(answer)

    return script


def stopping_after(*answers: bytes) -> Script:
    """Return a script that gives these answers, one to each thing that comes, and says nothing more.

    What came is noted among the heads as soon as it is answered; the rest counts in `received_size`.
    """

    def script(conversation: Conversation) -> None:
        for answer in answers:
            conversation.server.heads.append(conversation.channel.recv())
            conversation.send(answer)
        conversation.read_to_end()

    return script


always = answering_always()
