"""Scripted proxies: scripts for `Server` that open tunnels and play the origin behind them, or stop half-way."""

from __future__ import annotations

import hashlib
import re
import ssl

from tests.network.peers import TLSChannel

from .servers import Conversation, Script, answering_always

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
GRANTED4 = b"\x00\x5a\x1f\x90\x7f\x00\x00\x01"
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


def socks4(origin: Script, *, context: ssl.SSLContext | None = None, reply: bytes = GRANTED4) -> Script:
    """Return a script that speaks SOCKS4 and SOCKS4a. The client's message is noted among the heads."""

    def script(conversation: Conversation) -> None:
        message = conversation.read_exactly(8)
        # The user, and the name that the address 0.0.0.x announces; each ends with a NUL.
        for _ in range(2 if message[4:7] == bytes(3) else 1):
            while (part := conversation.read_exactly(1)) != b"\x00":
                message += part
            message += part
        conversation.server.heads.append(message)
        conversation.send(reply)
        play_origin(conversation, origin, context)

    return script


class DigestProxy:
    """Makes scripts of a proxy that challenges, and checks the answers by RFC 7616.

    Each nonce is good for so many uses, and stale after that.
    """

    def __init__(self, *, user: str = "user", password: str = "secret", uses: int = 1000, qop: str = "auth") -> None:
        self._user = user
        self._password = password
        self._uses = uses
        self._qop = qop
        self._nonces: dict[str, int] = {}
        # What each request brought, None if nothing, and the status that it got.
        self.seen: list[tuple[str | None, int]] = []

    def forget(self) -> None:
        """Be a proxy that was started anew."""
        self._nonces.clear()

    def tunnelling(self, origin: Script, *, context: ssl.SSLContext) -> Script:
        def script(conversation: Conversation) -> None:
            head = conversation.read_head()
            refusal = self._check(head, b"")
            conversation.send(refusal or ESTABLISHED)
            if not refusal:
                play_origin(conversation, origin, context)

        return script

    def forwarding(self, answer: bytes) -> Script:
        def script(conversation: Conversation) -> None:
            while True:
                received = conversation.read_request()
                conversation.send(self._check(received.head, received.body) or answer)

        return script

    # Private from here on.

    def _check(self, head: bytes, body: bytes) -> bytes:
        """Return the refusal of a request, b"" if it is let through."""
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        values = [line.partition(": ")[2] for line in lines if line.lower().startswith("proxy-authorization:")]
        value = values[0] if values else None
        scheme, _, rest = (value or "").partition(" ")
        if scheme != "Digest":
            return self._refuse(scheme or None, is_stale=False)
        fields = {name: text.strip('"') for name, text in re.findall(r'(\w+)=("[^"]*"|[^,]*)', rest)}
        nonce, count = fields["nonce"], int(fields["nc"], 16)
        assert fields["uri"] == target, "the answer is for another target"
        expected = self._expect(fields, method, target, body)
        if nonce not in self._nonces:
            return self._refuse("Digest", is_stale=False)
        if fields["response"] != expected:
            return self._refuse("Digest", is_stale=False)
        self._nonces[nonce] += 1
        assert count == self._nonces[nonce] or count > self._uses, "a nonce count was used twice"
        if count > self._uses:
            return self._refuse("Digest", is_stale=True)
        self.seen.append(("Digest", 200))
        return b""

    def _expect(self, fields: dict[str, str], method: str, target: str, body: bytes) -> str:
        secret = _sha256(f"{self._user}:{fields['realm']}:{self._password}")
        message = f"{method}:{target}"
        if fields["qop"] == "auth-int":
            message += ":" + hashlib.sha256(body).hexdigest()
        parts = (secret, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], _sha256(message))
        return _sha256(":".join(parts))

    def _refuse(self, scheme: str | None, *, is_stale: bool) -> bytes:
        nonce = f"nonce-{len(self.seen)}"
        self._nonces[nonce] = 0
        self.seen.append((scheme, 407))
        challenge = f'Digest realm="a, b", nonce="{nonce}", qop="{self._qop}", algorithm=SHA-256'
        return (
            f"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: {challenge}"
            f"{', stale=true' if is_stale else ''}\r\nContent-Length: 6\r\n\r\nno way"
        ).encode()


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


# Private from here on.


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
