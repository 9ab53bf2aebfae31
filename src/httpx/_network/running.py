"""Make the network of the event loop that runs: trio's if a task of trio asks, else asyncio's."""

from __future__ import annotations

from .base import Network
from .detection import is_trio_task


def running_network() -> Network:
    """Return a network for the running event loop.

    Raises:
        RuntimeError: none runs in this thread.
    """
    if is_trio_task():
        from .trio import TrioNetwork  # only where trio is

        return TrioNetwork()
    from .asyncio import running_asyncio_network  # not for trio

    return running_asyncio_network()
