"""Exceptions of httpcore as those of this package, for transports that bring a pool of httpcore's own.

HTTPX needs this itself, and libraries import it from there: `httpx._transports.default.map_httpcore_exceptions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._exceptions import (
    ConnectError,
    ConnectTimeout,
    LocalProtocolError,
    NetworkError,
    PoolTimeout,
    ProtocolError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    TimeoutException,
    TransportError,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)


@contextmanager
def map_httpcore_exceptions() -> Iterator[None]:
    """Raise what httpcore raises in the block as the exception of the same name, caused by it.

    Raises:
        TransportError: as the name says.
    """
    try:
        yield
    except Exception as exc:
        for kind in type(exc).__mro__:
            if kind.__module__.partition(".")[0] == "httpcore" and kind.__name__ in _BY_NAME:
                raise _BY_NAME[kind.__name__](str(exc)) from exc
        raise


# Private from here on.

_KINDS: tuple[type[TransportError], ...] = (
    *(
        ConnectError,
        ConnectTimeout,
        LocalProtocolError,
        NetworkError,
        PoolTimeout,
        ProtocolError,
        ProxyError,
        ReadError,
    ),
    *(ReadTimeout, RemoteProtocolError, TimeoutException, UnsupportedProtocol, WriteError, WriteTimeout),
)
_BY_NAME = {kind.__name__: kind for kind in _KINDS}
