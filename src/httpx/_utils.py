"""Private names of HTTPX 0.28 that programs import from here; nothing of this library does."""

from __future__ import annotations

from ._auth.text import to_bytes, to_bytes_or_str, to_str, unquote
from ._mounts import URLPattern, get_environment_proxies, is_ipv4_hostname, is_ipv6_hostname
from ._multipart import peek_filelike_length, primitive_value_to_str

__all__ = [
    "URLPattern",
    "get_environment_proxies",
    "is_ipv4_hostname",
    "is_ipv6_hostname",
    "peek_filelike_length",
    "primitive_value_to_str",
    "to_bytes",
    "to_bytes_or_str",
    "to_str",
    "unquote",
]
