"""The cookie jar that a client fills by itself: RFC 6265bis over the storage of `http.cookiejar`.

Theory of operation. Users read `client.cookies.jar`, iterate over it, add `http.cookiejar.Cookie` objects and save it
with the tools that exist for such jars, so it is a `CookieJar`, and keeps its cookies where that does: by domain, path
and name. But the rules of the standard library are those of 1997 to 2000, and it looks through all domains of the jar
for each request. Here the domains that can match, which are the host's and those above it, are looked up.

How domains are written is the standard library's: ".example.org" for a cookie with a Domain, "example.org" for one of
that host alone, "localhost.local" for one of a host without a dot, and "" (HTTPX's own) for one that goes to all hosts.

A jar that the user made applies the policy it has, and is spoken to as the standard library does; that is done by
`add_stock_header` and `extract_stock_cookies`.

This module is imported when the first cookie comes, since `http.cookiejar` takes as long to import as all of a client.
"""

from __future__ import annotations

import itertools
import threading
import time
import urllib.request
from copy import copy
from email.message import Message
from functools import lru_cache
from http.cookiejar import Cookie, CookieJar, CookiePolicy
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from . import set_cookie as rules

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from .request import Request
    from .response import Response

MAX_COOKIES_PER_DOMAIN = 180  # cookies; RFC 6265bis 6.1 asks for 50 at least; as Chromium
MAX_COOKIES = 3000  # cookies; RFC 6265bis 6.1 asks for 3,000 at least

SECURE_SCHEMES = ("https", "wss")


