"""Tell which sockets this process has open, to notice those that nobody closed."""

from __future__ import annotations

import gc
import os
import time

_DESCRIPTORS = "/proc/self/fd"

# Seconds for what closes soon: a peer's thread, a callback of a loop. Reached by failing tests only.
_PATIENCE = 5.0


def open_sockets() -> set[str]:
    """Return the inodes of the open sockets; nothing on systems without /proc."""
    sockets: set[str] = set()
    try:
        names = os.listdir(_DESCRIPTORS)
    except OSError:
        return sockets
    for name in names:
        try:
            target = os.readlink(f"{_DESCRIPTORS}/{name}")
        except OSError:
            continue  # the descriptor of the listing itself
        if target.startswith("socket:"):
            sockets.add(target)
    return sockets


def assert_no_socket_left(before: set[str]) -> None:
    """Fail if there are sockets that were not open before."""
    end = time.monotonic() + _PATIENCE
    while left := open_sockets() - before:
        if time.monotonic() > end:
            gc.collect()  # names the lost ones by their ResourceWarning
            raise AssertionError(f"{len(left)} sockets were not closed")
        time.sleep(0.01)
