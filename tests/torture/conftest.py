"""Fixtures of the torture tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
def tls_server(trust: Trust) -> Iterator[Server]:
    server = Server(trust.server_context())
    yield server
    server.close()
