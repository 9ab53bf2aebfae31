"""The seam between a client and whatever answers its requests: users wrap it, mock it and replace it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from .._models import Request, Response

T = TypeVar("T", bound="BaseTransport")
A = TypeVar("A", bound="AsyncBaseTransport")


class BaseTransport:
    """Answers the requests of a `Client`."""

    __module__ = "httpx"

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def handle_request(self, request: Request) -> Response:
        """Send one request and return its response, whose body is still to be read; the client closes it.

        A transport follows no redirects and knows no cookies. Its response holds a `SyncByteStream`.

        Raises:
            TransportError: the request could not be sent, or not be answered.
        """
        raise NotImplementedError("The 'handle_request' method must be implemented.")

    def close(self) -> None:
        """Release what the transport holds."""


class AsyncBaseTransport:
    """Answers the requests of an `AsyncClient`."""

    __module__ = "httpx"

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def handle_async_request(self, request: Request) -> Response:
        """Send one request and return its response, whose body is still to be read; the client closes it.

        A transport follows no redirects and knows no cookies. Its response holds an `AsyncByteStream`.

        Raises:
            TransportError: the request could not be sent, or not be answered.
        """
        raise NotImplementedError("The 'handle_async_request' method must be implemented.")

    async def aclose(self) -> None:
        """Release what the transport holds."""
