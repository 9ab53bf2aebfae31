"""One set of words for both clients, so that a test is written once and runs on every colour.

`Face` makes clients, hooks, bodies and transports of the right colour. What it returns is awaited in the tests of the
sync client as well, where it never suspends.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import httpx

Handler = Callable[[httpx.Request], httpx.Response]
ItemT = TypeVar("ItemT")


class FaceClient:
    """A `Client` or an `AsyncClient`, spoken to with the same words."""

    def __init__(self, face: Face, bare: httpx.Client | httpx.AsyncClient) -> None:
        self.face = face
        self.bare = bare

    async def __aenter__(self) -> FaceClient:
        await self.call("__aenter__" if self.face.is_async else "__enter__")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.call("__aexit__" if self.face.is_async else "__exit__", *exc_info)

    async def close(self) -> None:
        await self.call("aclose" if self.face.is_async else "close")

    async def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client by its name."""
        return await self.face.do(getattr(self.bare, name), *args, **options)

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        response: httpx.Response = await self.call("request", method, url, **options)
        return response

    async def get(self, url: httpx.URL | str, **options: Any) -> httpx.Response:
        response: httpx.Response = await self.call("get", url, **options)
        return response

    async def post(self, url: httpx.URL | str, **options: Any) -> httpx.Response:
        response: httpx.Response = await self.call("post", url, **options)
        return response

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        response: httpx.Response = await self.call("send", request, **options)
        return response

    @asynccontextmanager
    async def stream(self, method: str, url: httpx.URL | str, **options: Any) -> AsyncIterator[httpx.Response]:
        if isinstance(self.bare, httpx.AsyncClient):
            async with self.bare.stream(method, url, **options) as response:
                yield response
        else:
            with self.bare.stream(method, url, **options) as response:
                yield response

    @asynccontextmanager
    async def sse(self, url: httpx.URL | str, **options: Any) -> AsyncIterator[httpx.EventSource]:
        if isinstance(self.bare, httpx.AsyncClient):
            async with self.bare.sse(url, **options) as source:
                yield source
        else:
            with self.bare.sse(url, **options) as source:
                yield source

    @property
    def pool(self) -> Any:
        """The connections of the client's own transport."""
        return self.bare._transport._pool  # type: ignore[union-attr]  # the base classes have none


