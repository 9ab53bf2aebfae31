"""The transports: how a client's requests are answered.

Their names are imported when they are first used, as those of `httpx` are: a program that has a transport of its own
never imports the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .asgi import ASGITransport
    from .base import AsyncBaseTransport, BaseTransport
    from .default import AsyncHTTPTransport, HTTPTransport
    from .mock import MockTransport
    from .wsgi import WSGITransport

# Where each name comes from.
_MODULES = {
    "ASGITransport": "asgi",
    "AsyncBaseTransport": "base",
    "AsyncHTTPTransport": "default",
    "BaseTransport": "base",
    "HTTPTransport": "default",
    "MockTransport": "mock",
    "WSGITransport": "wsgi",
}

__all__ = [
    "ASGITransport",
    "AsyncBaseTransport",
    "AsyncHTTPTransport",
    "BaseTransport",
    "HTTPTransport",
    "MockTransport",
    "WSGITransport",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None and name not in _MODULES.values():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if module is None:
        return import_module(f"{__name__}.{name}")
    return getattr(import_module(f"{__name__}.{module}"), name)
