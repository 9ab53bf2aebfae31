"""Bodies: their header fields, their bytes, and whether they can be sent again."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from httpx._content import (
    AsyncIteratorByteStream,
    ByteStream,
    IteratorByteStream,
    UnattachedStream,
    encode_request,
    encode_response,
)
from httpx._exceptions import StreamClosed, StreamConsumed
from httpx._types import AsyncByteStream, SyncByteStream

CHUNKED = {"Transfer-Encoding": "chunked"}
FORM = "application/x-www-form-urlencoded"


def read(stream: Any) -> bytes:
    return b"".join(stream)


def aread(stream: Any) -> bytes:
    async def join() -> bytes:
        return b"".join([chunk async for chunk in stream])

    return asyncio.run(join())


def generate() -> Iterator[bytes]:
    yield b"Hello, "
    yield b"world!"


async def agenerate() -> AsyncIterator[bytes]:
    yield b"Hello, "
    yield b"world!"


class Again:
    def __iter__(self) -> Iterator[bytes]:
        return generate()


class AsyncAgain:
    def __aiter__(self) -> AsyncIterator[bytes]:
        return agenerate()


# What is encoded, and how.


def test_nothing_is_an_empty_body() -> None:
    for headers, stream in (encode_request(), encode_response(), encode_request(data={}, files={})):
        assert headers == {}
        assert read(stream) == aread(stream) == b""


def test_nothing_costs_two_calls_at_most() -> None:
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
    try:
        encode_request()
    finally:
        sys.setprofile(None)
    assert len(calls) <= 2


@pytest.mark.parametrize("content", ["", b"", bytearray()])
def test_empty_content_has_no_length(content: Any) -> None:
    headers, stream = encode_request(content=content)
    assert (headers, read(stream)) == ({}, b"")


@pytest.mark.parametrize(
    ("content", "body"), [("hé", "hé".encode()), (b"abc", b"abc"), (bytearray(b"x"), b"x"), (memoryview(b"xy"), b"xy")]
)
@pytest.mark.parametrize("encode", [encode_request, encode_response])
def test_text_and_bytes(encode: Any, content: Any, body: bytes) -> None:
    headers, stream = encode(content=content)
    assert headers == {"Content-Length": str(len(body))}
    assert isinstance(stream, ByteStream)
    assert read(stream) == aread(stream) == stream._stream == body


def test_iterables_are_chunked() -> None:
    for content in (
        generate(),
        [b"Hello, ", b"world!"],
        iter([b"Hello, world!"]),
        Again(),
        ByteStream(b"Hello, world!"),
    ):
        headers, stream = encode_request(content=content)
        assert headers == CHUNKED
        assert isinstance(stream, IteratorByteStream)
        assert not isinstance(stream, AsyncByteStream)
        assert read(stream) == b"Hello, world!"
    assert encode_request(content=[])[0] == CHUNKED


def test_async_iterables_are_chunked() -> None:
    for content in (agenerate(), AsyncAgain()):
        headers, stream = encode_request(content=content)
        assert headers == CHUNKED
        assert isinstance(stream, AsyncIteratorByteStream)
        assert not isinstance(stream, SyncByteStream)
        assert aread(stream) == b"Hello, world!"


@pytest.mark.parametrize("content", [1, 0, False, {}, {"a": 1}, object()])
@pytest.mark.parametrize("encode", [encode_request, encode_response])
def test_content_of_another_type_is_a_type_error(encode: Any, content: Any) -> None:
    with pytest.raises(TypeError) as caught:
        encode(content=content)
    assert str(caught.value) == f"Unexpected type for 'content', {type(content)!r}"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"a": 1, "b": "é &"}, b"a=1&b=%C3%A9+%26"),
        ({"a": [1, None], "b": (True, False)}, b"a=1&a=&b=true&b=false"),
        ({"a": None, "b": 1.5}, b"a=&b=1.5"),
        ({"a": {"x": 1}}, b"a=%7B%27x%27%3A+1%7D"),
        ({"a": []}, b""),
    ],
)
def test_form(data: dict[str, Any], body: bytes) -> None:
    headers, stream = encode_request(data=data)
    assert list(headers.items()) == [("Content-Length", str(len(body))), ("Content-Type", FORM)]
    assert read(stream) == body


@pytest.mark.parametrize("data", [b"raw", "raw", [b"raw"]])
def test_raw_data_is_deprecated(data: Any) -> None:
    with pytest.warns(DeprecationWarning, match=r"Use 'content=<\.\.\.>' to upload raw bytes/text content\.") as caught:
        headers, stream = encode_request(data=data)
    assert caught[0].filename == __file__
    assert read(stream) == b"raw"
    assert headers == (CHUNKED if isinstance(data, list) else {"Content-Length": "3"})


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": 1, "b": [1, 2]}, b'{"a":1,"b":[1,2]}'),
        ("é", '"é"'.encode()),
        ({}, b"{}"),
        (0, b"0"),
        (False, b"false"),
        ("", b'""'),
    ],
)
@pytest.mark.parametrize("encode", [encode_request, encode_response])
def test_json(encode: Any, value: Any, body: bytes) -> None:
    headers, stream = encode(json=value)
    assert list(headers.items()) == [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
    assert read(stream) == body


def test_json_without_a_form() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
            encode_request(json=value)
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode_request(json=object())


def test_which_argument_wins() -> None:
    assert read(encode_request(content=b"1", data={"a": "2"}, files={"f": b"3"}, json=4)[1]) == b"1"
    assert read(encode_request(data={"a": "2"}, json=4)[1]) == b"a=2"
    assert read(encode_request(files=[], data={}, json=4)[1]) == b"4"
    assert b'name="f"' in read(encode_request(data={"a": "2"}, files={"f": b"3"}, json=4)[1])
    assert read(encode_response(content=b"1", text="2", html="3", json=4)[1]) == b"1"
    assert read(encode_response(text="2", html="3", json=4)[1]) == b"2"
    assert read(encode_response(html="3", json=4)[1]) == b"3"


def test_text_and_html_of_a_response() -> None:
    headers, stream = encode_response(text="é")
    assert headers == {"Content-Length": "2", "Content-Type": "text/plain; charset=utf-8"}
    assert read(stream) == "é".encode()
    assert encode_response(html="")[0] == {"Content-Length": "0", "Content-Type": "text/html; charset=utf-8"}


# Files.


def test_file_has_the_length_that_is_left() -> None:
    file = io.BytesIO(b"0123456789")
    assert encode_request(content=file)[0] == {"Content-Length": "10"}
    file.seek(4)
    headers, stream = encode_request(content=file)
    assert headers == {"Content-Length": "6"}
    assert read(stream) == b"456789"
    file.seek(20)
    assert encode_request(content=file)[0] == {"Content-Length": "0"}


def test_file_on_disk_has_the_length_of_what_was_written(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w+b") as file:
        file.write(b"0123456789")
        file.seek(2)
        headers, stream = encode_request(content=file)
        assert (headers, read(stream)) == ({"Content-Length": "8"}, b"23456789")


def test_file_is_rewound_to_where_it_stood() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    _, stream = encode_request(content=file)
    for _ in range(3):
        assert stream._is_replayable  # type: ignore[union-attr]  # of our own streams
        assert read(stream) == b"456789"


def test_file_of_two_requests_is_sent_twice() -> None:
    file = io.BytesIO(b"0123456789")
    (_, first), (_, second) = encode_request(content=file), encode_request(content=file)
    assert read(first) == read(second) == b"0123456789"


def test_file_is_read_in_chunks_of_64_kib() -> None:
    _, stream = encode_request(content=io.BytesIO(bytes(150_000)))
    assert [len(chunk) for chunk in stream] == [65536, 65536, 18928]  # type: ignore[union-attr]  # it is a sync one


def test_pipe_is_chunked_and_sent_once() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"hi")
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        headers, stream = encode_request(content=file)
        assert headers == CHUNKED
        assert stream._is_replayable  # type: ignore[union-attr]  # of our own streams
        assert read(stream) == b"hi"
        assert not stream._is_replayable  # type: ignore[union-attr]  # of our own streams
        with pytest.raises(StreamConsumed):
            read(stream)


def test_length_of_a_file_that_unpacks_is_not_that_of_its_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))
    with gzip.open(path) as file:
        headers, stream = encode_request(content=file)
        assert headers in (CHUNKED, {"Content-Length": "1000"})
        assert read(stream) == read(stream) == b"x" * 1000


def test_text_file_is_a_type_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with open(tmp_path / "file") as file, pytest.raises(TypeError, match="binary mode"):
        encode_request(content=file)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError, match="binary mode"):
        encode_request(content=io.StringIO("text"))  # type: ignore[arg-type]  # on purpose
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write("text")
        file.seek(0)
        wrapper: Any = file
        with pytest.raises(TypeError, match="binary mode"):
            read(encode_request(content=wrapper)[1])


def test_object_with_aread_is_read_in_chunks() -> None:
    sizes = []

    class File:
        def __aiter__(self) -> AsyncIterator[bytes]:
            raise AssertionError("it is read, not iterated")

        async def aread(self, size: int) -> bytes:
            sizes.append(size)
            return b"part" if len(sizes) == 1 else b""

    _, stream = encode_request(content=File())
    assert aread(stream) == b"part"
    assert sizes == [65536, 65536]
    with pytest.raises(StreamConsumed):
        aread(stream)


# Sending again.


@pytest.mark.parametrize("content", [b"Hello, world!", [b"Hello, ", b"world!"], Again(), io.BytesIO(b"Hello, world!")])
def test_what_can_start_again_is_replayed(content: Any) -> None:
    _, stream = encode_request(content=content)
    for _ in range(3):
        assert getattr(stream, "_is_replayable", False)
        assert read(stream) == b"Hello, world!"


def test_async_iterable_that_can_start_again_is_replayed() -> None:
    _, stream = encode_request(content=AsyncAgain())
    for _ in range(3):
        assert getattr(stream, "_is_replayable", False)
        assert aread(stream) == b"Hello, world!"


@pytest.mark.parametrize("make", [generate, lambda: iter([b"Hello, world!"]), lambda: map(bytes, [b"Hello, world!"])])
def test_iterator_is_never_replayed_empty(make: Any) -> None:
    _, stream = encode_request(content=make())
    assert getattr(stream, "_is_replayable", False)
    assert read(stream) == b"Hello, world!"
    assert not getattr(stream, "_is_replayable", False)
    with pytest.raises(StreamConsumed):
        read(stream)


def test_iterator_that_was_started_is_not_replayed() -> None:
    _, stream = encode_request(content=generate())
    assert next(iter(stream)) == b"Hello, "  # type: ignore[arg-type]  # it is a sync one
    with pytest.raises(StreamConsumed):
        read(stream)


def test_async_generator_is_never_replayed_empty() -> None:
    _, stream = encode_request(content=agenerate())
    assert aread(stream) == b"Hello, world!"
    assert not getattr(stream, "_is_replayable", False)
    with pytest.raises(StreamConsumed):
        aread(stream)


def test_stream_in_a_stream_is_replayed_if_it_can_be() -> None:
    class Foreign(SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return generate()

    class Once(Foreign):
        def __next__(self) -> bytes:
            raise StopIteration

    def is_replayable_when_read(content: Any) -> bool:
        _, stream = encode_request(content=content)
        read(stream)
        return bool(getattr(stream, "_is_replayable", False))

    assert is_replayable_when_read(ByteStream(b"x"))
    assert is_replayable_when_read(IteratorByteStream([b"x"]))
    assert not is_replayable_when_read(IteratorByteStream(generate()))
    # What a stream of the user's own looks like decides, as for any other iterable.
    assert is_replayable_when_read(Foreign())
    assert not is_replayable_when_read(Once())


def test_unattached_stream_is_closed() -> None:
    stream = UnattachedStream()
    with pytest.raises(StreamClosed):
        read(stream)
    with pytest.raises(StreamClosed):
        aread(stream)
    assert not stream._is_replayable


def test_streams_can_be_closed() -> None:
    stream = ByteStream(b"x")
    stream.close()
    asyncio.run(stream.aclose())
    assert stream.__class__.__module__ == "httpx"
