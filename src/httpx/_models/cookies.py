"""`Cookies`: a mapping over a cookie jar, and what takes cookies from responses and adds them to requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from .._exceptions import CookieConflict

if TYPE_CHECKING:
    from http.cookiejar import Cookie, CookieJar

    from .._types import CookieTypes
    from .cookiejar import RFC6265CookieJar
    from .request import Request
    from .response import Response


class Cookies(MutableMapping[str, str]):
    """Hold cookies: a mapping of names to values, over a `CookieJar` that knows their domains and paths.

    A `CookieJar` that is given is used, not copied, and applies the policy it has. Otherwise a jar of our own is used,
    which keeps to RFC 6265bis. Cookies set by name alone go with all requests.

    Raises:
        ValueError, TypeError: `cookies` is neither a mapping, nor a list of pairs, nor a jar.
    """

    __module__ = "httpx"

    # The jar, once there is a reason for one, and once more as `_own_jar` unless it is one of the user's.
    _jar: CookieJar | None = None
    _own_jar: RFC6265CookieJar | None = None

    def __init__(self, cookies: CookieTypes | None = None) -> None:
        if cookies is None:
            return
        if isinstance(cookies, Cookies):
            if cookies._jar is not None and cookies._own_jar is None:
                self.jar = _make_jar_like(cookies._jar)
            self.update(cookies)
        elif hasattr(cookies, "set_cookie"):
            # Not isinstance: the class need not be imported for that.
            self.jar = cast("CookieJar", cookies)
        else:
            pairs: Iterable[Any] = cookies.items() if isinstance(cookies, dict) else cast(Any, cookies)
            for name, value in pairs:
                self.set(name, value)

    @property
    def jar(self) -> CookieJar:
        """The jar. Iterate over it for all that is known of each cookie; assign another one to use that."""
        if self._jar is None:
            from .cookiejar import RFC6265CookieJar  # heavy, and most programs never see a cookie

            with _LOCK:
                # Of several threads that need a jar, one makes it. Who sees `_jar` goes on to look at `_own_jar`.
                if self._jar is None:
                    self._own_jar = RFC6265CookieJar()
                    self._jar = self._own_jar
        return self._jar

    @jar.setter
    def jar(self, jar: CookieJar) -> None:
        from .cookiejar import RFC6265CookieJar

        self._jar = jar
        self._own_jar = jar if isinstance(jar, RFC6265CookieJar) else None

    def extract_cookies(self, response: Response) -> None:
        """Store the cookies that a response sets, as far as the jar takes them.

        Raises:
            RuntimeError: the response has no request, and so came from nowhere.
        """
        self._extract(response, is_scheme_checked=True)

    def set_cookie_header(self, request: Request) -> None:
        """Add the cookies that go with a request to it, unless it has a Cookie field."""
        jar = self._jar
        if jar is None or request.headers._get_raw(b"cookie") is not None:
            return
        if self._own_jar is None:
            from .cookiejar import add_stock_header

            add_stock_header(jar, request)
            return
        value = self._own_jar.header_for(request)
        if value is not None:
            # RFC 6265bis 5.8.3 leaves the encoding open; servers that send more than ASCII send UTF-8.
            request.headers._append_raw(b"Cookie", value.encode("utf-8"))

    def set(self, name: str, value: str, domain: str = "", path: str = "/") -> None:
        """Set a cookie; with `domain` for that and the hosts below it, otherwise for all hosts."""
        jar = self.jar
        from .cookiejar import make_user_cookie

        jar.set_cookie(make_user_cookie(name, value, domain, path))

    def get(  # type: ignore[override]  # as HTTPX 0.28
        self, name: str, default: str | None = None, domain: str | None = None, path: str | None = None
    ) -> str | None:
        """Return the value of a cookie, of that domain and path if they are given.

        Raises:
            CookieConflict: there are several.
        """
        found = self._find(name, domain, path)
        if len(found) > 1:
            raise CookieConflict(f"Multiple cookies exist with name={name}")
        return found[0].value if found else default

    def delete(self, name: str, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies of a name, of that domain and path if they are given."""
        for cookie in self._find(name, domain, path):
            self.jar.clear(cookie.domain, cookie.path, cookie.name)

    def clear(self, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies, or those of a domain, or of a path there.

        Raises:
            ValueError: there is a path, but no domain.
        """
        if path is not None and domain is None:
            raise ValueError(f"Cookies.clear(path={path!r}) needs a domain as well.")
        if self._jar is None and domain is None:
            return
        # The jar counts its arguments.
        if domain is None:
            self.jar.clear()
        elif path is None:
            self.jar.clear(domain)
        else:
            self.jar.clear(domain, path)

    def update(self, cookies: CookieTypes | None = None) -> None:  # type: ignore[override]  # as HTTPX 0.28
        """Store these cookies in the jar, those of a jar with their domains and paths."""
        if cookies is None:
            return
        others = cookies if isinstance(cookies, Cookies) else Cookies(cookies)
        if others._jar is not None:
            for cookie in list(others._jar):
                self.jar.set_cookie(cookie)

    def __getitem__(self, name: str) -> str:
        found = self._find(name)
        if not found:
            raise KeyError(name)
        return cast(str, self.get(name))

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        self.delete(name)

    def __len__(self) -> int:
        return sum(1 for _ in self.jar) if self else 0

    def __iter__(self) -> Iterator[str]:
        return iter([cookie.name for cookie in self.jar] if self else [])

    def __bool__(self) -> bool:
        jar = self._jar
        if jar is None:
            return False
        if self._own_jar is None:
            return any(True for _ in jar)
        return not self._own_jar.is_empty

    def __repr__(self) -> str:
        cookies = ", ".join(
            f"<Cookie {cookie.name}={cookie.value} for {cookie.domain} />" for cookie in self._jar or ()
        )
        return f"<Cookies[{cookies}]>"

    # Private from here on.

    @classmethod
    def _announced_by(cls, response: Response) -> Cookies:
        """Return the cookies that a response sets, those that it may not set for want of https among them.

        They are to be looked at, not to be sent: a server that is tested over plain http sets them all the same.
        """
        cookies = cls()
        cookies._extract(response, is_scheme_checked=False)
        return cookies

    def _extract(self, response: Response, *, is_scheme_checked: bool) -> None:
        if response.headers._get_raw(b"set-cookie") is None:
            return
        jar = self.jar
        if self._own_jar is None:
            from .cookiejar import extract_stock_cookies

            extract_stock_cookies(jar, response)
        else:
            self._own_jar.store_from(response, is_scheme_checked=is_scheme_checked)

    def _find(self, name: str, domain: str | None = None, path: str | None = None) -> list[Cookie]:
        return [
            cookie
            for cookie in self._jar or ()
            if cookie.name == name
            and (domain is None or cookie.domain == domain)
            and (path is None or cookie.path == path)
        ]


# One for all objects, so that these can be copied and pickled; it is held while a jar is made.
_LOCK = threading.Lock()


def _make_jar_like(jar: CookieJar) -> CookieJar:
    """Return an empty jar that applies the policy of one of the user's."""
    from http.cookiejar import CookieJar

    return CookieJar(policy=vars(jar).get("_policy"))
