"""The two clients, with the names that programs import from here."""

from __future__ import annotations

from .._client_base import (
    USE_CLIENT_DEFAULT,
    USER_AGENT,
    BaseClient,
    ClientState,
    EventHook,
    UseClientDefault,
    logger,
)
from .._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG
from .._types import (
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
    TimeoutTypes,
)
from .async_client import AsyncClient
from .sync_client import Client

__all__ = [
    "DEFAULT_LIMITS",
    "DEFAULT_MAX_REDIRECTS",
    "DEFAULT_TIMEOUT_CONFIG",
    "USER_AGENT",
    "USE_CLIENT_DEFAULT",
    "AsyncClient",
    "AuthTypes",
    "BaseClient",
    "CertTypes",
    "Client",
    "ClientState",
    "CookieTypes",
    "EventHook",
    "HeaderTypes",
    "ProxyTypes",
    "QueryParamTypes",
    "RequestContent",
    "RequestData",
    "RequestExtensions",
    "RequestFiles",
    "TimeoutTypes",
    "UseClientDefault",
    "logger",
]
