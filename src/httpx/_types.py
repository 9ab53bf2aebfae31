"""The types that callers may give, and the two kinds of byte stream that a body is."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import os
    from http.cookiejar import CookieJar  # heavy, and only named here

    from ._auth import Auth
    from ._config import Proxy, Timeout
    from ._models import Cookies, Headers, Request
    from ._query import QueryParams
    from ._urls import URL

PrimitiveData = Union[str, int, float, bool, None]

URLTypes = Union["URL", str]

QueryParamTypes = Union[
    "QueryParams",
    Mapping[str, Union[PrimitiveData, Sequence[PrimitiveData]]],
    list[tuple[str, PrimitiveData]],
    tuple[tuple[str, PrimitiveData], ...],
    str,
    bytes,
]

HeaderTypes = Union[
    "Headers",
    Mapping[str, str],
    Mapping[bytes, bytes],
    Sequence[tuple[str, str]],
    Sequence[tuple[bytes, bytes]],
]

CookieTypes = Union["Cookies", "CookieJar", dict[str, str], list[tuple[str, str]]]

# Seconds: one for all four, or (connect, read, write, pool).
TimeoutTypes = Union[float, tuple[float | None, float | None, float | None, float | None], "Timeout", None]

ProxyTypes = Union["URL", str, "Proxy"]

# A PEM file, or PEM itself.
CertPart = Union[str, bytes, "os.PathLike[str]"]

# One with certificate and key, or (certificate, key), or (certificate, key, password).
CertTypes = Union[CertPart, tuple[CertPart, CertPart], tuple[CertPart, CertPart | None, str]]

AuthTypes = Union[tuple[str | bytes, str | bytes], Callable[["Request"], "Request"], "Auth"]

RequestContent = Union[str, bytes, Iterable[bytes], AsyncIterable[bytes]]
ResponseContent = Union[str, bytes, Iterable[bytes], AsyncIterable[bytes]]
ResponseExtensions = Mapping[str, Any]

RequestData = Mapping[str, Any]

FileContent = Union[IO[bytes], bytes, str]
FileTypes = Union[
    # the file, or (name, file), or (name, file, media type), or (name, file, media type, headers of the part)
    FileContent,
    tuple[str | None, FileContent],
    tuple[str | None, FileContent, str | None],
    tuple[str | None, FileContent, str | None, Mapping[str, str]],
]
RequestFiles = Union[Mapping[str, FileTypes], Sequence[tuple[str, FileTypes]]]

RequestExtensions = Mapping[str, Any]

__all__ = ["AsyncByteStream", "SyncByteStream"]


class SyncByteStream:
    """A body for the sync client: an iterable of bytes that may need closing."""

    __module__ = "httpx"

    def __iter__(self) -> Iterator[bytes]:
        """Yield the parts of the body."""
        raise NotImplementedError("The '__iter__' method must be implemented.")
        yield b""  # makes this a generator, so that the error comes when it is iterated

    def close(self) -> None:
        """Release what the stream holds; called once it is of no more use, read to its end or not."""


class AsyncByteStream:
    """A body for the async client: an async iterable of bytes that may need closing."""

    __module__ = "httpx"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body."""
        raise NotImplementedError("The '__aiter__' method must be implemented.")
        yield b""

    async def aclose(self) -> None:
        """Release what the stream holds; called once it is of no more use, read to its end or not."""
