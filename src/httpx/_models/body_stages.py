"""The stages between the raw parts of a response's body and what a user iterates over: decoded chunks, text, lines.

A stage is fed with the parts that come before it and yields what they complete. Sync and async iteration share the
stages and differ only in who fetches the next part: `run` and `iterate_raw_parts` are generators, `AsyncStage` and
`AsyncRawParts` their counterparts.

These are classes, where async generators would be shorter. An async generator that is left
unfinished (`break` in an `async for`) is closed by the event loop, in a task of its own: trio warns about it, asyncio
complains if the loop ends first. An object of these classes is simply forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .._content import ByteStream
from .._decoders import (
    ByteChunker,
    ContentDecoder,
    IdentityDecoder,
    LineDecoder,
    TextChunker,
    TextDecoder,
)
from .._exceptions import RequestError
from .._multipart import AsyncChunks

if TYPE_CHECKING:
    from .request import Request
    from .response_body import ResponseBody

PartT = TypeVar("PartT", contravariant=True)
ItemT = TypeVar("ItemT", covariant=True)


class Stage(Protocol[PartT, ItemT]):
    """Turn parts of one kind into items of another."""

    def feed(self, part: PartT, /) -> Iterable[ItemT]:
        """Return what the part completes."""
        ...

    def flush(self) -> Iterable[ItemT]:
        """Return what is left at the end of the body."""
        ...


class ChunkStage:
    """Cut parts of the body into chunks of one size."""

    __slots__ = ("feed", "flush")

    def __init__(self, chunk_size: int | None) -> None:
        chunker = ByteChunker(chunk_size)
        self.feed = chunker.decode
        self.flush = chunker.flush


class ByteStage:
    """Decode the content codings, step by step so that no chunk gets large, and cut the result into chunks."""

    __slots__ = ("_chunker", "_decoder", "_request")

    def __init__(self, decoder: ContentDecoder, chunk_size: int | None, request: Request | None) -> None:
        self._decoder = decoder
        self._chunker = ByteChunker(chunk_size)
        self._request = request

    def feed(self, part: bytes, /) -> Iterable[bytes]:
        if type(self._decoder) is IdentityDecoder:
            return self._chunker.decode(part)
        return self._cut(self._decoder.decode_chunks(part))

    def flush(self) -> Iterable[bytes]:
        yield from self._cut(self._decoder.flush_chunks())
        yield from self._chunker.flush()

    def _cut(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for part in parts:
                yield from self._chunker.decode(part)
        except RequestError as exc:
            attach_request(exc, self._request)
            raise


class TextStage:
    """Decode bytes to text, and cut it into chunks of one size."""

    __slots__ = ("_chunker", "_decoder")

    def __init__(self, encoding: str, chunk_size: int | None) -> None:
        self._decoder = TextDecoder(encoding)
        self._chunker = TextChunker(chunk_size)

    def feed(self, part: bytes, /) -> Iterable[str]:
        return self._chunker.decode(self._decoder.decode(part))

    def flush(self) -> Iterable[str]:
        return [*self._chunker.decode(self._decoder.flush()), *self._chunker.flush()]


class LineStage:
    """Split text into lines."""

    __slots__ = ("feed", "flush")

    def __init__(self) -> None:
        decoder = LineDecoder()
        self.feed = decoder.decode
        self.flush = decoder.flush


def run(parts: Iterable[PartT], stage: Stage[PartT, ItemT]) -> Iterator[ItemT]:
    """Yield what the stage makes of the parts."""
    for part in parts:
        yield from stage.feed(part)
    yield from stage.flush()


def iterate_raw_parts(response: ResponseBody) -> Iterator[bytes]:
    """Yield the body as it was sent, and close the response after its end."""
    try:
        for part in response._begin_sync_body():
            response._num_bytes_downloaded += len(part)
            if part:
                yield part
    except RequestError as exc:
        attach_request(exc, response._request)
        raise
    response.close()


class AsyncStage(Generic[PartT, ItemT]):
    """Iterate asynchronously over what a stage makes of parts."""

    __slots__ = ("_items", "_parts", "_stage")

    def __init__(self, parts: AsyncIterator[PartT], stage: Stage[PartT, ItemT]) -> None:
        self._parts: AsyncIterator[PartT] | None = parts
        self._stage = stage
        self._items: Iterator[ItemT] = iter(())

    def __aiter__(self) -> AsyncStage[PartT, ItemT]:
        return self

    async def __anext__(self) -> ItemT:
        try:
            while True:
                for item in self._items:
                    return item
                if self._parts is None:
                    raise StopAsyncIteration
                self._items = iter(await self._next_items(self._parts))
        except BaseException:
            # As a generator, this has ended once it has raised.
            self._parts = None
            self._items = iter(())
            raise

    async def aclose(self) -> None:
        """Iterate no further."""
        parts, self._parts, self._items = self._parts, None, iter(())
        await _close_iterator(parts)

    async def _next_items(self, parts: AsyncIterator[PartT]) -> Iterable[ItemT]:
        try:
            part = await parts.__anext__()
        except StopAsyncIteration:
            self._parts = None
            return self._stage.flush()
        return self._stage.feed(part)


class AsyncRawParts:
    """Do what `iterate_raw_parts` does, asynchronously."""

    __slots__ = ("_parts", "_response")

    def __init__(self, response: ResponseBody) -> None:
        self._response: ResponseBody | None = response
        self._parts: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncRawParts:
        return self

    async def __anext__(self) -> bytes:
        response = self._response
        if response is None:
            raise StopAsyncIteration
        try:
            if self._parts is None:
                stream = response._begin_async_body()
                if type(stream) is ByteStream:
                    # Speed: there is one part, and it is here.
                    self._parts = _NO_PARTS
                    response._num_bytes_downloaded = len(stream._stream)
                    if stream._stream:
                        return stream._stream
                else:
                    self._parts = stream.__aiter__()
            while True:
                part = await self._parts.__anext__()
                response._num_bytes_downloaded += len(part)
                if part:
                    return part
        except StopAsyncIteration:
            self._response = self._parts = None
            await response.aclose()
            raise
        except BaseException as exc:
            self._response = self._parts = None
            if isinstance(exc, RequestError):
                attach_request(exc, response._request)
            raise

    async def aclose(self) -> None:
        """Iterate no further. The response stays open, as it does after a `break`."""
        parts, self._response, self._parts = self._parts, None, None
        await _close_iterator(parts)


def cut(content: bytes, chunk_size: int | None) -> Iterator[bytes]:
    """Yield a body that is held in memory in chunks of one size."""
    size = len(content) if chunk_size is None else chunk_size
    for start in range(0, len(content), max(size, 1)):
        yield content[start : start + size]


def attach_request(exc: RequestError, request: Request | None) -> None:
    """Let an exception name the request during which it was raised, unless it names one."""
    if exc._request is None:
        exc._request = request


# Private from here on.

_NO_PARTS = AsyncChunks(iter(()))


async def _close_iterator(iterator: Any) -> None:
    if hasattr(iterator, "aclose"):
        await iterator.aclose()