class RFC6265CookieJar(CookieJar):
    """Keep cookies, take them from responses and pick those that go with a request, after RFC 6265bis. Thread-safe.

    There is no user interface and so no third party: SameSite is kept and has no effect. Expiry dates are taken as they
    are, however far away.
    """

    # By domain, path and name, as the base class keeps them; nothing in it is empty.
    _cookies: dict[str, dict[str, dict[str, Cookie]]]
    _cookies_lock: threading.RLock

    def __init__(self, policy: CookiePolicy | None = None) -> None:
        super().__init__(policy)
        # How many cookies can certainly be added before there are MAX_COOKIES; counting them takes a look at each.
        self._headroom = MAX_COOKIES
        # The names that cookies for https have, or had. Only these are looked for among the hosts below a domain.
        self._secure_names: set[str] = set()

    def header_for(self, request: Request) -> str | None:
        """Return the value of the Cookie field for a request; None if no cookie goes with it."""
        host, path, is_secure = _get_place(request)
        now = time.time()
        found = []
        with self._cookies_lock:
            for cookie in self._candidates(host, path):
                if cookie.expires is not None and cookie.expires <= now:
                    self._discard(cookie, cookie.domain)
                    continue
                if cookie.secure and not is_secure:
                    continue
                if cookie.port is not None and not _port_matches(cookie.port, request.url.port, is_secure=is_secure):
                    continue
                # RFC 6265bis 5.8.3: longer paths first, among equals older cookies.
                found.append((-len(cookie.path), _get_age(cookie), _format(cookie)))
        found.sort()
        return "; ".join(map(itemgetter(2), found)) if found else None

    def store_from(self, response: Response, *, is_scheme_checked: bool = True) -> None:
        """Store the cookies that a response sets, in their order.

        Without `is_scheme_checked`, those that call for https are taken as if they had come over it.
        """
        host, path, is_secure = _get_place(response.request)
        now = time.time()
        for field in response.headers._get_raw_list(b"set-cookie"):
            parsed = rules.parse_set_cookie(field, now=now)
            if parsed is not None:
                with self._cookies_lock:
                    self._store(parsed, host, path, is_secure=is_secure or not is_scheme_checked, now=now)

    def set_cookie(self, cookie: Cookie) -> None:
        """Store a cookie, in the place of the one of the same domain, path and name."""
        with self._cookies_lock:
            by_name = self._cookies.setdefault(cookie.domain, {}).setdefault(cookie.path, {})
            old = by_name.get(cookie.name)
            # RFC 6265bis 5.7: a cookie that takes the place of another one keeps its age.
            if _AGE not in vars(cookie):
                vars(cookie)[_AGE] = next(_creations) if old is None else _get_age(old)
            elif old is not None and _get_age(old) != _get_age(cookie):
                cookie = copy(cookie)  # another jar holds it, in an order of its own
                vars(cookie)[_AGE] = _get_age(old)
            if old is None:
                self._headroom -= 1
            if cookie.secure:
                self._secure_names.add(cookie.name)
            by_name[cookie.name] = cookie

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """Remove all cookies, or those of a domain, of a path there, or of a name there.

        Raises:
            KeyError: there is none of that name.
        """
        with self._cookies_lock:
            try:
                super().clear(domain, path, name)
            except KeyError:
                # The base class keeps places that have become empty, and finds nothing to complain of there.
                if name is not None:
                    raise
            by_path = self._cookies.get(domain) if domain is not None else None
            if by_path is not None and path is not None and not by_path.get(path, True):
                del by_path[path]
            if domain is not None and not by_path:
                self._cookies.pop(domain, None)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no cookie, expired ones included."""
        return not self._cookies

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_cookies_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._cookies_lock = threading.RLock()

    # Private from here on.

    def _candidates(self, host: str, path: str) -> list[Cookie]:
        """Return the cookies for a host and path, by what their domain and path say."""
        matching: list[Cookie] = []
        for domain, is_above in _domains_for(host):
            for cookie_path, by_name in self._cookies.get(domain, _NOTHING).items():
                if cookie_path == "/" or rules.path_matches(path, cookie_path):
                    # A cookie of a host above this one is sent here only if it had a Domain.
                    cookies = by_name.values()
                    matching += [cookie for cookie in cookies if cookie.domain_specified] if is_above else cookies
        return matching

    def _store(self, parsed: rules.SetCookie, host: str, path: str, *, is_secure: bool, now: float) -> None:
        """Store one cookie, or refuse it, in the steps of RFC 6265bis 5.7."""
        domain = _settle_domain(parsed.domain, host)
        if domain is None or (parsed.is_secure and not is_secure) or not rules.keeps_prefix(parsed):
            return
        cookie = _make_cookie(parsed, domain, rules.default_path(path))
        if not (parsed.is_secure or is_secure) and self._has_secure_rival(cookie, host):
            return
        if domain == host + ".local":
            # A user may have set it for the host as it is written; one cookie must not become two.
            self._discard(cookie, host)
        if cookie.expires is not None and cookie.expires <= now:
            self._discard(cookie, domain)
            return
        self.set_cookie(cookie)
        self._evict_from(domain, now)
        if self._headroom <= 0:
            self._evict_from_all(now)

    def _has_secure_rival(self, cookie: Cookie, host: str) -> bool:
        """Tell whether a cookie from http would replace or hide one that only https may touch (RFC 6265bis 5.7)."""
        if cookie.name not in self._secure_names:
            return False
        domains = [domain for domain, _ in _domains_for(host)]
        if cookie.domain_specified:
            # It would reach the hosts below, too. These are looked for by their names alone.
            domains += [domain for domain in self._cookies if domain.endswith(cookie.domain)]
        for domain in domains:
            for path, by_name in self._cookies.get(domain, _NOTHING).items():
                rival = by_name.get(cookie.name)
                if rival is not None and rival.secure and rules.path_matches(cookie.path, path):
                    return True
        return False

    def _discard(self, cookie: Cookie, domain: str) -> None:
        if cookie.name in self._cookies.get(domain, _NOTHING).get(cookie.path, ()):
            self.clear(domain, cookie.path, cookie.name)

    def _evict_from(self, domain: str, now: float) -> None:
        by_path = self._cookies[domain]
        excess = sum(map(len, by_path.values())) - MAX_COOKIES_PER_DOMAIN
        if excess > 0:
            self._evict([cookie for by_name in by_path.values() for cookie in by_name.values()], excess, now)

    def _evict_from_all(self, now: float) -> None:
        # What a user set for all hosts is no server's to push out.
        cookies = [cookie for cookie in self if cookie.domain]
        if len(cookies) > MAX_COOKIES:
            # A tenth at a time, so that a jar that stays full is not searched for each cookie.
            self._evict(cookies, len(cookies) - MAX_COOKIES + MAX_COOKIES // 10, now)
        self._headroom = MAX_COOKIES - sum(1 for cookie in self if cookie.domain)

    def _evict(self, cookies: list[Cookie], count: int, now: float) -> None:
        """Remove so many of these cookies: expired ones first, then insecure ones, then the oldest."""

        def rank(cookie: Cookie) -> tuple[bool, bool, int]:
            return cookie.expires is None or cookie.expires > now, cookie.secure, _get_age(cookie)

        for cookie in sorted(cookies, key=rank)[:count]:
            self.clear(cookie.domain, cookie.path, cookie.name)


def add_stock_header(jar: CookieJar, request: Request) -> None:
    """Let a jar of the user's add its Cookie field to a request."""
    jar.add_cookie_header(_StockRequest(request))


