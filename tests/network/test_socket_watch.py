"""Sockets that are watched in an epoll of our own: rows of callbacks, messages after them, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import uvloop

from httpx._network.socket_watch import MAX_DELAY, MAX_DIRECT_COUNT, SocketWatch, can_watch

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system has no epoll")

WIDTH = MAX_DIRECT_COUNT + 4


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.SelectorEventLoop()
    yield loop
    loop.close()


class Pairs:
    """Pairs of sockets, of which the near ones are watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.watch = SocketWatch(loop)
        self.near: list[socket.socket] = []
        self.far: list[socket.socket] = []
        self.callbacks: list[Callable[[], None]] = []

    def add(self, make_callback: Callable[[int], Callable[[], None]], count: int = WIDTH) -> None:
        for number in range(count):
            near, far = socket.socketpair()
            near.setblocking(False)
            self.near.append(near)
            self.far.append(far)
            self.callbacks.append(make_callback(number))
            self.watch.add(near.fileno(), self.callbacks[-1])

    def make_ready(self) -> None:
        for far in self.far:
            far.sendall(b"data")

    def remove(self) -> None:
        for near, callback in zip(self.near, self.callbacks, strict=True):
            if near.fileno() >= 0:
                self.watch.remove(near.fileno(), callback)
                near.close()

    def close(self) -> None:
        self.remove()
        for far in self.far:
            far.close()


@pytest.fixture
def pairs(loop: asyncio.AbstractEventLoop) -> Iterator[Pairs]:
    pairs = Pairs(loop)
    yield pairs
    pairs.close()


class Sender:
    def __init__(self, sent: list[int], number: int) -> None:
        self._sent = sent
        self._number = number

    def send_message(self) -> None:
        self._sent.append(self._number)


def run_turns(loop: asyncio.AbstractEventLoop, count: int = 5) -> None:
    async def turn() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    loop.run_until_complete(turn())


