"""Forms with files: their bytes, sizes, header fields, boundaries, and whether they can be sent again."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._content import encode_request
from httpx._exceptions import LocalProtocolError, StreamConsumed
from httpx._multipart import (
    DataField,
    FileField,
    MultipartStream,
    get_multipart_boundary_from_content_type,
    peek_filelike_length,
)

OCTETS = "Content-Type: application/octet-stream\r\n"


class Unseekable:
    """A file that can only be read."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def part(head: str, content: str) -> bytes:
    return f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n".encode()


def render(data: Mapping[str, Any] | None = None, files: Any = None) -> bytes:
    """Return the parts of a body, and check what holds for each."""
    stream = MultipartStream(data or {}, files or {}, b"B")
    headers = stream.get_headers()
    body = b"".join(stream)
    assert headers["Content-Type"] == stream.content_type == "multipart/form-data; boundary=B"
    if stream.get_content_length() is None:
        assert next(iter(headers.items())) == ("Transfer-Encoding", "chunked")
    else:
        assert next(iter(headers.items())) == ("Content-Length", str(len(body)))
    assert body.endswith(b"--B--\r\n")
    return body[: -len(b"--B--\r\n")]


def test_empty_form() -> None:
    assert render() == b""


@pytest.mark.parametrize(
    ("value", "content"),
    [("é", "é"), (b"raw", "raw"), (1, "1"), (1.5, "1.5"), (True, "true"), (False, "false"), (None, "")],
)
def test_field(value: Any, content: str) -> None:
    assert render({"a": value}) == part('name="a"', content)


def test_field_with_several_values() -> None:
    assert render({"a": ["x", 2], "b": (), "c": (None,)}) == (
        part('name="a"', "x") + part('name="a"', "2") + part('name="c"', "")
    )


@pytest.mark.parametrize("value", [{}, {"a": "b"}, object, bytearray(b"x")])
def test_field_of_another_type_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        DataField("a", value)
    assert str(caught.value) == f"Invalid type for value. Expected primitive type, got {type(value)}: {value!r}"


@pytest.mark.parametrize("name", [1, b"a", None])
def test_name_of_another_type_is_a_type_error(name: Any) -> None:
    for make in (lambda: DataField(name, "x"), lambda: FileField(name, b"x")):
        with pytest.raises(TypeError) as caught:
            make()
        assert str(caught.value) == f"Invalid type for name. Expected str, got {type(name)}: {name!r}"
    if name is not None:
        with pytest.raises(TypeError, match="Invalid type for file name"):
            FileField("f", (name, b"x"))


@pytest.mark.parametrize(
    ("file", "head", "content"),
    [
        (b"x", f'filename="upload"\r\n{OCTETS}', "x"),
        ("é", f'filename="upload"\r\n{OCTETS}', "é"),
        (bytearray(b"x"), f'filename="upload"\r\n{OCTETS}', "x"),
        (io.BytesIO(b"x"), f'filename="upload"\r\n{OCTETS}', "x"),
        (Unseekable(b"x"), f'filename="upload"\r\n{OCTETS}', "x"),
        (("n", io.BytesIO(b"x")), f'filename="n"\r\n{OCTETS}', "x"),
        (("n.json", "{é}"), 'filename="n.json"\r\nContent-Type: application/json\r\n', "{é}"),
        (("N.JPG", b""), 'filename="N.JPG"\r\nContent-Type: image/jpeg\r\n', ""),
        (("a/b.txt", b"x"), 'filename="a/b.txt"\r\nContent-Type: text/plain\r\n', "x"),
        (("n.txt", b"x", "a/b"), 'filename="n.txt"\r\nContent-Type: a/b\r\n', "x"),
        (("n.txt", b"x", None), 'filename="n.txt"\r\nContent-Type: text/plain\r\n', "x"),
        (("n.txt", b"x", ""), 'filename="n.txt"\r\nContent-Type: \r\n', "x"),
        (("n", b"x", "a/b", {"X-H": "é"}), 'filename="n"\r\nX-H: é\r\nContent-Type: a/b\r\n', "x"),
        (("n", b"x", "a/b", {"content-type": "c/d"}), 'filename="n"\r\ncontent-type: c/d\r\n', "x"),
        (("n", b"x", None, {"Content-Type": "c/d", "X": "y"}), 'filename="n"\r\nContent-Type: c/d\r\nX: y\r\n', "x"),
        (("n", b"x", "a/b", None), 'filename="n"\r\nContent-Type: a/b\r\n', "x"),
        ((None, b"x"), "", "x"),
        (("", b"x"), "", "x"),
        ((None, b"x", "text/plain"), "\r\nContent-Type: text/plain\r\n", "x"),
    ],
)
def test_file(file: Any, head: str, content: str) -> None:
    line = 'name="f"' + ("" if not head or head.startswith("\r\n") else "; ") + head.removesuffix("\r\n")
    assert render(files={"f": file}) == part(line, content)


