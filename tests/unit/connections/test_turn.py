"""The write turn on a scheduler driven by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from httpx._connections import turn as turn_module
from httpx._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from tests.unit.connections.scheduler import Cancelled, Connection, FakeStream, Fate, Task


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection()
    yield connection
    connection.close()


def trap_name(task: Task) -> str | None:
    return task.trap.name if task.trap else None


def produce_and_flush_now(connection: Connection, count: int) -> bool:
    with connection.lock:
        connection.produce(count)
        return connection.turn.flush_now()


def test_all_frames_made_in_one_go_are_one_write(connection: Connection) -> None:
    connection.stream.room = 100
    assert produce_and_flush_now(connection, 3)
    assert connection.stream.writes == [bytes(connection.produced)]


def test_a_single_frame_is_handed_over_uncopied(connection: Connection) -> None:
    class Handed(FakeStream):
        def write_now(self, data: bytes | bytearray | memoryview) -> int:
            handed.append(data)
            return len(data)

    handed: list[object] = []
    connection.turn._stream = Handed(connection.lock)
    frame = b"frame" * 1000
    with connection.lock:
        connection.turn.put(frame)
        assert connection.turn.flush_now()
    assert handed[0] is frame


def test_nothing_to_send_waits_for_nothing(connection: Connection) -> None:
    task = connection.start("flush", connection.turn.flush(0.0))
    task.step()
    assert task.is_done and task.error is None
    assert connection.stream.writes == []


def test_an_empty_frame_is_no_frame(connection: Connection) -> None:
    with connection.lock:
        connection.turn.put(b"")
        assert connection.turn.flush_now()
    assert connection.stream.writes == []


def test_the_first_who_finds_no_room_waits_for_it_and_the_others_for_him(connection: Connection) -> None:
    first, second = connection.send(2), connection.send(1)
    connection.run()
    assert (trap_name(first), trap_name(second)) == ("write", "waiter")
    connection.stream.room = 100
    connection.run()
    assert first.is_done and second.is_done
    # All that was queued went in the rest of one write and one more.
    assert connection.stream.writes[-2:] == [bytes(connection.produced[:4]), bytes(connection.produced[4:])]


def test_who_is_passed_by_is_told_as_soon_as_its_bytes_are_gone(connection: Connection) -> None:
    first, second, third = connection.send(4), connection.send(1), connection.send(1)
    connection.run()
    connection.stream.room = 10
    connection.run()
    assert first.is_done and second.is_done and not third.is_done
    assert trap_name(third) == "write"


def test_who_was_told_that_its_bytes_are_gone_looks_at_nothing_else(connection: Connection) -> None:
    """What others send before it runs, and a stream such as TLS's holds back, is not its own."""
    first, second = connection.send(1), connection.send(1)
    connection.run()
    connection.stream.room = 4
    first.step()
    assert second.is_runnable
    connection.stream.has_unsent = True
    second.step()
    assert second.is_done and second.error is None


@pytest.mark.parametrize("fate", [Fate.CANCEL, Fate.TIME_OUT])
def test_a_holder_that_gives_up_passes_the_turn_on_and_loses_nothing(connection: Connection, fate: Fate) -> None:
    first, second = connection.send(4), connection.send(1)
    connection.run()
    connection.stream.room = 3
    connection.run()
    first.doom(fate)
    connection.run()
    assert isinstance(first.error, Cancelled if fate is Fate.CANCEL else WriteTimeout)
    assert trap_name(second) == "write"
    connection.stream.room = 100
    connection.run()
    assert second.is_done
    assert connection.stream.wire == connection.produced


@pytest.mark.parametrize("fate", [Fate.CANCEL, Fate.TIME_OUT])
def test_who_gives_up_between_getting_the_turn_and_running_passes_it_on(connection: Connection, fate: Fate) -> None:
    first, second, third = (connection.send(1) for _ in range(3))
    connection.run()
    connection.stream.room = 2
    first.step()
    second.doom(fate)
    second.step()
    assert second.is_done and second.error is not None
    third.step()
    assert trap_name(third) == "write"


def test_what_a_cancelled_sender_leaves_goes_with_the_next_flush(connection: Connection) -> None:
    first = connection.send(3)
    connection.run()
    first.doom(Fate.CANCEL)
    connection.run()
    assert connection.turn.is_stalled
    connection.stream.room = 100
    assert produce_and_flush_now(connection, 1)
    assert connection.stream.wire == connection.produced
    assert not connection.turn.is_stalled


def test_a_reader_does_not_write_beside_the_holder(connection: Connection) -> None:
    sender, receiver = connection.send(1), connection.receive(1)
    connection.run()
    connection.stream.incoming.append(b"\x01")
    receiver.step()
    assert receiver.is_done
    connection.stream.room = 100
    connection.run()
    assert sender.is_done
    assert connection.stream.wire == connection.produced and len(connection.produced) == 4


def test_a_reader_sends_what_is_stalled_while_it_waits(connection: Connection) -> None:
    produce_and_flush_now(connection, 1)
    receiver = connection.receive(1)
    connection.run()
    assert trap_name(receiver) == "write or read"
    connection.stream.room = 100
    connection.run()
    assert connection.stream.wire == connection.produced
    assert trap_name(receiver) == "read"


