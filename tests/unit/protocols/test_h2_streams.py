"""One stream: what may come in which order, what a length says, and when it is closed."""

from __future__ import annotations

import pytest

from httpx._exceptions import ReadError, RemoteProtocolError
from httpx._protocols.h1.head import MAX_INFORMATIONAL
from httpx._protocols.h2.errors import ErrorCode, StreamFault
from httpx._protocols.h2.streams import H2Stream, StreamState

OK = [(b":status", b"200")]


def make_stream(*, method: bytes = b"GET", is_sent: bool = True) -> H2Stream:
    return H2Stream(1, method=method, send_window=65535, is_sent=is_sent)


def with_length(length: bytes, status: bytes = b"200") -> list[tuple[bytes, bytes]]:
    return [(b":status", status), (b"content-length", length)]


def refuses(code: ErrorCode) -> pytest.RaisesExc[StreamFault]:
    return pytest.RaisesExc(StreamFault, check=lambda fault: fault.code is code)


def test_a_response_in_its_parts() -> None:
    stream = make_stream()
    assert not stream.has_answer()
    stream.receive_fields([(b":status", b"103"), (b"link", b"</a>")], is_last=False)
    assert stream.has_received
    assert not stream.has_answer()
    stream.receive_fields([*OK, (b"x-a", b"1")], is_last=False)
    assert stream.has_answer()
    assert stream.head is not None
    assert (stream.status_code, stream.head.fields) == (200, [(b"x-a", b"1")])
    assert not stream.has_news()
    stream.receive_data(b"")
    assert not stream.has_news()
    stream.receive_data(b"one")
    stream.receive_data(b"two")
    assert (b"".join(stream.parts), stream.unread_size) == (b"onetwo", 6)
    assert stream.has_news()
    trailers = stream.trailers
    stream.receive_fields([(b"x-checksum", b"1")], is_last=True)
    stream.receive_end()
    assert stream.is_complete
    # Whoever was given the list sees what came.
    assert trailers == [(b"x-checksum", b"1")]


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_stream_is_closed_when_both_sides_are_done(is_sent: bool) -> None:
    stream = make_stream(is_sent=is_sent)
    assert stream.is_sent is is_sent
    stream.receive_fields(OK, is_last=True)
    stream.receive_end()
    if not is_sent:
        assert stream.state is StreamState.HALF_CLOSED_REMOTE
        assert not stream.is_sent
        stream.finish_sending()
    assert stream.state is StreamState.CLOSED
    assert stream.is_sent


def test_a_request_that_is_sent_first() -> None:
    stream = make_stream(is_sent=False)
    stream.finish_sending()
    assert stream.state is StreamState.HALF_CLOSED_LOCAL
    assert stream.is_sent


def test_nothing_comes_after_the_end() -> None:
    stream = make_stream(is_sent=False)
    stream.receive_fields(OK, is_last=True)
    stream.receive_end()
    with refuses(ErrorCode.STREAM_CLOSED):
        stream.receive_data(b"")
    with refuses(ErrorCode.STREAM_CLOSED):
        stream.receive_fields([(b"x-a", b"1")], is_last=True)


def test_nothing_comes_before_the_response() -> None:
    stream = make_stream()
    for data in (b"", b"x"):
        with refuses(ErrorCode.PROTOCOL_ERROR):
            stream.receive_data(data)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_end()
    stream.receive_fields([(b":status", b"100")], is_last=False)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_data(b"x")
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_end()


def test_trailers_end_the_stream() -> None:
    stream = make_stream()
    stream.receive_fields(OK, is_last=False)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_fields([(b"x-a", b"1")], is_last=False)


@pytest.mark.parametrize("trailer", [(b":status", b"200"), (b"X-A", b"1"), (b"x-a", b"1\n"), (b"connection", b"x")])
def test_trailers_are_checked(trailer: tuple[bytes, bytes]) -> None:
    stream = make_stream()
    stream.receive_fields(OK, is_last=False)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_fields([trailer], is_last=True)
    assert stream.trailers == []


# Informational responses.


@pytest.mark.parametrize("status", [b"100", b"102", b"103", b"199"])
def test_informational_responses_come_before_the_response(status: bytes) -> None:
    stream = make_stream()
    # A length in one of them is about nothing.
    stream.receive_fields(with_length(b"5", status), is_last=False)
    stream.receive_fields(OK, is_last=True)
    stream.receive_end()
    assert (stream.status_code, stream.is_complete) == (200, True)


def test_an_informational_response_ends_no_stream() -> None:
    with refuses(ErrorCode.PROTOCOL_ERROR):
        make_stream().receive_fields([(b":status", b"103")], is_last=True)


def test_there_is_no_switching_of_protocols() -> None:
    # RFC 9113 8.6
    with refuses(ErrorCode.PROTOCOL_ERROR):
        make_stream().receive_fields([(b":status", b"101")], is_last=False)


def test_informational_responses_are_counted() -> None:
    stream = make_stream()
    for _ in range(MAX_INFORMATIONAL):
        stream.receive_fields([(b":status", b"102")], is_last=False)
    with refuses(ErrorCode.ENHANCE_YOUR_CALM):
        stream.receive_fields([(b":status", b"102")], is_last=False)


