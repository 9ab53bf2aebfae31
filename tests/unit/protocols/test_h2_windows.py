"""Flow control: what is received is counted and given back in large portions, what is sent is kept within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._protocols.h2.errors import ConnectionFault, ErrorCode, StreamFault
from httpx._protocols.h2.send_windows import SendWindows
from httpx._protocols.h2.streams import H2Stream
from httpx._protocols.h2.windows import (
    CONNECTION_WINDOW_SIZE,
    MAX_STREAM_WINDOW_SIZE,
    MAX_UNREAD_SIZE,
    MAX_WINDOW_SIZE,
    STREAM_WINDOW_SIZE,
    ConnectionWindow,
    StreamWindow,
)

# What a stream may receive.


def test_a_stream_may_receive_its_window_and_no_more() -> None:
    window = StreamWindow()
    assert window.receive(STREAM_WINDOW_SIZE)
    assert window.receive(0)
    assert not window.receive(1)


def test_credit_of_a_stream_is_given_for_half_a_window() -> None:
    window = StreamWindow()
    window.receive(STREAM_WINDOW_SIZE)
    assert window.consume(STREAM_WINDOW_SIZE // 2 - 1) == 0
    # With one byte more it is worth a frame; what was taken in small portions makes the window grow.
    assert window.consume(1) == STREAM_WINDOW_SIZE // 2 + STREAM_WINDOW_SIZE
    assert window.receive(STREAM_WINDOW_SIZE // 2 + STREAM_WINDOW_SIZE)
    assert not window.receive(1)


def test_the_window_does_not_grow_for_a_reader_that_falls_behind() -> None:
    window = StreamWindow()
    for _ in range(5):
        window.receive(STREAM_WINDOW_SIZE)
        # All of it at once: the reader, and not the window, is what slows the server down.
        assert window.consume(STREAM_WINDOW_SIZE) == STREAM_WINDOW_SIZE


def test_the_window_grows_up_to_its_limit() -> None:
    window = StreamWindow()
    credits = []
    for _ in range(5000):
        window.receive(16384)
        credits.append(window.consume(16384))
    extra = sum(credits) - sum(size for size in [16384] * 5000)
    # What is not given back yet is less than half a window.
    assert MAX_STREAM_WINDOW_SIZE // 2 <= extra + STREAM_WINDOW_SIZE <= MAX_STREAM_WINDOW_SIZE
    assert max(credits[1000:]) == MAX_STREAM_WINDOW_SIZE // 2


@given(st.lists(st.integers(1, 3 * STREAM_WINDOW_SIZE), min_size=1, max_size=60))
def test_the_window_of_a_stream_agrees_with_its_credit(sizes: list[int]) -> None:
    """Whatever a reader does: the window is what was allowed, less what came; it never exceeds its limit."""
    window = StreamWindow()
    allowed, received = STREAM_WINDOW_SIZE, 0
    for size in sizes:
        size = min(size, allowed - received)
        assert window.receive(size)
        received += size
        allowed += window.consume(size)
        assert allowed - received <= MAX_STREAM_WINDOW_SIZE
        # A server that is allowed nothing would never go on.
        assert allowed > received
    assert window.receive(allowed - received)
    assert not window.receive(1)


# What a connection may receive.


def test_a_connection_may_receive_its_window_and_no_more() -> None:
    window = ConnectionWindow()
    assert window.receive(CONNECTION_WINDOW_SIZE)
    assert not window.receive(1)


def test_credit_of_a_connection_is_given_on_receipt_for_half_a_window() -> None:
    window = ConnectionWindow()
    assert window.take_credit() == 0
    window.receive(CONNECTION_WINDOW_SIZE // 2 - 1)
    assert window.take_credit() == 0
    window.receive(1)
    assert window.take_credit() == CONNECTION_WINDOW_SIZE // 2
    assert window.take_credit() == 0
    assert window.receive(CONNECTION_WINDOW_SIZE)


def test_credit_is_held_back_while_too_much_lies_unread() -> None:
    window = ConnectionWindow()
    half = CONNECTION_WINDOW_SIZE // 2
    while window.unread_size <= MAX_UNREAD_SIZE:
        window.receive(half)
        credit = window.take_credit()
        assert credit == (half if window.unread_size <= MAX_UNREAD_SIZE else 0)
    window.consume(window.unread_size - MAX_UNREAD_SIZE - 1)
    assert window.take_credit() == 0
    window.consume(1)
    assert window.take_credit() == half


# What this side may send.


class Sending:
    """Windows of the server's, and whom they woke."""

    def __init__(self) -> None:
        self.woken: list[int] = []
        self.windows = SendWindows(self.woken.append)

    def stream(self, stream_id: int = 1, size: int = 1000) -> H2Stream:
        return H2Stream(stream_id, method=b"POST", send_window=size, is_sent=False)


