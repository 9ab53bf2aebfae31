"""`Auth`, which an authentication scheme extends, and the schemes that need no challenge."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING

from .text import to_bytes

if TYPE_CHECKING:
    from netrc import netrc

    from .._models import Request, Response


class Auth:
    """Base of the authentication schemes: a generator of requests that is given their responses.

        class TokenAuth(httpx.Auth):
            def auth_flow(self, request):
                request.headers["X-Token"] = self.token
                response = yield request
                if response.status_code == 401:
                    self.token = ...
                    request.headers["X-Token"] = self.token
                    yield request

    `auth_flow` serves both clients and must not wait for anything. A scheme that has to (for a lock, or a file)
    overrides `sync_auth_flow` and `async_auth_flow` in its place.

    Set `requires_request_body` for a scheme that looks at the body of requests, and `requires_response_body` for one
    that looks at the body of responses: they are read first, then.
    """

    __module__ = "httpx"

    requires_request_body = False
    requires_response_body = False

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the requests to send, one after the other; the response to the last one is the answer.

        An answer that is not the last one is read and closed before the next request is sent.
        """
        yield request

    def sync_auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Walk through `auth_flow` for a `Client`, reading the bodies that it requires."""
        self._read_request(self._request_to_read(request, None))
        flow = self.auth_flow(request)
        try:
            request = next(flow)
            while True:
                response = yield request
                if self.requires_response_body:
                    response.read()
                self._read_request(self._request_to_read(request, response))
                try:
                    request = flow.send(response)
                except StopIteration:
                    return
        finally:
            flow.close()

    async def async_auth_flow(self, request: Request) -> AsyncGenerator[Request, Response]:
        """Walk through `auth_flow` for an `AsyncClient`, reading the bodies that it requires."""
        await self._aread_request(self._request_to_read(request, None))
        flow = self.auth_flow(request)
        try:
            request = next(flow)
            while True:
                response = yield request
                if self.requires_response_body:
                    await response.aread()
                await self._aread_request(self._request_to_read(request, response))
                try:
                    request = flow.send(response)
                except StopIteration:
                    return
        finally:
            flow.close()

    # Private from here on.

    def _request_to_read(self, request: Request, response: Response | None) -> Request | None:
        """Return the request whose body `auth_flow` looks at in its next step: the first one, or after a response."""
        return request if response is None and self.requires_request_body else None

    @staticmethod
    def _read_request(request: Request | None) -> None:
        if request is not None:
            request.read()

    @staticmethod
    async def _aread_request(request: Request | None) -> None:
        if request is not None:
            await request.aread()


class FunctionAuth(Auth):
    """Let a function change each request; what `auth=function` stands for.

    Args:
        func: takes the request and returns it, or another one.
    """

    __module__ = "httpx"

    def __init__(self, func: Callable[[Request], Request]) -> None:
        self._func = func

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield what the function returns."""
        yield self._func(request)


class BasicAuth(Auth):
    """Send user name and password with each request (RFC 7617); what `auth=(username, password)` stands for.

    Text is encoded as UTF-8. The password is readable to everyone on the way unless the URL is https.
    """

    __module__ = "httpx"

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self._auth_header = _basic_credentials(username, password)

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the request with the credentials."""
        request.headers["Authorization"] = self._auth_header
        yield request


class NetRCAuth(Auth):
    """Send the user name and password that a netrc file holds for the host of the request, if it holds any.

    Args:
        file: path of the file; by default `.netrc` in the home directory. It is read once.

    Raises:
        OSError: the file cannot be read.
        netrc.NetrcParseError: it is no netrc file, or others may read the default one.
    """

    __module__ = "httpx"

    _netrc_info: netrc

    def __init__(self, file: str | None = None) -> None:
        import netrc  # rare path

        self._netrc_info = netrc.netrc(file)

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the request, with the credentials for its host if there are any."""
        entry = self._netrc_info.authenticators(request.url.host)
        if entry is not None and entry[2]:
            request.headers["Authorization"] = _basic_credentials(entry[0], entry[2])
        yield request


# Private from here on.


def _basic_credentials(username: str | bytes, password: str | bytes) -> str:
    return "Basic " + b64encode(to_bytes(username) + b":" + to_bytes(password)).decode("ascii")
