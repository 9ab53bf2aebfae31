"""Answer digest challenges (RFC 7616, and RFC 2617 and RFC 2069 for older servers), of origins and of proxies."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .challenges import DigestChallenge, next_nonce

# What makes a client nonce, of how often the server's was used, and the server's.
MakeClientNonce = Callable[[int, bytes], bytes]


class DigestSession:
    """What is known of one server: its challenge, and the nonce with the number of its uses. Thread-safe."""

    __slots__ = ("challenge", "cnonce", "nonce", "nonce_count")

    def __init__(self, challenge: DigestChallenge) -> None:
        self.challenge = challenge
        self.nonce = challenge.nonce
        self.nonce_count = 0
        self.cnonce: bytes | None = None

    def answer(
        self,
        username: bytes,
        password: bytes,
        *,
        method: bytes,
        target: bytes,
        content: Callable[[], bytes],
        make_client_nonce: MakeClientNonce,
    ) -> bytes:
        """Return the credentials for one request (RFC 7616 3.4); its content is asked for if they cover it."""
        challenge = self.challenge
        nonce, nonce_count = self._use_nonce()
        cnonce = self._client_nonce(nonce, nonce_count, make_client_nonce)
        count = b"%08x" % nonce_count
        # RFC 7616 3.4.3
        message = method + b":" + target
        if challenge.qop == "auth-int":
            message += b":" + challenge.hash(content())
        response = _respond(challenge, username, password, message, nonce=nonce, count=count, cnonce=cnonce)
        fields = _username_fields(challenge, username)
        fields += [
            (b"realm", _quote(challenge.realm)),
            (b"nonce", _quote(nonce)),
            (b"uri", _quote(target)),
            (b"response", _quote(response)),
            (b"algorithm", challenge.algorithm.encode("latin-1")),
        ]
        if challenge.opaque is not None:
            fields.append((b"opaque", _quote(challenge.opaque)))
        if challenge.qop is not None:
            fields += [(b"qop", challenge.qop.encode("ascii")), (b"nc", count)]
        if challenge.qop is not None or challenge.is_session:
            fields.append((b"cnonce", _quote(cnonce)))
        if challenge.is_userhash:
            fields.append((b"userhash", b"true"))
        return b"Digest " + b", ".join(name + b"=" + value for name, value in fields)

    def note_next_nonce(self, values: list[bytes]) -> None:
        """Go on with the nonce that a response names in Authentication-Info fields, if it names one."""
        nonce = next_nonce(values)
        with _LOCK:
            if nonce is not None and nonce != self.nonce:
                self.nonce, self.nonce_count, self.cnonce = nonce, 0, None

    # Private from here on.

    def _use_nonce(self) -> tuple[bytes, int]:
        """Return the nonce and its count, which no two requests may share."""
        with _LOCK:
            self.nonce_count += 1
            return self.nonce, self.nonce_count

    def _client_nonce(self, nonce: bytes, nonce_count: int, make_client_nonce: MakeClientNonce) -> bytes:
        if not self.challenge.is_session:
            return make_client_nonce(nonce_count, nonce)
        # RFC 7616 3.4.2: the secret of a session is made with its first client nonce. With one for all requests it
        # does not matter whether a server keeps the secret or makes it anew.
        if self.cnonce is None:
            self.cnonce = make_client_nonce(nonce_count, nonce)
        return self.cnonce


# Private from here on.

# Held for a few instructions; one for all sessions, so that these can be copied and pickled.
_LOCK = threading.Lock()


def _respond(
    challenge: DigestChallenge,
    username: bytes,
    password: bytes,
    message: bytes,
    *,
    nonce: bytes,
    count: bytes,
    cnonce: bytes,
) -> bytes:
    """Return the proof (RFC 7616 3.4.1 and 3.4.2)."""
    digest = challenge.hash
    secret = digest(b":".join((username, challenge.realm, password)))
    if challenge.is_session:
        secret = digest(b":".join((secret, nonce, cnonce)))
    if challenge.qop is None:
        # RFC 2069 2.1.2
        return digest(b":".join((secret, nonce, digest(message))))
    return digest(b":".join((secret, nonce, count, cnonce, challenge.qop.encode("ascii"), digest(message))))


def _username_fields(challenge: DigestChallenge, username: bytes) -> list[tuple[bytes, bytes]]:
    if challenge.is_userhash:
        # RFC 7616 3.4.4
        return [(b"username", _quote(challenge.hash(username + b":" + challenge.realm)))]
    if challenge.is_utf8 and not username.isascii():
        from urllib.parse import quote_from_bytes  # rare path

        # RFC 7616 3.4: what no quoted string holds is written as RFC 8187 says. Servers that do not speak of
        # UTF-8 are older than that, and get the bytes as they are.
        return [(b"username*", b"UTF-8''" + quote_from_bytes(username, safe="").encode("ascii"))]
    return [(b"username", _quote(username))]


def _quote(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