def test_a_stream_sends_what_both_windows_allow() -> None:
    sending = Sending()
    small, large = sending.stream(1, 1000), sending.stream(3, 100_000)
    assert sending.windows.allow(small, 500) == 500
    assert sending.windows.allow(small, 5000) == 1000
    assert sending.windows.allow(large, 200_000) == 65535
    sending.windows.spend(large, 65535)
    assert sending.windows.allow(small, 1) == 0
    assert not sending.windows.is_open(small)
    sending.windows.add(10)
    assert sending.windows.is_open(small)
    assert sending.windows.allow(small, 20) == 10
    assert large.send_window == 100_000 - 65535


def test_who_waits_for_room_is_woken_until_it_has_all_that_it_wants() -> None:
    sending = Sending()
    first, second, third = (sending.stream(stream_id) for stream_id in (1, 3, 5))
    for stream in (first, second):
        sending.windows.allow(stream, 2000)
    sending.windows.allow(third, 1000)
    sending.windows.add_to(third, 1)
    assert sending.woken == []
    sending.windows.add_to(first, 1)
    assert sending.woken == [1]
    # Who was served goes behind those who wait.
    sending.windows.allow(first, 2000)
    sending.windows.add(1)
    assert sending.woken == [1, 3, 1]
    assert sending.windows.allow(first, 1001) == 1001
    sending.windows.forget(second)
    sending.windows.shift([first, second, third], 1)
    assert sending.woken == [1, 3, 1]


def test_a_window_may_be_taken_back_below_zero() -> None:
    sending = Sending()
    stream = sending.stream(1, 1000)
    sending.windows.spend(stream, 1000)
    sending.windows.shift([stream], -600)
    assert (stream.send_window, sending.windows.allow(stream, 5)) == (-600, -600)
    sending.windows.add_to(stream, 600)
    assert not sending.windows.is_open(stream)
    sending.windows.allow(stream, 5)
    sending.windows.shift([stream], 1)
    assert sending.woken == [1, 1]
    assert sending.windows.allow(stream, 5) == 1


@pytest.mark.parametrize(
    ("increment", "code"), [(0, ErrorCode.PROTOCOL_ERROR), (2**31 - 1, ErrorCode.FLOW_CONTROL_ERROR)]
)
def test_increments_are_checked(increment: int, code: ErrorCode) -> None:
    with pytest.raises(ConnectionFault) as of_connection:
        Sending().windows.add(increment)
    sending = Sending()
    with pytest.raises(StreamFault) as of_stream:
        sending.windows.add_to(sending.stream(), increment)
    assert of_connection.value.code is of_stream.value.code is code


def test_windows_may_be_as_large_as_they_may_be() -> None:
    sending = Sending()
    stream = sending.stream(1, 1000)
    sending.windows.add(MAX_WINDOW_SIZE - 65535)
    sending.windows.add_to(stream, MAX_WINDOW_SIZE - 1000)
    sending.windows.spend(stream, 1)
    sending.windows.shift([stream], 1)
    assert stream.send_window == MAX_WINDOW_SIZE
    # RFC 9113 6.9.2: here it is the whole connection that is at fault.
    with pytest.raises(ConnectionFault) as caught:
        sending.windows.shift([stream], 1)
    assert caught.value.code is ErrorCode.FLOW_CONTROL_ERROR
