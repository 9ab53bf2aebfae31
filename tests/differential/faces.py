"""One set of words for three colours: a program about a client is written once and told on sync, asyncio and trio.

It runs under either package, and so needs nothing but the standard library (and trio).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any

import httpx
from tests.differential.cases import Case, Cases, name_class

Program = Callable[["Face"], Coroutine[Any, Any, Any]]
Handler = Callable[[httpx.Request], httpx.Response]


def add_program(cases: Cases) -> Callable[[Program], Program]:
    """Return a decorator that adds a program three times, once for each colour."""

    def add(program: Program) -> Program:
        _put(cases, program.__name__.replace("_", " "), program, ())
        return program

    return add


def add_programs(cases: Cases, program: Callable[..., Coroutine[Any, Any, Any]], rows: Iterable[object]) -> None:
    """Add a program three times for each row, which holds its arguments after the face, or its only one."""
    for row in rows:
        arguments = row if isinstance(row, tuple) else (row,)
        _put(cases, f"{program.__name__}({', '.join(map(ascii, arguments))})", program, arguments)


def tell(result: Any) -> Any:
    """Return what a user sees of a response or of an exception."""
    if isinstance(result, BaseException):
        told: list[Any] = ["raises", name_class(type(result)), str(result)]
        if isinstance(result, httpx.RequestError):
            told.append(str(result.request.url) if result._request is not None else "no request")
        return told
    if isinstance(result, httpx.Response):
        history = [[response.status_code, str(response.url)] for response in result.history]
        return [result.status_code, f"{result.request.method} {result.url}", history]
    return result


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
            handler: Any = answer if callable(answer) else lambda request: answer
            options["transport"] = httpx.MockTransport(handler)
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

    async def first_part(self, response: httpx.Response) -> bytes:
        """Return the first part of the body, and leave the rest."""
        if self.is_async:
            async for part in response.aiter_raw():
                return part
        for part in response.iter_raw() if not self.is_async else ():
            return part
        return b""

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


def _put(
    cases: Cases, name: str, program: Callable[..., Coroutine[Any, Any, Any]], arguments: tuple[object, ...]
) -> None:
    for face in FACES:
        case_id = f"{name} [{face.name}]"
        if case_id in cases:
            raise ValueError(f"two cases have the id {case_id!r}")
        cases[case_id] = Case(functools.partial(face.run, functools.partial(_call, program, arguments)))


def _call(
    program: Callable[..., Coroutine[Any, Any, Any]], arguments: tuple[object, ...], face: Face
) -> Coroutine[Any, Any, Any]:
    return program(face, *arguments)


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
