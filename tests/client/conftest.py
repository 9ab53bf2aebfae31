"""Fixtures of the client's tests: each `async def` test runs on the sync client, and on asyncio, uvloop and trio."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from tests.network.colours import COLOURS, Colour, make_colour
from tests.network.leaks import assert_no_socket_left, open_sockets
from tests.network.lines import Trust
from tests.network.peers import MakeChannel, PlainChannel, TLSChannel
from tests.origin import Origin

from .faces import Face, make_face
from .servers import Script, Server

_HAS_FAILED = pytest.StashKey[bool]()


class Serve(Protocol):
    """Start a scripted server that is closed at the end of the test."""

    def __call__(self, *scripts: Script, **options: Any) -> Server: ...


@pytest.fixture(scope="session")
def trust() -> Trust:
    return Trust()


@pytest.fixture
def text_url(origin: Origin) -> str:
    """A URL that answers 200 with a small text, and keeps the connection alive."""
    return origin.url("/hello")


@pytest.fixture
def sockets_before(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """The sockets that were open before the test; fails a test that leaves others."""
    before = open_sockets()
    yield before
    if not request.node.stash.get(_HAS_FAILED, False):
        assert_no_socket_left(before)


@pytest.fixture(params=[name for name in COLOURS if name != "asyncio-debug"])
def colour(request: pytest.FixtureRequest, sockets_before: set[str]) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


@pytest.fixture
def face(colour: Colour) -> Face:
    """The half of the library that fits the colour."""
    return make_face(colour.name)


@pytest.fixture
def serve(sockets_before: set[str]) -> Iterator[Serve]:
    """Start scripted servers."""
    servers: list[Server] = []

    def start(*scripts: Script, **options: Any) -> Server:
        servers.append(Server(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def over_tls(trust: Trust) -> MakeChannel:
    """What makes a scripted server speak TLS, for localhost and 127.0.0.1."""
    context = trust.server_context()
    return lambda sock: TLSChannel(PlainChannel(sock), context)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    colour = pyfuncitem.funcargs["colour"]
    assert isinstance(colour, Colour)
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    function: Callable[..., Any] = pyfuncitem.obj
    try:
        colour.run(lambda: function(**arguments))
    except BaseException:
        pyfuncitem.stash[_HAS_FAILED] = True
        raise
    return True
