"""The values that a user holds: header fields, cookies, requests and responses."""

from __future__ import annotations

from .cookies import Cookies
from .headers import Headers
from .request import Request
from .response import Response

__all__ = ["Cookies", "Headers", "Request", "Response"]
