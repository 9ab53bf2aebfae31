"""What a task of asyncio waits on: one object for all reads of a stream, and one for each other wait.

asyncio lets tasks wait on anything that behaves like a future. A future of its own can wake its task only by a callback
of the loop, which takes ten calls. Here, a callback of the loop that runs anyway goes on with the task itself, in the
task's own context, as the loop would do next: the one that has received something for a reader (a tenth of a GET, a
little more when it is alone), and one callback for all who were woken in a turn (a tenth of a GET over HTTP/2).
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from .base import remaining

# Seconds. A callback that was to run in the next turn of the loop has run by then, or never will.
PATIENCE = 0.05

# Speed: no Python call.
_return_none: Callable[[], None] = itertools.repeat(None).__next__


class WokenTasks:
    """The tasks of a loop that were woken and go on in its next turn, in one callback."""

    __slots__ = ("_called_at", "_loop", "_woken", "get_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # For those who are asked for their loop, without a Python call.
        self.get_loop: Callable[[], asyncio.AbstractEventLoop] = itertools.repeat(loop).__next__
        self._called_at = 0.0
        # What goes on with each task, the object that it waited on, and its context.
        self._woken: deque[tuple[Callable[..., object], TaskWaiter, contextvars.Context | None]] = deque()

    def add(self, waiter: TaskWaiter) -> None:
        """Let the task go on that waits on this. Nobody goes on in a loop that is closed."""
        callback = waiter._callback
        if callback is None:
            return
        # An interrupt may have cost the callback that was to go on; then whoever is woken later brings another one.
        if not self._woken or time.monotonic() - self._called_at > PATIENCE:
            try:
                self._loop.call_soon(self._go_on)
            except RuntimeError:
                if not self._loop.is_closed():
                    raise
                return
            self._called_at = time.monotonic()
        waiter._callback = None
        self._woken.append((callback, waiter, waiter._context))

    # Private from here on.

    def _go_on(self) -> None:
        """Go on with the tasks that were woken before this turn."""
        woken = self._woken
        count = len(woken)
        if count > 1:
            # For those behind one that is interrupted, or that runs the loop itself, as nest_asyncio lets it.
            self._loop.call_soon(self._go_on)
        while woken and count:
            count -= 1
            callback, waiter, context = woken.popleft()
            if context is None:
                callback(waiter)
            else:
                context.run(callback, waiter)


class TaskWaiter:
    """Lets one task wait. What tasks ask of a future is here, up to `set_result`.

    Attributes:
        result: called by the task that goes on; it returns None, or raises what the task is to go on with.
        get_loop: returns the loop.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_cancellation", "_context", "_woken", "get_loop", "result")

    def __init__(self, woken: WokenTasks) -> None:
        self._asyncio_future_blocking = False
        self._callback: Callable[..., object] | None = None
        self._context: contextvars.Context | None = None
        self._cancellation: asyncio.CancelledError | None = None
        self._woken = woken
        # Speed: neither is a Python call.
        self.get_loop = woken.get_loop
        self.result: Callable[[], None] = _return_none

    def __await__(self) -> Generator[Any, None, None]:
        # So a task knows that it was given this to wait on, and not by mistake.
        self._asyncio_future_blocking = True
        return iter((self,))  # type: ignore[return-value]  # an iterator will do, and costs less

    def add_done_callback(self, callback: Callable[..., object], *, context: contextvars.Context | None = None) -> None:
        """Note the task that waits: a callback that goes on with it."""
        self._context = context
        self._callback = callback

    def cancel(self, msg: Any = None) -> bool:
        """Let the task go on with a CancelledError; return False if it goes on already.

        By its message anyio knows which of its scopes was cancelled.
        """
        if self._callback is None:
            return False
        self._cancellation = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self.result = self._raise_cancellation
        self.set_result(None)
        return True

    def done(self) -> bool:
        """Tell whether nobody waits who does not go on already."""
        return self._callback is None

    def set_result(self, result: None) -> None:
        """Let the task go on in the next turn of the loop; nobody goes on in a loop that is closed."""
        self._woken.add(self)

    # Private from here on.

    def _raise_cancellation(self) -> None:
        self.result = _return_none
        cancellation, self._cancellation = self._cancellation, None
        assert cancellation is not None
        raise cancellation


class ReadWaiter(TaskWaiter):
    """Lets the reader of a stream wait, again and again."""

    __slots__ = ()

    def go_on(self) -> None:
        """Go on with the task, now. To be called by callbacks of the loop alone, and last."""
        callback, context = self._callback, self._context
        if callback is not None:
            if "nest_asyncio" in sys.modules or "nest_asyncio2" in sys.modules:
                # A task may run the loop then; in this callback, which has to return before it can be called again.
                self.set_result(None)
                return
            self._callback = None
            if context is None:
                callback(self)
            else:
                context.run(callback, self)


class AsyncioWaiter(TaskWaiter):
    """Lets a task wait until another one sets it. To await the object itself is to wait without limit."""

    __slots__ = ("is_set",)

    def __init__(self, woken: WokenTasks) -> None:
        # Speed: as the other one does it, without the call.
        self._asyncio_future_blocking = self.is_set = False
        self._callback = self._cancellation = self._context = None
        self._woken = woken
        self.get_loop = woken.get_loop
        self.result = _return_none

    def __await__(self) -> Generator[Any, None, None]:
        if self.is_set:
            return iter(())  # type: ignore[return-value]  # as above
        self._asyncio_future_blocking = True
        return iter((self,))  # type: ignore[return-value]  # as above

    def set(self) -> None:
        self.is_set = True
        if self._callback is not None:
            self._woken.add(self)

    async def wait(self, timeout: float | None, deadline: float | None = None) -> bool:
        if self.is_set:
            return True
        if deadline is not None:
            timeout = remaining(timeout, deadline)
        timer = None if timeout is None else self.get_loop().call_later(timeout, self.set_result, None)
        try:
            await self
        finally:
            if timer is not None:
                timer.cancel()
        return self.is_set
