"""The exception tree.

Exception
├── HTTPError
│   ├── RequestError                      (has `.request`)
│   │   ├── TransportError
│   │   │   ├── TimeoutException
│   │   │   │   ├── ConnectTimeout        resolving, connecting, TLS
│   │   │   │   ├── ReadTimeout           waiting for bytes of the response
│   │   │   │   ├── WriteTimeout          waiting for room to send
│   │   │   │   └── PoolTimeout           waiting for a connection
│   │   │   ├── NetworkError
│   │   │   │   ├── ConnectError
│   │   │   │   ├── ReadError
│   │   │   │   ├── WriteError
│   │   │   │   └── CloseError
│   │   │   ├── ProtocolError
│   │   │   │   ├── LocalProtocolError    this side broke the protocol
│   │   │   │   └── RemoteProtocolError   the server did
│   │   │   ├── ProxyError
│   │   │   ├── SSEError                  what came is no event stream, or one event is too large
│   │   │   └── UnsupportedProtocol
│   │   ├── DecodingError                 a malformed content coding
│   │   └── TooManyRedirects
│   └── HTTPStatusError                   a 4xx or 5xx, by `raise_for_status()`
├── InvalidURL
├── CookieConflict
└── RuntimeError
    └── StreamError                       a body used in a way that its state forbids
        ├── StreamConsumed
        ├── StreamClosed
        ├── ResponseNotRead
        └── RequestNotRead
"""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Iterator

if typing.TYPE_CHECKING:
    from ._models import Request, Response


class HTTPError(Exception):
    """Base of everything that can go wrong with a request; catch it around a call and `raise_for_status()`."""

    __module__ = "httpx"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self._request: Request | None = None

    @property
    def request(self) -> Request:
        """The request that failed.

        Raises:
            RuntimeError: the exception was raised outside of any request.
        """
        if self._request is None:
            raise RuntimeError("The .request property has not been set.")
        return self._request

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request


class RequestError(HTTPError):
    """Base of the faults that happen while a request is sent or its response is read."""

    __module__ = "httpx"

    def __init__(self, message: str, *, request: Request | None = None) -> None:
        super().__init__(message)
        self._request = request


class TransportError(RequestError):
    """Base of the faults of the transport: network, protocol, proxy, time."""

    __module__ = "httpx"

    # What a multiplexed connection knows of the request, for the pool: that the server did nothing about it, or that
    # nothing came in answer.
    _is_unprocessed = False
    _is_unanswered = False


class TimeoutException(TransportError):
    """Base of the timeouts."""

    __module__ = "httpx"


class ConnectTimeout(TimeoutException):
    """The connection, its name resolution and TLS included, was not made in time."""

    __module__ = "httpx"


class ReadTimeout(TimeoutException):
    """The server sent nothing for too long."""

    __module__ = "httpx"


class WriteTimeout(TimeoutException):
    """The server took nothing for too long."""

    __module__ = "httpx"


class PoolTimeout(TimeoutException):
    """No connection of the pool became free in time."""

    __module__ = "httpx"


class NetworkError(TransportError):
    """Base of the faults of the network."""

    __module__ = "httpx"


class ReadError(NetworkError):
    """Reading from the connection failed."""

    __module__ = "httpx"


class WriteError(NetworkError):
    """Writing to the connection failed."""

    __module__ = "httpx"


class ConnectError(NetworkError):
    """The connection could not be made."""

    __module__ = "httpx"


class CloseError(NetworkError):
    """Closing the connection failed."""

    __module__ = "httpx"


class ProxyError(TransportError):
    """The proxy refused, or could not be spoken to."""

    __module__ = "httpx"


class SSEError(TransportError):
    """The response is no event stream, or an event of it is too large."""

    __module__ = "httpx"


class UnsupportedProtocol(TransportError):
    """The URL's scheme is not one that can be fetched."""

    __module__ = "httpx"


class ProtocolError(TransportError):
    """Base of the violations of the protocol."""

    __module__ = "httpx"


class LocalProtocolError(ProtocolError):
    """This side was about to violate the protocol: a malformed header, a body of the wrong length."""

    __module__ = "httpx"


class RemoteProtocolError(ProtocolError):
    """The server violated the protocol."""

    __module__ = "httpx"


class DecodingError(RequestError):
    """The body does not follow its Content-Encoding."""

    __module__ = "httpx"


class TooManyRedirects(RequestError):
    """More redirects than `max_redirects`."""

    __module__ = "httpx"


class HTTPStatusError(HTTPError):
    """The response is not a success; raised by `Response.raise_for_status()`."""

    __module__ = "httpx"

    def __init__(self, message: str, *, request: Request, response: Response) -> None:
        super().__init__(message)
        self.request = request
        self.response = response

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return _rebuild_status_error, (type(self), self.args, self._request, self.response)


class InvalidURL(Exception):
    """The URL cannot be parsed, or holds what no URL may hold."""

    __module__ = "httpx"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class CookieConflict(Exception):
    """Several cookies have that name; give `domain=` or `path=` to tell them apart."""

    __module__ = "httpx"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class StreamError(RuntimeError):
    """Base of the misuses of a body: read twice, read too late, not read."""

    __module__ = "httpx"

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # The text is not given to the constructors of those below.
        return _rebuild_stream_error, (type(self), self.args), vars(self)


class StreamConsumed(StreamError):
    """The body was streamed already and cannot be streamed again."""

    __module__ = "httpx"

    def __init__(self) -> None:
        super().__init__(
            "Attempted to read or stream some content, but the content has "
            "already been streamed. For requests, this could be due to passing "
            "a generator as request content, and then receiving a redirect "
            "response or a secondary request as part of an authentication flow."
            "For responses, this could be due to attempting to stream the response "
            "content more than once."
        )


class StreamClosed(StreamError):
    """The response was closed before its body was read."""

    __module__ = "httpx"

    def __init__(self) -> None:
        super().__init__("Attempted to read or stream content, but the stream has been closed.")


class ResponseNotRead(StreamError):
    """The body of a streamed response was asked for before it was read."""

    __module__ = "httpx"

    def __init__(self) -> None:
        super().__init__("Attempted to access streaming response content, without having called `read()`.")


class RequestNotRead(StreamError):
    """The body of a streamed request was asked for before it was read."""

    __module__ = "httpx"

    def __init__(self) -> None:
        super().__init__("Attempted to access streaming request content, without having called `read()`.")


# Private from here on.


@contextlib.contextmanager
def request_context(request: Request | None = None) -> Iterator[None]:
    """Let what is raised in the block name this request; for libraries that send requests in a way of their own."""
    try:
        yield
    except RequestError as exc:
        if request is not None:
            exc.request = request
        raise


def _rebuild_status_error(
    kind: type[HTTPStatusError], args: tuple[str], request: Request, response: Response
) -> HTTPStatusError:
    return kind(*args, request=request, response=response)


def _rebuild_stream_error(kind: type[StreamError], args: tuple[str]) -> StreamError:
    return kind.__new__(kind, *args)
