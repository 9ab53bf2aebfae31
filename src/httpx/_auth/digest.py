"""`DigestAuth`: challenge and response (RFC 7616, and RFC 2617 and RFC 2069 for older servers).

What is remembered between requests (the nonce, how often it was used) belongs to one origin: another one never sees
it, and is asked for a challenge of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from .._models import Cookies
from .._urls import Origin
from .challenges import DigestChallenge, choose_digest, next_nonce
from .flows import Auth
from .text import to_bytes

if TYPE_CHECKING:
    from .._models import Request, Response

# Challenges answered in one flow: the first, and those that say that a nonce is stale or come from a redirect.
MAX_ANSWERS = 5

# Origins remembered by one object; the oldest is forgotten, and costs one more challenge.
MAX_ORIGINS = 100


class DigestAuth(Auth):
    """Prove that the password is known without sending it.

    The first request to an origin goes without credentials and is challenged; the next ones answer that challenge at
    once. MD5, SHA-256, SHA-512-256 and SHA-512 are known, each with -sess, and both kinds of protection: "auth", and
    "auth-int", which covers the body and reads it into memory. The strongest challenge is answered.

    One object may serve several origins, tasks and threads. Text is encoded as UTF-8.

    Raises, from the call that sends the request:
        ProtocolError: the challenge makes no sense.
        StreamConsumed: the request must be sent again, and its body cannot be.
    """

    __module__ = "httpx"

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self._username = to_bytes(username)
        self._password = to_bytes(password)
        self._sessions: dict[Origin, _Session] = {}

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the request, and once more with the answer if it is challenged."""
        origin = Origin(request.url)
        session = self._sessions.get(origin)
        if session is not None and session.can_answer(request):
            self._authorize(request, session)
        answered: tuple[str, bytes] | None = None
        for _ in range(MAX_ANSWERS):
            response = yield request
            request = _final_request(request, response)
            if Origin(request.url) != origin:
                return  # redirected: the credentials are not for that one
            if response.status_code != 401:
                break
            challenge = choose_digest(response)
            if challenge is None:
                return
            if answered == (request.method, request.url.raw_path) and not challenge.is_stale:
                # The answer was right in form, so user name or password are wrong.
                self._forget(origin)
                return
            session = self._remember(origin, challenge)
            answered = (request.method, request.url.raw_path)
            _add_cookies(request, response)
            self._authorize(request, session)
        else:
            response = yield request
        if session is not None:
            session.note_next_nonce(response)

    # Private from here on.

    def _request_to_read(self, request: Request, response: Response | None) -> Request | None:
        if response is None:
            session = self._sessions.get(Origin(request.url))
            qop = None if session is None else session.challenge.qop
        elif response.status_code == 401:
            challenge = choose_digest(response)
            qop = None if challenge is None else challenge.qop
            request = _final_request(request, response)
        else:
            return None
        return request if qop == "auth-int" else super()._request_to_read(request, response)

    def _remember(self, origin: Origin, challenge: DigestChallenge) -> _Session:
        with _LOCK:
            session = self._sessions.get(origin)
            if session is not None and session.nonce == challenge.nonce:
                # The same nonce again, perhaps for another path: its uses are counted on.
                session.challenge = challenge
                return session
            session = _Session(challenge)
            if origin not in self._sessions and len(self._sessions) >= MAX_ORIGINS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[origin] = session
        return session

    def _forget(self, origin: Origin) -> None:
        with _LOCK:
            self._sessions.pop(origin, None)

    def _authorize(self, request: Request, session: _Session) -> None:
        request.headers.update([(b"Authorization", self._credentials(request, session))])

    def _credentials(self, request: Request, session: _Session) -> bytes:
        """Return the value of Authorization (RFC 7616 3.4)."""
        challenge = session.challenge
        nonce, nonce_count = session.use_nonce()
        cnonce = self._client_nonce(session, nonce, nonce_count)
        count = b"%08x" % nonce_count
        target = request.url.raw_path
        fields = self._username_fields(challenge)
        fields += [
            (b"realm", _quote(challenge.realm)),
            (b"nonce", _quote(nonce)),
            (b"uri", _quote(target)),
            (b"response", _quote(self._response(request, challenge, nonce=nonce, count=count, cnonce=cnonce))),
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

    def _response(
        self, request: Request, challenge: DigestChallenge, *, nonce: bytes, count: bytes, cnonce: bytes
    ) -> bytes:
        """Return the proof (RFC 7616 3.4.1 to 3.4.3)."""
        digest = challenge.hash
        secret = digest(b":".join((self._username, challenge.realm, self._password)))
        if challenge.is_session:
            secret = digest(b":".join((secret, nonce, cnonce)))
        message = request.method.encode("ascii") + b":" + request.url.raw_path
        if challenge.qop == "auth-int":
            message += b":" + digest(request.content)
        if challenge.qop is None:
            # RFC 2069 2.1.2
            return digest(b":".join((secret, nonce, digest(message))))
        return digest(b":".join((secret, nonce, count, cnonce, challenge.qop.encode("ascii"), digest(message))))

    def _username_fields(self, challenge: DigestChallenge) -> list[tuple[bytes, bytes]]:
        if challenge.is_userhash:
            # RFC 7616 3.4.4
            return [(b"username", _quote(challenge.hash(self._username + b":" + challenge.realm)))]
        if challenge.is_utf8 and not self._username.isascii():
            from urllib.parse import quote_from_bytes  # rare path

            # RFC 7616 3.4: what no quoted string holds is written as RFC 8187 says. Servers that do not speak of
            # UTF-8 are older than that, and get the bytes as they are.
            return [(b"username*", b"UTF-8''" + quote_from_bytes(self._username, safe="").encode("ascii"))]
        return [(b"username", _quote(self._username))]

    def _client_nonce(self, session: _Session, nonce: bytes, nonce_count: int) -> bytes:
        if not session.challenge.is_session:
            return self._get_client_nonce(nonce_count, nonce)
        # RFC 7616 3.4.2: the secret of a session is made with its first client nonce. With one for all requests it
        # does not matter whether a server keeps the secret or makes it anew.
        if session.cnonce is None:
            session.cnonce = self._get_client_nonce(nonce_count, nonce)
        return session.cnonce

    def _get_client_nonce(self, nonce_count: int, nonce: bytes) -> bytes:
        return os.urandom(8).hex().encode("ascii")


class _Session:
    """What is known of one origin: its challenge, and the nonce with the number of its uses."""

    __slots__ = ("challenge", "cnonce", "nonce", "nonce_count")

    def __init__(self, challenge: DigestChallenge) -> None:
        self.challenge = challenge
        self.nonce = challenge.nonce
        self.nonce_count = 0
        self.cnonce: bytes | None = None

    def can_answer(self, request: Request) -> bool:
        """Tell whether the challenge can be answered without reading the body of the request."""
        return self.challenge.qop != "auth-int" or hasattr(request, "_content")

    def use_nonce(self) -> tuple[bytes, int]:
        """Return the nonce and its count, which no two requests may share."""
        with _LOCK:
            self.nonce_count += 1
            return self.nonce, self.nonce_count

    def note_next_nonce(self, response: Response) -> None:
        """Go on with the nonce that a response names, if it names one."""
        values = [value for name, value in response.headers.raw if name.lower() == b"authentication-info"]
        nonce = next_nonce(values)
        with _LOCK:
            if nonce is not None and nonce != self.nonce:
                self.nonce, self.nonce_count, self.cnonce = nonce, 0, None


# One for all objects, so that these can be copied and pickled; it is held for a few instructions.
_LOCK = threading.Lock()


def _final_request(request: Request, response: Response) -> Request:
    """Return the request that a response answers: another one, if redirects were followed."""
    return request if response._request is None else response._request


def _add_cookies(request: Request, response: Response) -> None:
    """Let the request carry what the challenge sets: servers keep their nonces in sessions."""
    if "set-cookie" in response.headers and response._request is not None:
        cookies = Cookies()
        cookies.extract_cookies(response)
        cookies.set_cookie_header(request)


def _quote(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
