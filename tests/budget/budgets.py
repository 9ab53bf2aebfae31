"""The budgets. Each number is what was last counted, with Python 3.11; they only go down.

`python -m tests.budget` prints them as they are now. One that goes up is a fault to be found, not a number to be
changed.
"""

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
    Exchange("h1", "get", "sync"): Budget(calls=55, blocks=37, peak_size=132_902),
    Exchange("h1", "get", "asyncio"): Budget(calls=65, blocks=37, peak_size=6_593),
    Exchange("h1", "get with cookie and hook", "sync"): Budget(calls=71, blocks=38, peak_size=132_963),
    Exchange("h1", "get with cookie and hook", "asyncio"): Budget(calls=81, blocks=38, peak_size=6_654),
    Exchange("h1", "post", "sync"): Budget(calls=73, blocks=44, peak_size=133_337),
    Exchange("h1", "post", "asyncio"): Budget(calls=83, blocks=44, peak_size=7_100),
    Exchange("h1", "streamed get", "sync"): Budget(calls=65, blocks=37, peak_size=133_542),
    Exchange("h1", "streamed get", "asyncio"): Budget(calls=79, blocks=37, peak_size=6_753),
    Exchange("h2", "get", "sync"): Budget(calls=166, blocks=29, peak_size=135_022),
    Exchange("h2", "get", "asyncio"): Budget(calls=182, blocks=29, peak_size=8_190),
    Exchange("h2", "post", "sync"): Budget(calls=191, blocks=35, peak_size=135_412),
    Exchange("h2", "post", "asyncio"): Budget(calls=207, blocks=35, peak_size=8_652),
    Exchange("h2", "streamed get", "sync"): Budget(calls=176, blocks=29, peak_size=135_662),
    Exchange("h2", "streamed get", "asyncio"): Budget(calls=196, blocks=29, peak_size=8_350),
}

# By how much a count may be above its budget: ports differ in length, and free lists in what is left in them.
TOLERANCE = Budget(calls=0, blocks=1, peak_size=256)

# How far below its budget a count may be before the test asks to have it written down.
SLACK = Budget(calls=1, blocks=2, peak_size=1024)

# How many modules are imported, of the standard library and of other packages too.
IMPORTS = {
    "import httpx": 36,
    "first Client()": 176,
    "first GET of a Client": 176,
    "first AsyncClient()": 176,
    "first GET of an AsyncClient": 219,
}
