"""Run something beside the task that asks for it, for what must go on while nobody waits for it.

The core itself needs no tasks; an application that is called in place of a server does. Like `detection`, this finds
the library of the running loop where it is loaded already, and imports none.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from .detection import is_trio_task


def start_task(function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Start an async function as a task of the running loop, and return what cancels it, from the loop's thread.

    Whoever starts it keeps that, since a loop holds its tasks weakly. The function raises nothing but cancellation:
    there is nobody to raise to, and trio stops the program for it.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    if is_trio_task():
        return _start_trio_task(sys.modules["trio"], function)
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        raise RuntimeError("no running event loop")
    cancel: Callable[[], None] = asyncio.get_running_loop().create_task(function()).cancel
    return cancel


# Private from here on.


def _start_trio_task(trio: Any, function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Start a system task: it belongs to no nursery, and is cancelled when the main task ends."""
    scope = trio.CancelScope()

    async def run() -> None:
        with scope:
            await function()

    trio.lowlevel.spawn_system_task(run, name=function, context=contextvars.copy_context())
    cancel: Callable[[], None] = scope.cancel
    return cancel
