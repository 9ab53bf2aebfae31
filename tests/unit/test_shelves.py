"""The pool's books against a model that keeps everything in plain lists, and searches them."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from httpx._config import Limits
from httpx._shelves import Shelves

EXPIRY = 5.0
ROUTES = [("http", f"{name}.example", 80) for name in "abcd"]


class FakeConnection:
    """What the books know of an HTTP/1.1 connection."""

    is_shared = False

    def __init__(self, route: Any) -> None:
        self.route = route
        self.shelf: Any = None
        self.is_idle = False
        self.idle_until = 0.0


class NoWaiter:
    def set(self) -> None:
        raise AssertionError("nobody waits in this test")


class Books(RuleBasedStateMachine):
    """Connections that are made, used, put back, lost and closed, while time passes; nobody ever waits."""

    @initialize(max_count=st.integers(1, 6), max_idle=st.integers(0, 6), max_route=st.none() | st.integers(1, 3))
    def begin(self, max_count: int, max_idle: int, max_route: int | None) -> None:
        self.now = 100.0
        self.max_idle = max_idle
        self.shelves = Shelves(
            Limits(max_connections=max_count, max_keepalive_connections=max_idle, max_connections_per_host=max_route)
        )
        self.limits = (max_count, max_route if max_route is not None else max_count)
        # The oldest first.
        self.idle: list[Any] = []
        self.active: list[Any] = []

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(route=st.sampled_from(ROUTES))
    def take_or_make(self, route: Any) -> None:
        # Each moment is another one, as on a clock.
        self.now += 0.001
        of_route = [connection for connection in self.idle if connection.route == route]
        taken = self.shelves.take_idle(route)
        if of_route:
            assert taken is of_route[-1], "not the freshest"
            self.idle.remove(taken)
            self.active.append(taken)
            return
        assert taken is None
        max_count, max_route = self.limits
        route_count = sum(connection.route == route for connection in self.active)
        if route_count >= max_route or len(self.active) >= max_count:
            return  # it would wait
        ticket, victim = self.shelves.reserve(route, NoWaiter)  # type: ignore[arg-type]  # never waited for
        assert ticket is None
        if len(self.active) + len(self.idle) >= max_count:
            assert victim is self.idle[0], "not the oldest"
            self.idle.remove(victim)
        else:
            assert victim is None
        connection: Any = FakeConnection(route)
        self.shelves.arrive(connection)
        self.active.append(connection)

    @precondition(lambda self: self.active)
    @rule(index=st.integers(0, 5))
    def put_back(self, index: int) -> None:
        self.now += 0.001
        connection = self.active.pop(index % len(self.active))
        connection.idle_until = self.now + EXPIRY
        closing = self.shelves.put_back(connection, self.now)
        self.idle.append(connection)
        surplus = []
        while self.idle and (len(self.idle) > self.max_idle or self.idle[0].idle_until < self.now):
            surplus.append(self.idle.pop(0))
        assert list(closing) == surplus

    @precondition(lambda self: self.active)
    @rule(index=st.integers(0, 5))
    def lose(self, index: int) -> None:
        connection = self.active.pop(index % len(self.active))
        self.shelves.remove(connection)
        self.shelves.remove(connection)
        assert self.shelves.put_back(connection, self.now) == [connection], "it was taken out"

    @precondition(lambda self: self.idle)
    @rule(index=st.integers(0, 5))
    def drop_idle(self, index: int) -> None:
        connection = self.idle.pop(index % len(self.idle))
        assert self.shelves.remove_idle(connection)
        assert not self.shelves.remove_idle(connection)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "shelves"):
            return
        assert self.shelves.idle == self.idle
        assert set(self.shelves.active) == set(self.active)
        assert self.shelves.idle_count == len(self.idle)
        assert self.shelves.count == len(self.idle) + len(self.active)
        assert all(connection.is_idle for connection in self.idle)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def test_connections_of_books_that_were_replaced_are_closed() -> None:
    old, new = Shelves(Limits()), Shelves(Limits())
    connection: Any = FakeConnection(ROUTES[0])
    old.reserve(ROUTES[0], NoWaiter)  # type: ignore[arg-type]  # never waited for
    old.arrive(connection)
    assert new.put_back(connection, 0.0) == [connection]
    new.remove(connection)
    assert not new.keep_slot(connection)
    assert (new.count, new.idle_count) == (0, 0)
    assert old.active == [connection]
