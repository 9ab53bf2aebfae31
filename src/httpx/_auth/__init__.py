"""Authentication: flows of requests and responses that a client walks through."""

from __future__ import annotations

from .digest import DigestAuth
from .flows import Auth, BasicAuth, FunctionAuth, NetRCAuth

__all__ = ["Auth", "BasicAuth", "DigestAuth", "FunctionAuth", "NetRCAuth"]
