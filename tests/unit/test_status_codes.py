from __future__ import annotations

import pytest

from httpx._status_codes import codes


def test_a_code_is_an_integer_with_a_phrase() -> None:
    assert int(codes.NOT_FOUND) == 404
    assert codes.NOT_FOUND.phrase == "Not Found"
    assert codes(404) is codes.NOT_FOUND
    assert str(codes.NOT_FOUND) == f"{codes.NOT_FOUND}" == "404"
    assert repr(codes.NOT_FOUND) == "<codes.NOT_FOUND: 404>"
    assert len(codes) == 62


def test_lower_case_names_are_plain_integers() -> None:
    for code in codes:
        alias = getattr(codes, code.name.lower())
        assert alias == code and type(alias) is int


@pytest.mark.parametrize(
    ("name", "older_name"),
    [
        ("CONTENT_TOO_LARGE", "REQUEST_ENTITY_TOO_LARGE"),
        ("URI_TOO_LONG", "REQUEST_URI_TOO_LONG"),
        ("RANGE_NOT_SATISFIABLE", "REQUESTED_RANGE_NOT_SATISFIABLE"),
        ("UNPROCESSABLE_CONTENT", "UNPROCESSABLE_ENTITY"),
    ],
)
def test_names_of_rfc_9110_stand_beside_the_older_ones(name: str, older_name: str) -> None:
    assert codes[name] is codes[older_name]
    assert codes[name].name == older_name
    assert getattr(codes, name.lower()) == getattr(codes, older_name.lower()) == codes[name]


def test_reason_phrases() -> None:
    assert codes.get_reason_phrase(200) == "OK"
    assert codes.get_reason_phrase(418) == "I'm a teapot"
    assert codes.get_reason_phrase(299) == codes.get_reason_phrase(0) == ""
    with pytest.raises(ValueError, match="299 is not a valid codes"):
        codes(299)


@pytest.mark.parametrize(
    ("first", "predicate"),
    [
        (100, codes.is_informational),
        (200, codes.is_success),
        (300, codes.is_redirect),
        (400, codes.is_client_error),
        (500, codes.is_server_error),
    ],
)
def test_classes_of_codes(first: int, predicate: object) -> None:
    assert callable(predicate)
    assert not predicate(first - 1) and predicate(first) and predicate(first + 99) and not predicate(first + 100)


def test_errors_are_4xx_and_5xx() -> None:
    assert [value for value in (399, 400, 499, 500, 599, 600) if codes.is_error(value)] == [400, 499, 500, 599]
