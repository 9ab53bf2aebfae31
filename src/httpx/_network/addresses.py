"""Which addresses of a host to try, and in what order (RFC 8305)."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from functools import lru_cache

# (family, sockaddr), as `socket.socket.connect` takes them.
Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]

# Seconds until the next address is tried beside the one that has not answered; RFC 8305 5 recommends 250 ms.
CONNECTION_ATTEMPT_DELAY = 0.25

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


@lru_cache(maxsize=256)
def literal_address(host: str, port: int) -> Address | None:
    """Return the address if host is an IP address and needs no resolver, else None."""
    if ":" in host:
        return _literal_ipv6(host, port)
    if _IPV4.fullmatch(host) is None:
        return None
    try:
        socket.inet_aton(host)
    except OSError:
        return None
    return socket.AF_INET, (host, port)


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """Order addresses so that the families take turns, the resolver's favourite first (RFC 8305 4)."""
    if len(addresses) < 2:
        return list(addresses)
    first_family = addresses[0][0]
    favourites = [address for address in addresses if address[0] == first_family]
    others = [address for address in addresses if address[0] != first_family]
    ordered: list[Address] = []
    for index in range(max(len(favourites), len(others))):
        ordered += favourites[index : index + 1]
        ordered += others[index : index + 1]
    return ordered


# Private from here on.


def _literal_ipv6(host: str, port: int) -> Address | None:
    if "%" in host:
        # A zone id names an interface; only the resolver knows its number.
        return None
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except OSError:
        return None
    return socket.AF_INET6, (host, port, 0, 0)
