"""Event streams by the HTML standard: the same events whatever the parts, in linear time, and bounded."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import httpx
from httpx import ServerSentEvent
from httpx._protocols.sse import DEFAULT_MAX_EVENT_SIZE, EventStreamDecoder

Event = ServerSentEvent


def decode(parts: Iterable[bytes], max_event_size: int | None = None) -> list[ServerSentEvent]:
    decoder = EventStreamDecoder(max_event_size)
    return [event for part in parts for event in decoder.feed(part)]


def cut_everywhere(stream: bytes) -> Iterator[list[bytes]]:
    """Yield the stream whole, byte by byte, and cut once at every place."""
    yield [stream]
    yield [stream[i : i + 1] for i in range(len(stream))]
    for i in range(len(stream)):
        yield [stream[:i], b"", stream[i:]]


CASES: list[tuple[bytes, list[ServerSentEvent]]] = [
    # The examples of WHATWG HTML 9.2.6.
    (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [Event(data="YHOO\n+2\n10")],
    ),
    (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
        [Event(data="first event", id="1"), Event(data="second event")],
    ),
    (b"data\n\ndata\ndata\n\ndata:", [Event(), Event(data="\n")]),
    (b"data:test\n\ndata: test\n\n", [Event(data="test"), Event(data="test")]),
    # Line ends.
    (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [Event(data="a"), Event(data="b"), Event(data="c")]),
    (b"data: a\r\ndata: b\r\n\r\n", [Event(data="a\nb")]),
    (b"data: a\n\rdata: b\r\r\n", [Event(data="a"), Event(data="b")]),
    (b"data: a\r\n\rdata: b\n\n", [Event(data="a"), Event(data="b")]),
    ("data: a\u2028b\x0bc\x0cd\x1ce\x85f\n\n".encode(), [Event(data="a\u2028b\x0bc\x0cd\x1ce\x85f")]),
    # The byte order mark is one at the beginning only.
    (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [Event(data="a")]),
    (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    (b"\xef\xbb\xbf: comment\ndata: a\n\n", [Event(data="a")]),
    (b"\xef\xbb\xbf\n\ndata: a\n\n", [Event(data="a")]),
    # Text.
    ("data: ä€😀\n\n".encode(), [Event(data="ä€😀")]),
    (b"data: a\xffb\xe2\x82\ndata: \x80\n\n", [Event(data="a\ufffdb\ufffd\n\ufffd")]),
    (b"data: a\0b\n\n", [Event(data="a\0b")]),
    # Types.
    (b"event: add\ndata: 1\n\ndata: 2\n\n", [Event(event="add", data="1"), Event(data="2")]),
    (b"event: a\nevent: b\ndata: 1\n\n", [Event(event="b", data="1")]),
    (b"event: a\nevent\ndata: 1\n\n", [Event(data="1")]),
    # Without data nothing is dispatched, and the type is forgotten.
    (b"event: a\n\ndata: 1\n\n", [Event(data="1")]),
    (b"\n\n\n", []),
    # Ids.
    (b"id: 1\ndata: a\n\ndata: b\n\n", [Event(data="a", id="1"), Event(data="b", id="1")]),
    (b"id: 1\n\ndata: a\n\n", [Event(data="a", id="1")]),
    (b"id: 1\nid: 2\ndata: a\n\n", [Event(data="a", id="2")]),
    (b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [Event(data="a", id="1"), Event(data="b", id="1")]),
    (b"id: 1\ndata: a\n\nid:\ndata: b\n\n", [Event(data="a", id="1"), Event(data="b")]),
    # Retry: ASCII digits, nothing else.
    (b"retry: 1500\ndata: a\n\ndata: b\n\n", [Event(data="a", retry=1500), Event(data="b")]),
    (b"retry:0\ndata: a\n\n", [Event(data="a", retry=0)]),
    *[
        (b"retry: " + value + b"\ndata: a\n\n", [Event(data="a")])
        for value in (b"", b"-1", b"+1", b"1.5", b"1_0", b" 1", b"1 ", b"0x1", b"1e3", "\u0661".encode(), b"9" * 5000)
    ],
    # Fields.
    (b"data:  a\n\n", [Event(data=" a")]),
    (b"data:\ta\n\n", [Event(data="\ta")]),
    (b"data: a: b\n\n", [Event(data="a: b")]),
    (b" data: a\nDATA: b\ndata : c\nother: d\nother\n\n", []),
    (b":data: a\n:\n\n", []),
    # An event that has not ended when the stream ends.
    (b"data: a", []),
    (b"data: a\n", []),
    (b"data: a\n\ndata: b\nid: 2\n", [Event(data="a")]),
    (b"", []),
]


@pytest.mark.parametrize(("stream", "events"), CASES)
def test_stream_is_read_by_the_standard_however_it_is_cut(stream: bytes, events: list[ServerSentEvent]) -> None:
    if len(stream) > 1000:
        assert decode([stream]) == events
        return
    for parts in cut_everywhere(stream):
        assert decode(parts) == events, parts


def read_naively(stream: bytes) -> list[ServerSentEvent]:
    """Do what the standard says, word by word, with the whole stream at hand."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    events = []
    data = event = last_id = ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append(Event(event=event or "message", data=data.removesuffix("\n"), id=last_id))
            data = event = ""
        elif name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last_id = value
    return events


