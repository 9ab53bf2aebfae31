"""What the origin answers: whole messages, kept ready to be sent, and made anew when the second turns.

They have the fields that most servers send. The Date is that of the second, as on real servers; `/unique/N` has a field
besides that is never the same, as where a server or a proxy counts requests.

Targets: `/bytes/N` and `/unique/N` (N bytes), `/json` and `/gzip` (JSON of 10 KiB; of 100 KiB and compressed),
`/close/N` (N bytes, and the connection ends), `/redirect/N` (N redirects, then 1 KiB), `/cookies/set/N` (sets 50
cookies, each for a path of its own), `/cookies/N` (1 KiB to a request with the cookie of that path, else 403),
`/gate/N` (1 KiB, to N requests at once when all of them have come).
"""

from __future__ import annotations

import functools
import gzip
import json
from email.utils import formatdate

COOKIES_AT_A_TIME = 50  # Set-Cookie lines in one response; some clients take a hundred lines at most
PART = b"x" * 1024 * 1024

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"


def make_head(
    size: int, content_type: bytes = TEXT, *, status: bytes = b"200 OK", fields: bytes = b"Connection: keep-alive\r\n"
) -> bytes:
    """Return the head of a response, with the fields that most servers send."""
    return b"".join(
        [
            b"HTTP/1.1 %s\r\nServer: origin\r\nDate: %s\r\n" % (status, formatdate(usegmt=True).encode()),
            b"Content-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (content_type, size, fields),
        ]
    )


@functools.cache
def find_answer(target: bytes) -> bytes | None:
    """Return the whole message for a target, or `None` if there is no such thing or it is too large to be kept."""
    match target.split(b"/")[1:]:
        case [b"bytes", size] if int(size) <= len(PART):
            return make_head(int(size)) + PART[: int(size)]
        case [b"json"]:
            body = make_json(10 * 1024)
            return make_head(len(body), JSON) + body
        case [b"gzip"]:
            body = compress(make_json(100 * 1024))
            return make_head(len(body), JSON, fields=b"Content-Encoding: gzip\r\n") + body
        case [b"close", size]:
            return make_head(int(size), fields=b"Connection: close\r\n") + PART[: int(size)]
        case [b"redirect", count]:
            location = b"/redirect/%d" % (int(count) - 1) if int(count) > 1 else b"/bytes/1024"
            return make_head(0, status=b"302 Found", fields=b"Location: %s\r\n" % location)
        case [b"cookies", b"set", number]:
            first = int(number) * COOKIES_AT_A_TIME
            lines = [
                b"Set-Cookie: c%d=v; Path=/cookies/%d\r\n" % (n, n) for n in range(first, first + COOKIES_AT_A_TIME)
            ]
            return make_head(2, fields=b"".join(lines)) + b"ok"
        case _:
            return None


@functools.cache
def make_json(size: int) -> bytes:
    """Return a list of records as JSON, of about so many bytes and at least as many."""
    records: list[dict[str, object]] = []
    length = 2
    while length < size:
        number = len(records)
        record = {
            "id": number,
            "name": f"Name {number * 7919 % 1000}",
            "tags": ["alpha", "beta", f"t{number % 13}"],
            "price": number * 1.25,
            "is_active": number % 3 == 0,
            "parent": None,
        }
        records.append(record)
        length += len(json.dumps(record)) + 2
    return json.dumps(records).encode()


# Private from here on.


@functools.cache
def compress(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
