"""Run a coroutine of the core to its end on blocking sockets.

The core is written once, as `async def`. Over the blocking network its coroutines never suspend, so one
`send(None)` runs them from start to end, and their value comes back in the StopIteration.

A StopIteration that user code raises (an event hook, an auth flow, a transport, a body) cannot leave a coroutine:
the interpreter turns it into a RuntimeError whose cause it is. `drive` turns it back, so that the users of the
sync client see what they raised.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# The interpreter's text for a StopIteration that left a coroutine (PEP 479).
_STOP_ITERATION_TEXT = "coroutine raised StopIteration"


def drive(coroutine: Coroutine[Any, None, T]) -> T:
    """Run a coroutine that never suspends, and return its value.

    Raises:
        RuntimeError: it suspended, which is a defect of this library (or of a transport given to it).
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    except RuntimeError as exc:
        if isinstance(exc.__cause__, StopIteration) and exc.args == (_STOP_ITERATION_TEXT,):
            raise exc.__cause__ from exc.__cause__.__cause__
        raise
    coroutine.close()
    raise RuntimeError(f"Internal error: {coroutine!r} suspended in a sync client. Please report this.")
