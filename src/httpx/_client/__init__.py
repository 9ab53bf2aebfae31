"""The two clients, with the names that programs import from here."""

from __future__ import annotations

from typing import Any

from .._client_base import BaseClient, logger
from .._client_settings import USE_CLIENT_DEFAULT, USER_AGENT, ClientState, EventHook, UseClientDefault
from .._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, Limits, Proxy, Timeout
from .._decoders import accepted_codings
from .._exceptions import InvalidURL, RemoteProtocolError, TooManyRedirects, request_context
from .._models import Cookies, Headers, Request, Response
from .._mounts import URLPattern, get_environment_proxies
from .._query import QueryParams
from .._status_codes import codes
from .._transports.base import AsyncBaseTransport, BaseTransport
from .._types import (
    AsyncByteStream,
    AuthTypes,
    CertTypes,
    CookieTypes,
    HeaderTypes,
    ProxyTypes,
    QueryParamTypes,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
    SyncByteStream,
    TimeoutTypes,
)
from .._urls import URL
from .async_client import AsyncClient
from .sync_client import Client

__all__ = [
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AuthTypes",
    "BaseClient",
    "BaseTransport",
    "CertTypes",
    "Client",
    "ClientState",
    "CookieTypes",
    "Cookies",
    "DEFAULT_LIMITS",
    "DEFAULT_MAX_REDIRECTS",
    "DEFAULT_TIMEOUT_CONFIG",
    "EventHook",
    "HeaderTypes",
    "Headers",
    "InvalidURL",
    "Limits",
    "Proxy",
    "ProxyTypes",
    "QueryParamTypes",
    "QueryParams",
    "RemoteProtocolError",
    "Request",
    "RequestContent",
    "RequestData",
    "RequestExtensions",
    "RequestFiles",
    "Response",
    "SyncByteStream",
    "Timeout",
    "TimeoutTypes",
    "TooManyRedirects",
    "URL",
    "URLPattern",
    "USER_AGENT",
    "USE_CLIENT_DEFAULT",
    "UseClientDefault",
    "codes",
    "get_environment_proxies",
    "logger",
    "request_context",
]

# Where names come from that most programs have no use for.
_LAZY = {
    "AsyncHTTPTransport": "_transports.default",
    "Auth": "_auth",
    "BasicAuth": "_auth",
    "FunctionAuth": "_auth",
    "HTTPTransport": "_transports.default",
}


def __getattr__(name: str) -> Any:
    if name == "ACCEPT_ENCODING":
        return accepted_codings()
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"httpx.{module}"), name)
