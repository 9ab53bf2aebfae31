"""An HTTP client for Python: the HTTPX API, sync and async.

Names are imported when they are first used, so that a program pays for what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .__version__ import __description__, __title__, __version__
from ._httpcore import install_finder

if TYPE_CHECKING:
    from .__main__ import main
    from ._alias import alias_httpx, alias_httpx2
    from ._api import delete, get, head, options, patch, post, put, query, request, stream
    from ._auth import Auth, BasicAuth, DigestAuth, FunctionAuth, NetRCAuth
    from ._client import USE_CLIENT_DEFAULT, AsyncClient, Client
    from ._config import Limits, Proxy, Timeout, create_ssl_context
    from ._content import ByteStream
    from ._exceptions import (
        CloseError,
        ConnectError,
        ConnectTimeout,
        CookieConflict,
        DecodingError,
        HTTPError,
        HTTPStatusError,
        InvalidURL,
        LocalProtocolError,
        NetworkError,
        PoolTimeout,
        ProtocolError,
        ProxyError,
        ReadError,
        ReadTimeout,
        RemoteProtocolError,
        RequestError,
        RequestNotRead,
        ResponseNotRead,
        SSEError,
        StreamClosed,
        StreamConsumed,
        StreamError,
        TimeoutException,
        TooManyRedirects,
        TransportError,
        UnsupportedProtocol,
        WriteError,
        WriteTimeout,
    )
    from ._models import Cookies, Headers, Request, Response
    from ._protocols.sse import ServerSentEvent
    from ._query import QueryParams
    from ._sse import EventSource
    from ._status_codes import codes
    from ._timings import Timings
    from ._transports.asgi import ASGITransport
    from ._transports.base import AsyncBaseTransport, BaseTransport
    from ._transports.default import AsyncHTTPTransport, HTTPTransport
    from ._transports.mock import MockTransport
    from ._transports.wsgi import WSGITransport
    from ._types import AsyncByteStream, SyncByteStream
    from ._urls import URL, Origin

# Where each name comes from.
_SOURCES = {
    "__main__": "main",
    "_alias": "alias_httpx alias_httpx2",
    "_api": "delete get head options patch post put query request stream",
    "_auth": "Auth BasicAuth DigestAuth FunctionAuth NetRCAuth",
    "_client": "USE_CLIENT_DEFAULT AsyncClient Client",
    "_config": "Limits Proxy Timeout create_ssl_context",
    "_content": "ByteStream",
    "_exceptions": (
        "CloseError ConnectError ConnectTimeout CookieConflict DecodingError HTTPError HTTPStatusError InvalidURL "
        "LocalProtocolError NetworkError PoolTimeout ProtocolError ProxyError ReadError ReadTimeout "
        "RemoteProtocolError RequestError RequestNotRead ResponseNotRead SSEError StreamClosed StreamConsumed "
        "StreamError TimeoutException TooManyRedirects TransportError UnsupportedProtocol WriteError WriteTimeout"
    ),
    "_models": "Cookies Headers Request Response",
    "_protocols.sse": "ServerSentEvent",
    "_query": "QueryParams",
    "_sse": "EventSource",
    "_status_codes": "codes",
    "_timings": "Timings",
    "_transports.asgi": "ASGITransport",
    "_transports.base": "AsyncBaseTransport BaseTransport",
    "_transports.default": "AsyncHTTPTransport HTTPTransport",
    "_transports.mock": "MockTransport",
    "_transports.wsgi": "WSGITransport",
    "_types": "AsyncByteStream SyncByteStream",
    "_urls": "URL Origin",
}
_MODULES = {name: module for module, names in _SOURCES.items() for name in names.split()}

# Private modules that programs reach as attributes, `httpx._types.HeaderTypes`, without importing them.
_SUBMODULES = (
    "_api _auth _client _config _content _decoders _exceptions _models _multipart _status_codes _transports _types "
    "_urlparse _urls _utils"
)

__all__ = [
    "ASGITransport",
    "URL",
    "USE_CLIENT_DEFAULT",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "Auth",
    "BaseTransport",
    "BasicAuth",
    "ByteStream",
    "Client",
    "CloseError",
    "ConnectError",
    "ConnectTimeout",
    "CookieConflict",
    "Cookies",
    "DecodingError",
    "DigestAuth",
    "EventSource",
    "FunctionAuth",
    "HTTPError",
    "HTTPStatusError",
    "HTTPTransport",
    "Headers",
    "InvalidURL",
    "Limits",
    "LocalProtocolError",
    "MockTransport",
    "NetRCAuth",
    "NetworkError",
    "Origin",
    "PoolTimeout",
    "ProtocolError",
    "Proxy",
    "ProxyError",
    "QueryParams",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "RequestNotRead",
    "Response",
    "ResponseNotRead",
    "SSEError",
    "ServerSentEvent",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "SyncByteStream",
    "Timeout",
    "TimeoutException",
    "Timings",
    "TooManyRedirects",
    "TransportError",
    "UnsupportedProtocol",
    "WSGITransport",
    "WriteError",
    "WriteTimeout",
    "__description__",
    "__title__",
    "__version__",
    "alias_httpx",
    "alias_httpx2",
    "codes",
    "create_ssl_context",
    "delete",
    "get",
    "head",
    "main",
    "options",
    "patch",
    "post",
    "put",
    "query",
    "request",
    "stream",
]


# Nothing but respx and pytest-httpx finds anything by it.
install_finder()
del install_finder


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None and name not in _SUBMODULES.split():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if module is None:
        return import_module(f"{__name__}.{name}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
