"""Forty threads on one client that change places as often as they can."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

import httpx
from tests.network.lines import Trust

from .echo import EchoServer

THREADS_COUNT = 40
REQUESTS_COUNT = 50


@pytest.fixture
def eager_switching() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_forty_threads_get_their_own_answers(eager_switching: None, trust: Trust, is_secure: bool) -> None:
    errors: list[BaseException] = []
    counts: list[int] = []

    def work(name: int) -> None:
        count = 0
        try:
            for number in range(REQUESTS_COUNT):
                path = f"/{name}/{number}"
                if number % 5:
                    response = client.get(server.url(path))
                    assert (response.status_code, response.text) == (200, path)
                else:
                    body = f"{path} ".encode() * (1 + number * 50)
                    assert client.post(server.url(path), content=body).content == body
                count += 1
        except BaseException as exc:
            errors.append(exc)
        counts.append(count)

    context = None
    if is_secure:
        context = trust.server_context()
        context.set_alpn_protocols(["h2"])
    server = EchoServer(context)
    with httpx.Client(http1=False, http2=True, verify=trust.client_context(), timeout=60) as client:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(THREADS_COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        pool = client._transport._pool  # type: ignore[attr-defined]  # the base class has none
        assert not errors
        assert sum(counts) == THREADS_COUNT * REQUESTS_COUNT
        assert pool.connection_count == pool.idle_count == 1
    server.close()
