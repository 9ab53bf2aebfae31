"""Every call of a client's scenarios fails in every way, and nothing is ever left behind."""

from __future__ import annotations

import gc

import pytest

import httpx
from httpx._pool import Pool
from httpx._shelves import Shelves

from ..h2.echo import EchoServer
from ..network.colours import COLOURS, Colour
from ..network.lines import Trust
from . import proxy, scenarios
from .faulty import kinds_for
from .kernel import sweep, sweep_randomly
from .proxy import Handshake, ProxyServer
from .scenarios import ClientSubject
from .server import Server

pytestmark = pytest.mark.parametrize("colour", [name for name in COLOURS if name != "asyncio-debug"], indirect=True)

SCENARIOS = [
    scenarios.Get,
    scenarios.GetAgain,
    scenarios.GetLarge,
    scenarios.Upload,
    scenarios.HalfRead,
    scenarios.Redirect,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_nothing_is_left_behind(colour: Colour, server: Server, scenario: type[ClientSubject]) -> None:
    report = await sweep(scenario.__name__, lambda network: scenario(colour, network, server), colour)
    report.check()
    assert report.runs_count == 1 + report.calls_count * len(kinds_for(colour))
    assert {"connect_tcp", "read"} <= report.struck_names


@pytest.mark.parametrize("scenario", [scenarios.Get, scenarios.HalfRead])
async def test_nothing_is_left_behind_over_tls(
    colour: Colour, tls_server: Server, trust: Trust, scenario: type[ClientSubject]
) -> None:
    context = trust.client_context()
    report = await sweep(
        scenario.__name__, lambda network: scenario(colour, network, tls_server, verify=context), colour
    )
    report.check()
    assert {"connect_tcp", "read", "write_now"} <= report.struck_names


# By name: the proxy's scheme, its handshake, and the layers of TLS, one of which may be around the handshake.
WAYS: dict[str, tuple[str, Handshake, int]] = {
    "connect": ("http", proxy.connect, 1),
    "connect by digest": ("http", proxy.connect_by_digest, 1),
    "socks5": ("socks5", proxy.socks5, 0),
    "tls through socks5": ("socks5", proxy.socks5, 1),
    "tls in tls": ("https", proxy.connect, 2),
}


@pytest.mark.parametrize("scenario", [scenarios.Get, scenarios.HalfRead])
@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_left_behind_on_the_way_through_a_proxy(
    colour: Colour, server: Server, tls_server: Server, trust: Trust, way: str, scenario: type[ClientSubject]
) -> None:
    scheme, handshake, depth = WAYS[way]
    origin = tls_server if depth else server
    proxy_server = ProxyServer(origin, handshake, trust.server_context() if scheme == "https" else None)
    # Two connections, so that a slot that was lost would be missed by the next request.
    limits = httpx.Limits(max_connections=2)
    context = trust.client_context()
    auth_scheme = "digest" if "digest" in way else "basic"
    settings = httpx.Proxy(
        f"{scheme}://127.0.0.1:{proxy_server.port}", auth=("u", "p"), ssl_context=context, auth_scheme=auth_scheme
    )
    try:
        report = await sweep(
            f"{scenario.__name__} by {way}",
            lambda network: scenario(colour, network, origin, proxy=settings, verify=context, limits=limits),
            colour,
        )
    finally:
        proxy_server.close()
    report.check()
    assert report.runs_count == 1 + report.calls_count * len(kinds_for(colour))
    assert {"connect_tcp", "read", "write_now"} <= report.struck_names


async def test_nothing_is_left_behind_in_the_queue(colour: Colour, server: Server) -> None:
    limits = httpx.Limits(max_connections=1)
    report = await sweep("Queue", lambda network: scenarios.Queue(colour, network, server, limits=limits), colour)
    report.check()
    assert "Waiter.wait" in report.struck_names


async def test_a_crowd_leaves_nothing_behind(colour: Colour, server: Server) -> None:
    limits = httpx.Limits(max_connections=4)
    report = await sweep_randomly(
        "Crowd",
        lambda network: scenarios.Crowd(colour, network, server, limits=limits),
        colour,
        seed=7,
        runs_count=12,
        strikes_count=8,
    )
    report.check()
    assert {"connect_tcp", "read", "write_soon"} <= report.struck_names


SHARED = [
    scenarios.Get,
    scenarios.GetAgain,
    scenarios.GetLarge,
    scenarios.Upload,
    scenarios.HalfRead,
    scenarios.Redirect,
    scenarios.Together,
]


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("scenario", SHARED)
async def test_nothing_is_left_behind_over_http2(
    colour: Colour,
    h2_server: EchoServer,
    h2_tls_server: EchoServer,
    trust: Trust,
    scenario: type[ClientSubject],
    is_secure: bool,
) -> None:
    server = h2_tls_server if is_secure else h2_server
    options = {"http1": is_secure, "http2": True, "verify": trust.client_context()}
    report = await sweep(scenario.__name__, lambda network: scenario(colour, network, server, **options), colour)
    report.check()
    assert {"connect_tcp", "read", "write_now"} <= report.struck_names


async def test_a_crowd_leaves_nothing_behind_over_http2(
    colour: Colour, h2_tls_server: EchoServer, trust: Trust
) -> None:
    options = {"http2": True, "verify": trust.client_context()}
    report = await sweep_randomly(
        "Crowd",
        lambda network: scenarios.Crowd(colour, network, h2_tls_server, **options),
        colour,
        seed=11,
        runs_count=12,
        strikes_count=8,
    )
    report.check()
    assert {"read", "write_now"} <= report.struck_names


# The pools of this test believe that they hold connections, and say so when they are collected.
@pytest.mark.filterwarnings("ignore:A client was lost:ResourceWarning")
async def test_a_slot_lost_by_the_pool_would_be_found(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool, "discard", lambda self, connection: None)
    report = await sweep("Get", lambda network: scenarios.Get(colour, network, server), colour)
    assert any("1 connections are busy" in problem for problem in report.problems)
    gc.collect()


async def test_a_ticket_lost_by_the_pool_would_be_found(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shelves, "give_up", lambda self, ticket: None)
    monkeypatch.setattr(scenarios.Queue, "timeout", 0.2)
    limits = httpx.Limits(max_connections=1)
    report = await sweep("Queue", lambda network: scenarios.Queue(colour, network, server, limits=limits), colour)
    assert any("1 requests wait in the pool" in problem for problem in report.problems)