def test_file_is_named_after_its_path(tmp_path: Path) -> None:
    (tmp_path / "fi le.txt").write_bytes(b"hello")
    with open(tmp_path / "fi le.txt", "rb") as file:
        assert render(files={"f": file}) == part('name="f"; filename="fi le.txt"\r\nContent-Type: text/plain', "hello")


def test_fields_come_before_files_in_their_order() -> None:
    body = render({"b": "1", "a": "2"}, [("d", b"3"), ("c", b"4"), ("d", b"5")])
    assert re.findall(rb'name="(\w)"', body) == [b"b", b"a", b"d", b"c", b"d"]


def test_names_are_escaped() -> None:
    name = 'q"u\\o\r\n\t\x00\x1f\x1b\x7fé%22'
    escaped = "q%22u\\\\o%0D%0A%09%00%1F\x1b\x7fé%22"
    assert render({name: "v"}) == part(f'name="{escaped}"', "v")
    assert render(files={name: (name, b"v", "a/b")}) == part(
        f'name="{escaped}"; filename="{escaped}"\r\nContent-Type: a/b', "v"
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_name_breaks_out_of_its_line(name: str) -> None:
    line = render({name: ""}).removeprefix(b"--B\r\n").removesuffix(b"\r\n\r\n\r\n")
    assert re.fullmatch(rb'Content-Disposition: form-data; name="[^"\r\n\0]*"', line)


@pytest.mark.parametrize(
    "headers", [{"X": "y\r\nZ: 1"}, {"X": "y\n"}, {"X": "\0"}, {"X y": "z"}, {"": "x"}, {"é": "x"}]
)
def test_header_field_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError, match="Illegal header"):
        FileField("f", ("n", b"x", None, headers))


def test_media_type_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="Content-Type"):
        FileField("f", ("n", b"x", "a/b\r\nX: y"))
    with pytest.raises(TypeError, match="must be str"):
        FileField("f", ("n", b"x", b"a/b"))  # type: ignore[arg-type]  # on purpose


def test_text_file_is_a_type_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with open(tmp_path / "file") as file, pytest.raises(TypeError) as caught:
        FileField("f", file)  # type: ignore[arg-type]  # on purpose
    assert str(caught.value) == "Multipart file uploads must be opened in binary mode, not text mode."
    with pytest.raises(TypeError) as caught:
        FileField("f", ("n", io.StringIO("text")))  # type: ignore[arg-type]  # on purpose
    assert str(caught.value) == "Multipart file uploads require 'io.BytesIO', not 'io.StringIO'."


@pytest.mark.parametrize("file", [1, None, [b"x"], ("n", None), ["n", b"x"]])
def test_file_of_another_type_is_a_type_error(file: Any) -> None:
    with pytest.raises(TypeError, match="bytes, str or a binary file"):
        FileField("f", file)


@pytest.mark.parametrize("file", [("n",), ("n", b"x", None, {}, "more")])
def test_file_as_a_tuple_of_another_size_is_a_value_error(file: Any) -> None:
    with pytest.raises(ValueError, match="items"):
        FileField("f", file)


def test_file_that_was_just_written_is_sent_whole_again_and_again() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"hello")
        stream = MultipartStream({}, {"f": file}, b"B")
        body = b"".join(stream)
        assert b"\r\nhello\r\n" in body
        assert stream._is_replayable
        assert b"".join(stream) == body
        assert len(body) == stream.get_content_length()


def test_file_that_cannot_seek_is_sent_once() -> None:
    stream = MultipartStream({}, {"f": Unseekable(b"hello"), "g": b"x"}, b"B")  # type: ignore[dict-item]  # it has read
    assert stream.get_headers()["Transfer-Encoding"] == "chunked"
    assert stream._is_replayable
    assert b"hello" in b"".join(stream)
    assert not stream._is_replayable
    with pytest.raises(StreamConsumed):
        b"".join(stream)
    with pytest.raises(StreamConsumed):
        aiter(stream)


