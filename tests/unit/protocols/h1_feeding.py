"""Feed responses to the HTTP/1.1 decoder in any cut, as a connection would, and tell what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from httpx._protocols.fields import FieldList
from httpx._protocols.h1 import DEFAULT_LIMITS, DecoderLimits, ResponseDecoder, ResponseHead


@dataclass
class Outcome:
    """What a decoder made of one exchange; `has_ended` tells whether the end of the stream was needed for it."""

    status_codes: list[int] = field(default_factory=list)
    fields: FieldList = field(default_factory=list)
    reason_phrase: bytes = b""
    http_version: bytes = b""
    body: bytes = b""
    trailers: FieldList = field(default_factory=list)
    content_length: int | None = None
    is_upgraded: bool = False
    can_reuse: bool = False
    has_ended: bool = False
    rest: bytes = b""


def decode(
    parts: Iterable[bytes],
    *,
    method: str = "GET",
    limits: DecoderLimits = DEFAULT_LIMITS,
    is_truncated: bool = False,
) -> Outcome:
    """Decode one response from these parts, then the end of the stream if it is still incomplete.

    `rest` is all that was not part of the response, whether the decoder has seen it or not; `can_reuse` is taken at the
    moment the response is complete.
    """
    decoder = ResponseDecoder(limits=limits)
    decoder.reset(method)
    outcome = Outcome()
    feed = iter(parts)
    head = _read_head(decoder, feed, outcome)
    outcome.fields, outcome.reason_phrase, outcome.http_version = head.fields, head.reason_phrase, head.http_version
    body = [decoder.take_buffered()]
    while not decoder.is_done:
        data = next(feed, b"")
        if data:
            body.append(decoder.receive_body(data))
        else:
            outcome.has_ended = True
            decoder.receive_end(is_truncated=is_truncated)
    outcome.body = b"".join(body)
    outcome.can_reuse = decoder.can_reuse
    outcome.trailers = decoder.trailers
    outcome.content_length = decoder.content_length
    outcome.is_upgraded = decoder.is_upgraded
    outcome.rest = decoder.leftover + b"".join(feed)
    return outcome


def decode_in_all_cuts(data: bytes, *, method: str = "GET") -> Outcome:
    """Decode data whole, byte by byte and in some sizes; see that all agree, and return what they agree on."""
    outcome = decode([data], method=method)
    for size in (1, 2, 3, 7, 64):
        other = decode(cut(data, size), method=method)
        # What follows the response arrives with it or not; only that may differ.
        other.can_reuse = other.can_reuse and not other.rest
        assert other == outcome
    return outcome


def cut(data: bytes, size: int) -> list[bytes]:
    """Return data in parts of this size."""
    return [data[position : position + size] for position in range(0, len(data), size)]


# Private from here on.


def _read_head(decoder: ResponseDecoder, feed: Iterator[bytes], outcome: Outcome) -> ResponseHead:
    while True:
        head = decoder.next_head() or decoder.receive_head(next(feed, b""))
        if head is None:
            continue
        outcome.status_codes.append(head.status_code)
        if head.status_code >= 200 or head.status_code == 101:
            return head
