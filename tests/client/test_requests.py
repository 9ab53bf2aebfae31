"""What a request says: method, target, fields and body, as the origin sees them."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .faces import Face, echoed

VERBS = ["get", "options", "head", "post", "put", "patch", "delete", "query"]


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_sends_its_method(face: Face, origin: Origin, verb: str) -> None:
    async with face.client() as client:
        response = await client.call(verb, origin.url("/echo"))
    assert response.status_code == 200
    assert response.request.method == verb.upper()
    if verb != "head":
        assert echoed(response)["method"] == verb.upper()


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete", "query"])
async def test_verbs_send_a_body(face: Face, origin: Origin, verb: str) -> None:
    if verb == "delete":
        async with face.client() as client:
            with pytest.raises(TypeError):
                await client.call(verb, origin.url("/echo"), content=b"body")
            response = await client.request("DELETE", origin.url("/echo"), content=b"body")
    else:
        async with face.client() as client:
            response = await client.call(verb, origin.url("/echo"), content=b"body")
    assert echoed(response)["body"] == "body"


async def test_a_method_of_ones_own_is_sent_in_upper_case(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.request("propfind", origin.url("/echo"))
    assert echoed(response)["method"] == "PROPFIND"


async def test_params_replace_the_query_and_join_those_of_the_client(face: Face, origin: Origin) -> None:
    async with face.client(params={"a": "1"}) as client:
        response = await client.get(origin.url("/echo?x=y"), params={"b": ["2", "3"], "c": "ä&=", "a": "4"})
    assert echoed(response)["query"] == [["a", "4"], ["b", "2"], ["b", "3"], ["c", "ä&="]]


async def test_the_target_is_path_and_query_without_fragment(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/echo/a%2Fb/ä b?q=1#part"))
    assert echoed(response)["target"] == "/echo/a%2Fb/%C3%A4%20b?q=1"
    assert response.url.fragment == "part"


async def test_the_target_extension_goes_out_as_it_is(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/"), extensions={"target": b"/echo/../x"})
    assert echoed(response)["target"] == "/echo/../x"


async def test_default_headers_come_in_order(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        fields = echoed(await client.get(origin.url("/echo")))["fields"]
    assert [name for name, _ in fields] == ["Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"]
    assert dict(fields)["Host"] == f"127.0.0.1:{origin.port}"
    assert dict(fields)["User-Agent"] == f"python-httpx/{httpx.__version__}"


async def test_headers_override_those_of_the_client_and_keep_case_and_repetition(face: Face, origin: Origin) -> None:
    async with face.client(headers={"User-Agent": "mine", "X-A": "client"}) as client:
        headers = [("x-a", "request"), ("X-Many", "1"), ("X-Many", "2"), ("HOST", "elsewhere.example")]
        fields = echoed(await client.get(origin.url("/echo"), headers=headers))["fields"]
    assert ["User-Agent", "mine"] in fields
    assert [value for name, value in fields if name.lower() == "x-a"] == ["request"]
    assert [value for name, value in fields if name == "X-Many"] == ["1", "2"]
    assert [value for name, value in fields if name.lower() == "host"] == ["elsewhere.example"]


async def test_cookies_of_the_client_are_sent_and_those_of_servers_kept(face: Face, origin: Origin) -> None:
    async with face.client(cookies={"mine": "1"}) as client:
        response = await client.get(origin.url("/cookies/set?theirs=2"))
        assert response.status_code == 302
        assert response.cookies["theirs"] == "2"
        response = await client.get(origin.url("/cookies"))
        assert response.json() == {"cookies": {"mine": "1", "theirs": "2"}}
        assert dict(client.bare.cookies) == {"mine": "1", "theirs": "2"}


async def test_cookies_of_one_request_warn_and_are_not_kept(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        with pytest.warns(DeprecationWarning, match="per-request cookies"):
            response = await client.get(origin.url("/cookies"), cookies={"once": "1"})
        assert response.json() == {"cookies": {"once": "1"}}
        assert (await client.get(origin.url("/cookies"))).json() == {"cookies": {}}


async def test_json_is_compact(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        echo = echoed(await client.post(origin.url("/echo"), json={"a": [1, None], "b": "ä"}))
    assert echo["body"] == '{"a":[1,null],"b":"ä"}'
    assert echo["headers"]["content-type"] == "application/json"
    assert echo["headers"]["content-length"] == str(len(echo["body"].encode()))


async def test_a_form_is_url_encoded(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        echo = echoed(await client.post(origin.url("/echo"), data={"a": ["1", "2"], "b": "x y&z", "c": True}))
    assert echo["body"] == "a=1&a=2&b=x+y%26z&c=true"
    assert echo["headers"]["content-type"] == "application/x-www-form-urlencoded"


async def test_text_and_bytes_are_sent_with_their_length(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        for content, length in (("ä", "2"), (b"abc", "3"), (b"", "0")):
            echo = echoed(await client.post(origin.url("/echo"), content=content))
            assert echo["headers"]["content-length"] == length
            assert echo["body"] == (content if isinstance(content, str) else content.decode())


async def test_a_large_body_arrives_whole(face: Face, origin: Origin) -> None:
    import hashlib

    content = bytes(range(256)) * 12_345
    async with face.client() as client:
        response = await client.post(origin.url("/upload"), content=content)
    assert response.json() == {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}


async def test_multipart_carries_fields_and_files(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        files: Any = [
            ("file", ("a.txt", io.BytesIO(b"first"), "text/plain")),
            ("file", ("b.bin", b"second")),
            ("text", (None, "third")),
        ]
        echo = echoed(await client.post(origin.url("/echo"), data={"field": "value"}, files=files))
    match = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{32})", echo["headers"]["content-type"])
    assert match
    boundary = match[1]
    assert echo["body"] == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        "Content-Type: text/plain\r\n\r\nfirst\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="b.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\nsecond\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\nthird\r\n'
        f"--{boundary}--\r\n"
    )
    assert echo["headers"]["content-length"] == str(len(echo["body"]))


async def test_an_iterator_is_sent_in_chunks(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        echo = echoed(await client.post(origin.url("/echo"), content=face.generate([b"one ", b"", b"two"])))
    assert echo["headers"]["transfer-encoding"] == "chunked"
    assert "content-length" not in echo["headers"]
    assert echo["body"] == "one two"


async def test_parts_may_be_any_buffers(face: Face, origin: Origin) -> None:
    parts: Any = [bytearray(b"one "), memoryview(b"two "), b"three"]
    async with face.client() as client:
        assert echoed(await client.post(origin.url("/echo"), content=face.iterable(parts)))["body"] == "one two three"


async def test_an_iterator_with_a_content_length_is_not_chunked(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.post(
            origin.url("/echo"), content=face.generate([b"one", b"two"]), headers={"Content-Length": "6"}
        )
    echo = echoed(response)
    assert "transfer-encoding" not in echo["headers"]
    assert echo["body"] == "onetwo"


async def test_a_file_is_sent_from_where_it_stands_with_its_length(face: Face, origin: Origin, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"skipped" + b"x" * 100_000)
    async with face.client() as client:
        with path.open("rb") as file:
            file.seek(7)
            content: Any = face.generate(iter(lambda: file.read(65536), b"")) if face.is_async else file
            response = await client.post(origin.url("/upload"), content=content)
            sent = response.request
    assert response.json()["length"] == 100_000
    if not face.is_async:
        assert sent.headers["content-length"] == "100000"


async def test_base_url_is_put_before_relative_urls(face: Face, origin: Origin) -> None:
    async with face.client(base_url=origin.url("/echo")) as client:
        assert echoed(await client.get("a"))["target"] == "/echo/a"
        assert echoed(await client.get("/b?c=d"))["target"] == "/echo/b?c=d"
        assert echoed(await client.get(""))["target"] == "/echo/"
        assert echoed(await client.get(origin.url("/echo?own")))["target"] == "/echo?own"


async def test_build_request_and_send_are_what_request_does(face: Face, origin: Origin) -> None:
    async with face.client(headers={"X-A": "1"}) as client:
        request = client.bare.build_request("PUT", origin.url("/echo"), json=[1])
        assert (request.headers["x-a"], request.content) == ("1", b"[1]")
        request.headers["X-B"] = "2"
        response = await client.send(request)
    assert response.request is request
    assert (echoed(response)["headers"]["x-b"], echoed(response)["body"]) == ("2", "[1]")


async def test_a_request_of_ones_own_is_sent_as_it_is(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.send(httpx.Request("GET", origin.url("/echo")))
    assert [name for name, _ in echoed(response)["fields"]] == ["Host"]


async def test_a_response_knows_what_it_answers(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/json"))
    assert (response.status_code, response.reason_phrase, response.http_version) == (200, "OK", "HTTP/1.1")
    assert response.url == origin.url("/json")
    assert response.is_closed and response.is_stream_consumed
    assert response.json() == json.loads(response.content)
    assert 0 < response.elapsed.total_seconds() < 20
    assert response.history == []
    assert response.extensions["http_version"] == b"HTTP/1.1"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "brotli"])
async def test_content_codings_are_decoded(face: Face, origin: Origin, coding: str) -> None:
    async with face.client() as client:
        response = await client.get(origin.url(f"/{coding}"))
    assert response.json()["text"] == "Hello, world! " * 20
    assert response.num_bytes_downloaded == int(response.headers["content-length"])


async def test_default_encoding_is_for_text_without_a_charset(face: Face) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content="ä".encode("latin-1")))
    async with face.client(transport=transport, default_encoding="latin-1") as client:
        assert (await client.get("http://a.example")).text == "ä"


async def test_raise_for_status_names_the_status_and_the_url(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/status/404"))
    with pytest.raises(httpx.HTTPStatusError, match=r"404 Not Found.*/status/404") as caught:
        response.raise_for_status()
    assert caught.value.response is response
    assert caught.value.request is response.request
