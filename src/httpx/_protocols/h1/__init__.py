"""The client's side of HTTP/1.1 (RFC 9112) without I/O: bytes in, values out."""

from __future__ import annotations

from .decoder import ResponseDecoder
from .encoder import ChunkedEncoder, LengthEncoder, RequestFraming, encode_head, request_framing
from .head import DEFAULT_LIMITS, DecoderLimits, ResponseHead

__all__ = [
    "DEFAULT_LIMITS",
    "ChunkedEncoder",
    "DecoderLimits",
    "LengthEncoder",
    "RequestFraming",
    "ResponseDecoder",
    "ResponseHead",
    "encode_head",
    "request_framing",
]
