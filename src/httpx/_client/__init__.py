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
from .async_client import AsyncClient
from .sync_client import Client

__all__ = [
    "USER_AGENT",
    "USE_CLIENT_DEFAULT",
    "AsyncClient",
    "BaseClient",
    "Client",
    "ClientState",
    "EventHook",
    "UseClientDefault",
    "logger",
]