def test_a_reader_that_can_read_passes_the_turn_on(connection: Connection) -> None:
    produce_and_flush_now(connection, 1)
    connection.receive(1)
    connection.run()
    sender = connection.send(1)
    connection.run()
    assert trap_name(sender) == "waiter"
    connection.stream.incoming.append(b"\x02")
    connection.run()
    assert trap_name(sender) == "write"


def test_a_reader_that_can_neither_read_nor_send_times_out_as_a_reader(connection: Connection) -> None:
    produce_and_flush_now(connection, 1)
    receiver = connection.receive(1)
    connection.run()
    receiver.doom(Fate.TIME_OUT)
    connection.run()
    assert isinstance(receiver.error, ReadTimeout)
    assert connection.turn.is_stalled


def test_a_failed_write_fails_all_writers_and_no_reader(connection: Connection) -> None:
    senders = [connection.send(1) for _ in range(3)]
    receiver = connection.receive(1)
    connection.run()
    connection.stream.incoming.append(b"\x01")
    connection.stream.is_failed = True
    senders[0].step()
    connection.run()
    assert receiver.error is None
    errors = [sender.error for sender in senders]
    assert [type(error) for error in errors] == [WriteError] * 3
    assert len({id(error) for error in errors}) == 3


def test_who_flushes_after_the_failure_gets_it(connection: Connection) -> None:
    connection.stream.is_failed = True
    assert not produce_and_flush_now(connection, 1)
    late = connection.send(1)
    connection.run()
    assert isinstance(late.error, WriteError)
    assert not connection.turn.is_stalled
    assert connection.turn._queue == []


def test_nothing_is_queued_or_reported_sent_after_a_failure(connection: Connection) -> None:
    produce_and_flush_now(connection, 2)
    connection.send(1)
    connection.run()
    with connection.lock:
        connection.turn.fail(WriteError("The client was closed."))
        connection.produce(1)
    assert connection.turn._queue == [] and connection.turn._rest is None

    unused = Connection()
    with unused.lock:
        unused.turn.fail(WriteError("The client was closed."))
    assert not produce_and_flush_now(unused, 1)


def test_a_reader_leaves_the_sending_to_the_holder(connection: Connection) -> None:
    sender = connection.send(1)
    connection.run()
    reader = connection.start("flush or readable", connection.turn.flush_or_readable(0.0))
    reader.step()
    assert reader.is_done and reader.error is None
    connection.stream.room = 100
    connection.run()
    assert sender.is_done and sender.error is None


def test_a_reader_whose_stalled_connection_dies_fails_as_a_reader(connection: Connection) -> None:
    produce_and_flush_now(connection, 1)
    receiver = connection.receive(1)
    connection.run()
    connection.stream.is_failed = True
    connection.run()
    assert isinstance(receiver.error, ReadError)
    late = connection.send(1)
    connection.run()
    assert isinstance(late.error, WriteError)


def test_a_reader_with_a_failed_turn_reads_what_is_left(connection: Connection) -> None:
    produce_and_flush_now(connection, 1)
    receiver = connection.receive(1)
    connection.run()
    assert trap_name(receiver) == "write or read"
    connection.stream.is_failed = True
    connection.stream.incoming.append(b"\x01")
    connection.run()
    assert receiver.is_done and receiver.error is None


def test_the_first_error_is_told_not_its_consequence(connection: Connection) -> None:
    sender = connection.send(1)
    connection.run()
    with connection.lock:
        connection.turn.fail(WriteError("The client was closed."))
    connection.stream.wake()
    connection.run()
    assert str(sender.error) == "The client was closed."


def test_an_interrupted_write_gives_the_connection_up(connection: Connection) -> None:
    class Interrupted(FakeStream):
        def write_now(self, data: bytes | bytearray | memoryview) -> int:
            raise KeyboardInterrupt

    connection.turn._stream = Interrupted(connection.lock)
    with pytest.raises(KeyboardInterrupt):
        produce_and_flush_now(connection, 1)
    late = connection.send(1)
    connection.run()
    assert isinstance(late.error, WriteError)


def test_progress_of_others_extends_the_time_of_who_waits(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(turn_module, "monotonic", lambda: now)
    first, second = connection.send(9, 5.0), connection.send(1, 5.0)
    connection.run()
    now = 104.0
    connection.stream.room = 1
    connection.run()
    assert connection.stream.limits == [(5.0, 105.0), (5.0, 109.0)]
    now = 105.0
    second.doom(Fate.TIME_OUT)
    connection.run()
    assert trap_name(second) == "waiter" and not second.is_done
    now = 109.0
    second.doom(Fate.TIME_OUT)
    connection.run()
    assert isinstance(second.error, WriteTimeout)
    connection.stream.room = 100
    connection.run()
    assert first.is_done and first.error is None


def test_no_progress_moves_the_deadline(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(turn_module, "monotonic", lambda: now)
    connection.send(9, 5.0)
    connection.run()
    second = connection.start("flush", connection.turn.flush(5.0, 106.0))
    connection.run()
    now = 104.0
    connection.stream.room = 1
    connection.run()
    now = 106.0
    second.doom(Fate.TIME_OUT)
    connection.run()
    assert isinstance(second.error, WriteTimeout)
