"""JSON bodies into Python values: exactly what `json.loads` makes of them, and in half the time with msgspec.

The two agree on everything that msgspec takes. What it refuses goes to the standard library, which takes some of it
(NaN, lone surrogates, UTF-16, numbers beyond the range) and has its own words for the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

# Bytes that the standard library parses before msgspec is looked for. That takes as long to import as the standard
# library takes for so much, and a script with one answer to read shall not wait for it.
PATIENCE = 1024 * 1024


def parse_json(content: bytes, **options: Any) -> Any:
    """Return the value of a JSON body; the options are those of `json.loads`.

    Raises:
        json.JSONDecodeError: it is not JSON.
        UnicodeDecodeError: it is not UTF-8, UTF-16 or UTF-32.
    """
    global _parsed_size
    if _parsed_size >= PATIENCE and not options:
        return find_parser()(content)
    _parsed_size += len(content)
    return json.loads(content, **options)


@cache
def find_parser() -> Callable[[bytes], Any]:
    """Return the fastest parser that is installed."""
    try:
        import msgspec  # optional
    except ImportError:
        return json.loads
    if re.match(r"0\.(\d|1[0-8])\.", msgspec.__version__):
        # These make other numbers of some integers beyond 64 bits.
        return json.loads
    decode = msgspec.json.Decoder().decode
    refusals = (msgspec.DecodeError, UnicodeDecodeError)

    def parse(content: bytes) -> Any:
        try:
            return decode(content)
        except refusals:
            return json.loads(content)

    return parse


# Private from here on.

_parsed_size = 0
