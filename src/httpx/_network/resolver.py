"""Resolve host names on a few daemon threads.

`getaddrinfo` cannot be interrupted: it blocks for as long as the system's resolver does, whatever the caller's
timeout. So it runs on worker threads, and who asked waits with a timeout or a cancellation of its own; an answer that
comes too late is dropped. The workers are daemons (a hanging resolver must not keep a program from ending), start when
they are needed, and end after a while without work.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable

from .addresses import Address

# At most so many names are looked up at a time; more wait. A resolver that hangs holds one worker a name.
MAX_WORKERS = 16

# Seconds after which an idle worker ends.
WORKER_IDLE_TIME = 10.0


class Lookup:
    """One question for the resolver; `done` is called on a worker thread when the answer is there."""

    __slots__ = ("_answer", "_done", "host", "port")

    def __init__(self, host: str, port: int, done: Callable[[], object]) -> None:
        self.host = host
        self.port = port
        self._done = done
        self._answer: list[Address] | OSError = []

    def result(self) -> list[Address]:
        """Return the addresses in the resolver's order.

        Raises:
            OSError: the name could not be resolved.
        """
        if isinstance(self._answer, OSError):
            raise self._answer
        return self._answer

    def run(self) -> None:
        try:
            infos = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM)
            self._answer = [(int(family), sockaddr) for family, _, _, _, sockaddr in infos]  # type: ignore[misc]  # no other families for SOCK_STREAM over IP
        except OSError as exc:
            self._answer = exc
        except UnicodeError as exc:
            # The codec for host names refuses empty and overlong labels with an error of its own.
            self._answer = socket.gaierror(socket.EAI_NONAME, f"Name or service not known ({exc})")
        except Exception as exc:  # whatever a patched resolver raises, the asker must not wait for ever
            self._answer = OSError(f"{type(exc).__name__}: {exc}")
        finally:
            self._done()


class Resolver:
    """A bounded crew of daemon threads that call `getaddrinfo`."""

    __slots__ = ("_lock", "_lookups", "_unfinished_count", "_worker_count")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lookups: queue.SimpleQueue[Lookup] = queue.SimpleQueue()
        self._unfinished_count = 0
        self._worker_count = 0

    def start(self, host: str, port: int, done: Callable[[], object]) -> Lookup:
        """Ask for the addresses of a host; returns at once."""
        lookup = Lookup(host, port, done)
        with self._lock:
            self._unfinished_count += 1
            needs_worker = self._worker_count < min(self._unfinished_count, MAX_WORKERS)
            self._worker_count += needs_worker
        self._lookups.put(lookup)
        if needs_worker:
            self._start_worker()
        return lookup

    # Private from here on.

    def _start_worker(self) -> None:
        try:
            threading.Thread(target=self._work, name="httpx-resolver", daemon=True).start()
        except RuntimeError:
            # No thread can be started when the interpreter shuts down: what waits is looked up here and now.
            with self._lock:
                self._worker_count -= 1
            while not self._lookups.empty():
                self._run(self._lookups.get())

    def _work(self) -> None:
        while True:
            try:
                lookup = self._lookups.get(timeout=WORKER_IDLE_TIME)
            except queue.Empty:
                with self._lock:
                    if self._unfinished_count >= self._worker_count:
                        continue
                    self._worker_count -= 1
                    return
            self._run(lookup)

    def _run(self, lookup: Lookup) -> None:
        try:
            lookup.run()
        finally:
            with self._lock:
                self._unfinished_count -= 1


_resolver = Resolver()


def start_lookup(host: str, port: int, done: Callable[[], object]) -> Lookup:
    """Ask the process's resolver; `done` is called on a worker thread when the answer is there."""
    return _resolver.start(host, port, done)


# Private from here on.


def _replace_resolver() -> None:
    # The threads of the parent do not exist in a forked child.
    global _resolver
    _resolver = Resolver()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_resolver)
