"""A local origin for tests and examples: HTTP/1.1 on a real socket, plain or under TLS."""

from __future__ import annotations

from .certificates import Authority
from .server import Origin

__all__ = ["Authority", "Origin"]
