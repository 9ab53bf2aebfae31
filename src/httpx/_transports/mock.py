"""Answer requests by calling a function: for tests."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from .._models import Request, Response
from .base import AsyncBaseTransport, BaseTransport

SyncHandler = Callable[[Request], Response]
AsyncHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class MockTransport(AsyncBaseTransport, BaseTransport):
    """A transport of either kind whose responses a function makes.

    Args:
        handler: takes the request (its body is read) and returns the response; `async def` for an `AsyncClient`
            only.
    """

    __module__ = "httpx"

    def __init__(self, handler: SyncHandler | AsyncHandler) -> None:
        self.handler = handler

    def handle_request(self, request: Request) -> Response:
        """Return the handler's response.

        Raises:
            TypeError: the handler is `async def`.
        """
        request.read()
        response = self.handler(request)
        if not isinstance(response, Response):
            if hasattr(response, "close"):
                response.close()
            raise TypeError("Cannot use an async handler in a sync Client")
        return response

    async def handle_async_request(self, request: Request) -> Response:
        """Return the handler's response."""
        await request.aread()
        response = self.handler(request)
        return response if isinstance(response, Response) else await response