class Face(ABC):
    """The sync or the async half of the library."""

    is_async: bool

    @abstractmethod
    def client(self, **settings: Any) -> FaceClient:
        """Make a client."""

    @abstractmethod
    def http_transport(self, **settings: Any) -> Any:
        """Make the transport that goes over the network."""

    @abstractmethod
    def transport(self, handler: Handler) -> Any:
        """Make a transport of a user's own."""

    @abstractmethod
    def hook(self, function: Callable[[Any], None]) -> Callable[[Any], Any]:
        """Make an event hook."""

    @abstractmethod
    def generate(self, parts: Iterable[bytes]) -> Any:
        """Make a generator: a body that can be sent once."""

    @abstractmethod
    def iterable(self, parts: Iterable[bytes]) -> Any:
        """Make a body that can be sent again, if parts can be iterated again."""

    @abstractmethod
    def byte_stream(self, parts: Iterable[bytes]) -> Any:
        """Make a stream as a transport's response holds it; its `is_closed` tells whether it was closed."""

    @abstractmethod
    def auth(self, flow: Callable[[httpx.Request], Iterator[Any]]) -> httpx.Auth:
        """Make an authentication that has a flow of this colour only."""

    @abstractmethod
    def iterate(self, response: httpx.Response, kind: str = "bytes", *args: Any) -> AsyncIterator[Any]:
        """Iterate over a response by one of its `iter_...` methods."""

    @abstractmethod
    def events(self, source: httpx.EventSource) -> AsyncIterator[httpx.ServerSentEvent]:
        """Iterate over an event stream."""

    async def read(self, response: httpx.Response) -> bytes:
        content: bytes = await self.do(response.aread if self.is_async else response.read)
        return content

    async def close(self, response: httpx.Response) -> None:
        await self.do(response.aclose if self.is_async else response.close)

    async def do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function of either colour."""
        result = function(*args, **options)
        return await result if inspect.isawaitable(result) else result


class SyncFace(Face):
    is_async = False

    def client(self, **settings: Any) -> FaceClient:
        return FaceClient(self, httpx.Client(**settings))

    def http_transport(self, **settings: Any) -> Any:
        return httpx.HTTPTransport(**settings)

    def transport(self, handler: Handler) -> Any:
        return _SyncTransport(handler)

    def hook(self, function: Callable[[Any], None]) -> Callable[[Any], Any]:
        return function

    def generate(self, parts: Iterable[bytes]) -> Any:
        yield from parts

    def iterable(self, parts: Iterable[bytes]) -> Any:
        return _Iterable(parts)

    def byte_stream(self, parts: Iterable[bytes]) -> Any:
        return _SyncStream(parts)

    def auth(self, flow: Callable[[httpx.Request], Iterator[Any]]) -> httpx.Auth:
        return _SyncAuth(flow)

    def iterate(self, response: httpx.Response, kind: str = "bytes", *args: Any) -> AsyncIterator[Any]:
        return _AsyncIterator(iter(getattr(response, f"iter_{kind}")(*args)))

    def events(self, source: httpx.EventSource) -> AsyncIterator[httpx.ServerSentEvent]:
        return _AsyncIterator(iter(source))


class AsyncFace(Face):
    is_async = True

    def client(self, **settings: Any) -> FaceClient:
        return FaceClient(self, httpx.AsyncClient(**settings))

    def http_transport(self, **settings: Any) -> Any:
        return httpx.AsyncHTTPTransport(**settings)

    def transport(self, handler: Handler) -> Any:
        return _AsyncTransport(handler)

    def hook(self, function: Callable[[Any], None]) -> Callable[[Any], Any]:
        async def hook(argument: Any) -> None:
            function(argument)

        return hook

    async def generate(self, parts: Iterable[bytes]) -> Any:
        for part in parts:
            yield part

    def iterable(self, parts: Iterable[bytes]) -> Any:
        return _AsyncIterable(parts)

    def byte_stream(self, parts: Iterable[bytes]) -> Any:
        return _AsyncStream(parts)

    def auth(self, flow: Callable[[httpx.Request], Iterator[Any]]) -> httpx.Auth:
        return _AsyncAuth(flow)

    def iterate(self, response: httpx.Response, kind: str = "bytes", *args: Any) -> AsyncIterator[Any]:
        return aiter(getattr(response, f"aiter_{kind}")(*args))

    def events(self, source: httpx.EventSource) -> AsyncIterator[httpx.ServerSentEvent]:
        return aiter(source)


def make_face(colour_name: str) -> Face:
    """Return the face for a colour."""
    return SyncFace() if colour_name == "sync" else AsyncFace()


def echoed(response: httpx.Response) -> Mapping[str, Any]:
    """Return what the origin's /echo saw."""
    assert response.status_code == 200, response
    echo: Mapping[str, Any] = response.json()
    return echo


# Private from here on.


class _SyncTransport(httpx.BaseTransport):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)

    def close(self) -> None:
        self.is_closed = True


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)

    async def aclose(self) -> None:
        self.is_closed = True


class _SyncStream(httpx.SyncByteStream):
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts

    def close(self) -> None:
        self.is_closed = True


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    async def aclose(self) -> None:
        self.is_closed = True


class _Iterable:
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)


class _AsyncIterable:
    """No async generator: nobody has to close it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncIterator(iter(self._parts))


class _AsyncIterator(Generic[ItemT]):
    def __init__(self, items: Iterator[ItemT]) -> None:
        self._items = items

    def __aiter__(self) -> _AsyncIterator[ItemT]:
        return self

    async def __anext__(self) -> ItemT:
        try:
            return next(self._items)
        except StopIteration:
            raise StopAsyncIteration from None


class _SyncAuth(httpx.Auth):
    def __init__(self, flow: Callable[[httpx.Request], Iterator[Any]]) -> None:
        self._flow = flow

    def sync_auth_flow(self, request: httpx.Request) -> Any:
        return self._flow(request)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        raise AssertionError("the sync client walks through the sync flow")
        yield


class _AsyncAuth(httpx.Auth):
    def __init__(self, flow: Callable[[httpx.Request], Iterator[Any]]) -> None:
        self._flow = flow

    def sync_auth_flow(self, request: httpx.Request) -> Any:
        raise AssertionError("the async client walks through the async flow")
        yield

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        flow: Any = self._flow(request)
        request = next(flow)
        while True:
            response = yield request
            try:
                request = flow.send(response)
            except StopIteration:
                return