pieces = st.sampled_from(
    [
        b"data",
        b"event",
        b"id",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"a",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xe2\x82",
        b"\xff",
    ]
)


@given(st.lists(pieces, max_size=30), st.lists(st.integers(0, 60), max_size=8))
def test_any_stream_cut_in_any_way_gives_what_the_standard_says(words: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(words)
    borders = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    parts = [stream[start:end] for start, end in itertools.pairwise(borders)]
    assert decode(parts) == read_naively(stream)


def test_event_comes_with_its_last_byte() -> None:
    decoder = EventStreamDecoder(None)
    assert list(decoder.feed(b"data: a\r")) == []
    assert list(decoder.feed(b"\r")) == [Event(data="a")]
    assert list(decoder.feed(b"\ndata: b\r\n\r")) == [Event(data="b")]
    assert list(decoder.feed(b"\n")) == []


def test_id_and_retry_are_known_without_any_event() -> None:
    decoder = EventStreamDecoder(None)
    assert list(decoder.feed(b"retry: 50\nid: 7")) == []
    assert (decoder.last_event_id, decoder.retry) == ("", 50)
    assert list(decoder.feed(b"\n")) == []
    assert decoder.last_event_id == ""  # it counts when its event ends
    assert list(decoder.feed(b"\n")) == []
    assert decoder.last_event_id == "7"


def test_last_event_id_is_that_of_the_event_that_was_given() -> None:
    decoder = EventStreamDecoder(None, last_event_id="0")
    ids = [(event.id, decoder.last_event_id) for event in decoder.feed(b"data:a\n\nid:1\ndata:b\n\nid:2\ndata:c\n\n")]
    assert ids == [("0", "0"), ("1", "1"), ("2", "2")]


# How large.


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        (b"data: aa\ndata: bb\n\n", 16),
        (b"event: a\ndata: b\nid: c\nunknown\n\n", 27),
        ("data: ä\n\n".encode(), 8),
        (b"data: aa\r\n\r\ndata: bbb\n\n", 9),
    ],
)
def test_size_of_an_event_is_that_of_its_lines(stream: bytes, size: int) -> None:
    whole = decode([stream])
    for parts in cut_everywhere(stream):
        assert decode(parts, size) == whole
        with pytest.raises(httpx.SSEError, match=f"exceeded the {size - 1} byte limit"):
            decode(parts, size - 1)


