"""What all tests share: Hypothesis profiles, and the local origins."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.origin import Authority, Origin

# No deadline: a loaded machine is no defect. In CI the examples are the same in each run, and elsewhere they vary.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """An origin that speaks plain HTTP/1.1. Its counters go on through the session: compare, do not expect."""
    with Origin() as origin:
        yield origin


@pytest.fixture(scope="session")
def tls_origin() -> Iterator[Origin]:
    """An origin under TLS, for 127.0.0.1 and localhost; `make_client_context()` trusts it."""
    authority = Authority()
    with Origin(authority) as origin:
        yield origin
    authority.close()
