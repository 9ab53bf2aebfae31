"""`DigestAuth`: when to answer which challenge, and what is remembered for the next request.

What is remembered between requests (the nonce, how often it was used) belongs to one origin: another one never sees
it, and is asked for a challenge of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from .._exceptions import RemoteProtocolError
from .._models import Cookies
from .._protocols.challenges import DigestChallenge, choose_digest
from .._protocols.digest import DigestSession
from .._urls import Origin
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
        self._sessions: dict[Origin, DigestSession] = {}

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the request, and once more with the answer if it is challenged."""
        origin = Origin(request.url)
        session = self._sessions.get(origin)
        if session is not None and _can_answer(session, request):
            self._authorize(request, session)
        answered: tuple[str, bytes] | None = None
        for _ in range(MAX_ANSWERS):
            response = yield request
            request = _final_request(request, response)
            if Origin(request.url) != origin:
                return  # redirected: the credentials are not for that one
            if response.status_code != 401:
                break
            challenge = _choose_digest(response)
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
            session.note_next_nonce(_field_values(response, b"authentication-info"))

    # Private from here on.

    def _request_to_read(self, request: Request, response: Response | None) -> Request | None:
        if response is None:
            session = self._sessions.get(Origin(request.url))
            qop = None if session is None else session.challenge.qop
        elif response.status_code == 401:
            challenge = _choose_digest(response)
            qop = None if challenge is None else challenge.qop
            request = _final_request(request, response)
        else:
            return None
        return request if qop == "auth-int" else super()._request_to_read(request, response)

    def _remember(self, origin: Origin, challenge: DigestChallenge) -> DigestSession:
        with _LOCK:
            session = self._sessions.get(origin)
            if session is not None and session.nonce == challenge.nonce:
                # The same nonce again, perhaps for another path: its uses are counted on.
                session.challenge = challenge
                return session
            session = DigestSession(challenge)
            if origin not in self._sessions and len(self._sessions) >= MAX_ORIGINS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[origin] = session
        return session

    def _forget(self, origin: Origin) -> None:
        with _LOCK:
            self._sessions.pop(origin, None)

    def _authorize(self, request: Request, session: DigestSession) -> None:
        request.headers.update([(b"Authorization", self._credentials(request, session))])

    def _credentials(self, request: Request, session: DigestSession) -> bytes:
        """Return the value of Authorization."""
        return session.answer(
            self._username,
            self._password,
            method=request.method.encode("ascii"),
            target=request.url.raw_path,
            content=lambda: request.content,
            make_client_nonce=self._get_client_nonce,
        )

    def _get_client_nonce(self, nonce_count: int, nonce: bytes) -> bytes:
        return os.urandom(8).hex().encode("ascii")


# Held for a few instructions; one for all objects, so that these can be copied and pickled.
_LOCK = threading.Lock()


def _can_answer(session: DigestSession, request: Request) -> bool:
    """Tell whether the challenge can be answered without reading the body of the request."""
    return session.challenge.qop != "auth-int" or hasattr(request, "_content")


def _choose_digest(response: Response) -> DigestChallenge | None:
    try:
        return choose_digest(_field_values(response, b"www-authenticate"))
    except RemoteProtocolError as exc:
        exc._request = response._request
        raise


def _field_values(response: Response, name: bytes) -> list[bytes]:
    return [value for key, value in response.headers.raw if key.lower() == name]


def _final_request(request: Request, response: Response) -> Request:
    """Return the request that a response answers: another one, if redirects were followed."""
    return request if response._request is None else response._request


def _add_cookies(request: Request, response: Response) -> None:
    """Let the request carry what the challenge sets: servers keep their nonces in sessions."""
    if "set-cookie" in response.headers and response._request is not None:
        cookies = Cookies()
        cookies.extract_cookies(response)
        cookies.set_cookie_header(request)