def extract_stock_cookies(jar: CookieJar, response: Response) -> None:
    """Let a jar of the user's take the cookies of a response that it likes."""
    jar.extract_cookies(cast("HTTPResponse", _StockResponse(response)), _StockRequest(response.request))


def make_user_cookie(name: str, value: str, domain: str, path: str) -> Cookie:
    """Return a cookie that a user sets: for a domain and the hosts below it, or for all hosts if that is empty."""
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=bool(domain),
        domain_initial_dot=domain.startswith("."),
        path=path,
        path_specified=bool(path),
        secure=False,
        expires=None,
        discard=True,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": None},  # type: ignore[dict-item]  # what HTTPX 0.28 and Requests put there
        rfc2109=False,
    )


# Private from here on.

# A private attribute of Cookie objects that orders them by their creation; jars may share a cookie.
_AGE = "_httpx_age"
_creations = itertools.count(1)

_NOTHING: dict[str, dict[str, Cookie]] = {}


def _get_place(request: Request) -> tuple[str, str, bool]:
    """Return what of a request decides about its cookies: host, path, and whether it is protected."""
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    return url.raw_host.decode("ascii"), path, url.scheme in SECURE_SCHEMES


@lru_cache(maxsize=256)  # hosts
def _domains_for(host: str) -> tuple[tuple[str, bool], ...]:
    """Return the domains whose cookies may go to a host, and of each whether it is the name of a host above it."""
    exact = ["", host, "." + host]
    if "." not in host and ":" not in host:
        exact += [host + ".local", f".{host}.local", ".local"]
    above = rules.parent_domains(host)
    domains = dict.fromkeys([*exact, *("." + domain for domain in above)], False)
    return *domains.items(), *((domain, True) for domain in above)


def _settle_domain(domain: str | None, host: str) -> str | None:
    """Return the domain under which to keep a cookie; None if the host may not set it."""
    if domain is not None:
        if _is_local_name(host, domain):
            return domain
        if not rules.domain_matches(host, domain):
            return None
        # RFC 6265bis 5.7: a host that is a public suffix itself gets a cookie of its own.
        if not (rules.is_ip_address(host) or rules.is_public_suffix(domain)):
            return "." + domain
        if domain != host:
            return None
    return host if "." in host or ":" in host else host + ".local"


def _is_local_name(host: str, domain: str) -> bool:
    # RFC 2965 1: the effective name of a host without a dot ends in ".local". Test clients of applications have such
    # hosts, and their users set this domain because the standard library takes it. The cookie is of that host alone.
    return domain == host + ".local" and "." not in host and ":" not in host


def _make_cookie(parsed: rules.SetCookie, domain: str, path: str) -> Cookie:
    rest: dict[str, Any] = {}
    if parsed.is_http_only:
        rest["HttpOnly"] = None
    if parsed.same_site is not None:
        rest["SameSite"] = parsed.same_site
    return Cookie(
        version=0,
        name=parsed.name,
        value=parsed.value,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=domain.startswith("."),
        domain_initial_dot=False,
        path=path if parsed.path is None else parsed.path,
        path_specified=parsed.path is not None,
        secure=parsed.is_secure,
        expires=parsed.expires,
        discard=parsed.expires is None,
        comment=None,
        comment_url=None,
        rest=rest,
        rfc2109=False,
    )


def _get_age(cookie: Cookie) -> int:
    age: int = vars(cookie).get(_AGE, 0)
    return age


def _format(cookie: Cookie) -> str:
    if cookie.value is None:
        return cookie.name
    return f"{cookie.name}={cookie.value}" if cookie.name else cookie.value


def _port_matches(ports: str, port: int | None, *, is_secure: bool) -> bool:
    # Only a user sets a cookie with ports, RFC 2965 being obsolete.
    return str(port or (443 if is_secure else 80)) in ports.split(",")


class _StockRequest(urllib.request.Request):
    """A request as jars of the standard library want to see it; it writes the Cookie field through."""

    def __init__(self, request: Request) -> None:
        url = request.url
        super().__init__(
            # Without userinfo, which the jar would take for a part of the host.
            url=f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}",
            headers=dict(request.headers),
            method=request.method,
        )
        self._request = request

    def add_unredirected_header(self, key: str, val: str) -> None:
        super().add_unredirected_header(key, val)
        self._request.headers[key] = val


class _StockResponse:
    """A response as jars of the standard library want to see it."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def info(self) -> Message:
        message = Message()
        for name, value in self._response.headers.multi_items():
            # Assigning adds; it does not replace.
            message[name] = value
        return message
