"""The entry of the command line: `httpx.main`, the script `httpx` and `python -m httpx` all come here.

What it needs is an extra, and this module can be imported without: `main` then tells how to get it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

__all__ = ["main"]

MISSING = [name for name in ("click", "rich", "pygments") if find_spec(name) is None]


def tell_what_is_missing() -> NoReturn:
    """Print what to install, and exit with status 1."""
    print(
        f"httpx: the command line needs {', '.join(MISSING)}, not installed here. Try: pip install 'httpx[cli]'",
        file=sys.stderr,
    )
    sys.exit(1)


if TYPE_CHECKING or not MISSING:
    from ._main import main
else:
    main = tell_what_is_missing

if __name__ == "__main__":
    main()
