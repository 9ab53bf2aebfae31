"""Text of a response: the charset that Content-Type names, the default, and the user's own."""

from __future__ import annotations

import pytest

from httpx._content import ByteStream
from httpx._models import Response


@pytest.mark.parametrize(
    ("content_type", "charset", "encoding"),
    [
        ("text/html", None, "utf-8"),
        ("text/html; charset=UTF-8", "utf-8", "utf-8"),
        ('text/html; charset="latin1"', "latin1", "latin1"),
        ("text/html ;a=b; Charset = Shift_JIS ; c", "shift_jis", "shift_jis"),
        ("text/html; charset=nope", "nope", "utf-8"),
        ("text/html; charset=", "", "utf-8"),
        ("text/html; xcharset=latin1", None, "utf-8"),
        ('text/html; x="charset=latin1;"; charset=ascii', "ascii", "ascii"),
        ('text/html; charset="a\\"b"', 'a"b', "utf-8"),
        ("text/html; charset*=utf-8''latin1", "latin1", "latin1"),
        ("text/html; charset=hex", "hex", "utf-8"),
        ("text/html; charset=idna", "idna", "utf-8"),
        ("text/html; charset=utf-8\x00", "utf-8\x00", "utf-8"),
        ("text/html; charset=ü", None, "utf-8"),
    ],
)
def test_encoding_is_the_charset_of_the_content_type_if_it_is_one(
    content_type: str, charset: str | None, encoding: str
) -> None:
    response = Response(200, content=b"abc", headers=[(b"Content-Type", content_type.encode("latin-1"))])
    assert response.charset_encoding == charset
    assert response.encoding == encoding
    assert response.text == "abc"


def test_text_replaces_what_cannot_be_decoded() -> None:
    assert Response(200, content=b"a\xff").text == "a\ufffd"
    assert Response(200, content=b"\xef\xbb\xbfa").text == "\ufeffa"


def test_encoding_can_be_set_until_text_was_made() -> None:
    response = Response(200, content=b"\xe9")
    assert response.encoding == "utf-8"
    response.encoding = "latin1"
    assert response.text == "é"
    with pytest.raises(ValueError, match=r"Setting encoding after `text` has been accessed is not allowed."):
        response.encoding = "ascii"


def test_unknown_encoding_that_the_user_set_is_an_error() -> None:
    response = Response(200, content=b"abc")
    response.encoding = "nope"
    with pytest.raises(LookupError):
        response.text  # noqa: B018


def test_default_encoding_may_be_a_function_of_the_content() -> None:
    assert Response(200, content=b"\xe9", default_encoding="latin1").text == "é"
    assert Response(200, content=b"\xe9", default_encoding=lambda content: "latin1").text == "é"
    assert Response(200, content=b"abc", default_encoding=lambda content: "").encoding == "utf-8"
    assert Response(200, stream=ByteStream(b"abc"), default_encoding=lambda content: "latin1").encoding == "utf-8"
