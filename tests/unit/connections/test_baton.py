"""The reader baton on a scheduler driven by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from httpx._connections.baton import copy_of, limit_of
from httpx._exceptions import ReadError, ReadTimeout, RemoteProtocolError
from tests.unit.connections.scheduler import Cancelled, Connection, Fate, Task


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection()
    connection.stream.room = 2**20
    yield connection
    connection.close()


def trap_name(task: Task) -> str | None:
    return task.trap.name if task.trap else None


def test_who_comes_first_reads_and_the_others_wait(connection: Connection) -> None:
    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    assert (trap_name(first), trap_name(second)) == ("read", "waiter")
    assert connection.baton.has_reader


def test_a_met_need_does_not_wait(connection: Connection) -> None:
    connection.inboxes[1] = [0]
    task = connection.receive(1)
    task.step()
    assert task.is_done and task.error is None
    assert not connection.baton.has_reader


def test_the_reader_wakes_whose_message_came_and_goes_on_reading(connection: Connection) -> None:
    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    connection.stream.incoming.append(b"\x02")
    connection.run()
    assert second.is_done and second.error is None
    assert trap_name(first) == "read" and not first.is_done


def test_a_reader_that_is_done_hands_the_baton_to_the_longest_waiting(connection: Connection) -> None:
    first, second, third = connection.receive(1), connection.receive(2), connection.receive(3)
    connection.run()
    connection.stream.incoming.append(b"\x01")
    connection.run()
    assert first.is_done
    assert (trap_name(second), trap_name(third)) == ("read", "waiter")


def test_an_idle_connection_has_no_reader(connection: Connection) -> None:
    connection.receive(1)
    connection.run()
    connection.stream.incoming.append(b"\x01")
    connection.run()
    assert not connection.baton.has_reader


@pytest.mark.parametrize("fate", [Fate.CANCEL, Fate.TIME_OUT])
def test_a_reader_that_gives_up_hands_the_baton_on(connection: Connection, fate: Fate) -> None:
    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    first.doom(fate)
    connection.run()
    assert isinstance(first.error, Cancelled if fate is Fate.CANCEL else ReadTimeout)
    assert trap_name(second) == "read"


@pytest.mark.parametrize("fate", [Fate.CANCEL, Fate.TIME_OUT])
def test_who_gives_up_between_getting_the_baton_and_running_hands_it_on(connection: Connection, fate: Fate) -> None:
    first, second, third = connection.receive(1), connection.receive(2), connection.receive(3)
    connection.run()
    connection.stream.incoming.append(b"\x01")
    first.step()
    second.doom(fate)
    second.step()
    assert second.is_done
    third.step()
    assert trap_name(third) == "read"


def test_a_message_that_came_just_in_time_is_delivered_not_timed_out(connection: Connection) -> None:
    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    second.doom(Fate.TIME_OUT)
    connection.stream.incoming.append(b"\x02")
    first.step()
    second.step()
    assert second.is_done and second.error is None


def test_a_cancelled_waiter_is_not_handed_the_baton(connection: Connection) -> None:
    first, second, third = connection.receive(1), connection.receive(2), connection.receive(3)
    connection.run()
    second.doom(Fate.CANCEL)
    first.doom(Fate.CANCEL)
    connection.run()
    assert trap_name(third) == "read"


def test_an_error_of_the_reader_fails_everybody_each_with_an_exception_of_its_own(connection: Connection) -> None:
    tasks = [connection.receive(number) for number in range(3)]
    connection.run()
    connection.stream.is_failed = True
    connection.run()
    errors = [task.error for task in tasks]
    assert [type(error) for error in errors] == [ReadError] * 3
    assert [str(error) for error in errors] == ["The stream failed."] * 3
    assert len({id(error) for error in errors}) == 3


def test_an_error_of_feeding_fails_everybody(connection: Connection) -> None:
    tasks = [connection.receive(number) for number in range(2)]
    connection.run()
    connection.stream.is_at_end = True
    connection.run()
    assert [str(task.error) for task in tasks] == ["The server closed the connection."] * 2


def test_who_comes_after_the_failure_gets_it_but_its_messages_first(connection: Connection) -> None:
    with connection.lock:
        connection.baton.fail(RemoteProtocolError("broken"))
    connection.inboxes[1] = [0]
    met, unmet = connection.receive(1), connection.receive(2)
    connection.run()
    assert met.error is None
    assert isinstance(unmet.error, RemoteProtocolError)


def test_the_first_error_is_told_not_its_consequence(connection: Connection) -> None:
    reader = connection.receive(1)
    connection.run()
    with connection.lock:
        connection.baton.fail(RemoteProtocolError("The client was closed."))
    connection.stream.wake()
    connection.run()
    assert str(reader.error) == "The client was closed."


def test_what_is_read_after_a_failure_is_not_fed(connection: Connection) -> None:
    reader = connection.receive(1)
    connection.run()
    with connection.lock:
        connection.baton.fail(RemoteProtocolError("The client was closed."))
    connection.stream.incoming.append(b"\x01")
    connection.run()
    assert str(reader.error) == "The client was closed."
    assert connection.fed_count == 0


def test_the_cause_of_a_failure_is_kept(connection: Connection) -> None:
    error, cause = ReadError("reset"), ConnectionResetError()
    error.__cause__ = cause
    with connection.lock:
        connection.baton.fail(error)
    task = connection.receive(1)
    connection.run()
    assert task.error is not error
    assert task.error is not None and task.error.__cause__ is cause


def test_an_interrupted_reader_gives_the_connection_up(connection: Connection) -> None:
    def interrupt(data: bytes) -> None:
        raise KeyboardInterrupt

    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    connection.baton._feed = interrupt
    connection.stream.incoming.append(b"\x02")
    connection.run()
    assert isinstance(first.error, KeyboardInterrupt)
    assert isinstance(second.error, ReadError)


def test_two_tasks_cannot_wait_for_the_same_key(connection: Connection) -> None:
    connection.receive(1)
    connection.run()
    same_as_reader = connection.receive(1)
    connection.receive(2)
    connection.run()
    same_as_waiting = connection.receive(2)
    connection.run()
    for task in (same_as_reader, same_as_waiting):
        assert str(task.error).startswith("Another task waits for ")
    connection.stream.incoming += [b"\x01", b"\x02"]
    connection.run()
    assert all(task.is_done for task in connection.tasks)


def test_a_need_met_without_a_wake_up_does_not_keep_the_baton(connection: Connection) -> None:
    first, second, third = connection.receive(1), connection.receive(2), connection.receive(3)
    connection.run()
    connection.inboxes[2].append(0)
    first.doom(Fate.CANCEL)
    connection.run()
    assert second.is_done and second.error is None
    assert trap_name(third) == "read"


def test_a_wake_up_for_nothing_does_no_harm(connection: Connection) -> None:
    first, second = connection.receive(1), connection.receive(2)
    connection.run()
    with connection.lock:
        connection.baton.wake_all()
        connection.baton.wake("nobody")
    connection.run()
    assert trap_name(second) == "waiter" and not second.is_runnable
    first.doom(Fate.CANCEL)
    connection.run()
    assert trap_name(second) == "read"


def test_messages_for_others_do_not_extend_the_time_of_the_reader(connection: Connection) -> None:
    connection.receive(1, 5.0)
    connection.run()
    connection.stream.incoming.append(b"\x02")
    connection.run()
    (_, first_limit), (_, second_limit) = connection.stream.limits
    assert first_limit is not None and first_limit == second_limit


def test_the_limit_is_the_earlier_of_timeout_and_deadline() -> None:
    assert limit_of(None, None) is None
    assert limit_of(None, 7.0) == 7.0
    assert limit_of(5.0, None, 10.0) == 15.0
    assert limit_of(5.0, 12.0, 10.0) == 12.0
    assert limit_of(5.0, 20.0, 10.0) == 15.0


def test_an_error_that_cannot_be_copied_is_described() -> None:
    class Odd(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(one)

    copied = copy_of(Odd(1, 2))
    assert isinstance(copied, ReadError)
    assert "Odd(1)" in str(copied)
