"""Uploads and downloads of any size take the same memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Serve
from .faces import Face

MIB = 1024 * 1024
SIZE = 64 * MIB  # bytes, far above what buffers hold
PART = b"x" * 65536

# Bytes: some reads, what waits for its reader, and the kernel's share of it.
MAX_GROWTH = 8 * MIB


def take_upload(conversation: Any) -> None:
    """Read a chunked upload, and keep nothing of it."""
    end = b""
    while end != b"0\r\n\r\n":
        end = (end + conversation.channel.recv()[-5:])[-5:]
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def send_download(conversation: Any) -> None:
    conversation.read_request()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
    for _ in range(SIZE // len(PART)):
        conversation.send(PART)


def parts() -> Iterator[bytes]:
    """Make each part anew, so that one that is kept shows."""
    for _ in range(SIZE // len(PART)):
        yield bytes(bytearray(PART))


@pytest.fixture
def peak() -> Iterator[Any]:
    """A function that tells how far memory grew."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    yield lambda: tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()


async def test_an_upload_is_sent_as_it_is_made(face: Face, serve: Serve, peak: Any) -> None:
    server = serve(take_upload)
    async with face.client(timeout=60) as client:
        assert (await client.post(server.url(), content=face.generate(parts()))).status_code == 200
        assert peak() < MAX_GROWTH


async def test_a_download_is_read_as_it_comes(face: Face, serve: Serve, peak: Any) -> None:
    server = serve(send_download)
    async with face.client(timeout=60) as client, client.stream("GET", server.url()) as response:
        size = 0
        async for part in face.iterate(response):
            size += len(part)
        assert (size, response.num_bytes_downloaded) == (SIZE, SIZE)
        assert peak() < MAX_GROWTH
