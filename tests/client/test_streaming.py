"""Responses whose body is read while it comes, read in part, or not read at all."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import httpx
from tests.network.colours import Colour
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import OK, answering, answering_always

ONE = httpx.Limits(max_connections=1)
PATTERN = bytes(range(256)) * 4000


async def test_a_stream_is_read_in_parts(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/stream/500000/999")) as response:
        assert not response.is_stream_consumed
        parts = [part async for part in face.iterate(response)]
        assert b"".join(parts) == PATTERN[:500_000]
        assert len(parts) > 1
        assert response.is_stream_consumed and response.is_closed
        assert response.num_bytes_downloaded == 500_000


@pytest.mark.parametrize("size", [1000, 65536])
async def test_parts_have_the_size_asked_for(face: Face, origin: Origin, size: int) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/bytes/200500")) as response:
        sizes = [len(part) async for part in face.iterate(response, "bytes", size)]
    assert sizes[:-1] == [size] * (200_500 // size)
    assert sum(sizes) == 200_500


async def test_text_lines_and_raw_bytes_are_streamed_too(face: Face, origin: Origin, serve: Serve) -> None:
    server = serve(answering_always(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\none\ntwo\r\n\xc3\xa4\n"))
    async with face.client() as client:
        async with client.stream("GET", server.url()) as response:
            assert [line async for line in face.iterate(response, "lines")] == ["one", "two", "ä"]
        async with client.stream("GET", server.url()) as response:
            assert "".join([part async for part in face.iterate(response, "text")]) == "one\ntwo\r\nä\n"
        async with client.stream("GET", origin.url("/gzip")) as response:
            raw = b"".join([part async for part in face.iterate(response, "raw")])
        assert raw.startswith(b"\x1f\x8b")
    assert server.connection_count == 1


async def test_an_unread_stream_is_closed_at_the_end_of_its_block(face: Face, origin: Origin) -> None:
    async with face.client(limits=ONE) as client:
        for _ in range(3):
            async with client.stream("GET", origin.url("/bytes/10000000")) as response:
                unread = response
            assert unread.is_closed
            assert client.pool.connection_count == 0
            with pytest.raises(httpx.StreamClosed):
                await face.read(unread)
            with pytest.raises(httpx.ResponseNotRead):
                _ = unread.content


async def test_a_half_read_response_frees_its_slot_but_not_its_connection(face: Face, serve: Serve) -> None:
    def script(conversation: Any) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        conversation.read_to_end()

    server = serve(script, answering(OK))
    async with face.client(limits=ONE) as client:
        async with client.stream("GET", server.url()) as response:
            async for part in face.iterate(response, "raw"):
                assert part == b"half"
                break
        assert (await client.get(server.url())).text == "ok"
    assert server.connection_count == 2


async def test_an_exception_in_the_block_closes_the_stream(face: Face, origin: Origin) -> None:
    async with face.client(limits=ONE) as client:
        with pytest.raises(LookupError):
            async with client.stream("GET", origin.url("/bytes/10000000")):
                raise LookupError
        assert client.pool.connection_count == 0


async def test_a_fully_read_stream_keeps_its_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        for _ in range(3):
            async with client.stream("GET", server.url()) as response:
                assert await face.read(response) == b"ok"
    assert server.connection_count == 1


async def test_send_with_stream_leaves_reading_and_closing_to_the_caller(face: Face, origin: Origin) -> None:
    async with face.client(limits=ONE) as client:
        request = client.bare.build_request("GET", origin.url("/bytes/1000000"))
        response = await client.send(request, stream=True)
        assert not response.is_closed
        with pytest.raises(httpx.ResponseNotRead):
            _ = response.content
        assert await face.read(response) == PATTERN[:1_000_000]
        assert response.is_closed
        response = await client.send(request, stream=True)
        await face.close(response)
        await face.close(response)
        assert client.pool.connection_count == 0


async def test_a_stream_can_be_iterated_once(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/bytes/100000")) as response:
        async for _ in face.iterate(response):
            pass
        with pytest.raises(httpx.StreamConsumed):
            async for _ in face.iterate(response):
                pass


async def test_a_read_stream_can_be_iterated_again(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/bytes/1000")) as response:
        content = await face.read(response)
        assert b"".join([part async for part in face.iterate(response)]) == content == PATTERN[:1000]


async def test_methods_of_the_other_colour_are_refused(face: Face, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/bytes/1000000")) as response:
        if face.is_async:
            with pytest.raises(RuntimeError, match="sync"):
                response.read()
            with pytest.raises(RuntimeError, match="sync"):
                next(response.iter_bytes())
            with pytest.raises(RuntimeError, match="sync"):
                response.close()
        else:
            with pytest.raises(RuntimeError, match="async"):
                await response.aread()
            with pytest.raises(RuntimeError, match="async"):
                await anext(response.aiter_bytes())
            with pytest.raises(RuntimeError, match="async"):
                await response.aclose()


async def test_two_streams_run_side_by_side(face: Face, origin: Origin) -> None:
    async with (
        face.client() as client,
        client.stream("GET", origin.url("/bytes/300000")) as first,
        client.stream("GET", origin.url("/stream/300000/1000")) as second,
    ):
        assert client.pool.connection_count == 2
        one, two = face.iterate(first, "bytes", 1000), face.iterate(second, "bytes", 1000)
        for _ in range(300):
            assert await anext(one) == await anext(two)


async def test_a_lost_response_gives_its_slot_back(face: Face, origin: Origin) -> None:
    timeout = httpx.Timeout(5.0, pool=1.0)
    async with face.client(limits=ONE, timeout=timeout) as client:
        request = client.bare.build_request("GET", origin.url("/bytes/10000000"))
        response: Any = await client.send(request, stream=True)
        assert client.pool.connection_count == 1
        del response
        gc.collect()
        assert (await client.get(origin.url("/hello"))).status_code == 200


async def test_a_client_streams_a_response_into_a_request(face: Face, colour: Colour, origin: Origin) -> None:
    async with face.client() as client, client.stream("GET", origin.url("/stream/2000000/5000")) as source:
        body = source.aiter_bytes() if face.is_async else source.iter_bytes()
        response = await client.post(origin.url("/upload"), content=body)
    assert response.json()["length"] == 2_000_000


async def test_a_large_body_waits_for_its_reader(face: Face, serve: Serve, colour: Colour) -> None:
    sent: list[int] = []

    def script(conversation: Any) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        part = b"x" * 100_000
        while True:
            conversation.send(part)
            sent.append(len(part))

    server = serve(script)
    async with face.client() as client, client.stream("GET", server.url()) as response:
        reader = face.iterate(response)
        await anext(reader)
        count = -1
        while count != len(sent):
            count = len(sent)
            await colour.network.sleep(0.05)
        # What the kernel's buffers and one high-water mark hold; without backpressure it would be all of it.
        assert sum(sent) < 50_000_000
