"""Let respx intercept what goes over the network.

respx replaces methods of httpcore unless it is told otherwise, and no httpcore is under this package: the requests of
a test would reach the network. But a router that was started is registered with respx's mocker for httpcore, whether
there was anything to replace or not. So the network's transports ask there first. That is where httpcore would be
asked: below redirects, cookies and hooks, and not at all for clients with a transport of another kind, so that a test
client of an application is left alone, which respx's mocker for HTTPX would intercept too.

respx is never imported here. A program that has not imported it pays for one look into `sys.modules` a request.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable
from typing import Any

from .._content import AsyncIteratorByteStream, IteratorByteStream
from .._models import Request, Response
from .._types import AsyncByteStream, SyncByteStream


def intercept(request: Request) -> Response | None:
    """Return the answer of a router of respx, None if the request shall go to the network.

    Raises what the router raises, for example because no route matches.
    """
    mocker = _find_mocker()
    if mocker is None:
        return None
    request.read()
    try:
        return _receive(mocker.handler(_snapshot(request)))
    except _pass_through():
        return None


async def intercept_async(request: Request) -> Response | None:
    """Do what `intercept` does, for an async client."""
    mocker = _find_mocker()
    if mocker is None:
        return None
    await request.aread()
    try:
        return _receive(await mocker.async_handler(_snapshot(request)))
    except _pass_through():
        return None


# Private from here on.


def _find_mocker() -> Any:
    """Return respx's mocker for httpcore, None if no router is registered with it."""
    mocker = getattr(sys.modules.get("respx.mocks"), "HTTPCoreMocker", None)
    return mocker if mocker is not None and mocker.routers else None


def _snapshot(request: Request) -> Request:
    """Return a copy for the router to keep: an auth flow may send the same request again, with other fields."""
    from copy import copy  # most programs never come here

    duplicate = copy(request)
    duplicate.headers = request.headers.copy()
    # What a copy leaves behind, since it cannot go into another process. The body is in memory.
    duplicate.stream, duplicate.extensions = request.stream, dict(request.extensions)
    return duplicate


def _pass_through() -> type[Exception]:
    """Return what a router raises for a request that is not its own."""
    kind: type[Exception] = sys.modules["respx.models"].PassThrough
    return kind


def _receive(mocked: Response) -> Response:
    """Return a response like one from the network: to be read, and not the one that respx keeps for the test."""
    stream: Any = mocked.stream
    # respx's users may give any iterable.
    if not isinstance(stream, SyncByteStream | AsyncByteStream):
        is_async = isinstance(stream, AsyncIterable)
        stream = AsyncIteratorByteStream(stream) if is_async else IteratorByteStream(stream)
    return Response(mocked.status_code, headers=mocked.headers.raw, stream=stream, extensions=mocked.extensions)
