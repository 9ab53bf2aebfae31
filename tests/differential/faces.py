"""One set of words for three colours: a program about a client is written once and told on sync, asyncio and trio.

It runs under either package, and so needs nothing but the standard library (and trio).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any

import httpx

Program = Callable[["Face"], Coroutine[Any, Any, Any]]
Handler = Callable[[httpx.Request], httpx.Response]


class Face:
    """The clients of one colour, and what users write in that colour."""

    name = ""
    is_async = True

    def run(self, program: Program) -> Any:
        """Return what a program of this colour tells."""
        raise NotImplementedError

    def client(self, answer: Any = None, **options: Any) -> Any:
        """Return a client; `answer` is a function from request to response, or a response that all requests get."""
        if answer is not None:
            options["transport"] = httpx.MockTransport(answer if callable(answer) else lambda request: answer)
        return (httpx.AsyncClient if self.is_async else httpx.Client)(**options)

    async def do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function, and wait for what it returns if that is something to wait for."""
        result = function(*args, **options)
        return await result if inspect.isawaitable(result) else result

    async def attempt(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """As `do`, but return an exception in place of raising it; StopIteration would not survive a coroutine."""
        try:
            result = function(*args, **options)
            return await result if inspect.isawaitable(result) else result
        except BaseException as exc:
            return exc

    async def close(self, client: Any) -> None:
        await self.do(client.aclose if self.is_async else client.close)

    async def enter(self, client: Any) -> Any:
        return await self.do(client.__aenter__ if self.is_async else client.__enter__)

    async def leave(self, client: Any) -> Any:
        return await self.do(client.__aexit__ if self.is_async else client.__exit__, None, None, None)

    async def read(self, response: httpx.Response) -> bytes:
        data: bytes = await self.do(response.aread if self.is_async else response.read)
        return data

    async def close_response(self, response: httpx.Response) -> None:
        await self.do(response.aclose if self.is_async else response.close)

    async def parts(self, response: httpx.Response, way: str = "bytes", *args: Any) -> list[Any]:
        """Return what `iter_bytes`, `iter_text`, `iter_lines` or `iter_raw` gives."""
        if self.is_async:
            return [part async for part in getattr(response, f"aiter_{way}")(*args)]
        return list(getattr(response, f"iter_{way}")(*args))

    def hook(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function in this colour."""
        if not self.is_async:
            return function

        async def called(argument: Any) -> Any:
            result = function(argument)
            return await result if inspect.isawaitable(result) else result

        return called

    def body(self, parts: Iterable[Any]) -> Any:
        """Return an iterable in this colour that can be read once; a part that is an exception is raised."""
        return _araise(parts) if self.is_async else _raise(parts)

    def stream(self, parts: Iterable[Any], closed: list[str] | None = None) -> Any:
        """Return the body of a response of a transport; it notes in `closed` that it was closed."""
        return _AsyncStream(parts, closed) if self.is_async else _SyncStream(parts, closed)

    def transport(self, handler: Callable[[httpx.Request], Any], told: list[str] | None = None) -> Any:
        """Return a transport of the user's; it notes in `told` what was called."""
        return _AsyncTransport(handler, told) if self.is_async else _SyncTransport(handler, told)

    def stream_manager(self, client: Any, *args: Any, **options: Any) -> Any:
        """Return `client.stream(...)`, spoken to with `enter` and `leave`."""
        return client.stream(*args, **options)


class SyncFace(Face):
    name = "sync"
    is_async = False

    def run(self, program: Program) -> Any:
        coroutine = program(self)
        try:
            coroutine.send(None)
        except StopIteration as exc:
            return exc.value
        raise AssertionError("A sync program waits for something.")


class AsyncioFace(Face):
    name = "asyncio"

    def run(self, program: Program) -> Any:
        return asyncio.run(program(self))


class TrioFace(Face):
    name = "trio"

    def run(self, program: Program) -> Any:
        import trio

        return trio.run(program, self)


FACES: tuple[Face, ...] = (SyncFace(), AsyncioFace(), TrioFace())


# Private from here on.


def _raise(parts: Iterable[Any]) -> Generator[bytes, None, None]:
    for part in parts:
        if isinstance(part, BaseException):
            raise part
        yield part


async def _araise(parts: Iterable[Any]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        if isinstance(part, BaseException):
            raise part
        yield part


class _Failing:
    """An iterator of either colour whose exceptions pass as they are, StopIteration included."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts = list(parts)

    def _next(self) -> Any:
        part = self._parts.pop(0) if self._parts else None
        if isinstance(part, BaseException):
            raise part
        return part


class _SyncStream(httpx.SyncByteStream):
    def __init__(self, parts: Iterable[Any], closed: list[str] | None) -> None:
        self._parts, self._closed = parts, closed

    def __iter__(self) -> Iterator[bytes]:
        return _raise(self._parts)

    def close(self) -> None:
        if self._closed is not None:
            self._closed.append("closed")


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, parts: Iterable[Any], closed: list[str] | None) -> None:
        self._parts, self._closed = parts, closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in _araise(self._parts):
            yield part

    async def aclose(self) -> None:
        if self._closed is not None:
            self._closed.append("closed")


class _SyncTransport(httpx.BaseTransport):
    def __init__(self, handler: Callable[[httpx.Request], Any], told: list[str] | None) -> None:
        self._handler, self._told = handler, [] if told is None else told

    def __enter__(self) -> Any:
        self._told.append("enter")
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._told.append(f"exit {type(exc_info[1]).__name__}")

    def handle_request(self, request: httpx.Request) -> Any:
        self._told.append(f"handle {request.method} {request.url}")
        return self._handler(request)

    def close(self) -> None:
        self._told.append("close")


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, handler: Callable[[httpx.Request], Any], told: list[str] | None) -> None:
        self._handler, self._told = handler, [] if told is None else told

    async def __aenter__(self) -> Any:
        self._told.append("enter")
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        self._told.append(f"exit {type(exc_info[1]).__name__}")

    async def handle_async_request(self, request: httpx.Request) -> Any:
        self._told.append(f"handle {request.method} {request.url}")
        result = self._handler(request)
        return await result if isinstance(result, Awaitable) else result

    async def aclose(self) -> None:
        self._told.append("close")
