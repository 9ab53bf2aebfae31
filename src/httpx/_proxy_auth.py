"""What a proxy is told of who asks: a password at once (Basic), or the answer to its challenge (Digest).

HTTPX sends the password with the first request, whatever the proxy wants, and so do we unless told otherwise. A proxy
that challenges is answered in both cases, and from then on at once: its nonce is kept with the credentials.
"""

from __future__ import annotations

import os
import threading
from binascii import b2a_base64
from typing import TYPE_CHECKING

from ._exceptions import RemoteProtocolError
from ._protocols.fields import FieldList

if TYPE_CHECKING:
    from ._protocols.digest import DigestSession

# Challenges answered for one request, or one tunnel: the first, and those that call a nonce stale.
MAX_ANSWERS = 3


class ProxyCredentials:
    """A user's name and password for one proxy. Thread-safe."""

    __slots__ = ("_basic", "_lock", "_password", "_session", "_username")

    def __init__(self, username: bytes, password: bytes, *, is_password_sent: bool) -> None:
        self._username = username
        self._password = password
        # RFC 7617 2.
        self._basic = b"Basic " + b2a_base64(username + b":" + password, newline=False) if is_password_sent else None
        self._session: DigestSession | None = None
        self._lock = threading.Lock()

    def authorize(self, method: bytes, target: bytes, content: bytes | None) -> bytes | None:
        """Return the value of Proxy-Authorization for a request, None if it goes without.

        The content is None if it is not in memory. Where a digest has to cover it, the proxy refuses the request then.
        """
        session = self._session
        if session is None:
            return self._basic
        if content is None and session.challenge.qop == "auth-int":
            return None
        return session.answer(
            self._username,
            self._password,
            method=method,
            target=target,
            content=lambda: content or b"",
            make_client_nonce=lambda count, nonce: os.urandom(8).hex().encode("ascii"),
        )

    def take_challenge(self, fields: FieldList, *, is_first: bool, has_content: bool) -> bool:
        """Take the challenge of a response with status 407; tell whether the request is to be sent once more.

        An answer to the first challenge of a request is worth a try, even if it brought one: its nonce may have been
        forgotten by a proxy that was started anew. If that is refused too, the password is wrong.
        """
        from ._protocols.challenges import choose_digest  # most proxies make none
        from ._protocols.digest import DigestSession

        try:
            challenge = choose_digest([value for name, value in fields if name.lower() == b"proxy-authenticate"])
        except RemoteProtocolError:
            # The response says what there is to say.
            return False
        if challenge is None or not (is_first or challenge.is_stale):
            return False
        if challenge.qop == "auth-int" and not has_content:
            return False
        with self._lock:
            if self._session is None or self._session.challenge.nonce != challenge.nonce:
                self._session = DigestSession(challenge)
        return True