def count_epolls() -> int:
    """Return how many descriptors of epolls this process has."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            count += "eventpoll" in os.readlink(f"/proc/self/fd/{name}")
    return count


def test_all_that_are_ready_are_called(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    received: list[int] = []

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            assert pairs.near[number].recv(10) == b"data"
            received.append(number)

        return receive

    pairs.add(make)
    pairs.make_ready()
    run_turns(loop)
    assert sorted(received) == list(range(WIDTH))


def test_messages_of_a_row_leave_after_its_last_callback(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    events: list[str] = []
    sent: list[int] = []

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            pairs.near[number].recv(10)
            events.append(f"{len(sent)} sent")
            if pairs.watch.is_in_row:
                pairs.watch.senders.append(Sender(sent, number))

        return receive

    pairs.add(make)
    pairs.make_ready()
    run_turns(loop)
    assert events == ["0 sent"] * WIDTH
    nested_count = WIDTH - (MAX_DIRECT_COUNT if isinstance(loop, asyncio.SelectorEventLoop) else 0)
    assert len(sent) == nested_count
    assert pairs.watch.senders == []
    assert not pairs.watch.is_in_row
    # One that is ready alone is in no row.
    pairs.far[-1].sendall(b"data")
    run_turns(loop)
    assert len(sent) == nested_count
    assert len(events) == WIDTH + 1


def test_messages_do_not_wait_for_slow_callbacks(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    sent: list[int] = []
    seen: list[int] = []

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            pairs.near[number].recv(10)
            seen.append(len(sent))
            if pairs.watch.is_in_row:
                pairs.watch.senders.append(Sender(sent, number))
                time.sleep(2 * MAX_DELAY)

        return receive

    pairs.add(make)
    pairs.make_ready()
    run_turns(loop)
    nested = seen[-(WIDTH - MAX_DIRECT_COUNT) :]
    assert nested == sorted(nested)
    assert len(set(nested)) == len(nested), "each had left before the next callback"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_error_of_one_callback_costs_the_others_nothing(
    loop: asyncio.AbstractEventLoop, pairs: Pairs, error: type[BaseException]
) -> None:
    received: list[int] = []
    sent: list[int] = []
    contexts: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))
    raising = WIDTH - 2

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            pairs.near[number].recv(10)
            received.append(number)
            if pairs.watch.is_in_row:
                pairs.watch.senders.append(Sender(sent, number))
            if number == raising:
                raise error

        return receive

    pairs.add(make)
    pairs.make_ready()
    if error is ValueError:
        run_turns(loop)
        assert [type(context["exception"]) for context in contexts] == [ValueError]
    else:
        with pytest.raises(error):
            run_turns(loop)
    assert set(sent) == {number for number in received if number in sent or number == raising}
    assert raising in sent
    assert not pairs.watch.is_in_row
    run_turns(loop)
    assert sorted(received) == list(range(WIDTH))
    assert pairs.watch.senders == []


def test_a_message_whose_sending_is_interrupted_leaves_in_the_next_run(
    loop: asyncio.AbstractEventLoop, pairs: Pairs
) -> None:
    sent: list[int] = []

    class Interrupted:
        def send_message(self) -> None:
            if not sent:
                sent.append(-1)
                raise KeyboardInterrupt

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            pairs.near[number].recv(10)
            if pairs.watch.is_in_row:
                pairs.watch.senders += [Interrupted(), Sender(sent, number)]

        return receive

    pairs.add(make)
    pairs.make_ready()
    with pytest.raises(KeyboardInterrupt):
        run_turns(loop)
    run_turns(loop)
    nested = range(MAX_DIRECT_COUNT if isinstance(loop, asyncio.SelectorEventLoop) else 0, WIDTH)
    assert sorted(sent) == [-1, *nested]
    assert pairs.watch.senders == []


def test_one_that_another_has_closed_is_not_called(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    calls: list[int] = []

    def make(number: int) -> Callable[[], None]:
        def receive() -> None:
            calls.append(number)
            pairs.remove()

        return receive

    pairs.add(make)
    pairs.make_ready()
    run_turns(loop)
    assert len(calls) == 1


def test_a_socket_that_its_user_has_closed_is_removed_in_silence(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    before = count_epolls()
    pairs.add(lambda number: lambda: None)
    descriptors = [near.fileno() for near in pairs.near]
    for near in pairs.near[MAX_DIRECT_COUNT:]:
        near.close()
    for descriptor, callback in zip(descriptors, pairs.callbacks, strict=True):
        pairs.watch.remove(descriptor, callback)
    assert count_epolls() == before


def test_a_number_that_another_socket_has_by_now_stays_watched(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    """The user has closed a socket, whose number is given to the next one."""
    received: list[int] = []

    def make(number: int) -> Callable[[], None]:
        return lambda: received.append(number)

    pairs.add(make)
    for number in (0, WIDTH - 1):
        old_near, old_callback = pairs.near[number], pairs.callbacks[number]
        descriptor = old_near.fileno()
        near, far = socket.socketpair()
        os.dup2(near.fileno(), descriptor)
        pairs.watch.add(descriptor, lambda: received.append(-1))
        pairs.watch.remove(descriptor, old_callback)
        far.sendall(b"!")
        run_turns(loop, 1)
        assert set(received) == {-1}
        received.clear()
        far.close()
        near.close()
        # What is at its end would be told of for ever.
        old_near.close()


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_copy_of_a_socket_that_its_user_has_closed_wakes_nobody_for_ever(
    loop: asyncio.AbstractEventLoop, pairs: Pairs, is_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []
    turns: list[SocketWatch] = []
    go_through = SocketWatch._go_through

    def count(self: SocketWatch) -> None:
        turns.append(self)
        go_through(self)

    monkeypatch.setattr(SocketWatch, "_go_through", count)
    pairs.add(lambda number: lambda: received.append(pairs.near[number].recv(10)))
    number = pairs.near[-1].fileno()
    with pairs.near[-1].dup():
        pairs.near[-1].close()
        # The kernel takes only what is open out of an epoll.
        pairs.watch.remove(number, pairs.callbacks[-1])
        pairs.far[-1].sendall(b"data")
        if not is_alone:
            pairs.far[-2].sendall(b"data")
        loop.run_until_complete(asyncio.sleep(0.05))
        assert len(turns) < 5
        pairs.far[-2].sendall(b"more")
        run_turns(loop)
        assert received == [*[b"data"] * (not is_alone), b"more"]


def test_a_reset_is_told_of(loop: asyncio.AbstractEventLoop) -> None:
    """Also on uvloop, which closes its own watch on a socket that was reset and calls nobody."""
    watch = SocketWatch(loop)
    errors: list[type[OSError]] = []

    def receive(near: socket.socket) -> None:
        try:
            near.recv(10)
        except OSError as exc:
            errors.append(type(exc))
            watch.remove(near.fileno(), receivers[near])
            near.close()

    receivers: dict[socket.socket, Callable[[], None]] = {}

    def connect() -> tuple[socket.socket, socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        near.setblocking(False)
        receivers[near] = lambda: receive(near)
        watch.add(near.fileno(), receivers[near])
        return near, far

    for _, far in [connect() for _ in range(WIDTH)]:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
    run_turns(loop)
    assert errors == [ConnectionResetError] * WIDTH


def test_nothing_stays_with_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    gc.collect()
    before = count_epolls()
    pairs = Pairs(loop)
    pairs.add(lambda number: lambda: None)
    pairs.make_ready()
    run_turns(loop)
    assert count_epolls() == before + 1
    pairs.close()
    # A response that is kept holds on to its stream, and so to the watch.
    assert count_epolls() == before


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests have left threads
def test_a_forked_child_takes_nothing_from_its_parent(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    received: list[int] = []

    def make(number: int) -> Callable[[], None]:
        return lambda: received.append(len(pairs.near[number].recv(10)))

    pairs.add(make)
    child = os.fork()
    if not child:
        status = 1
        # Whatever fails here, the parent would go on with it.
        try:
            pairs.watch._go_through()
            pairs.remove()
            status = 0 if pairs.watch.is_parents else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    pairs.make_ready()
    run_turns(loop)
    assert received == [4] * WIDTH


def test_a_socket_that_cannot_be_watched_leaves_nothing_behind(loop: asyncio.AbstractEventLoop) -> None:
    before = count_epolls()
    watch = SocketWatch(loop)
    watch._max_direct_count = 0
    near, far = socket.socketpair()
    number = near.fileno()
    near.close()
    far.close()
    with pytest.raises(OSError):
        watch.add(number, lambda: None)
    assert count_epolls() == before


def test_a_watch_goes_on_after_it_was_empty(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    received: list[int] = []
    for _ in range(3):
        first = len(pairs.near)

        def make(number: int, first: int = first) -> Callable[[], None]:
            def receive() -> None:
                pairs.near[first + number].recv(10)
                received.append(first + number)

            return receive

        pairs.add(make)
        for far in pairs.far[first:]:
            far.sendall(b"data")
        run_turns(loop)
        pairs.remove()
    assert sorted(received) == list(range(3 * WIDTH))


def test_a_loop_that_is_closed_watches_nothing(loop: asyncio.AbstractEventLoop, pairs: Pairs) -> None:
    pairs.add(lambda number: lambda: None)
    loop.close()
    pairs.remove()


def test_which_loops_can_watch(loop: asyncio.AbstractEventLoop) -> None:
    class Proactor(asyncio.BaseEventLoop):
        """As that of Windows, which watches no sockets."""

    proactor = Proactor()
    assert can_watch(loop)
    assert not can_watch(proactor)
    proactor.close()
