"""What a pool of httpcore raises becomes an exception of this package."""

from __future__ import annotations

import pytest

import httpx
from httpx._transports.default import map_httpcore_exceptions


class NetworkError(Exception):
    pass


class ReadError(NetworkError):
    pass


class OwnError(ReadError):
    """A subclass of somebody else's."""


class ConnectionNotAvailable(Exception):
    """An exception of httpcore that this package does not have."""


for kind in (NetworkError, ReadError, ConnectionNotAvailable):
    kind.__module__ = "httpcore._exceptions"


@pytest.mark.parametrize(("raised", "expected"), [(ReadError, httpx.ReadError), (NetworkError, httpx.NetworkError)])
def test_the_same_name_is_raised(raised: type[Exception], expected: type[Exception]) -> None:
    with pytest.raises(expected, match="broken") as caught, map_httpcore_exceptions():
        raise raised("broken")
    assert type(caught.value) is expected
    assert type(caught.value.__cause__) is raised


def test_the_nearest_name_is_raised_for_a_subclass() -> None:
    with pytest.raises(httpx.ReadError) as caught, map_httpcore_exceptions():
        raise OwnError("broken")
    assert type(caught.value) is httpx.ReadError


@pytest.mark.parametrize("raised", [ValueError, ConnectionNotAvailable, httpx.ReadTimeout])
def test_anything_else_passes(raised: type[Exception]) -> None:
    with pytest.raises(raised) as caught, map_httpcore_exceptions():
        raise raised("other")
    assert caught.value.__cause__ is None
