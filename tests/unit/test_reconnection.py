"""When an event stream is opened again: after how long, and until when."""

from __future__ import annotations

import pytest

import httpx
from httpx._policies.reconnection import (
    DEFAULT_DELAY,
    MAX_DELAY,
    MAX_SERVER_DELAY,
    Reconnection,
    is_recoverable,
    repeat_request,
    status_error,
)

FAULT = httpx.ReadError("broken")


def delays(retry: int | None, failures: int) -> list[float]:
    """Return the delay after the end of a stream, and after each of some failures in a row."""
    policy = Reconnection(None)
    result = [policy.delay(retry)]
    for _ in range(failures):
        policy.count_failure(FAULT)
        result.append(policy.delay(retry))
    return result


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (None, [3, 3, 6, 12, 24, 30, 30]),
        (500, [0.5, 0.5, 2, 4, 8, 16, 30, 30]),
        (0, [0, 0, 2, 4, 8, 16, 30, 30]),
        (45_000, [45, 45, 45, 45]),
        (10**18, [MAX_SERVER_DELAY, MAX_SERVER_DELAY, MAX_SERVER_DELAY]),
    ],
)
def test_delay_is_what_the_server_wants_and_grows_with_failures(retry: int | None, expected: list[float]) -> None:
    assert delays(retry, len(expected) - 1) == expected


def test_delay_stays_bounded_after_any_number_of_failures() -> None:
    assert DEFAULT_DELAY < MAX_DELAY
    assert max(delays(None, 5000)) == MAX_DELAY


def test_an_event_ends_a_row_of_failures() -> None:
    policy = Reconnection(2)
    for _ in range(2):
        policy.count_failure(FAULT)
    policy.count_event()
    assert policy.delay(None) == DEFAULT_DELAY
    for _ in range(2):
        policy.count_failure(FAULT)
    with pytest.raises(httpx.ReadError) as caught:
        policy.count_failure(FAULT)
    assert caught.value is FAULT


def test_number_of_failures_is_checked() -> None:
    with pytest.raises(ValueError, match="-1"):
        Reconnection(-1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (httpx.ConnectError, True),
        (httpx.ConnectTimeout, True),
        (httpx.ReadError, True),
        (httpx.ReadTimeout, True),
        (httpx.WriteError, True),
        (httpx.PoolTimeout, True),
        (httpx.ProxyError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.LocalProtocolError, False),
        (httpx.UnsupportedProtocol, False),
        (httpx.DecodingError, False),
        (httpx.TooManyRedirects, False),
        (httpx.SSEError, False),
    ],
)
def test_faults_that_time_can_heal(kind: type[httpx.RequestError], expected: bool) -> None:
    assert is_recoverable(kind("text")) is expected


def test_status_error_names_status_and_request() -> None:
    request = httpx.Request("GET", "https://www.example.org")
    error = status_error(httpx.Response(404, request=request))
    assert str(error) == "Expected an event stream with status 200, got '404 Not Found'."
    assert error.request is request


def test_repeated_request_is_the_same_with_the_last_id() -> None:
    request = httpx.Request(
        "POST", "https://www.example.org/a", content=b"body", headers={"X-A": "1", "last-event-id": "0"}
    )
    repeated = repeat_request(request, "ä7")
    assert (repeated.method, repeated.url, repeated.read()) == ("POST", request.url, b"body")
    assert repeated.headers["X-A"] == "1"
    assert [value for name, value in repeated.headers.raw if name.lower() == b"last-event-id"] == ["ä7".encode()]
    assert request.headers["Last-Event-ID"] == "0"
    assert "Last-Event-ID" not in repeat_request(request, "").headers
