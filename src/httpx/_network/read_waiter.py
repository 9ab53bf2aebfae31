"""What a task waits on that reads from a stream of asyncio: one for each stream, again and again.

asyncio lets tasks wait on anything that behaves like a future. A future of its own would be made for each read, and
could wake its task only by a callback in the next turn of the loop: with five more calls, and when nothing else is
going on with one more look at all sockets. Here, the callback of the loop that has received something goes on with the
task itself, in the task's own context, as the loop would do next. (A tenth of a GET, a little more when it is alone.)
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator
from typing import Any


class ReadWaiter:
    """Lets one task wait. The methods up to `result` are those that tasks ask of a future."""

    __slots__ = ("_asyncio_future_blocking", "_callback", "_context", "_is_cancelled", "_loop", "get_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, get_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callback: Callable[..., object] | None = None
        self._context: contextvars.Context | None = None
        self._is_cancelled = False
        self.get_loop = get_loop

    def __await__(self) -> Generator[Any, None, None]:
        # So a task knows that it was given this to wait on, and not by mistake.
        self._asyncio_future_blocking = True
        return iter((self,))  # type: ignore[return-value]  # an iterator will do, and costs less

    def add_done_callback(self, callback: Callable[..., object], *, context: contextvars.Context | None = None) -> None:
        """Note the task that waits: a callback that goes on with it."""
        self._context = context
        self._callback = callback

    def cancel(self, msg: Any = None) -> bool:
        """Let the task go on with a CancelledError; return False if it goes on already."""
        if self._callback is None:
            return False
        self._is_cancelled = True
        self.set_result(None)
        return True

    def result(self) -> None:
        """Return, or raise what the task is to go on with."""
        if self._is_cancelled:
            self._is_cancelled = False
            raise asyncio.CancelledError

    def done(self) -> bool:
        """Tell whether nobody waits who does not go on already."""
        return self._callback is None

    def set_result(self, result: None) -> None:
        """Let the task go on in the next turn of the loop."""
        callback, self._callback = self._callback, None
        assert callback is not None
        self._loop.call_soon(callback, self, context=self._context)

    def go_on(self) -> None:
        """Go on with the task, now. To be called by callbacks of the loop alone, and last."""
        callback, context = self._callback, self._context
        if callback is not None:
            self._callback = None
            if context is None:
                callback(self)
            else:
                context.run(callback, self)
