"""Turn what callers give as a body (content, data, files, json, text, html) into header fields and a byte stream.

A body may have to be sent more than once: after a redirect, an authentication challenge, or on a fresh connection.
The streams made here therefore know whether they can start again, and say so as `_is_replayable`. Whoever sends a
request again asks `getattr(stream, "_is_replayable", False)` first, since a stream of the user's own says nothing:

- bytes, and objects whose `__iter__` starts anew (a list, a class of the user's): always;
- files that can seek: always, each time from where they stood when the request was made;
- iterators, generators, pipes and sockets: only while nothing was taken from them.

A stream that cannot start again raises StreamConsumed; it never yields an empty body in place of the lost one.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from ._exceptions import StreamClosed, StreamConsumed
from ._multipart import (
    AsyncChunks,
    MultipartStream,
    peek_filelike_length,
    peek_position,
    primitive_value_to_str,
    read_chunks,
)
from ._types import AsyncByteStream, RequestContent, RequestData, RequestFiles, ResponseContent, SyncByteStream

__all__ = ["ByteStream"]


class ByteStream(AsyncByteStream, SyncByteStream):
    """A body that is held in memory, for both clients."""

    __module__ = "httpx"

    _is_replayable = True

    def __init__(self, stream: bytes) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the one part of the body."""
        return iter((self._stream,))

    # A plain method in place of the base's async generator: it costs no coroutine to start and none to close.
    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return an async iterator over the one part of the body."""
        return AsyncChunks(iter((self._stream,)))


class IteratorByteStream(SyncByteStream):
    """A body that an iterable or a binary file yields, for the sync client."""

    CHUNK_SIZE = 64 * 1024  # bytes read from a file at a time

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self._is_stream_consumed = False
        self._start = peek_position(stream) if hasattr(stream, "read") else None

    @property
    def _is_replayable(self) -> bool:
        stream: Any = self._stream
        if not self._is_stream_consumed:
            return True
        if hasattr(stream, "read"):
            return self._start is not None
        return _can_iterate_again(stream, "__next__")

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the body.

        Raises:
            StreamConsumed: it was iterated before and cannot start again.
        """
        if not self._is_replayable:
            raise StreamConsumed()
        self._is_stream_consumed = True
        stream: Any = self._stream
        if not hasattr(stream, "read"):
            return iter(self._stream)
        if self._start is not None:
            stream.seek(self._start)
        return read_chunks(stream, self.CHUNK_SIZE)


class AsyncIteratorByteStream(AsyncByteStream):
    """A body that an async iterable yields, for the async client."""

    CHUNK_SIZE = 64 * 1024  # bytes read from an object with `aread` at a time

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream
        self._is_stream_consumed = False

    @property
    def _is_replayable(self) -> bool:
        if not self._is_stream_consumed:
            return True
        return not hasattr(self._stream, "aread") and _can_iterate_again(self._stream, "__anext__")

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return an async iterator over the body.

        Raises:
            StreamConsumed: it was iterated before and cannot start again.
        """
        if not self._is_replayable:
            raise StreamConsumed()
        self._is_stream_consumed = True
        if hasattr(self._stream, "aread"):
            return _AsyncReads(self._stream, self.CHUNK_SIZE)
        return aiter(self._stream)


class UnattachedStream(AsyncByteStream, SyncByteStream):
    """The place of a stream that was lost, as when a request or response was pickled before it was read."""

    _is_replayable = False

    def __iter__(self) -> Iterator[bytes]:
        """Refuse.

        Raises:
            StreamClosed: always.
        """
        raise StreamClosed()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Refuse.

        Raises:
            StreamClosed: always.
        """
        raise StreamClosed()


def encode_request(
    content: RequestContent | None = None,
    data: RequestData | None = None,
    files: RequestFiles | None = None,
    json: Any | None = None,
    boundary: bytes | None = None,
) -> tuple[dict[str, str], SyncByteStream | AsyncByteStream]:
    """Return the header fields and the stream of a request's body; content wins over files and data, these over json.

    Raises:
        TypeError: a value of a type that no body can be made of.
    """
    if content is None and data is None and files is None and json is None:
        return {}, _EMPTY
    if data is not None and not isinstance(data, Mapping):
        _warn_of_raw_data()
        return encode_content(data)
    if content is not None:
        return encode_content(content)
    if files:
        return encode_multipart_data(data or {}, files, boundary)
    if data:
        return encode_urlencoded_data(data)
    if json is not None:
        return encode_json(json)
    return {}, _EMPTY


def encode_raw(
    content: RequestContent | None, data: RequestData | None, json: Any | None
) -> tuple[list[tuple[bytes, bytes]], SyncByteStream | AsyncByteStream]:
    """Return what `encode_request` does, the fields as bytes."""
    fields, stream = encode_request(content, data, None, json)
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in fields.items()], stream


def encode_response(
    content: ResponseContent | None = None,
    text: str | None = None,
    html: str | None = None,
    json: Any | None = None,
) -> tuple[dict[str, str], SyncByteStream | AsyncByteStream]:
    """Return the header fields and the stream of a response's body; the first argument that is given wins.

    Raises:
        TypeError: a value of a type that no body can be made of.
    """
    if content is not None:
        return encode_content(content)
    if text is not None:
        return encode_text(text)
    if html is not None:
        return encode_html(html)
    if json is not None:
        return encode_json(json)
    return {}, _EMPTY


