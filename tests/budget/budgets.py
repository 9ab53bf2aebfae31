"""The budgets. Each number is what was last counted, with Python 3.11; they only go down."""

from __future__ import annotations

from typing import NamedTuple


class Exchange(NamedTuple):
    """One kind of exchange on a warm client."""

    protocol: str
    action: str
    colour: str

    def __str__(self) -> str:
        return f"{self.protocol} {self.action}, {self.colour}"


class Budget(NamedTuple):
    """What one exchange costs.

    `calls` counts the Python calls of functions of the package, and each time that a suspended coroutine goes on.
    `blocks` counts the blocks of memory that are held as long as the response is. `peak_size` is how many bytes more
    than before the exchange are allocated at any moment of it.
    """

    calls: int
    blocks: int
    peak_size: int


EXCHANGES = {
    Exchange("h1", "get", "sync"): Budget(calls=54, blocks=37, peak_size=132_854),
    Exchange("h1", "get", "asyncio"): Budget(calls=65, blocks=37, peak_size=6_537),
    Exchange("h1", "get with cookie and hook", "sync"): Budget(calls=70, blocks=38, peak_size=132_915),
    Exchange("h1", "get with cookie and hook", "asyncio"): Budget(calls=81, blocks=38, peak_size=6_598),
    Exchange("h1", "post", "sync"): Budget(calls=73, blocks=44, peak_size=133_289),
    Exchange("h1", "post", "asyncio"): Budget(calls=84, blocks=44, peak_size=7_044),
    Exchange("h1", "streamed get", "sync"): Budget(calls=64, blocks=37, peak_size=133_494),
    Exchange("h1", "streamed get", "asyncio"): Budget(calls=79, blocks=37, peak_size=6_697),
}

# By how much a count may be above its budget: ports differ in length, and free lists in what is left in them.
TOLERANCE = Budget(calls=0, blocks=1, peak_size=256)

# How far below its budget a count may be before the test asks to have it written down.
SLACK = Budget(calls=1, blocks=2, peak_size=1024)

# How many modules are imported, of the standard library and of other packages too.
IMPORTS = {
    "import httpx": 35,
    "first Client()": 147,
    "first GET of a Client": 147,
    "first AsyncClient()": 147,
    "first GET of an AsyncClient": 190,
}