def test_small_form_is_one_chunk_and_a_large_file_is_not_copied() -> None:
    assert len(list(MultipartStream({"a": "b"}, {"f": io.BytesIO(b"x" * 1000)}))) == 1
    large = bytes(1_000_000)
    chunks = list(MultipartStream({"a": "b"}, {"f": large, "g": io.BytesIO(large)}))
    assert any(chunk is large for chunk in chunks)
    assert all(0 < len(chunk) <= 65536 for chunk in chunks if chunk is not large)


def test_async_iteration_yields_the_same() -> None:
    stream = MultipartStream({"a": "b"}, {"f": io.BytesIO(bytes(200_000))}, b"B")

    async def join() -> list[bytes]:
        return [chunk async for chunk in stream]

    assert asyncio.run(join()) == list(stream)


def test_fields_render_by_themselves() -> None:
    field = DataField("a", "é")
    assert field.render_headers() + field.render_data() == b"".join(field.render())
    assert field.get_length() == len(b"".join(field.render()))
    file = FileField("f", ("n.txt", io.BytesIO(b"x")))
    assert file.render_headers() + b"".join(file.render_data()) == b"".join(file.render())
    assert (file.name, file.filename, file.headers) == ("f", "n.txt", {"Content-Type": "text/plain"})


def test_random_boundaries_differ() -> None:
    first, second = MultipartStream({}, {"f": b""}), MultipartStream({}, {"f": b""})
    assert first.boundary != second.boundary
    assert re.fullmatch(b"[0-9a-f]{32}", first.boundary)
    assert first.content_type.encode() == b"multipart/form-data; boundary=" + first.boundary


def test_boundary_that_breaks_lines_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="boundary"):
        MultipartStream({}, {}, b"a\r\nb")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (None, None),
        (b"", None),
        (b"multipart/form-data", None),
        (b"multipart/form-data; charset=utf-8", None),
        (b"multipart/form-data; boundary=+++", b"+++"),
        (b"multipart/form-data; boundary=+++ ;", b"+++"),
        (b"multipart/form-data;boundary=+++; charset=utf-8", b"+++"),
        (b"multipart/form-data; charset=utf-8; boundary=+++", b"+++"),
        (b'multipart/form-data; boundary="a b"', b"a b"),
        (b'multipart/form-data; boundary="a;b"', b"a;b"),
        (b'multipart/form-data; boundary="a\\"b"', b'a"b'),
        (b'multipart/form-data; x="; boundary=no"; boundary=yes', b"yes"),
        (b"Multipart/Form-Data; Boundary=abc", b"abc"),
        (b"multipart/form-data; boundary=a=b; boundary=c", b"a=b"),
        (b"multipart/form-data; xboundary=a", None),
        (b"multipart/mixed; boundary=abc", None),
        (b"text/plain; boundary=abc", None),
    ],
)
def test_boundary_of_a_content_type(content_type: bytes | None, boundary: bytes | None) -> None:
    assert get_multipart_boundary_from_content_type(content_type) == boundary


def test_request_with_files() -> None:
    headers, stream = encode_request(data={"a": "b"}, files={"f": ("n", b"x", "t/t")}, boundary=b"B")
    body = part('name="a"', "b") + part('name="f"; filename="n"\r\nContent-Type: t/t', "x") + b"--B--\r\n"
    assert isinstance(stream, MultipartStream)
    assert b"".join(stream) == body
    assert headers == {"Content-Length": str(len(body)), "Content-Type": "multipart/form-data; boundary=B"}


def test_size_of_a_file_leaves_it_where_it_stands() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    assert peek_filelike_length(file) == 10
    assert file.tell() == 3
    assert peek_filelike_length(Unseekable(b"x")) is None
    file.close()
    assert peek_filelike_length(file) is None


def test_body_is_parsed_by_the_standard_library() -> None:
    from email import message_from_bytes

    stream = MultipartStream({"a": "é", "b": ["1", "2"]}, {"f": ("n.bin", bytes(range(256)))})
    message = message_from_bytes(f"Content-Type: {stream.content_type}\r\n\r\n".encode() + b"".join(stream))
    parts = [parsed for parsed in message.walk() if not parsed.is_multipart()]
    names = [parsed.get_param("name", header="Content-Disposition") for parsed in parts]
    assert names == ["a", "b", "b", "f"]
    assert parts[3].get_filename() == "n.bin"
