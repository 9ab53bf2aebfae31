"""The body of a response: reading and streaming in both colours, decoding, text, and the end of it."""

from __future__ import annotations

import asyncio
import gc
import gzip
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any
from unittest import mock

import pytest
import trio

from httpx._content import ByteStream
from httpx._exceptions import CloseError, DecodingError, ReadError, ResponseNotRead, StreamClosed, StreamConsumed
from httpx._models import Request, Response
from httpx._types import AsyncByteStream, SyncByteStream

REQUEST = Request("GET", "http://example.org/a")
GZIP = {"Content-Encoding": "gzip"}


class Stream(SyncByteStream, AsyncByteStream):
    """A body that counts how often it was closed, and may fail after its last part or when it is closed."""

    def __init__(self, *parts: bytes, error: Exception | None = None, close_error: Exception | None = None) -> None:
        self.parts = parts
        self.error = error
        self.close_error = close_error
        self.times_closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        if self.error is not None:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(0)
            yield part
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.times_closed += 1
        if self.close_error is not None:
            raise self.close_error

    async def aclose(self) -> None:
        self.close()


class SyncOnly(SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"abc"


class AsyncOnly(AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"abc"


def iterate(response: Response, colour: str, kind: str, *args: Any) -> list[Any]:
    """Iterate to the end with `iter_<kind>` or `aiter_<kind>`."""
    if colour == "sync":
        return list(getattr(response, f"iter_{kind}")(*args))

    async def collect() -> list[Any]:
        return [item async for item in getattr(response, f"aiter_{kind}")(*args)]

    return asyncio.run(collect())


def read(response: Response, colour: str) -> bytes:
    return response.read() if colour == "sync" else asyncio.run(response.aread())


def close(response: Response, colour: str) -> None:
    if colour == "sync":
        response.close()
    else:
        asyncio.run(response.aclose())


both_colours = pytest.mark.parametrize("colour", ["sync", "async"])


@both_colours
def test_read_reads_once_and_closes(colour: str) -> None:
    stream = Stream(b"hello ", b"", b"world")
    response = Response(200, stream=stream)
    assert read(response, colour) == read(response, colour) == response.content == b"hello world"
    assert stream.times_closed == 1
    assert (response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded) == (True, True, 11)


@both_colours
def test_body_in_memory_is_read_as_if_it_had_been_iterated(colour: str) -> None:
    response = Response(200, stream=ByteStream(b"abc"))
    assert read(response, colour) == b"abc"
    assert (response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded) == (True, True, 3)
    with pytest.raises(StreamConsumed):
        iterate(response, colour, "raw")


@both_colours
def test_body_in_memory_is_decoded(colour: str) -> None:
    response = Response(200, stream=ByteStream(gzip.compress(b"abc")), headers=GZIP)
    assert read(response, colour) == b"abc"
    assert response.num_bytes_downloaded == len(gzip.compress(b"abc"))


@both_colours
@pytest.mark.parametrize(
    ("kind", "args", "items"),
    [
        ("raw", (), [b"hel", b"lo\nworld"]),
        ("raw", (4,), [b"hell", b"o\nwo", b"rld"]),
        ("bytes", (), [b"hel", b"lo\nworld"]),
        ("bytes", (4,), [b"hell", b"o\nwo", b"rld"]),
        ("bytes", (100,), [b"hello\nworld"]),
        ("text", (), ["hel", "lo\nworld"]),
        ("text", (4,), ["hell", "o\nwo", "rld"]),
        ("lines", (), ["hello", "world"]),
    ],
)
def test_streaming(colour: str, kind: str, args: tuple[int, ...], items: list[Any]) -> None:
    stream = Stream(b"hel", b"", b"lo\nworld")
    response = Response(200, stream=stream)
    assert iterate(response, colour, kind, *args) == items
    assert stream.times_closed == 1
    assert response.num_bytes_downloaded == 11
    with pytest.raises(ResponseNotRead):
        response.content  # noqa: B018
    for again in ("raw", "bytes", "text", "lines"):
        with pytest.raises(StreamConsumed):
            iterate(response, colour, again)
    with pytest.raises(StreamConsumed):
        read(response, colour)


@both_colours
@pytest.mark.parametrize(
    ("kind", "args", "items"),
    [
        ("bytes", (), [b"a\nb"]),
        ("bytes", (2,), [b"a\n", b"b"]),
        ("text", (), ["a\nb"]),
        ("text", (2,), ["a\n", "b"]),
        ("lines", (), ["a", "b"]),
    ],
)
def test_body_that_was_read_can_be_iterated_again_and_again(
    colour: str, kind: str, args: tuple[int, ...], items: list[Any]
) -> None:
    response = Response(200, content=b"a\nb")
    assert iterate(response, colour, kind, *args) == iterate(response, colour, kind, *args) == items


@both_colours
@pytest.mark.parametrize("kind", ["bytes", "text", "lines"])
def test_empty_body_yields_nothing(colour: str, kind: str) -> None:
    assert iterate(Response(200), colour, kind) == []
    assert iterate(Response(200, stream=Stream()), colour, kind) == []


@both_colours
def test_lines_end_at_cr_lf_and_crlf_alone(colour: str) -> None:
    response = Response(200, stream=Stream(b"a\r", b"\nb\rc\x0bd\xe2\x80", b"\xa8e\n"))
    assert iterate(response, colour, "lines") == ["a", "b", "c\x0bd\u2028e"]


@both_colours
def test_closing_twice_closes_the_stream_once(colour: str) -> None:
    stream = Stream(b"abc")
    response = Response(200, stream=stream)
    close(response, colour)
    close(response, colour)
    assert stream.times_closed == 1
    assert (response.is_closed, response.is_stream_consumed) == (True, False)


@both_colours
@pytest.mark.parametrize("kind", ["raw", "bytes", "text", "lines"])
def test_closed_response_cannot_be_streamed(colour: str, kind: str) -> None:
    response = Response(200, stream=Stream(b"abc"))
    close(response, colour)
    with pytest.raises(StreamClosed):
        iterate(response, colour, kind)
    with pytest.raises(StreamClosed):
        read(response, colour)


def test_streams_of_the_other_colour_are_refused_and_stay_usable() -> None:
    response = Response(200, stream=AsyncOnly())
    with pytest.raises(RuntimeError, match=r"^Attempted to call a sync iterator on an async stream.$"):
        response.read()
    with pytest.raises(RuntimeError, match=r"^Attempted to call an sync close on an async stream.$"):
        response.close()
    assert asyncio.run(response.aread()) == b"abc"

    response = Response(200, stream=SyncOnly())
    with pytest.raises(RuntimeError, match=r"^Attempted to call an async iterator on an sync stream.$"):
        asyncio.run(response.aread())
    with pytest.raises(RuntimeError, match=r"^Attempted to call an async close on an sync stream.$"):
        asyncio.run(response.aclose())
    assert response.read() == b"abc"


@both_colours
@pytest.mark.parametrize("kind", ["raw", "bytes", "text", "lines"])
def test_error_of_the_stream_names_the_request(colour: str, kind: str) -> None:
    response = Response(200, stream=Stream(b"abc", error=ReadError("gone")), request=REQUEST)
    with pytest.raises(ReadError, match="gone") as caught:
        iterate(response, colour, kind)
    assert caught.value.request is REQUEST


@both_colours
def test_error_that_names_a_request_keeps_it(colour: str) -> None:
    other = Request("GET", "http://other.example")
    response = Response(200, stream=Stream(error=ReadError("gone", request=other)), request=REQUEST)
    with pytest.raises(ReadError) as caught:
        read(response, colour)
    assert caught.value.request is other


@both_colours
def test_error_of_closing_names_the_request(colour: str) -> None:
    response = Response(200, stream=Stream(b"abc", close_error=CloseError("stuck")), request=REQUEST)
    with pytest.raises(CloseError) as caught:
        read(response, colour)
    assert caught.value.request is REQUEST
    assert response.is_closed


@both_colours
def test_error_of_user_code_passes_untouched(colour: str) -> None:
    error = ValueError("mine")
    with pytest.raises(ValueError) as caught:
        read(Response(200, stream=Stream(error=error), request=REQUEST), colour)
    assert caught.value is error


@both_colours
def test_iteration_that_failed_has_ended(colour: str) -> None:
    response = Response(200, stream=Stream(b"abc", error=ReadError("gone")), headers=GZIP, request=REQUEST)
    if colour == "sync":
        iterator = response.iter_raw(2)
        with pytest.raises(ReadError):
            list(iterator)
        assert list(iterator) == []
        return

    async def fail() -> None:
        iterator = response.aiter_raw(2)
        with pytest.raises(ReadError):
            [item async for item in iterator]
        assert [item async for item in iterator] == []

    asyncio.run(fail())


@both_colours
@pytest.mark.parametrize("cut", [1, 12, 20])
def test_truncated_coding_is_an_error_after_what_could_be_decoded(colour: str, cut: int) -> None:
    response = Response(200, stream=Stream(gzip.compress(b"x" * 100)[:-cut]), headers=GZIP, request=REQUEST)
    with pytest.raises(DecodingError, match="runcated") as caught:
        read(response, colour)
    assert caught.value.request is REQUEST
    assert response.is_closed


def test_malformed_content_names_the_request() -> None:
    with pytest.raises(DecodingError) as caught:
        Response(200, content=b"not gzip, whatever the field says", headers=GZIP, request=REQUEST)
    assert caught.value.request is REQUEST


@both_colours
def test_empty_body_under_a_coding_is_empty(colour: str) -> None:
    assert read(Response(200, stream=Stream(b"", b""), headers=GZIP), colour) == b""


@both_colours
def test_bomb_comes_in_chunks_of_bounded_size(colour: str) -> None:
    bomb = gzip.compress(bytes(20 * 1024 * 1024))
    chunks = iterate(Response(200, stream=Stream(bomb), headers=GZIP), colour, "bytes")
    assert sum(map(len, chunks)) == 20 * 1024 * 1024
    assert max(map(len, chunks)) <= 1024 * 1024


@both_colours
def test_raw_parts_and_closing_do_not_decode(colour: str) -> None:
    with mock.patch("httpx._decoders.GZipDecoder.decode_chunks", side_effect=AssertionError):
        assert iterate(Response(200, stream=Stream(b"no gzip"), headers=GZIP), colour, "raw") == [b"no gzip"]
        close(Response(200, stream=Stream(b"no gzip"), headers=GZIP), colour)


def test_unknown_codings_are_left_alone() -> None:
    response = Response(200, content=gzip.compress(b"abc"), headers={"Content-Encoding": "unknown, gzip"})
    assert response.content == b"abc"


def test_library_may_bring_its_own_decoder() -> None:
    from httpx._decoders import IdentityDecoder

    response = Response(200, stream=Stream(b"abc"), headers=GZIP)
    response._decoder = IdentityDecoder()
    assert response.read() == b"abc"


@both_colours
@pytest.mark.parametrize("name", ["raw", "bytes"])
def test_methods_of_a_subclass_are_used(colour: str, name: str) -> None:
    class Mine(Response):
        pass

    def replace(self: Response, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"replaced"

    async def areplace(self: Response, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        yield b"replaced"

    setattr(Mine, f"iter_{name}", replace)
    setattr(Mine, f"aiter_{name}", areplace)
    assert read(Mine(200, stream=ByteStream(b"abc")), colour) == b"replaced"
    assert iterate(Mine(200, stream=Stream(b"abc")), colour, "lines") == ["replaced"]


async def abandon(make: Callable[[Response], Any], response: Response) -> None:
    async for _ in make(response):
        break


@pytest.mark.parametrize("name", ["aiter_raw", "aiter_bytes", "aiter_text", "aiter_lines"])
@pytest.mark.parametrize("run", [lambda f, *a: asyncio.run(f(*a)), trio.run], ids=["asyncio", "trio"])
def test_abandoned_async_iteration_ends_quietly(run: Callable[..., Any], name: str) -> None:
    class Parts(AsyncByteStream):
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            return b"a\nb\n"

    response = Response(200, stream=Parts())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(abandon, getattr(Response, name), response)
        gc.collect()
    assert not response.is_closed


@pytest.mark.parametrize("name", ["aiter_raw", "aiter_bytes", "aiter_text", "aiter_lines"])
def test_async_iteration_can_be_closed(name: str) -> None:
    stream = Stream(b"a\n", b"b\n")

    async def close_early(response: Response) -> None:
        async with aclosing(getattr(response, name)()) as items:
            async for _ in items:
                break
            await items.aclose()
            assert [item async for item in items] == []

    asyncio.run(close_early(Response(200, stream=stream)))
    assert stream.times_closed == 0
    if name != "aiter_raw":
        asyncio.run(close_early(Response(200, content=b"a\nb\n")))


def test_stream_is_not_kept_alive_by_an_iterator_that_ended() -> None:
    stream = Stream(b"abc")
    response = Response(200, stream=stream)
    iterator = response.iter_bytes()
    assert list(iterator) == [b"abc"]
    reference = weakref.ref(stream)
    del stream, response
    assert reference() is None


@both_colours
def test_text_is_streamed_in_the_encoding(colour: str) -> None:
    response = Response(200, stream=Stream(b"\xc3", b"\xa9\xc3"))
    assert iterate(response, colour, "text") == ["é", "\ufffd"]
    latin = {"Content-Type": "text/plain; charset=latin1"}
    assert iterate(Response(200, stream=Stream(b"\xe9"), headers=latin), colour, "text") == ["é"]


@both_colours
def test_chunk_size_must_be_positive(colour: str) -> None:
    with pytest.raises(ValueError, match="chunk_size"):
        iterate(Response(200, stream=Stream(b"abc")), colour, "bytes", 0)
