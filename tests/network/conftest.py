"""Fixtures of the network tests; `async def` tests run on the colour that they ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from .colours import COLOURS, Colour, make_colour
from .leaks import assert_no_socket_left, open_sockets
from .lines import LAYERS, Line, Trust
from .peers import Peer, Script

_HAS_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def trust() -> Trust:
    return Trust()


@pytest.fixture
def sockets_before(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """The sockets that were open before the test; fails a test that leaves others."""
    before = open_sockets()
    yield before
    if not request.node.stash.get(_HAS_FAILED, False):
        assert_no_socket_left(before)


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest, sockets_before: set[str]) -> Iterator[Colour]:
    """A way to run coroutines."""
    colour = make_colour(request.param)
    yield colour
    colour.close()


@pytest.fixture(params=LAYERS)
def line(request: pytest.FixtureRequest, colour: Colour, trust: Trust) -> Iterator[Line]:
    """Connections of one kind: plain, TLS, TLS in TLS."""
    line = Line(trust, LAYERS[request.param], colour)
    yield line
    line.close()


@pytest.fixture
def serve(colour: Colour) -> Iterator[Callable[[Script], Peer]]:
    """Start plain peers that are closed at the end of the test."""
    peers: list[Peer] = []

    def start(script: Script, **options: Any) -> Peer:
        peers.append(Peer(script, **options))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    colour = pyfuncitem.funcargs["colour"]
    assert isinstance(colour, Colour)
    names = pyfuncitem._fixtureinfo.argnames
    try:
        colour.run(_run_test, pyfuncitem.obj, {name: pyfuncitem.funcargs[name] for name in names})
    except BaseException:
        pyfuncitem.stash[_HAS_FAILED] = True
        raise
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error"))


# Private from here on.


async def _run_test(function: Callable[..., Coroutine[Any, Any, None]], arguments: dict[str, Any]) -> None:
    try:
        await function(**arguments)
    except BaseException:
        if "line" in arguments:
            arguments["line"].abort_streams()
        raise