def encode_content(
    content: str | bytes | Iterable[bytes] | AsyncIterable[bytes],
) -> tuple[dict[str, str], SyncByteStream | AsyncByteStream]:
    """Encode text, bytes, a binary file or an iterable; chunked if its size is not known.

    Raises:
        TypeError: it is none of these, or a file in text mode.
    """
    if isinstance(content, str):
        content = content.encode("utf-8")
    elif isinstance(content, (bytearray, memoryview)):
        content = bytes(content)  # as iterables they would yield integers
    if isinstance(content, bytes):
        return ({"Content-Length": str(len(content))}, ByteStream(content)) if content else ({}, _EMPTY)
    if isinstance(content, io.TextIOBase):
        raise TypeError(f"A file given as 'content' must be opened in binary mode, not text mode: {content!r}")
    if isinstance(content, Iterable) and not isinstance(content, Mapping):
        size = _remaining_size(content)
        # RFC 9112 6.3: a body has a Content-Length, or is chunked.
        fields = {"Transfer-Encoding": "chunked"} if size is None else {"Content-Length": str(size)}
        return fields, IteratorByteStream(content)
    if isinstance(content, AsyncIterable):
        return {"Transfer-Encoding": "chunked"}, AsyncIteratorByteStream(content)
    raise TypeError(f"Unexpected type for 'content', {type(content)!r}")


def encode_urlencoded_data(data: RequestData) -> tuple[dict[str, str], ByteStream]:
    """Encode a form as `application/x-www-form-urlencoded`; a list or tuple repeats its name."""
    from urllib.parse import urlencode  # only for forms

    pairs: list[tuple[str, str]] = []
    for name, value in data.items():
        values = value if isinstance(value, (list, tuple)) else (value,)
        pairs += [(name, primitive_value_to_str(item)) for item in values]
    return _encode_bytes(urlencode(pairs).encode("utf-8"), "application/x-www-form-urlencoded")


def encode_multipart_data(
    data: RequestData, files: RequestFiles, boundary: bytes | None
) -> tuple[dict[str, str], MultipartStream]:
    """Encode a form with files as `multipart/form-data`; chunked if the size of a file is not known.

    Raises:
        TypeError: a value that no part can be made of.
        LocalProtocolError: a part's header that cannot be sent.
    """
    stream = MultipartStream(data=data, files=files, boundary=boundary)
    return stream.get_headers(), stream


def encode_text(text: str) -> tuple[dict[str, str], ByteStream]:
    """Encode plain text as UTF-8."""
    return _encode_bytes(text.encode("utf-8"), "text/plain; charset=utf-8")


def encode_html(html: str) -> tuple[dict[str, str], ByteStream]:
    """Encode HTML as UTF-8."""
    return _encode_bytes(html.encode("utf-8"), "text/html; charset=utf-8")


def encode_json(json: Any) -> tuple[dict[str, str], ByteStream]:
    """Encode a value as compact JSON in UTF-8.

    Raises:
        TypeError: JSON has no form for it.
        ValueError: it holds NaN or an infinity, or itself.
    """
    return _encode_bytes(_json_encode()(json).encode("utf-8"), "application/json")


# Private from here on.

# Shared by all bodyless requests and responses, since it holds no state.
_EMPTY = ByteStream(b"")


class _AsyncReads:
    """Iterate over an object with `async def aread(size)`."""

    __slots__ = ("_chunk_size", "_file")

    def __init__(self, file: Any, chunk_size: int) -> None:
        self._file = file
        self._chunk_size = chunk_size

    def __aiter__(self) -> _AsyncReads:
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes = await self._file.aread(self._chunk_size)
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _encode_bytes(body: bytes, media_type: str) -> tuple[dict[str, str], ByteStream]:
    return {"Content-Length": str(len(body)), "Content-Type": media_type}, ByteStream(body)


def _remaining_size(content: Any) -> int | None:
    """Return how many bytes a file holds from its position on; None if that is not known."""
    if not hasattr(content, "read"):
        return None
    position = peek_position(content)
    size = None if position is None else peek_filelike_length(content)
    return None if position is None or size is None else max(size - position, 0)


def _can_iterate_again(iterable: object, next_method: str) -> bool:
    if isinstance(iterable, (SyncByteStream, AsyncByteStream)):
        # A stream of the user's own says nothing: it is taken for what it looks like.
        return bool(getattr(iterable, "_is_replayable", not hasattr(iterable, next_method)))
    return not hasattr(iterable, next_method)


def _warn_of_raw_data() -> None:
    import warnings  # rare path

    # The caller of `encode_request` is named, as in HTTPX 0.28: filters that programs have set by module keep working.
    warnings.warn("Use 'content=<...>' to upload raw bytes/text content.", DeprecationWarning, stacklevel=3)


@cache
def _json_encode() -> Callable[[Any], str]:
    """Return the encoder, kept because making one costs more than encoding a small value."""
    import json  # only for those who send JSON

    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
