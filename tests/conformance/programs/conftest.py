"""What the tests of programs share: a check that these run on this package, and real servers for their applications."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import httpx

SOURCES = Path(__file__).parents[3] / "src" / "httpx"

# Raised here and not tested, since a run on another httpx would tell nothing.
if Path(httpx.__file__).parent != SOURCES:
    raise RuntimeError(f"These tests are for the httpx in {SOURCES}, and found {httpx.__file__}.")

ServeApp = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    # Both say that they prefer httpx2, when they are imported.
    config.addinivalue_line("filterwarnings", "ignore:Using `httpx` with `starlette.testclient`")
    config.addinivalue_line("filterwarnings", "ignore:The httpx module is deprecated")
    # pytest-httpx is tested by running tests.
    config.pluginmanager.import_plugin("pytester")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """What async tests run on, each marked with `pytest.mark.anyio`."""
    backend: str = request.param
    return backend


@pytest.fixture
def serve_app() -> Iterator[ServeApp]:
    """Serve ASGI applications by uvicorn, in threads: `serve_app(app)` returns the URL, without a slash at its end."""
    with ExitStack() as stack:
        yield lambda app, **settings: stack.enter_context(_serving(app, **settings))


# Private from here on.


@contextmanager
def _serving(app: Any, **settings: Any) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, **settings))
        # The socket listens already: nobody who connects is refused, however long the start takes.
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
