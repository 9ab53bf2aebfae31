"""Chunks, text and lines: the same whatever the pieces, in linear time."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx._decoders import ByteChunker, LineDecoder, TextChunker, TextDecoder

line_texts = st.lists(st.text(alphabet="ab\r\n\u2028\x85\x0c", max_size=8))


def split(*pieces: str) -> list[str]:
    decoder = LineDecoder()
    return [line for piece in pieces for line in decoder.decode(piece)] + decoder.flush()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([""], []),
        (["a"], ["a"]),
        (["a\n"], ["a"]),
        (["a\n\nb\n"], ["a", "", "b"]),
        (["a\r\rb\rc\r"], ["a", "", "b", "c"]),
        (["a\r\n\r\nb\r\nc"], ["a", "", "b", "c"]),
        (["a\r", "\nb"], ["a", "b"]),
        (["a\r", "b"], ["a", "b"]),
        (["a\r", "", "\n"], ["a"]),
        (["\r", "\r", "\n"], ["", ""]),
        (["\n"], [""]),
        (["\r"], [""]),
        (["a", "b", "c\n", "d"], ["abc", "d"]),
    ],
)
def test_lines_end_at_cr_lf_and_crlf(pieces: list[str], lines: list[str]) -> None:
    assert split(*pieces) == lines


def test_lines_do_not_end_at_other_separators() -> None:
    line = '{"text": "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"}'
    assert split(line + "\n" + line) == [line, line]


def test_a_line_comes_as_soon_as_its_end_is_known() -> None:
    decoder = LineDecoder()
    assert decoder.decode("a\nb") == ["a"]
    assert decoder.decode("\r") == []
    assert decoder.decode("c") == ["b"]
    assert decoder.flush() == ["c"]
    assert decoder.flush() == []


@given(line_texts)
def test_lines_do_not_depend_on_the_pieces(pieces: list[str]) -> None:
    lines = re.split("\r\n|\r|\n", "".join(pieces))
    assert split(*pieces) == (lines if lines[-1] else lines[:-1])


def test_one_line_in_a_million_pieces_takes_linear_time() -> None:
    start = time.process_time()
    assert split(*["x"] * 1_000_000, "\n", "y") == ["x" * 1_000_000, "y"]
    assert time.process_time() - start < 10


def test_text_is_decoded_across_pieces() -> None:
    decoder = TextDecoder()
    body = "héé€\U0001f600".encode()
    pieces = [decoder.decode(body[index : index + 1]) for index in range(len(body))]
    assert "".join(pieces) + decoder.flush() == "héé€\U0001f600"


def test_text_that_cannot_be_decoded_is_replaced() -> None:
    decoder = TextDecoder()
    assert decoder.decode(b"a\xff\xe2") == "a\ufffd"
    assert decoder.flush() == "\ufffd"


def test_text_in_an_encoding() -> None:
    assert TextDecoder("latin-1").decode(b"\xe9") == "é"
    assert TextDecoder(encoding="utf-16").decode("né".encode("utf-16")) == "né"
    with pytest.raises(LookupError):
        TextDecoder("no-such-encoding")


def test_chunks_without_a_size_are_passed_on() -> None:
    assert [ByteChunker().decode(piece) for piece in (b"ab", b"", b"c")] == [[b"ab"], [], [b"c"]]
    assert [TextChunker().decode(piece) for piece in ("ab", "", "c")] == [["ab"], [], ["c"]]
    assert ByteChunker().flush() == []


def test_chunks_come_as_soon_as_they_are_full() -> None:
    chunker = ByteChunker(3)
    assert [chunker.decode(piece) for piece in (b"ab", b"abc", b"", b"abcdefg", b"x")] == [
        [],
        [b"aba"],
        [],
        [b"bca", b"bcd", b"efg"],
        [],
    ]
    assert chunker.flush() == [b"x"]
    assert chunker.flush() == []


@given(st.lists(st.binary(max_size=20)), st.integers(1, 9))
def test_byte_chunks_do_not_depend_on_the_pieces(pieces: list[bytes], size: int) -> None:
    chunker = ByteChunker(size)
    chunks = [chunk for piece in pieces for chunk in chunker.decode(piece)] + chunker.flush()
    check_chunks(b"".join(chunks), b"".join(pieces), chunks, size)


@given(st.lists(st.text(max_size=20)), st.integers(1, 9))
def test_text_chunks_do_not_depend_on_the_pieces(pieces: list[str], size: int) -> None:
    chunker = TextChunker(size)
    chunks = [chunk for piece in pieces for chunk in chunker.decode(piece)] + chunker.flush()
    check_chunks("".join(chunks), "".join(pieces), chunks, size)


def check_chunks(joined: object, expected: object, chunks: Sequence[bytes | str], size: int) -> None:
    assert joined == expected
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= size for chunk in chunks[-1:])


def test_one_chunk_in_a_million_pieces_takes_linear_time() -> None:
    start = time.process_time()
    chunker = ByteChunker(1_000_000)
    assert sum(len(chunker.decode(b"x")) for _ in range(1_000_000)) == 1
    assert time.process_time() - start < 10


@pytest.mark.parametrize("size", [0, -1])
def test_chunk_size_must_be_positive(size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ByteChunker(size)
