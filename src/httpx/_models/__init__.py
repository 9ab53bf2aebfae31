"""The values that a user holds: header fields, cookies, requests and responses; with what programs import from here."""

from __future__ import annotations

from .._types import (
    AsyncByteStream,
    CookieTypes,
    HeaderTypes,
    QueryParamTypes,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
    ResponseContent,
    ResponseExtensions,
    SyncByteStream,
)
from .._urls import URL
from .cookies import Cookies
from .headers import Headers
from .request import Request
from .response import Response

__all__ = [
    "URL",
    "AsyncByteStream",
    "CookieTypes",
    "Cookies",
    "HeaderTypes",
    "Headers",
    "QueryParamTypes",
    "Request",
    "RequestContent",
    "RequestData",
    "RequestExtensions",
    "RequestFiles",
    "Response",
    "ResponseContent",
    "ResponseExtensions",
    "SyncByteStream",
]
