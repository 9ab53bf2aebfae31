"""Answer requests by calling a WSGI application in this process (PEP 3333): for tests, and for gateways.

The application is called by the thread that sends the request, and runs on as its response is read: a part is asked
for when the reader wants it. Header fields may be changed until the first part of the body that is not empty, as in a
server, so that part is asked for before the response is there.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from .._exceptions import RemoteProtocolError
from .._models import Request, Response
from .._types import SyncByteStream
from .base import BaseTransport

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication

    _ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class WSGITransport(BaseTransport):
    """Send requests to a WSGI application, for a `Client`.

        transport = httpx.WSGITransport(app=app)
        with httpx.Client(transport=transport, base_url="http://testserver") as client:
            response = client.get("/")

    Args:
        app: the application.
        raise_app_exceptions: raise what the application raises or reports to `start_response`; otherwise it is a
            response with status 500, the response that it reports, or a broken body if the response had begun.
        script_name: where the application is mounted.
        remote_addr: the address that the application takes the client's to be.
        wsgi_errors: what the application writes its errors to, by default `sys.stderr`.
    """

    __module__ = "httpx"

    def __init__(
        self,
        app: WSGIApplication,
        raise_app_exceptions: bool = True,
        script_name: str = "",
        remote_addr: str = "127.0.0.1",
        wsgi_errors: TextIO | None = None,
    ) -> None:
        self.app = app
        self.raise_app_exceptions = raise_app_exceptions
        self.script_name = script_name
        self.remote_addr = remote_addr
        self.wsgi_errors = wsgi_errors

    def handle_request(self, request: Request) -> Response:
        """Call the application, and return its response; the body is still to be asked for.

        Raises:
            RemoteProtocolError: the application did not call `start_response`.
            Exception: what the application raised before the first part of its body.
        """
        if not isinstance(request.stream, SyncByteStream):
            raise RuntimeError("Attempted to send an async request with a sync Client instance.")
        starter = _Starter()
        stream = WSGIByteStream(request, starter, is_raising=self.raise_app_exceptions)
        try:
            stream.begin(self.app(self._make_environ(request, request.stream), starter))
            if starter.error is not None and self.raise_app_exceptions:
                raise starter.error
        except BaseException as exc:
            stream.close()
            if self.raise_app_exceptions or not isinstance(exc, Exception):
                raise
            return Response(500, stream=_EmptyStream())
        if not starter.status:
            stream.close()
            raise RemoteProtocolError(
                "The WSGI application did not call start_response() before the first part of its body.", request=request
            )
        starter.is_sent = True
        return Response(int(starter.status.split(None, 1)[0]), headers=starter.headers, stream=stream)

    # Private from here on.

    def _make_environ(self, request: Request, body: SyncByteStream) -> dict[str, Any]:
        from urllib.parse import unquote_to_bytes  # not needed by programs without WSGI

        url = request.url
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": _make_input(request, body),
            # What many servers say: a body without Content-Length has an end as well.
            "wsgi.input_terminated": True,
            "wsgi.errors": self.wsgi_errors or sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self.script_name,
            # PEP 3333, "Unicode Issues": text that holds bytes, one a character.
            "PATH_INFO": unquote_to_bytes(url.raw_path.partition(b"?")[0]).decode("latin-1"),
            "QUERY_STRING": url.query.decode("ascii"),
            "SERVER_NAME": url.raw_host.decode("ascii"),
            "SERVER_PORT": str(url.origin.port or ""),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.remote_addr,
        }
        _add_fields(environ, request.headers.raw)
        return environ


class WSGIByteStream(SyncByteStream):
    """The body of a response, as the application makes it."""

    def __init__(self, request: Request, starter: _Starter, *, is_raising: bool) -> None:
        self._request = request
        self._starter = starter
        self._is_raising = is_raising
        self._result: Any = ()
        self._parts: Iterator[bytes] = iter(())
        self._first: bytes | None = None

    def begin(self, result: Any) -> None:
        """Take over what the application returned, and ask it for the first part that is not empty."""
        self._result = result
        self._parts = iter(result)
        self._first = self._next_part()

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the parts of the body.

        Raises:
            RemoteProtocolError: the application failed, and its exceptions are not to be raised.
            Exception: what the application raised.
        """
        part, self._first = self._first, None
        # RFC 9110 9.3.2: no response to HEAD has a body.
        while part is not None and self._request.method != "HEAD":
            yield part
            try:
                part = self._next_part()
            except Exception as exc:
                if self._is_raising:
                    raise
                raise RemoteProtocolError(
                    "The WSGI application failed before its response was complete.", request=self._request
                ) from exc

    def close(self) -> None:
        """Close what the application returned, read to its end or not."""
        result, self._result = self._result, ()
        if hasattr(result, "close"):
            result.close()

    # Private from here on.

    def _next_part(self) -> bytes | None:
        """Return what comes next, and is not empty; None at the end of the body."""
        while True:
            # What was passed to `write` comes before the part during which it was.
            if self._starter.written:
                part = b"".join(self._starter.written)
                self._starter.written.clear()
                if part:
                    return part
            for part in self._parts:
                self._starter.written.append(part)
                break
            else:
                if not self._starter.written:
                    return None


# Private from here on.


class _EmptyStream(SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        return iter(())


class _Starter:
    """The `start_response` of one request, and what it was told."""

    __slots__ = ("error", "headers", "is_sent", "status", "written")

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.written: list[bytes] = []
        self.error: BaseException | None = None
        self.is_sent = False

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /) -> Any:
        if exc_info is not None and exc_info[1] is not None:
            # PEP 3333: what was sent cannot be taken back, so the error goes on its way.
            if self.is_sent:
                raise exc_info[1]
            self.error = exc_info[1]
        elif self.status:
            raise RuntimeError("The WSGI application called start_response() twice, without exc_info.")
        self.status = status
        self.headers = headers
        return self.written.append


class _Input(io.RawIOBase):
    """A request's body as a file, read as far as the application reads."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _make_input(request: Request, body: SyncByteStream) -> io.BufferedIOBase:
    if hasattr(request, "_content"):
        return io.BytesIO(request.content)
    return io.BufferedReader(_Input(iter(body)))


def _add_fields(environ: dict[str, Any], fields: list[tuple[bytes, bytes]]) -> None:
    """Add the header fields by their names in CGI (RFC 3875 4.1.18); those of repeated ones are joined."""
    for raw_name, raw_value in fields:
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        separator = "; " if name == "HTTP_COOKIE" else ", "
        environ[name] = f"{environ[name]}{separator}{value}" if name in environ else value
