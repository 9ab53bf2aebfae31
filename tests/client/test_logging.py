"""What a client logs: one INFO line a response, and nothing secret in it."""

from __future__ import annotations

import logging

import pytest

from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import answering_always


async def test_each_response_is_one_line(face: Face, origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="httpx"):
        async with face.client(follow_redirects=True) as client:
            await client.get(origin.url("/redirect/1"))
    assert caplog.record_tuples == [
        ("httpx", logging.INFO, f'HTTP Request: GET {origin.url("/redirect/1")} "HTTP/1.1 302 Found"'),
        ("httpx", logging.INFO, f'HTTP Request: GET {origin.url("/hello")} "HTTP/1.1 200 OK"'),
    ]


async def test_userinfo_query_and_fragment_are_not_logged(
    face: Face, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    url = origin.url("/hello?token=secret#secret").replace("http://", "http://user:secret@")
    with caplog.at_level(logging.DEBUG):
        async with face.client() as client:
            await client.get(url, headers={"Cookie": "a=secret"})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("httpx")]
    assert lines == [f'HTTP Request: GET {origin.url("/hello")} "HTTP/1.1 200 OK"']
    assert "secret" not in "".join(lines) and "dXNlcjpzZWNyZXQ" not in "".join(lines)


async def test_a_server_cannot_forge_log_lines(face: Face, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(answering_always(b"HTTP/1.1 200 O\tK\x7f\r\nContent-Length: 0\r\n\r\n"))
    with caplog.at_level(logging.INFO, logger="httpx"):
        async with face.client() as client:
            try:
                await client.get(server.url("/a%0Ab"))
            except Exception:
                return  # refused: so nothing is logged
    assert all(character.isprintable() or character == "\t" for character in caplog.messages[0])


async def test_nothing_is_logged_above_info(face: Face, origin: Origin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with face.client() as client:
            await client.get(origin.url("/status/500"))
    assert caplog.records == []
