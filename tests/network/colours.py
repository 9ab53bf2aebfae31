"""Run one `async def` test on every colour: blocking sockets, asyncio, asyncio in debug mode, uvloop and trio.

uvloop is there twice, with sockets that are watched and with transports.

A test takes the fixture `colour` and is an `async def`; `colour.run` drives it the way its colour does. Inside, `start`
makes something that runs beside the test: a thread over blocking sockets, a task elsewhere. `until` waits for what has
no event of its own, such as bytes that reach the kernel.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

import trio

from httpx._drive import drive
from httpx._network.asyncio import AsyncioNetwork
from httpx._network.base import Network
from httpx._network.sync import SyncNetwork
from httpx._network.trio import TrioNetwork

T = TypeVar("T")

# Seconds; when something should have happened long ago. Reached by failing tests only.
PATIENCE = 10.0


class TaskCancelled(Exception):
    """What `Task.join` raises for a task that was cancelled."""


class Task(ABC, Generic[T]):
    """Something that runs beside the test."""

    @property
    @abstractmethod
    def is_done(self) -> bool: ...

    @abstractmethod
    def cancel(self) -> None: ...

    @abstractmethod
    async def join(self) -> T:
        """Wait for the end of it; return its value or raise its exception, TaskCancelled if it was cancelled."""


class Colour(ABC):
    """One way to run a coroutine of the core, and the network for it."""

    name: str
    can_cancel = True
    network: Network  # trio's exists only while it runs

    @abstractmethod
    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Run `function(*args)` to its end."""

    @abstractmethod
    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Task[T]:
        """Start `function(*args)` beside the running test."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let the others run once; a pending cancellation is raised here."""

    @abstractmethod
    def cancel_current(self) -> None:
        """Cancel the running task: CancelledError or Cancelled comes out of its next checkpoint."""

    @abstractmethod
    async def call_cancellable(self, function: Callable[[], Awaitable[T]]) -> T:
        """Call function so that `cancel_current` cancels no more than that; TaskCancelled if it did."""

    @abstractmethod
    def count_tasks(self) -> int:
        """Return how many tasks run here."""

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Release what the colour holds."""

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait until the predicate holds."""
        end = time.monotonic() + PATIENCE
        while not predicate():
            assert time.monotonic() < end, "did not happen"
            await self.network.sleep(0.001)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call function on another thread while this one goes on running."""
        results: list[T] = []
        thread = threading.Thread(target=lambda: results.append(function()))
        thread.start()
        await self.until(lambda: not thread.is_alive())
        thread.join()
        return results[0]


class SyncColour(Colour):
    name = "sync"
    can_cancel = False

    def __init__(self) -> None:
        self.network = SyncNetwork()

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        return drive(function(*args))

    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Task[T]:
        return _ThreadTask(function, args)

    async def checkpoint(self) -> None:
        pass

    def cancel_current(self) -> None:
        raise RuntimeError("threads cannot be cancelled")

    async def call_cancellable(self, function: Callable[[], Awaitable[T]]) -> T:
        return await function()

    def count_tasks(self) -> int:
        return 0


class AsyncioColour(Colour):
    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, *, debug: bool = False) -> None:
        self.name = name
        self.loop = loop
        self.errors: list[dict[str, Any]] = []
        loop.set_debug(debug)
        # What the loop would only log is a failure: exceptions of callbacks, tasks that nobody awaited.
        loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.network = AsyncioNetwork(loop)

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        try:
            return self.loop.run_until_complete(function(*args))
        finally:
            # Transports close their sockets in a callback.
            self.loop.run_until_complete(_spin())

    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Task[T]:
        async def call() -> T:
            return await function(*args)

        return _AsyncioTask(self.loop.create_task(call()))

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def cancel_current(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def call_cancellable(self, function: Callable[[], Awaitable[T]]) -> T:
        async def call() -> T:
            return await function()

        return await self.start(call).join()

    def count_tasks(self) -> int:
        return len(asyncio.all_tasks(self.loop))

    def close(self) -> None:
        if not self.loop.is_closed():
            self.loop.close()
        assert not self.errors, self.errors


class TrioColour(Colour):
    name = "trio"

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._scopes: dict[trio.lowlevel.Task, trio.CancelScope] = {}

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        return trio.run(self._run, function, args)

    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Task[T]:
        assert self._nursery is not None
        task = _TrioTask[T](self._scopes)
        self._nursery.start_soon(task.run, function, args)
        return task

    async def checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()

    def cancel_current(self) -> None:
        self._scopes[trio.lowlevel.current_task()].cancel()

    async def call_cancellable(self, function: Callable[[], Awaitable[T]]) -> T:
        async def call() -> T:
            return await function()

        return await self.start(call).join()

    def count_tasks(self) -> int:
        return trio.lowlevel.current_statistics().tasks_living

    # Private from here on.

    async def _run(self, function: Callable[..., Coroutine[Any, Any, T]], args: tuple[Any, ...]) -> T:
        self.network = TrioNetwork()
        # A nursery would wrap what the test raises into an exception group.
        values: list[T] = []
        error: BaseException | None = None
        async with trio.open_nursery() as self._nursery:
            try:
                values.append(await function(*args))
            except BaseException as exc:
                error = exc
            self._nursery.cancel_scope.cancel()
        if error is not None:
            raise error
        return values[0]


def make_colour(name: str) -> Colour:
    """Return the colour of that name."""
    if name == "sync":
        return SyncColour()
    if name == "trio":
        return TrioColour()
    if name in ("uvloop", "transports"):
        import uvloop

        class Loop(uvloop.Loop):
            # As where there is no epoll.
            add_reader: Any = asyncio.AbstractEventLoop.add_reader

        return AsyncioColour(name, Loop() if name == "transports" else uvloop.new_event_loop())
    return AsyncioColour(name, asyncio.new_event_loop(), debug=name == "asyncio-debug")


ASYNCIO = ["asyncio", "asyncio-debug"]
if importlib.util.find_spec("uvloop"):  # It does not exist on Windows.
    ASYNCIO += ["uvloop", "transports"]
CANCELLABLE = [*ASYNCIO, "trio"]
COLOURS = ["sync", *CANCELLABLE]

# Private from here on.


class _ThreadTask(Task[T]):
    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        self._values: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        raise RuntimeError("threads cannot be cancelled")

    async def join(self) -> T:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the thread hangs"
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _run(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        async def call() -> T:
            return await function(*args)

        try:
            self._values.append(drive(call()))
        except BaseException as exc:
            self._error = exc


class _AsyncioTask(Task[T]):
    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task

    @property
    def is_done(self) -> bool:
        return self._task.done()

    def cancel(self) -> None:
        self._task.cancel()

    async def join(self) -> T:
        done, _ = await asyncio.wait([self._task], timeout=PATIENCE)
        assert done, "the task hangs"
        if self._task.cancelled():
            raise TaskCancelled
        return self._task.result()


class _TrioTask(Task[T]):
    def __init__(self, scopes: dict[trio.lowlevel.Task, trio.CancelScope]) -> None:
        self._scopes = scopes
        self._done = trio.Event()
        self._scope = trio.CancelScope()
        self._values: list[T] = []
        self._error: BaseException = TaskCancelled()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def cancel(self) -> None:
        self._scope.cancel()

    async def join(self) -> T:
        with trio.move_on_after(PATIENCE):
            await self._done.wait()
        assert self._done.is_set(), "the task hangs"
        if self._values:
            return self._values[0]
        raise self._error

    async def run(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        task = trio.lowlevel.current_task()
        self._scopes[task] = self._scope
        try:
            with self._scope:
                self._values.append(await function(*args))
        except Exception as exc:
            self._error = exc
        finally:
            del self._scopes[task]
            self._done.set()


async def _spin() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
