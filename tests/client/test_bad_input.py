"""Input that cannot be sent is refused with the documented class before a byte leaves.

Each case runs between two good requests on one kept connection: the server must see these two and nothing else, and
on that one connection, unless what is wrong shows only while the body is being sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.network.colours import Colour

from .conftest import Serve
from .faces import Face, FaceClient
from .servers import Server, answering_always


class Trial:
    """Two good requests around a bad one."""

    def __init__(self, face: Face, serve: Serve) -> None:
        self.face = face
        self.server: Server = serve(answering_always())

    async def refuse(
        self, call: Callable[[FaceClient], Any], kind: type[BaseException], match: str | None = None
    ) -> Any:
        async with self.face.client() as client:
            assert (await client.get(self.server.url("/before"))).text == "ok"
            with pytest.raises(kind, match=match) as caught:
                await call(client)
            assert type(caught.value) is kind
            assert str(caught.value)
            assert client.pool.connection_count == client.pool.idle_count == 1
            assert (await client.get(self.server.url("/after"))).text == "ok"
        assert [received.target for received in self.server.requests] == ["/before", "/after"]
        assert self.server.connection_count == 1
        return caught.value


@pytest.fixture
def trial(face: Face, serve: Serve) -> Trial:
    return Trial(face, serve)


@pytest.mark.parametrize(
    "url",
    [
        "http://a b.example\n/",
        "http://a.example/\r\nX: y",
        "http://a.example/\0",
        "http://a.example:port/",
        "http://a.example:-1/",
        "http://[::1/",
        "http://exam\\ple@[bad]/",
        "http://" + "a" * 70_000,
        "http://1.2.3.4.5.\u0660/",
    ],
)
async def test_invalid_urls(trial: Trial, url: str) -> None:
    await trial.refuse(lambda client: client.get(url), httpx.InvalidURL)


@pytest.mark.parametrize("url", [None, 1, b"http://a.example", ["http://a.example"]])
async def test_urls_of_another_type(trial: Trial, url: Any) -> None:
    await trial.refuse(lambda client: client.get(url), TypeError, "url")


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("/path", "missing an 'http://' or 'https://' protocol"),
        ("a.example", "missing an 'http://' or 'https://' protocol"),
        ("//a.example/", "missing an 'http://' or 'https://' protocol"),
        ("ftp://a.example/", "unsupported protocol 'ftp://'"),
        ("ws://a.example/", "unsupported protocol 'ws://'"),
        # As they name no host, they are relative to `base_url`, which is empty.
        ("file:///etc/passwd", "missing an 'http://' or 'https://' protocol"),
        ("mailto:a@b.example", "missing an 'http://' or 'https://' protocol"),
        ("http:///path", "missing an"),
        ("https://", "missing an"),
        ("http://?a", "missing an"),
    ],
)
async def test_unsupported_protocols(trial: Trial, url: str, match: str) -> None:
    error = await trial.refuse(lambda client: client.get(url), httpx.UnsupportedProtocol, match)
    assert error.request.method == "GET"


BAD_FIELDS: list[tuple[Any, Any]] = [
    ("X-A", "a\r\nX-B: b"),
    ("X-A", "a\nb"),
    ("X-A", "a\rb"),
    ("X-A", "a\0b"),
    ("X-A", b"a\r\n b"),
    ("X\r\nY", "a"),
    ("X Y", "a"),
    ("X:", "a"),
    ("", "a"),
    (b"X\0", b"a"),
    ("Host", "a.example\r\nX: y"),
    ("Cookie", "a=b\r\nX: y"),
    ("Authorization", "a\nb"),
]


@pytest.mark.parametrize(("name", "value"), BAD_FIELDS)
async def test_header_fields_outside_the_grammar(trial: Trial, name: Any, value: Any) -> None:
    url = trial.server.url("/bad")
    error = await trial.refuse(lambda client: client.get(url, headers={name: value}), httpx.LocalProtocolError)
    assert error.request.url == url


async def test_secrets_do_not_show_in_the_message(trial: Trial) -> None:
    headers = {"Authorization": "secret\n"}
    url = trial.server.url("/bad?secret")
    error = await trial.refuse(lambda client: client.get(url, headers=headers), httpx.LocalProtocolError)
    assert "secret" not in str(error)


@pytest.mark.parametrize("method", ["GET /\r\nX: y", "G T", "", "G\0T", "GÄT", "GET:"])
async def test_methods_outside_the_grammar(trial: Trial, method: str) -> None:
    url = trial.server.url("/bad")
    await trial.refuse(lambda client: client.request(method, url), httpx.LocalProtocolError)


@pytest.mark.parametrize("target", [b"/ HTTP/1.1\r\nX: y\r\n\r\nGET /", b"/a b", b"/\n", b"/\0", b"/\xff"])
async def test_targets_outside_the_grammar(trial: Trial, target: bytes) -> None:
    url = trial.server.url("/bad")
    await trial.refuse(lambda client: client.get(url, extensions={"target": target}), httpx.LocalProtocolError)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "5", "Transfer-Encoding": "chunked"},
        [("Content-Length", "4"), ("Content-Length", "5")],
        {"Content-Length": "+4"},
        {"Content-Length": "4, 4"},
        {"Content-Length": "-1"},
        {"Content-Length": ""},
        {"Transfer-Encoding": "gzip"},
        {"Transfer-Encoding": "chunked, gzip"},
        [("Host", "a.example"), ("Host", "b.example")],
    ],
)
async def test_contradictory_framing(trial: Trial, headers: Any) -> None:
    url = trial.server.url("/bad")
    await trial.refuse(lambda client: client.post(url, content=b"body", headers=headers), httpx.LocalProtocolError)


@pytest.mark.parametrize(("length", "match"), [("3", "Too much data"), ("5", "Too little data")])
async def test_bytes_of_another_length_than_declared(trial: Trial, length: str, match: str) -> None:
    url, headers = trial.server.url("/bad"), {"Content-Length": length}
    async with trial.face.client() as client:
        with pytest.raises(httpx.LocalProtocolError, match=match) as caught:
            await client.post(url, content=b"body", headers=headers)
    assert caught.value.request.url == url
    assert trial.server.received_size == 0


async def test_a_body_longer_than_declared_never_shows_the_rest(face: Face, colour: Colour, serve: Serve) -> None:
    received: list[bytes] = []
    server = serve(lambda conversation: received.append(conversation.read_to_end()))
    async with face.client() as client:
        content = face.iterable([b"good", b"GET /smuggled HTTP/1.1\r\n\r\n"])
        with pytest.raises(httpx.LocalProtocolError, match="Too much data"):
            await client.post(server.url(), content=content, headers={"Content-Length": "4"})
        assert client.pool.connection_count == 0
    await colour.until(lambda: received)
    assert b"smuggled" not in received[0]


async def test_a_body_shorter_than_declared_ends_the_connection(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        content = face.iterable([b"go", b"od"])
        with pytest.raises(httpx.LocalProtocolError, match="Too little data") as caught:
            await client.post(server.url(), content=content, headers={"Content-Length": "5"})
        assert client.pool.connection_count == 0
        assert (await client.get(server.url())).text == "ok"
    assert caught.value.request.method == "POST"
    assert [received.method for received in server.requests] == ["GET"]


@pytest.mark.parametrize("content", [1, object(), {"a": 1}.get])
async def test_content_of_another_type(trial: Trial, content: Any) -> None:
    url = trial.server.url("/bad")
    await trial.refuse(lambda client: client.post(url, content=content), TypeError, "content")


async def test_other_arguments_of_another_type(trial: Trial) -> None:
    url = trial.server.url("/bad")
    cases: list[dict[str, Any]] = [
        {"timeout": "5"},
        {"json": object()},
        {"headers": 1},
        {"files": {"a": 1}},
        {"data": {"a": object()}, "files": {"a": b""}},
    ]

    async def call(client: FaceClient) -> None:
        errors = []
        for options in cases:
            try:
                await client.post(url, **options)
            except TypeError as exc:
                errors.append(exc)
        assert len(errors) == len(cases), errors
        raise errors[0]

    await trial.refuse(call, TypeError)


async def test_multipart_headers_outside_the_grammar(trial: Trial) -> None:
    url = trial.server.url("/bad")
    files = {"a": ("a.txt", b"", "text/plain\r\nX: y")}
    await trial.refuse(lambda client: client.post(url, files=files), httpx.LocalProtocolError)


async def test_multipart_names_are_escaped(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        await client.post(server.url(), files={'a"\r\n': ("b\r\n.txt", b"")})
    assert b'name="a%22%0D%0A"; filename="b%0D%0A.txt"' in server.requests[0].body


async def test_a_body_of_the_other_colour(trial: Trial) -> None:
    url = trial.server.url("/bad")

    async def generate() -> Any:
        yield b"a"

    body: Any = iter([b"a"]) if trial.face.is_async else generate()
    match = "sync request with an AsyncClient" if trial.face.is_async else "async request with a sync Client"
    await trial.refuse(lambda client: client.post(url, content=body), RuntimeError, match)


async def test_a_closed_client(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    client = face.client()
    await client.close()
    for verb in ("get", "post", "delete"):
        with pytest.raises(RuntimeError, match="client has been closed"):
            await client.call(verb, server.url())
    with pytest.raises(RuntimeError, match="client has been closed"):
        async with client.stream("GET", server.url()):
            pass
    assert server.connection_count == 0


async def test_a_string_subclass_is_a_url(face: Face, serve: Serve) -> None:
    class Text(str):
        pass

    server = serve(answering_always())
    async with face.client() as client:
        assert (await client.get(Text(server.url()))).text == "ok"
