"""Run something beside the task that asks for it, for what must go on while nobody waits for it.

The core itself needs no tasks; an application that is called in place of a server does. Like `detection`, this finds
the library of the running loop where it is loaded already, and imports none.

Cancellation has two forms on asyncio. `Task.cancel()` interrupts once; a cancel scope of anyio interrupts whatever is
awaited under it, again and again, but for what a scope of the application's own shields. Frameworks count on the
latter for their clean-up. So a task is cancelled in the way in which whoever waits for it was.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from .detection import is_trio_task

AsyncFunction = Callable[[], Coroutine[Any, Any, None]]


class OwnTask(Protocol):
    """What goes on beside the task that started it."""

    def cancel(self) -> None:
        """Cancel it, from the loop's thread; if the caller was cancelled, in the way in which that was done."""

    async def wait(self) -> None:
        """Wait for its end, even if the caller is cancelled; what interrupts the waiting goes on to the task."""

    def is_caller_cancelled_again(self) -> bool:
        """Tell whether the caller is in a cancelled scope, which interrupts it at its next step if it goes on."""
        ...


def is_cancellation(exc: BaseException) -> bool:
    """Tell whether an exception is that of a cancelled task, or of a coroutine that is closed."""
    if isinstance(exc, GeneratorExit):
        return True
    if isinstance(exc, BaseExceptionGroup):
        return all(map(is_cancellation, exc.exceptions))
    classes = [(sys.modules.get("asyncio"), "CancelledError"), (sys.modules.get("trio"), "Cancelled")]
    return any(module is not None and isinstance(exc, getattr(module, name)) for module, name in classes)


def start_task(function: AsyncFunction) -> OwnTask:
    """Start an async function as a task of the running loop.

    Whoever starts it keeps that, since a loop holds its tasks weakly. The function raises nothing but cancellation:
    there is nobody to raise to, and trio stops the program for it.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    if is_trio_task():
        return _TrioTask(function)
    if "asyncio" not in sys.modules:
        raise RuntimeError("no running event loop")
    return _AsyncioTask(function)


# Private from here on.


class _TrioTask:
    """A system task: it belongs to no nursery, and is cancelled when the main task ends."""

    def __init__(self, function: AsyncFunction) -> None:
        trio: Any = sys.modules["trio"]
        self._trio = trio
        self._function = function
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        trio.lowlevel.spawn_system_task(self._run, name=function, context=contextvars.copy_context())

    def cancel(self) -> None:
        self._scope.cancel()

    async def wait(self) -> None:
        with self._trio.CancelScope(shield=True):
            await self._ended.wait()

    def is_caller_cancelled_again(self) -> bool:
        deadline: float = self._trio.current_effective_deadline()
        return deadline == -math.inf

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._function()
        finally:
            self._ended.set()


class _AsyncioTask:
    """A task, in a cancel scope of anyio if that is in use."""

    def __init__(self, function: AsyncFunction) -> None:
        self._asyncio: Any = sys.modules["asyncio"]
        self._anyio: Any = sys.modules["anyio"] if "anyio._backends._asyncio" in sys.modules else None
        self._scope = None if self._anyio is None else self._anyio.CancelScope()
        self._task = self._asyncio.get_running_loop().create_task(self._run(function))

    def cancel(self) -> None:
        if self._scope is not None and self.is_caller_cancelled_again():
            self._scope.cancel()
        else:
            self._task.cancel()

    async def wait(self) -> None:
        with contextlib.nullcontext() if self._anyio is None else self._anyio.CancelScope(shield=True):
            while not self._task.done():
                try:
                    await self._asyncio.wait([self._task])
                except self._asyncio.CancelledError:
                    self._task.cancel()

    def is_caller_cancelled_again(self) -> bool:
        # Only a task is in a scope, and what comes from another thread runs in none.
        if self._anyio is None or self._asyncio.current_task() is None:
            return False
        deadline: float = self._anyio.current_effective_deadline()
        return deadline == -math.inf

    async def _run(self, function: AsyncFunction) -> None:
        with contextlib.nullcontext() if self._scope is None else self._scope:
            await function()
