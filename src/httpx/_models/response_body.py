"""The body of a response: reading it at once or as a stream, decoding it, closing it, and timing that.

A body has three states: open, consumed (somebody has begun to iterate over it) and closed. The flags of HTTPX 0.28,
`is_stream_consumed` and `is_closed`, are these states; programs set them, so they are plain attributes. What is not
known is absent, as there: `_content` until the body was read, `_text`, `_encoding`, `_decoder` and `_elapsed` until
they are asked for or given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING

from .._content import ByteStream
from .._decoders import ContentDecoder, IdentityDecoder, make_decoder
from .._exceptions import RequestError, ResponseNotRead, StreamClosed, StreamConsumed
from .._multipart import AsyncChunks
from .._types import AsyncByteStream, SyncByteStream
from .body_stages import (
    AsyncRawParts,
    AsyncStage,
    ByteStage,
    ChunkStage,
    LineStage,
    TextStage,
    attach_request,
    cut,
    iterate_raw_parts,
    run,
)
from .headers import Headers
from .message_fields import has_field, is_text_charset, parse_charset

if TYPE_CHECKING:
    from .request import Request


class ResponseBody:
    """Hold the body of a response; the part of `Response` that reads and closes."""

    headers: Headers
    stream: SyncByteStream | AsyncByteStream
    default_encoding: str | Callable[[bytes], str]
    is_closed: bool
    is_stream_consumed: bool

    _request: Request | None
    _num_bytes_downloaded: int
    _content: bytes
    _decoder: ContentDecoder
    _elapsed: timedelta | float
    _encoding: str | None
    _text: str
    # When the request was sent, by `perf_counter`; the client sets it.
    _start_time: float | None = None

    @property
    def elapsed(self) -> timedelta:
        """The time between sending the request and closing the response, its body included.

        Raises:
            RuntimeError: the response was neither read nor closed.
        """
        if not hasattr(self, "_elapsed"):
            raise RuntimeError("'.elapsed' may only be accessed after the response has been read or closed.")
        if not isinstance(self._elapsed, timedelta):
            self._elapsed = timedelta(seconds=self._elapsed)
        return self._elapsed

    @elapsed.setter
    def elapsed(self, elapsed: timedelta) -> None:
        self._elapsed = elapsed

    @property
    def num_bytes_downloaded(self) -> int:
        """How many bytes of the body have come so far, before decoding."""
        return self._num_bytes_downloaded

    @property
    def content(self) -> bytes:
        """The body, decoded.

        Raises:
            ResponseNotRead: it is a stream, and neither `read()` nor `aread()` was called.
        """
        if not hasattr(self, "_content"):
            raise ResponseNotRead()
        return self._content

    @property
    def text(self) -> str:
        """The body as text; what the encoding cannot mean becomes U+FFFD.

        Raises:
            ResponseNotRead: it is a stream, and neither `read()` nor `aread()` was called.
        """
        if not hasattr(self, "_text"):
            # Speed: no call of `content`, but for what it raises.
            content = self._content if hasattr(self, "_content") else self.content
            self._text = content.decode(self.encoding or "utf-8", "replace") if content else ""
        return self._text

    @property
    def encoding(self) -> str | None:
        """The encoding of `text`: the one that was set, the charset of Content-Type if it is known, or the default.

        Raises:
            ValueError: it is set after `text` was made with another one.
        """
        if not hasattr(self, "_encoding"):
            charset = self.charset_encoding
            if charset is None or (charset != "utf-8" and not is_text_charset(charset)):
                charset = self._find_default_encoding()
            self._encoding = charset
        return self._encoding

    @encoding.setter
    def encoding(self, value: str) -> None:
        if hasattr(self, "_text"):
            raise ValueError("Setting encoding after `text` has been accessed is not allowed.")
        self._encoding = value

    @property
    def charset_encoding(self) -> str | None:
        """The charset that Content-Type names, in lower case, known or not."""
        content_type = self.headers.get("Content-Type")
        return None if content_type is None else parse_charset(content_type)

    def read(self) -> bytes:
        """Read the body to its end, close the response, and return the body, decoded."""
        if not hasattr(self, "_content") and not self._take_from_memory():
            self._content = b"".join(self.iter_bytes())
        return self._content

    def iter_raw(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body as it was sent, then close the response.

        Raises:
            StreamConsumed: somebody has begun to iterate over it before.
            StreamClosed: the response was closed.
            RuntimeError: the stream is async.
        """
        parts = iterate_raw_parts(self)
        return parts if chunk_size is None else run(parts, ChunkStage(chunk_size))

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body, decoded, in chunks of `chunk_size` bytes, or as it comes.

        However much a body decodes to, without `chunk_size` no decoded chunk is larger than 1 MiB.

        Raises:
            DecodingError: the body does not follow its Content-Encoding, or is truncated.
        """
        if hasattr(self, "_content"):
            return cut(self._content, chunk_size)
        stage = self._make_byte_stage(chunk_size)
        return self.iter_raw() if stage is None else run(self.iter_raw(), stage)

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body as text, in chunks of `chunk_size` characters, or as it comes."""
        return run(self.iter_bytes(), TextStage(self.encoding or "utf-8", chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """Yield the lines of the body, without their ends: CR, LF or CRLF."""
        return run(self.iter_text(), LineStage())

    def close(self) -> None:
        """Close the response and release its connection; what is unread is lost.

        Raises:
            RuntimeError: the stream is async.
        """
        stream = self.stream
        if not isinstance(stream, SyncByteStream):
            raise RuntimeError("Attempted to call an sync close on an async stream.")
        if self.is_closed:
            return
        self._mark_closed()
        try:
            stream.close()
        except RequestError as exc:
            attach_request(exc, self._request)
            raise

    async def aread(self) -> bytes:
        """Read the body to its end, close the response, and return the body, decoded."""
        if not hasattr(self, "_content") and not self._take_from_memory():
            self._content = b"".join([part async for part in self.aiter_bytes()])
        return self._content

    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body as it was sent, then close the response; raises what `iter_raw` raises."""
        parts = AsyncRawParts(self)
        return parts if chunk_size is None else AsyncStage(parts, ChunkStage(chunk_size))

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the body, decoded, in chunks of `chunk_size` bytes, or as it comes.

        However much a body decodes to, without `chunk_size` no decoded chunk is larger than 1 MiB.

        Raises:
            DecodingError: the body does not follow its Content-Encoding, or is truncated.
        """
        if hasattr(self, "_content"):
            return AsyncStage(AsyncChunks(cut(self._content, chunk_size)), ChunkStage(None))
        stage = self._make_byte_stage(chunk_size)
        return self.aiter_raw() if stage is None else AsyncStage(self.aiter_raw(), stage)

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the body as text, in chunks of `chunk_size` characters, or as it comes."""
        return AsyncStage(self.aiter_bytes(), TextStage(self.encoding or "utf-8", chunk_size))

    def aiter_lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body, without their ends: CR, LF or CRLF."""
        return AsyncStage(self.aiter_text(), LineStage())

    async def aclose(self) -> None:
        """Close the response and release its connection; what is unread is lost.

        Raises:
            RuntimeError: the stream is sync.
        """
        stream = self.stream
        if not isinstance(stream, AsyncByteStream):
            raise RuntimeError("Attempted to call an async close on an sync stream.")
        if self.is_closed:
            return
        self._mark_closed()
        if type(stream) is ByteStream:
            # Speed: it has nothing to close.
            return
        try:
            await stream.aclose()
        except RequestError as exc:
            attach_request(exc, self._request)
            raise

    # Private from here on.

    def _begin_sync_body(self) -> SyncByteStream:
        self._check_unused()
        if not isinstance(self.stream, SyncByteStream):
            raise RuntimeError("Attempted to call a sync iterator on an async stream.")
        self.is_stream_consumed = True
        self._num_bytes_downloaded = 0
        return self.stream

    def _begin_async_body(self) -> AsyncByteStream:
        self._check_unused()
        if not isinstance(self.stream, AsyncByteStream):
            raise RuntimeError("Attempted to call an async iterator on an sync stream.")
        self.is_stream_consumed = True
        self._num_bytes_downloaded = 0
        return self.stream

    def _check_unused(self) -> None:
        if self.is_stream_consumed:
            raise StreamConsumed()
        if self.is_closed:
            raise StreamClosed()

    def _mark_closed(self) -> None:
        self.is_closed = True
        if self._start_time is not None:
            self._elapsed = perf_counter() - self._start_time

    def _take_from_memory(self) -> bool:
        """Read a body that is held in memory without iterating over it; False if that is not possible."""
        stream, headers = self.stream, self.headers
        if type(stream) is not ByteStream or self.is_stream_consumed or self.is_closed:
            return False
        # As in `_make_byte_stage`.
        if type(headers) is not Headers or hasattr(self, "_decoder"):
            return False
        index = headers._index
        if b"content-encoding" in index if index is not None else has_field(headers._fields, b"content-encoding"):
            return False
        # A subclass, or a library that patches the class, expects its own methods to be called.
        if _body_methods(type(self)) != _BODY_METHODS:
            return False
        self._content = content = stream._stream
        self._num_bytes_downloaded = len(content)
        self.is_stream_consumed = True
        # As in `_mark_closed`. Speed: calls are what a small response costs.
        self.is_closed = True
        if self._start_time is not None:
            self._elapsed = perf_counter() - self._start_time
        return True

    def _make_byte_stage(self, chunk_size: int | None) -> ByteStage | None:
        """Return the stage between raw parts and decoded chunks; None if they are the same."""
        headers = self.headers
        # A decoder that is there was put there by the user.
        if chunk_size is None and type(headers) is Headers and not hasattr(self, "_decoder"):
            index = headers._index
            if index is None:
                is_coded = has_field(headers._fields, b"content-encoding")
            else:
                is_coded = b"content-encoding" in index
            if not is_coded:
                return None
        decoder = self._get_content_decoder()
        if chunk_size is None and type(decoder) is IdentityDecoder:
            return None
        return ByteStage(decoder, chunk_size, self._request)

    def _get_content_decoder(self) -> ContentDecoder:
        """Return the decoder for Content-Encoding, the same one each time, since it keeps the state of the body."""
        if not hasattr(self, "_decoder"):
            codings = self.headers.get("Content-Encoding")
            self._decoder = make_decoder(() if codings is None else codings.split(","))
        return self._decoder

    def _find_default_encoding(self) -> str:
        if isinstance(self.default_encoding, str):
            return self.default_encoding or "utf-8"
        if hasattr(self, "_content"):
            return self.default_encoding(self._content) or "utf-8"
        return "utf-8"


_body_methods = attrgetter("iter_bytes", "iter_raw", "close", "aiter_bytes", "aiter_raw", "aclose")
_BODY_METHODS = _body_methods(ResponseBody)
