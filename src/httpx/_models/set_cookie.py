"""Read Set-Cookie fields as RFC 6265bis tells a user agent to, and decide which hosts and paths a cookie is for.

Pure functions: the jar that keeps the cookies is in `cookiejar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

MAX_COOKIE_SIZE = 4096  # bytes of name and value; RFC 6265bis 5.6
MAX_ATTRIBUTE_SIZE = 1024  # bytes of an attribute's value; RFC 6265bis 5.6

# A time before all others, for cookies that are to be removed.
_PAST = 0
# The latest time that a cookie can have: the year 9999, which is as far as dates go in Python.
_FAR_FUTURE = 253402300799


@dataclass(frozen=True, slots=True)
class SetCookie:
    """A Set-Cookie field, taken apart but not judged. `domain` and `path` are None if absent or of no use."""

    name: str
    value: str
    expires: int | None
    domain: str | None
    path: str | None
    is_secure: bool
    is_http_only: bool
    same_site: str | None


def parse_set_cookie(field: bytes, *, now: float) -> SetCookie | None:
    """Take a Set-Cookie field apart; None if it is to be ignored."""
    if _CONTROLS.search(field):
        return None
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        text = field.decode("iso-8859-1")
    pair, *parameters = text.split(";")
    # RFC 6265bis 5.6: without "=" it is all value, and the name is empty.
    name, equals, value = pair.partition("=")
    name, value = (name.strip(_BLANKS), value.strip(_BLANKS)) if equals else ("", name.strip(_BLANKS))
    if not (name or value) or len(name.encode()) + len(value.encode()) > MAX_COOKIE_SIZE:
        return None
    attributes, expires = _parse_attributes(parameters)
    path = attributes.get("path", "")
    return SetCookie(
        name=name,
        value=value,
        expires=_choose_expiry(attributes.get("max-age"), expires, now),
        domain=attributes.get("domain", "").removeprefix(".").lower() or None,
        path=path if path.startswith("/") else None,
        is_secure="secure" in attributes,
        is_http_only="httponly" in attributes,
        same_site=attributes.get("samesite"),
    )


def keeps_prefix(cookie: SetCookie) -> bool:
    """Tell whether a cookie keeps what `__Secure-` and `__Host-` at the start of its name promise (RFC 6265bis 5.7)."""
    # Without a name, the value is what the server takes for the name when it comes back.
    name = (cookie.name or cookie.value).lower()
    if not name.startswith(("__secure-", "__host-")):
        return True
    if not cookie.name or not cookie.is_secure:
        return False
    return name.startswith("__secure-") or (cookie.domain is None and cookie.path == "/")


def default_path(path: str) -> str:
    """Return the path of a cookie that names none: the directory of the request's (RFC 6265bis 5.1.4)."""
    directory = path.rpartition("/")[0]
    return directory if directory.startswith("/") else "/"


def path_matches(path: str, cookie_path: str) -> bool:
    """Tell whether a cookie of this path goes with a request to that one (RFC 6265bis 5.1.4)."""
    return path.startswith(cookie_path) and (
        len(path) == len(cookie_path) or cookie_path.endswith("/") or path[len(cookie_path)] == "/"
    )


def domain_matches(host: str, domain: str) -> bool:
    """Tell whether a host is a domain or below it (RFC 6265bis 5.1.3)."""
    return host == domain or (host.endswith("." + domain) and not is_ip_address(host))


@lru_cache(maxsize=256)  # hosts
def parent_domains(host: str) -> tuple[str, ...]:
    """Return the domains above a host, the nearest first; an IP address has none."""
    if is_ip_address(host):
        return ()
    labels = host.split(".")
    return tuple(".".join(labels[start:]) for start in range(1, len(labels)))


def is_ip_address(host: str) -> bool:
    """Tell whether the host of a URL is an address: URL parsing leaves no name that ends in a number."""
    return ":" in host or host.rpartition(".")[2].isdigit()


@lru_cache(maxsize=256)  # domains
def is_public_suffix(domain: str) -> bool:
    """Tell whether anybody can register names below a domain, such as `co.uk`, so that no cookie may be for all of it.

    The list is searched as text: building sets of its 10,000 rules takes more than 100 ms, and a program asks for a few
    domains.
    """
    if "." not in domain:
        return True
    name = ".".join(_decode_label(label) for label in domain.split("."))
    parent = name.partition(".")[2]
    rules = _read_public_suffixes()
    # The rule that counts is the longest one, so nothing but a rule for all of the name makes it a public suffix. If
    # all names below it are suffixes it is one, too, as libpsl has it: whoever owns it does not own those.
    is_listed = any(f"\n{rule}\n".encode() in rules for rule in (name, f"*.{name}", f"*.{parent}"))
    return is_listed and f"\n!{name}\n".encode() not in rules


# Private from here on.

_BLANKS = " \t"
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def _parse_attributes(parameters: list[str]) -> tuple[dict[str, str], int | None]:
    """Return the attributes by lower-case name, of each the last one that can be read, and Expires as a number."""
    attributes = {}
    expires = None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name, value = name.strip(_BLANKS).lower(), value.strip(_BLANKS)
        if len(value.encode()) > MAX_ATTRIBUTE_SIZE:
            continue
        if name == "expires":
            date = _parse_date(value)
            expires = expires if date is None else date
        elif name != "max-age" or _MAX_AGE.fullmatch(value):
            attributes[name] = value
    return attributes, expires


def _choose_expiry(max_age: str | None, expires: int | None, now: float) -> int | None:
    """Return when the cookie ends, in seconds since 1970; None if with the session. Max-Age goes before Expires."""
    if max_age is None:
        return expires
    # Twelve digits are 30,000 years, and int() takes no more than some thousand.
    seconds = int(max_age[:12])
    return min(int(now) + seconds, _FAR_FUTURE) if seconds > 0 else _PAST


_MAX_AGE = re.compile(r"-?[0-9]+")


def _parse_date(text: str) -> int | None:
    """Return a cookie-date in seconds since 1970, clamped to what counts; None if it is none (RFC 6265bis 5.1.1)."""
    found: dict[str, tuple[str, ...]] = {}
    for token in _DATE_TOKEN.findall(text):
        for kind, pattern in _DATE_PARTS:
            match = pattern.match(token) if kind not in found else None
            if match:
                found[kind] = match.groups()
                break
    if len(found) < len(_DATE_PARTS):
        return None
    hour, minute, second = map(int, found["time"])
    day, month, year = int(found["day"][0]), _MONTHS.index(found["month"][0].lower()) + 1, int(found["year"][0])
    # RFC 6265bis 5.1.1: two digits are of 1970 to 2069.
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    import datetime  # rare path: a cookie that has Expires and no Max-Age

    try:
        date = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:  # the 30th of February
        return None
    return max(int(date.timestamp()), _PAST)


# RFC 6265bis 5.1.1: delimiter, and the parts in the order in which a token is tried for them.
_DATE_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_PARTS = (
    ("time", re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")),
    ("day", re.compile(r"([0-9]{1,2})(?![0-9])")),
    ("month", re.compile("(" + "|".join(_MONTHS) + ")", re.IGNORECASE)),
    ("year", re.compile(r"([0-9]{2,4})(?![0-9])")),
)


def _decode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


@lru_cache(maxsize=1)
def _read_public_suffixes() -> bytes:
    from publicsuffixlist import PSLFILE  # rare path: a Set-Cookie that names a Domain

    with open(PSLFILE, "rb") as file:
        return b"\n" + file.read().replace(b"\r\n", b"\n")
