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
    Exchange("h1", "get", "sync"): Budget(calls=55, blocks=21, peak_size=133_098),
    Exchange("h1", "get", "asyncio"): Budget(calls=63, blocks=21, peak_size=6_837),
    Exchange("h1", "get with cookie and hook", "sync"): Budget(calls=71, blocks=22, peak_size=133_159),
    Exchange("h1", "get with cookie and hook", "asyncio"): Budget(calls=79, blocks=22, peak_size=6_898),
    Exchange("h1", "post", "sync"): Budget(calls=65, blocks=29, peak_size=133_597),
    Exchange("h1", "post", "asyncio"): Budget(calls=72, blocks=28, peak_size=7_344),
    Exchange("h1", "streamed get", "sync"): Budget(calls=65, blocks=21, peak_size=133_738),
    Exchange("h1", "streamed get", "asyncio"): Budget(calls=77, blocks=21, peak_size=6_997),
    Exchange("h2", "get", "sync"): Budget(calls=136, blocks=25, peak_size=134_566),
    Exchange("h2", "get", "asyncio"): Budget(calls=148, blocks=25, peak_size=7_734),
    Exchange("h2", "post", "sync"): Budget(calls=155, blocks=32, peak_size=135_020),
    Exchange("h2", "post", "asyncio"): Budget(calls=167, blocks=32, peak_size=8_260),
    Exchange("h2", "streamed get", "sync"): Budget(calls=146, blocks=25, peak_size=135_206),
    Exchange("h2", "streamed get", "asyncio"): Budget(calls=162, blocks=25, peak_size=7_894),
}

# By how much a count may be above its budget: ports differ in length, and free lists in what is left in them.
TOLERANCE = Budget(calls=0, blocks=1, peak_size=256)

# How far below its budget a count may be before the test asks to have it written down.
SLACK = Budget(calls=1, blocks=2, peak_size=1024)

# How many modules are imported, of the standard library and of other packages too.
IMPORTS = {
    "import httpx": 36,
    "first Client()": 154,
    "first GET of a Client": 154,
    "first AsyncClient()": 154,
    "first GET of an AsyncClient": 204,
}