def test_comments_have_no_size() -> None:
    stream = b": " + b"c" * 100 + b"\ndata: a\n:" + b"d" * 100 + b"\n:e\n\n"
    for parts in cut_everywhere(stream):
        assert decode(parts, 7) == [Event(data="a")]
    for parts in cut_everywhere(b"\xef\xbb\xbf: " + b"c" * 100 + b"\ndata: a\n\n"):
        assert decode(parts, 7) == [Event(data="a")]


def test_endless_comment_is_not_kept() -> None:
    decoder = EventStreamDecoder(None)
    for _ in range(100):
        assert list(decoder.feed(b":" + b"c" * 10_000)) == []
    assert sys.getsizeof(decoder._line) < 100_000


def test_events_before_one_that_is_too_large_are_given() -> None:
    decoder = EventStreamDecoder(10)
    events = decoder.feed(b"data: a\n\ndata: b\n\ndata: " + b"c" * 10)
    assert [next(events), next(events)] == [Event(data="a"), Event(data="b")]
    with pytest.raises(httpx.SSEError):
        next(events)


def test_line_that_never_ends_is_refused_as_soon_as_it_is_too_large() -> None:
    decoder = EventStreamDecoder(DEFAULT_MAX_EVENT_SIZE)
    fed = 0
    with pytest.raises(httpx.SSEError, match="1048576"):
        while fed < 10 * DEFAULT_MAX_EVENT_SIZE:
            fed += 1000
            list(decoder.feed(b"data" + b"a" * 996))
    assert fed <= DEFAULT_MAX_EVENT_SIZE + 1000


# How long it takes. Time is no measure where others work too: bytes are counted, and parts that would take hours read.


class Line(bytearray):
    """A buffer that knows how many bytes were taken out of it."""

    taken = 0

    def __bytes__(self) -> bytes:
        self.taken += len(self)
        return bytes(memoryview(self))


@pytest.mark.parametrize(
    "make",
    [
        lambda size: b"data: " + b"x" * size + b"\n\n",
        lambda size: b"data: x\n\n" * (size // 9),
        lambda size: b"data\n" * (size // 5) + b"\n",
        lambda size: b": x\r\n" * (size // 5),
    ],
    ids=["one line", "many events", "many lines", "comments"],
)
def test_every_byte_is_taken_out_of_the_buffer_once(make: Callable[[int], bytes]) -> None:
    stream = make(50_000)
    for size in (1, 7, 1000):
        decoder = EventStreamDecoder(None)
        decoder._line = line = Line()
        for start in range(0, len(stream), size):
            list(decoder.feed(stream[start : start + size]))
        assert decoder._line is line
        assert line.taken <= len(stream)


def test_a_million_parts_of_one_byte_are_read() -> None:
    stream = b"data: 0123456789\n\n" * 20_000 + b"data: " + b"x" * 639_992 + b"\n\n"
    assert len(stream) == 1_000_000
    events = decode(stream[i : i + 1] for i in range(len(stream)))
    assert len(events) == 20_001
    assert len(events[-1].data) == 639_992


def test_a_line_of_ten_megabytes_in_small_parts_is_read() -> None:
    [event] = decode(itertools.chain([b"data: "], itertools.repeat(b"0123456789" * 10, 100_000), [b"\n\n"]))
    assert len(event.data) == 10_000_000


# The value.


def test_event_is_a_value() -> None:
    event = ServerSentEvent("add", '{"a": 1}', "7", 100)
    assert (event.event, event.data, event.id, event.retry) == ("add", '{"a": 1}', "7", 100)
    assert event == ServerSentEvent(event="add", data='{"a": 1}', id="7", retry=100)
    assert hash(event) == hash(ServerSentEvent("add", '{"a": 1}', "7", 100))
    assert event.json() == {"a": 1}
    assert repr(ServerSentEvent()) == "ServerSentEvent(event='message', data='', id='', retry=None)"
    with pytest.raises(ValueError):
        ServerSentEvent(data="{").json()