# Lengths.


@pytest.mark.parametrize("parts", [[b"12345"], [b"12", b"", b"345"], [b"1", b"2", b"3", b"4", b"5", b""]])
def test_a_body_is_as_long_as_it_says(parts: list[bytes]) -> None:
    stream = make_stream()
    stream.receive_fields(with_length(b"5"), is_last=False)
    for part in parts:
        stream.receive_data(part)
    stream.receive_end()
    assert stream.is_complete


def test_a_body_that_is_too_long_is_refused_at_once() -> None:
    stream = make_stream()
    stream.receive_fields(with_length(b"5"), is_last=False)
    stream.receive_data(b"1234")
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_data(b"56")
    # What was good is kept.
    assert stream.parts == [b"1234"]


@pytest.mark.parametrize("sizes", [[], [4], [0]])
def test_a_body_that_is_too_short_is_refused_at_its_end(sizes: list[int]) -> None:
    stream = make_stream()
    stream.receive_fields(with_length(b"5"), is_last=not sizes)
    for size in sizes:
        stream.receive_data(bytes(size))
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_end()
    assert not stream.is_complete


def test_a_length_of_zero_is_kept_to() -> None:
    stream = make_stream()
    stream.receive_fields(with_length(b"0"), is_last=False)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_data(b"x")


def test_equal_lengths_are_one() -> None:
    stream = make_stream()
    stream.receive_fields([*with_length(b"2"), (b"content-length", b"2, 2")], is_last=False)
    stream.receive_data(b"ok")
    stream.receive_end()


@pytest.mark.parametrize("length", [b"1, 2", b"+5", b"-1", b"0x5", b"", b"5 5", b"1" * 30])
def test_lengths_outside_the_grammar(length: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        make_stream().receive_fields(with_length(length), is_last=False)


@pytest.mark.parametrize(
    ("method", "status"), [(b"HEAD", b"200"), (b"HEAD", b"404"), (b"GET", b"204"), (b"GET", b"304"), (b"POST", b"204")]
)
def test_responses_without_a_body(method: bytes, status: bytes) -> None:
    # RFC 9110 8.6: the length is that of a body which is not there.
    stream = make_stream(method=method)
    stream.receive_fields(with_length(b"5", status), is_last=False)
    stream.receive_data(b"")
    with refuses(ErrorCode.PROTOCOL_ERROR):
        stream.receive_data(b"x")
    stream.receive_end()
    assert stream.is_complete


def test_a_tunnel_has_no_length() -> None:
    stream = make_stream(method=b"CONNECT", is_sent=False)
    stream.receive_fields(with_length(b"5"), is_last=False)
    stream.receive_data(b"much more than that")
    stream.receive_end()
    assert stream.is_complete
    # Where there is no tunnel, it is a response like any other.
    refused = make_stream(method=b"CONNECT", is_sent=False)
    refused.receive_fields(with_length(b"5", b"403"), is_last=False)
    with refuses(ErrorCode.PROTOCOL_ERROR):
        refused.receive_data(b"much more than that")


# Failures.


def test_a_failure_keeps_what_came() -> None:
    stream = make_stream()
    stream.receive_fields(OK, is_last=False)
    stream.receive_data(b"part")
    failure = ReadError("lost")
    stream.fail(failure)
    stream.fail(ReadError("again"), is_unprocessed=True)
    assert stream.failure is failure
    assert not stream.is_unprocessed
    assert (stream.state, stream.parts) == (StreamState.CLOSED, [b"part"])
    assert stream.has_answer()
    assert stream.has_news()


def test_a_response_that_is_complete_does_not_fail() -> None:
    stream = make_stream(is_sent=False)
    stream.receive_fields(OK, is_last=True)
    stream.receive_end()
    stream.fail(ReadError("lost"))
    assert stream.failure is None
    assert stream.state is StreamState.CLOSED


def test_a_body_that_comes_whole() -> None:
    stream = make_stream()
    assert not stream.receive_whole(b"early")
    stream.receive_fields(with_length(b"4"), is_last=False)
    assert not stream.receive_whole(b"fiver")
    assert not stream.receive_whole(b"")
    assert stream.receive_whole(b"four")
    assert (stream.parts, stream.unread_size, stream.is_complete) == ([b"four"], 4, True)
    assert stream.state is StreamState.CLOSED
    assert not stream.receive_whole(b"four")
    assert stream.parts == [b"four"]


@pytest.mark.parametrize("case", ["in parts", "upload goes on", "no length", "HEAD", "204", "own window"])
def test_a_body_that_does_not_come_whole(case: str) -> None:
    stream = make_stream(method=b"HEAD" if case == "HEAD" else b"GET", is_sent=case != "upload goes on")
    fields = OK if case == "no length" else with_length(b"4", b"204" if case == "204" else b"200")
    stream.receive_fields(fields, is_last=False)
    if case == "in parts":
        stream.receive_data(b"four")
        stream.parts.clear()
    if case == "own window":
        assert stream.window.receive(0)
    assert not stream.receive_whole(b"four")
    assert not stream.is_complete
    assert stream.parts == []
