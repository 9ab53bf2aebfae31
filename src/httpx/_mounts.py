"""Which transport serves which URL: patterns, and the proxies that the environment names."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from ._config import Proxy
from ._exceptions import InvalidURL
from ._types import ProxyTypes
from ._urls import URL

TransportT = TypeVar("TransportT")

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


class URLPattern:
    """A pattern of URLs: a scheme or "all", and optionally a host and a port.

    "all://" matches every URL, "https://" every one of that scheme, "all://example.org" one host,
    "all://*.example.org" the hosts below it, "all://*example.org" both, "all://*:8080" a port, and
    "all://10.0.0.0/8" the addresses of a network.
    """

    def __init__(self, pattern: str) -> None:
        if pattern and ":" not in pattern:
            raise ValueError(
                f"Proxy keys should use proper URL forms rather than plain scheme strings. "
                f'Instead of "{pattern}", use "{pattern}://"'
            )
        self.pattern = pattern
        scheme, separator, rest = pattern.partition("://")
        self.network = _parse_network(rest) if separator else None
        # The asterisk is no part of a host name, which IDNA would refuse with it.
        wildcard = next((prefix for prefix in ("*.", "*") if rest.startswith(prefix)), "")
        name = "" if self.network is not None else rest.removeprefix(wildcard)
        url = URL(f"{scheme}{separator}{name}")
        self.scheme = "" if url.scheme == "all" else url.scheme
        self.host = wildcard + url.host if url.host or wildcard == "*." else ""
        # A URL does not tell the default port of its scheme, but a pattern that names it is for no other one.
        port = _PORT.search(name)
        self.port = int(port[1]) if port else url.port
        # Hosts are compared as they are sent, since not every IDNA label can be decoded.
        self.host_regex = _host_regex(wildcard + url.raw_host.decode("ascii") if self.host else "")

    def matches(self, other: URL) -> bool:
        """Tell whether the URL is one of the pattern's."""
        if self.scheme and self.scheme != other.scheme:
            return False
        if self.network is not None and not _is_in_network(other.host, self.network):
            return False
        if self.host_regex is not None and not self.host_regex.fullmatch(other.raw_host.decode("ascii")):
            return False
        return self.port is None or self.port == other.origin.port

    @property
    def priority(self) -> tuple[int, int, int]:
        """What patterns are sorted by: the narrower, the earlier."""
        host_size = len(str(self.network)) if self.network is not None else len(self.host)
        return (0 if self.port is not None else 1, -host_size, -len(self.scheme))

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __lt__(self, other: URLPattern) -> bool:
        return self.priority < other.priority

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URLPattern) and self.pattern == other.pattern

    def __repr__(self) -> str:
        return f"URLPattern({self.pattern!r})"


def proxy_map(proxy: ProxyTypes | None, *, allow_env_proxies: bool) -> dict[str, Proxy | None]:
    """Return the proxies by pattern; None stands for a direct connection."""
    if proxy is not None:
        return {"all://": proxy if isinstance(proxy, Proxy) else Proxy(url=proxy)}
    if not allow_env_proxies:
        return {}
    return {pattern: None if url is None else Proxy(url=url) for pattern, url in get_environment_proxies().items()}


def sort_mounts(
    proxies: Mapping[str, TransportT | None], mounts: Mapping[str, TransportT | None] | None
) -> dict[URLPattern, TransportT | None]:
    """Return the transports by pattern, the narrowest pattern first; the user's override the proxies'."""
    merged = {URLPattern(pattern): transport for pattern, transport in proxies.items()}
    if mounts is not None:
        merged.update({URLPattern(pattern): transport for pattern, transport in mounts.items()})
    return dict(sorted(merged.items(), key=lambda item: item[0]))


def get_environment_proxies() -> dict[str, str | None]:
    """Return what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, by pattern."""
    variables = _proxy_variables()
    proxies: dict[str, str | None] = {}
    for scheme in ("http", "https", "all"):
        url = variables.get(scheme)
        if url:
            proxies[f"{scheme}://"] = url if "://" in url else f"http://{url}"
    for entry in variables.get("no", "").split(","):
        name = entry.strip()
        if name == "*":
            return {}
        if name and (pattern := _exempt_pattern(name)) is not None:
            proxies[pattern] = None
    return proxies


def is_ipv4_hostname(hostname: str) -> bool:
    """Tell whether that is an IPv4 address, or a network of such."""
    address = _parse_address(hostname.split("/")[0])
    return address is not None and address.version == 4


def is_ipv6_hostname(hostname: str) -> bool:
    """Tell whether that is an IPv6 address, or a network of such, without brackets."""
    address = _parse_address(hostname.split("/")[0])
    return address is not None and address.version == 6


# Private from here on.

_PORT = re.compile(r":(\d+)(?:/|$)", re.ASCII)


def _proxy_variables() -> dict[str, str]:
    if sys.platform in ("win32", "darwin"):
        # The system's settings count as well there.
        from urllib.request import getproxies

        return getproxies()
    # As urllib does: lower case wins, and HTTP_PROXY is not believed in a CGI program, whose clients can set it by
    # sending a "Proxy" field.
    variables = {}
    for name in ("http", "https", "all", "no"):
        upper = None if name == "http" and "REQUEST_METHOD" in os.environ else os.environ.get(f"{name}_proxy".upper())
        variables[name] = os.environ.get(f"{name}_proxy", upper) or ""
    return variables


def _exempt_pattern(name: str) -> str | None:
    """Return the pattern of an entry of NO_PROXY, None if there is no sense in it."""
    address, port = _split_address(name)
    if "://" in name:
        pattern = name
    elif _parse_network(name) is not None or name.lower() == "localhost":
        pattern = f"all://{name}"
    elif address is not None:
        pattern = f"all://[{address}]{port}" if address.version == 6 else f"all://{address}{port}"
    elif "/" in name:
        return None  # a network that is none
    else:
        # "example.org", ".example.org" and "*.example.org"; the first is for the hosts below as well.
        pattern = f"all://{name}" if name.startswith("*") else f"all://*{name}"
    try:
        URLPattern(pattern)
    except (InvalidURL, ValueError):
        return None
    return pattern


def _split_address(name: str) -> tuple[IPv4Address | IPv6Address | None, str]:
    """Return the address that stands in "10.0.0.1:80", "::1" or "[::1]:80", and the port with its colon."""
    if name.startswith("["):
        host, bracket, port = name[1:].partition("]")
        if not bracket:
            return None, ""
    elif name.count(":") == 1:
        host, colon, port = name.partition(":")
        port = colon + port
    else:
        host, port = name, ""
    return _parse_address(host), port


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    import ipaddress  # most programs name no address in their proxy settings

    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _parse_network(text: str) -> IPv4Network | IPv6Network | None:
    if "/" not in text:
        return None
    import ipaddress  # as above

    try:
        return ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None


def _is_in_network(host: str, network: IPv4Network | IPv6Network) -> bool:
    address = _parse_address(host)
    return address is not None and address.version == network.version and address in network


def _host_regex(host: str) -> re.Pattern[str] | None:
    if not host:
        return None
    if host.startswith("*."):
        return re.compile(f"^.+\\.{re.escape(host[2:])}$")
    if host.startswith("*"):
        return re.compile(f"^(.+\\.)?{re.escape(host[1:])}$")
    return re.compile(f"^{re.escape(host)}$")
