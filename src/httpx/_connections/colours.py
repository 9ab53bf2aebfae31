"""What the core asks of its colour: how to pull a request's body, and what a response's body looks like to users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import AsyncGeneratorType
from typing import Any, Protocol

from .._drive import drive
from .._models import Response
from .._types import AsyncByteStream, SyncByteStream


class Parts(Protocol):
    """The parts of a request's body, pulled one by one."""

    async def next(self) -> bytes | None:
        """Return the next part, None after the last one. What the user's code raises passes untouched."""

    async def close(self) -> None:
        """Finish what gives the parts, of which no more are wanted."""


class BodySource(Protocol):
    """Where the body of a response comes from: the exchange on a connection."""

    async def next_part(self) -> bytes | None:
        """Return the next part, None after the last one."""

    async def close(self) -> None:
        """Give the connection back, or drop it if the body was not read to its end. Closing again does nothing."""


class Colour(Protocol):
    """The sync or the async face of what users give and get."""

    # Whether what the user's code returns is to be awaited.
    awaits: bool

    def open_parts(self, stream: Any) -> Parts:
        """Begin to pull the body of a request."""
        ...

    def make_body(self, source: BodySource) -> SyncByteStream | AsyncByteStream:
        """Return the body of a response as users see it."""
        ...


class SyncColour:
    """Bodies for threads."""

    awaits = False

    def open_parts(self, stream: Any) -> Parts:
        return _SyncParts(iter(stream))

    def make_body(self, source: BodySource) -> SyncByteStream:
        return SyncBody(source)


class AsyncColour:
    """Bodies for tasks, of asyncio and trio alike."""

    awaits = True

    def open_parts(self, stream: Any) -> Parts:
        return _AsyncParts(aiter(stream))

    def make_body(self, source: BodySource) -> AsyncByteStream:
        return AsyncBody(source)


class SyncBody(SyncByteStream):
    """The body of a response, read from its connection."""

    def __init__(self, source: BodySource) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        next_part = self._source.next_part
        while (part := drive(next_part())) is not None:
            yield part

    def close(self) -> None:
        drive(self._source.close())


class AsyncBody(AsyncByteStream):
    """The body of a response, read from its connection."""

    def __init__(self, source: BodySource) -> None:
        self._source = source

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        part = await self._source.next_part()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        await self._source.close()


async def close_body(response: Response) -> None:
    """Close the body of a response that nobody sees."""
    body = response.stream
    if isinstance(body, (SyncBody, AsyncBody)):
        await body._source.close()


# Private from here on.


class _SyncParts:
    __slots__ = ("_iterator",)

    def __init__(self, iterator: Iterator[bytes]) -> None:
        self._iterator = iterator

    async def next(self) -> bytes | None:
        return next(self._iterator, None)

    async def close(self) -> None:
        # A generator finishes when it is dropped.
        pass


class _AsyncParts:
    __slots__ = ("_iterator",)

    def __init__(self, iterator: AsyncIterator[bytes]) -> None:
        self._iterator = iterator

    async def next(self) -> bytes | None:
        try:
            return await self._iterator.__anext__()
        except StopAsyncIteration:
            return None

    async def close(self) -> None:
        # One that is dropped would be finished later, by the event loop, and trio warns of that.
        if isinstance(self._iterator, AsyncGeneratorType):
            await self._iterator.aclose()
