"""What stands in for httpcore where a library needs it to be imported, and it is not installed.

respx, pytest-httpx and huggingface_hub import httpcore and do not require it: HTTPX does, and this package does not.
Without it pytest would end before the first test. So these find this module then, and nobody else does. For everything
else, and in programs that have none of them, httpcore is missing if it is not installed, as a `try` around its import
expects.

An installed httpcore comes first. The exceptions here are this package's, so that catching them means something; the
classes are there to be named, and do nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_LIBRARIES = ("respx", "pytest_httpx", "huggingface_hub")

# Names, separated by spaces.
_EXCEPTIONS = (
    "ConnectError ConnectTimeout LocalProtocolError NetworkError PoolTimeout ProtocolError ProxyError ReadError "
    "ReadTimeout RemoteProtocolError TimeoutException UnsupportedProtocol WriteError WriteTimeout"
)
_CLASSES = "AsyncConnectionPool AsyncHTTPProxy AsyncSOCKSProxy ConnectionPool HTTPProxy Request Response SOCKSProxy URL"


def __getattr__(name: str) -> Any:
    value: Any
    if name in _EXCEPTIONS.split():
        from . import _exceptions  # most programs never come here

        value = getattr(_exceptions, name)
    elif name in _CLASSES.split():
        value = type(name, (_NotInstalled,), {"__module__": __name__})
    else:
        raise AttributeError(f"httpcore is not installed, and what stands in for it has no {name!r}")
    globals()[name] = value
    return value


class HttpcoreFinder:
    """Find this module under the name `httpcore`; last of all, so that no import which succeeds costs more."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of this module if it is what is to be imported."""
        if fullname != "httpcore" or not any(library in sys.modules for library in _LIBRARIES):
            return None
        from importlib.machinery import ModuleSpec  # most programs never come here

        from ._alias import SameModuleLoader

        return ModuleSpec(fullname, SameModuleLoader(__name__))


def install_finder() -> None:
    """Let the finder be asked. Calling it again does nothing."""
    if HttpcoreFinder not in sys.meta_path:
        sys.meta_path.append(HttpcoreFinder)


# Private from here on.


class _NotInstalled:
    def __init__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError(f"httpcore.{type(self).__name__} cannot be used: httpcore is not installed.")
