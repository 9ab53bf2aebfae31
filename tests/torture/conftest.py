"""Fixtures of the torture tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..h2.echo import EchoServer
from ..network.conftest import colour, pytest_pyfunc_call, sockets_before, trust
from ..network.lines import Trust
from .server import Server

__all__ = ["colour", "pytest_pyfunc_call", "sockets_before", "trust"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def h2_server() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def h2_tls_server(trust: Trust) -> Iterator[EchoServer]:
    context = trust.server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = EchoServer(context)
    yield server
    server.close()


@pytest.fixture(scope="session")
def tls_server(trust: Trust) -> Iterator[Server]:
    server = Server(trust.server_context())
    yield server
    server.close()
