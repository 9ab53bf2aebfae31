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
    Exchange("h1", "get", "sync"): Budget(calls=45, blocks=16, peak_size=132_601),
    Exchange("h1", "get", "asyncio"): Budget(calls=55, blocks=17, peak_size=5_451),
    Exchange("h1", "get with cookie and hook", "sync"): Budget(calls=64, blocks=20, peak_size=132_999),
    Exchange("h1", "get with cookie and hook", "asyncio"): Budget(calls=74, blocks=20, peak_size=5_794),
    Exchange("h1", "post", "sync"): Budget(calls=51, blocks=19, peak_size=133_174),
    Exchange("h1", "post", "asyncio"): Budget(calls=57, blocks=18, peak_size=5_990),
    Exchange("h1", "streamed get", "sync"): Budget(calls=50, blocks=14, peak_size=132_929),
    Exchange("h1", "streamed get", "asyncio"): Budget(calls=60, blocks=14, peak_size=5_115),
    Exchange("h2", "get", "sync"): Budget(calls=113, blocks=19, peak_size=134_033),
    Exchange("h2", "get", "asyncio"): Budget(calls=126, blocks=19, peak_size=6_456),
    Exchange("h2", "post", "sync"): Budget(calls=125, blocks=21, peak_size=134_426),
    Exchange("h2", "post", "asyncio"): Budget(calls=138, blocks=22, peak_size=6_890),
    Exchange("h2", "streamed get", "sync"): Budget(calls=118, blocks=17, peak_size=134_417),
    Exchange("h2", "streamed get", "asyncio"): Budget(calls=131, blocks=17, peak_size=6_067),
}

# By how much a count may be above its budget: ports differ in length, and free lists in what is left in them.
TOLERANCE = Budget(calls=0, blocks=1, peak_size=256)

# How far below its budget a count may be before the test asks to have it written down.
SLACK = Budget(calls=1, blocks=2, peak_size=1024)

# How many modules are imported, of the standard library and of other packages too.
IMPORTS = {
    "import httpx": 36,
    "first Client()": 149,
    "first GET of a Client": 149,
    "first AsyncClient()": 149,
    "first GET of an AsyncClient": 204,
}
