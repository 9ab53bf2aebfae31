"""The way of one call: authentication, redirects, hooks, the transport; written once for both clients.

What belongs to the user keeps its own colour: hooks, authentication, transports and bodies are called as plain
functions for a `Client` and awaited for an `AsyncClient`. `SyncUser` and `AsyncUser` are that difference, and all of
it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ._client_base import BaseClient
from ._client_settings import USE_CLIENT_DEFAULT, ClientState, EventHook, UseClientDefault
from ._exceptions import RemoteProtocolError, TooManyRedirects
from ._models import Request, Response

if TYPE_CHECKING:
    from ._auth import Auth
    from ._types import AuthTypes


class AuthSteps(Protocol):
    """An authentication flow under way."""

    async def first(self) -> Request:
        """Return the request to begin with."""
        ...

    async def next(self, response: Response) -> Request | None:
        """Return the request that follows a response; None if the response is the answer."""

    async def close(self) -> None: ...


class Steps(NamedTuple):
    """Methods that `send` calls only where a class overrides them, since they cost, and mostly do nothing."""

    set_timeout: Callable[..., Any]
    build_request_auth: Callable[..., Any]
    send_handling_auth: Callable[..., Any]
    send_handling_redirects: Callable[..., Any]


class User(Protocol):
    """The colour of what the user has written."""

    steps: Steps
    awaits: bool

    def send_handling_auth(
        self, client: Any, request: Request, auth: Auth, follow_redirects: bool
    ) -> Awaitable[Response]: ...
    def send_handling_redirects(
        self, client: Any, request: Request, follow_redirects: bool, history: list[Response]
    ) -> Awaitable[Response]: ...
    def call(self, hook: EventHook, argument: Request | Response) -> Awaitable[None]: ...
    def read(self, response: Response) -> Awaitable[bytes]: ...
    def close(self, response: Response) -> Awaitable[None]: ...
    def begin_auth(self, auth: Auth, request: Request) -> AuthSteps: ...


def send(
    client: BaseClient,
    user: User,
    request: Request,
    *,
    stream: bool,
    auth: AuthTypes | UseClientDefault | None,
    follow_redirects: bool | UseClientDefault,
) -> Coroutine[Any, Any, Response]:
    """Return what sends a request as the client is set, and gives the final response: read, unless `stream`.

    Speed: this makes the coroutine and is none, since each coroutine on the way costs a call whenever it goes on.
    """
    if client._state is not _OPENED:
        client._check_usable()
    # Speed: the usual value is asked for before its type.
    if follow_redirects is USE_CLIENT_DEFAULT or isinstance(follow_redirects, UseClientDefault):
        follow_redirects = client.follow_redirects
    cls: Any = type(client)
    is_plain = user.steps == (
        cls._set_timeout,
        cls._build_request_auth,
        cls._send_handling_auth,
        cls._send_handling_redirects,
    )
    extensions = request.extensions
    if not is_plain or "timeout" not in extensions:
        client._set_timeout(request)
        extensions = request.extensions
    timeouts = extensions.get("timeout")
    if timeouts and timeouts.get("total") is not None:
        request._deadline = time.monotonic() + timeouts["total"]
    elif request._deadline is not None:
        # It was sent before.
        request._deadline = None
    if is_plain and client._auth is None and auth is USE_CLIENT_DEFAULT and not request.url._uri_reference.userinfo:
        return follow(client, user, request, follow_redirects, [], is_read=not stream)
    request_auth = client._build_request_auth(request, auth)
    if is_plain:
        return authenticate(client, user, request, request_auth, follow_redirects, [], is_read=not stream)
    return _send_by_methods(client, user, request, request_auth, follow_redirects, is_read=not stream)


async def authenticate(
    client: BaseClient,
    user: User,
    request: Request,
    auth: Auth,
    follow_redirects: bool,
    history: list[Response],
    *,
    is_read: bool,
) -> Response:
    """Let the flow of an authentication send as many requests as it wants."""
    deadline = request._deadline
    cls: Any = type(client)
    is_plain = cls._send_handling_redirects is user.steps.send_handling_redirects
    steps = user.begin_auth(auth, request)
    try:
        request = await steps.first()
        while True:
            request._deadline = deadline
            if is_plain:
                response = await follow(client, user, request, follow_redirects, history, is_read=False)
            else:
                response = await user.send_handling_redirects(client, request, follow_redirects, history)
            try:
                next_request = await steps.next(response)
                if next_request is None:
                    if is_read:
                        await user.read(response)
                    return response
                response.history = list(history)
                await user.read(response)
            except BaseException:
                await user.close(response)
                raise
            request = next_request
            history.append(response)
    finally:
        await steps.close()


async def follow(
    client: Any,
    user: User,
    request: Request,
    follow_redirects: bool,
    history: list[Response],
    *,
    is_read: bool,
) -> Response:
    """Send a request, and the ones that redirects ask for."""
    while True:
        if len(history) > client.max_redirects:
            raise TooManyRedirects("Exceeded maximum allowed redirects.", request=request)
        for hook in client._event_hooks["request"]:
            await user.call(hook, request)
        sending = client._send_single_request(request)
        response: Response = await sending if user.awaits else sending
        try:
            for hook in client._event_hooks["response"]:
                await user.call(hook, response)
            if history or response.history:
                response.history = history.copy()
            if 300 <= response.status_code < 400 and response.has_redirect_location:
                if follow_redirects:
                    request = client._build_redirect_request(request, response)
                    history = [*history, response]
                    await user.read(response)
                    continue
                response.next_request = _next_request(client, request, response)
            # A body that is there already is taken without a coroutine.
            if is_read and not response._take_from_memory():
                await user.read(response)
            return response
        except BaseException:
            await user.close(response)
            raise


class SyncUser:
    """What the user of a `Client` has written: called."""

    awaits = False

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    async def send_handling_auth(self, client: Any, request: Request, auth: Auth, follow_redirects: bool) -> Response:
        response: Response = client._send_handling_auth(
            request, auth=auth, follow_redirects=follow_redirects, history=[]
        )
        return response

    async def send_handling_redirects(
        self, client: Any, request: Request, follow_redirects: bool, history: list[Response]
    ) -> Response:
        response: Response = client._send_handling_redirects(
            request, follow_redirects=follow_redirects, history=history
        )
        return response

    async def call(self, hook: EventHook, argument: Request | Response) -> None:
        hook(argument)

    async def read(self, response: Response) -> bytes:
        return response.read()

    async def close(self, response: Response) -> None:
        response.close()

    def begin_auth(self, auth: Auth, request: Request) -> AuthSteps:
        return _SyncAuthSteps(auth.sync_auth_flow(request))


class AsyncUser:
    """What the user of an `AsyncClient` has written: awaited."""

    awaits = True

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def send_handling_auth(
        self, client: Any, request: Request, auth: Auth, follow_redirects: bool
    ) -> Awaitable[Response]:
        sending: Awaitable[Response] = client._send_handling_auth(
            request, auth=auth, follow_redirects=follow_redirects, history=[]
        )
        return sending

    def send_handling_redirects(
        self, client: Any, request: Request, follow_redirects: bool, history: list[Response]
    ) -> Awaitable[Response]:
        sending: Awaitable[Response] = client._send_handling_redirects(
            request, follow_redirects=follow_redirects, history=history
        )
        return sending

    def call(self, hook: EventHook, argument: Request | Response) -> Awaitable[None]:
        called: Awaitable[None] = hook(argument)
        return called

    def read(self, response: Response) -> Awaitable[bytes]:
        return response.aread()

    def close(self, response: Response) -> Awaitable[None]:
        return response.aclose()

    def begin_auth(self, auth: Auth, request: Request) -> AuthSteps:
        return _AsyncAuthSteps(auth.async_auth_flow(request))


# Private from here on.

# Bound to a name of the module for speed: an enum's attribute costs several times as much.
_OPENED = ClientState.OPENED


async def _send_by_methods(
    client: BaseClient, user: User, request: Request, auth: Auth, follow_redirects: bool, *, is_read: bool
) -> Response:
    """Send through the methods of a class that overrides some of them."""
    response = await user.send_handling_auth(client, request, auth, follow_redirects)
    try:
        if is_read:
            await user.read(response)
        return response
    except BaseException:
        await user.close(response)
        raise


def _next_request(client: BaseClient, request: Request, response: Response) -> Request | None:
    try:
        return client._build_redirect_request(request, response)
    except RemoteProtocolError:
        # Its Location is no URL, which matters only to those who would go there.
        return None


class _SyncAuthSteps:
    __slots__ = ("_flow",)

    def __init__(self, flow: Generator[Request, Response, None]) -> None:
        self._flow = flow

    async def first(self) -> Request:
        return next(self._flow)

    async def next(self, response: Response) -> Request | None:
        try:
            return self._flow.send(response)
        except StopIteration:
            return None

    async def close(self) -> None:
        self._flow.close()


class _AsyncAuthSteps:
    __slots__ = ("_flow",)

    def __init__(self, flow: AsyncGenerator[Request, Response]) -> None:
        self._flow = flow

    async def first(self) -> Request:
        return await self._flow.__anext__()

    async def next(self, response: Response) -> Request | None:
        try:
            return await self._flow.asend(response)
        except StopAsyncIteration:
            return None

    async def close(self) -> None:
        await self._flow.aclose()
