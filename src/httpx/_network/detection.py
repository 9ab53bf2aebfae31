"""Tell whether a task of trio is running, without importing trio."""

from __future__ import annotations

import sys


def is_trio_task() -> bool:
    """Tell whether the caller is a task of trio. One may run inside of asyncio (guest mode), but not the reverse."""
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except (RuntimeError, AttributeError):
        # Not in a task; or trio is just being imported by another thread.
        return False
    return True
