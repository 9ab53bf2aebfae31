"""Write the fields of a request as HTTP/2 has them (RFC 9113 8.3.1): pseudo-fields first, the others in lower case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..._exceptions import LocalProtocolError
from ..fields import SENSITIVE_FIELDS, TOKEN_CHARACTER, FieldList, check_fields, quote
from ..h1.encoder import request_framing

# Bytes. Two parameters are defined, and more may come; a frame could hold 16 KiB.
MAX_PRIORITY_SIZE = 1024

# Lists of fields whose HTTP/2 form is kept, and requests with one of them.
MAX_KNOWN_FIELDS = 256
MAX_KNOWN_HEADS = 64
MAX_KEPT_TARGET_SIZE = 1024  # bytes


class RequestHead(NamedTuple):
    """The fields of a request; `content_length` is what they announce, None if nothing.

    One that `is_kept` is the same object for the next request that is alike, and nobody changes its fields.
    """

    fields: FieldList
    content_length: int | None
    is_kept: bool = False


def make_request_head(
    method: bytes,
    scheme: bytes,
    target: bytes,
    fields: FieldList,
    *,
    protocol: bytes | None = None,
    is_valid_target: bool = False,
) -> RequestHead:
    """Return the head of a request whose fields are as for HTTP/1.1, Host among them.

    With a protocol it is an extended CONNECT (RFC 8441). `is_valid_target` tells that the target is within the grammar.

    Raises:
        LocalProtocolError: the method, the target, or a field is outside the grammar, or Host is missing or repeated.
    """
    key = tuple(fields)
    known = _known.get(key)
    # Neither what may be a secret, as in a query, nor what is large.
    may_keep = is_valid_target and protocol is None and b"?" not in target and len(target) <= MAX_KEPT_TARGET_SIZE
    if known is None:
        known = _convert(fields)
        # What may be a secret is not kept.
        if all(name not in SENSITIVE_FIELDS and name in _PUBLIC_FIELDS for name, _ in known.fields):
            if len(_known) >= MAX_KNOWN_FIELDS:
                _known.clear()
            _known[key] = known
        else:
            may_keep = False
    elif may_keep:
        head = known.heads.get((method, scheme, target))
        if head is not None:
            return head
    is_valid = is_valid_target and method in _METHODS
    if not is_valid and _METHOD_AND_TARGET.fullmatch(b"%b %b" % (method, target)) is None:
        _refuse(method)
    if protocol is not None and (method != b"CONNECT" or _PROTOCOL.fullmatch(protocol) is None):
        raise LocalProtocolError(f"The protocol {quote(protocol)} is no token, or its request is no CONNECT")
    pseudo_fields = [(b":method", method)]
    if method == b"CONNECT" and protocol is None:
        # RFC 9113 8.5: the authority is all there is.
        pseudo_fields.append((b":authority", target))
    else:
        if protocol is not None:
            pseudo_fields.append((b":protocol", protocol))
        pseudo_fields += (b":scheme", scheme), (b":authority", known.authority), (b":path", target)
    may_keep = may_keep and method in _METHODS
    # Speed: the constructor of a named tuple is one call more.
    new_head = tuple.__new__(RequestHead, (pseudo_fields + known.fields, known.content_length, may_keep))
    if may_keep:
        if len(known.heads) >= MAX_KNOWN_HEADS:
            known.heads.clear()
        known.heads[method, scheme, target] = new_head
    return new_head


def make_trailers(trailers: Mapping[str, str] | FieldList) -> FieldList:
    """Return the trailer fields of a request.

    Raises:
        LocalProtocolError: one is outside the grammar, or has no place in a trailer section.
    """
    items = trailers.items() if isinstance(trailers, Mapping) else trailers
    fields = [(_as_bytes(name).lower(), _as_bytes(value)) for name, value in items]
    check_fields(fields)
    for name, _ in fields:
        # RFC 9110 6.5.1: nothing that frames, routes or authenticates a message.
        if name in _DROPPED_FIELDS or name in _NO_TRAILERS:
            raise LocalProtocolError(f"{quote(name)} cannot be sent in a trailer section")
    return fields


def check_priority(priority: str | bytes) -> bytes:
    """Return a priority as PRIORITY_UPDATE has it (RFC 9218 7).

    Raises:
        LocalProtocolError: it is no text that a field value could be.
    """
    value = priority.encode("utf-8", "surrogatepass") if isinstance(priority, str) else priority
    if not isinstance(value, bytes) or len(value) > MAX_PRIORITY_SIZE or _PRIORITY.fullmatch(value) is None:
        raise LocalProtocolError(
            f"Illegal priority {priority!r:.100}: it is text like 'u=3, i', of {MAX_PRIORITY_SIZE} bytes at most"
        )
    return value


# Private from here on.


class _Known(NamedTuple):
    authority: bytes
    fields: FieldList
    content_length: int | None
    # By method, scheme and target.
    heads: dict[tuple[bytes, bytes, bytes], RequestHead]


_known: dict[tuple[tuple[bytes, bytes], ...], _Known] = {}

_METHODS = frozenset({b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS"})
_METHOD_AND_TARGET = re.compile(TOKEN_CHARACTER + rb"++ [\x21-\x7e]++")
# RFC 9651: what structured fields are made of.
_PRIORITY = re.compile(rb"[\x20-\x7e]*")
_METHOD = re.compile(TOKEN_CHARACTER + rb"++")
# RFC 9110 7.8: a name, and a version if it has one.
_PROTOCOL = re.compile(TOKEN_CHARACTER + rb"++(?:/" + TOKEN_CHARACTER + rb"++)?+")

# RFC 9113 8.2.2: what is about an HTTP/1.1 connection, default fields of the client among it. Host becomes :authority.
_DROPPED_FIELDS = frozenset(
    {b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"http2-settings"}
)

_NO_TRAILERS = frozenset({b"content-length", b"te", b"trailer", b"authorization", b"cookie", b"content-encoding"})

# What tells nothing about the user, as in `h1.encoder`.
_PUBLIC_FIELDS = frozenset(
    {
        *(b"accept", b"accept-encoding", b"accept-language", b"user-agent"),
        *(b"content-length", b"content-type", b"cache-control", b"te"),
    }
)


def _convert(fields: FieldList) -> _Known:
    check_fields(fields)
    framing = request_framing(fields)
    authority = None
    dropped = set(_DROPPED_FIELDS)
    converted: FieldList = []
    for name, value in fields:
        name = name.lower()
        if name == b"host":
            if authority is not None:
                raise LocalProtocolError("Found multiple Host: headers")
            authority = value
        elif name == b"connection":
            # RFC 9110 7.6.1: what it names is about the connection, too.
            dropped.update(option.strip(b" \t") for option in value.lower().split(b","))
        converted.append((name, value))
    # RFC 9110 10.1.4: in HTTP/1.1 it must be named there, and RFC 9113 8.2.2 excepts it.
    dropped.discard(b"te")
    if authority is None:
        raise LocalProtocolError("Missing mandatory Host: header")
    # RFC 9113 8.2.2: TE may say "trailers", and nothing else.
    kept = [
        field
        for field in converted
        if field[0] not in dropped and (field[0] != b"te" or field[1].lower() == b"trailers")
    ]
    return _Known(authority, kept, framing.content_length, {})


def _refuse(method: bytes) -> None:
    if _METHOD.fullmatch(method) is None:
        raise LocalProtocolError(f"Illegal method characters in {quote(method)}")
    raise LocalProtocolError(
        "Illegal target characters: it is empty, or whitespace, control or non-ASCII characters "
        "in it are not percent-encoded"
    )


def _as_bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("ascii")
    except UnicodeEncodeError as exc:
        raise LocalProtocolError(f"{text!r} cannot be sent in a trailer section: it is not ASCII") from exc
