"""URLs as programs hold them: `URL`, and the `Origin` it belongs to.

Everything that has to do with grammar is in `_urlparse`. A `URL` wraps one parse result, which never changes and may
be shared between many; so making a URL of a text that was seen before, copying and comparing cost next to nothing.
"""

from __future__ import annotations

import typing

from ._exceptions import InvalidURL
from ._query import QueryParams
from ._types import QueryParamTypes
from ._urlparse import MAX_URL_LENGTH, PARSED, ParseResult, unquote, urlparse

__all__ = ["URL", "Origin", "QueryParams"]


class URL:
    """Hold a URL in its normal form, and give access to its components.

        >>> url = URL("HTTPS://jo%40email.com:a%20secret@Müller.de:1234/pa%20th?search=ab#anchor")
        >>> url.host, url.raw_host, url.port
        ('müller.de', b'xn--mller-kva.de', 1234)
        >>> url.username, url.password, url.path
        ('jo@email.com', 'a secret', '/pa th')
        >>> url
        URL('https://jo%40email.com:[secure]@xn--mller-kva.de:1234/pa%20th?search=ab#anchor')

    Scheme and host are lower case, default ports and dot segments are removed, and what may not stand in a component
    is percent-encoded; escapes that are there already stay. A URL may be relative.

    Keyword arguments replace components: `scheme`, `username`, `password`, `userinfo`, `host`, `port`, `netloc`,
    `path`, `query`, `raw_path`, `fragment`, `params`. The types are those of the properties; None removes.

    Instances do not change; they compare and hash by their text, and compare to str as well.

    Raises:
        InvalidURL: the URL, or a component, is not valid.
        TypeError: the URL or a keyword argument is of the wrong type, or there is no such argument.
    """

    __module__ = "httpx"

    _uri_reference: ParseResult

    def __init__(self, url: URL | str = "", **kwargs: typing.Any) -> None:
        if not kwargs:
            if type(url) is str:
                # A KeyError that is caught costs more than a lookup that gives None.
                known = PARSED.get(url)
                self._uri_reference = urlparse(url) if known is None else known
                return
            if isinstance(url, URL):
                self._uri_reference = url._uri_reference
                return
        if kwargs.keys() == _PARAMS_ALONE and isinstance(url, (str, URL)):
            self._uri_reference = _replace_query(URL(url)._uri_reference, kwargs["params"])
            return
        components = _check_components(kwargs)
        if isinstance(url, str):
            self._uri_reference = urlparse(url, **components)
        elif isinstance(url, URL):
            self._uri_reference = url._uri_reference.copy_with(**components)
        else:
            raise TypeError(f"Invalid type for url.  Expected str or httpx.URL, got {type(url)}: {url!r}")

    @property
    def scheme(self) -> str:
        """The scheme, lower case; "" if there is none."""
        return self._uri_reference.scheme

    @property
    def raw_scheme(self) -> bytes:
        """The scheme as bytes."""
        return self._uri_reference.scheme.encode("ascii")

    @property
    def userinfo(self) -> bytes:
        """User name and password as they stand in the URL: percent-encoded, with ":" between them."""
        return self._uri_reference.userinfo.encode("ascii")

    @property
    def username(self) -> str:
        """The user name, decoded."""
        return unquote(self._uri_reference.userinfo.partition(":")[0])

    @property
    def password(self) -> str:
        """The password, decoded."""
        return unquote(self._uri_reference.userinfo.partition(":")[2])

    @property
    def host(self) -> str:
        """The host for people: lower case, IDNA decoded, IPv6 without brackets; "" if there is none."""
        host = self._uri_reference.host
        return _decode_host(host) if "xn--" in host else host

    @property
    def raw_host(self) -> bytes:
        """The host for the network: lower case, IDNA encoded, IPv6 without brackets."""
        return self._uri_reference.host.encode("ascii")

    @property
    def port(self) -> int | None:
        """The port; None if there is none, or if it is the default one of http, https, ws, wss or ftp."""
        return self._uri_reference.port

    @property
    def netloc(self) -> bytes:
        """Host and port as they stand in the URL, for example b"example.org:8080"."""
        return self._uri_reference.netloc.encode("ascii")

    @property
    def path(self) -> str:
        """The path, decoded; "/" if it is empty. Use `raw_path` to tell "%2F" from "/"."""
        return unquote(self._uri_reference.path or "/")

    @property
    def query(self) -> bytes:
        """The query as it stands in the URL, without "?"; b"" if there is none."""
        return (self._uri_reference.query or "").encode("ascii")

    @property
    def params(self) -> QueryParams:
        """The query as a multi-dict."""
        return QueryParams(self._uri_reference.query)

    @property
    def raw_path(self) -> bytes:
        """Path and query as they go into a request, for example b"/search?q=a%20b"."""
        return self._uri_reference.target

    @property
    def fragment(self) -> str:
        """The fragment, decoded, without "#"; "" if there is none."""
        return unquote(self._uri_reference.fragment or "")

    @property
    def is_absolute_url(self) -> bool:
        """Tell whether there are a scheme and a host."""
        return bool(self._uri_reference.scheme and self._uri_reference.host)

    @property
    def is_relative_url(self) -> bool:
        """Tell whether the scheme or the host is missing."""
        return not self.is_absolute_url

    @property
    def origin(self) -> Origin:
        """The origin: what decides whether credentials may go along."""
        return Origin(self)

    def copy_with(self, **kwargs: typing.Any) -> URL:
        """Return a copy with other components; takes the keyword arguments of the constructor.

        >>> URL("https://jo:secret@example.org/a?b=1").copy_with(username="jo", password=None, raw_path=b"/c")
        URL('https://jo@example.org/c')
        """
        return URL(self, **kwargs)

    def copy_set_param(self, key: str, value: typing.Any = None) -> URL:
        """Return a copy whose query has this one value by that name."""
        return self.copy_with(params=self.params.set(key, value))

    def copy_add_param(self, key: str, value: typing.Any = None) -> URL:
        """Return a copy whose query has one more value by that name."""
        return self.copy_with(params=self.params.add(key, value))

    def copy_remove_param(self, key: str) -> URL:
        """Return a copy whose query has nothing by that name."""
        return self.copy_with(params=self.params.remove(key))

    def copy_merge_params(self, params: QueryParamTypes) -> URL:
        """Return a copy with those parameters added; they replace the values of names that were there."""
        return self.copy_with(params=self.params.merge(params))

    def join(self, url: URL | str) -> URL:
        """Return what that reference means at this URL, as a link in a page would.

        >>> URL("https://example.org/a/b").join("../c?d")
        URL('https://example.org/c?d')
        """
        return _wrap(_resolve(self._uri_reference, URL(url)._uri_reference))

    def __hash__(self) -> int:
        return hash(self._uri_reference.text)

    def __eq__(self, other: typing.Any) -> bool:
        if isinstance(other, URL):
            return self._uri_reference.text == other._uri_reference.text
        return isinstance(other, str) and self._uri_reference.text == str(URL(other))

    def __str__(self) -> str:
        return self._uri_reference.text

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self._uri_reference.masked_text()!r})"

    @property
    def raw(self) -> tuple[bytes, bytes, int, bytes]:
        """Deprecated: `raw_scheme`, `raw_host`, `port` and `raw_path` in one tuple."""
        import warnings  # rare path

        warnings.warn("URL.raw is deprecated.", stacklevel=2)
        # The port may be None; the annotation is HTTPX 0.28's.
        port = typing.cast(int, self.port)
        return RawURL(self.raw_scheme, self.raw_host, port, self.raw_path)

    # What connections need for each request; see `ParseResult`.

    @property
    def _route_key(self) -> tuple[str, str, int | None]:
        return self._uri_reference.route_key

    @property
    def _target(self) -> bytes:
        return self._uri_reference.target

    @property
    def _host_field(self) -> bytes:
        return self._uri_reference.host_field


class Origin:
    """Hold scheme, host and port of a URL, the port filled in where the URL leaves it to the scheme.

    >>> Origin("https://example.org/a") == Origin("https://example.org:443/b")
    True
    >>> Origin("https://example.org/a").port
    443

    The port is None for schemes that have no default one. Origins compare and hash by value.

    Raises:
        InvalidURL: the URL is not valid.
    """

    __module__ = "httpx"

    def __init__(self, url: URL | str) -> None:
        if not isinstance(url, URL):
            url = URL(url)
        self.scheme = url.scheme
        self.host = url.host
        self.port = url._route_key[2]

    def __eq__(self, other: typing.Any) -> bool:
        if not isinstance(other, Origin):
            return NotImplemented
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def __hash__(self) -> int:
        return hash((self.scheme, self.host, self.port))

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(scheme={self.scheme!r}, host={self.host!r}, port={self.port!r})"


# Private from here on.


class RawURL(typing.NamedTuple):
    raw_scheme: bytes
    raw_host: bytes
    port: int
    raw_path: bytes


_COMPONENT_TYPES: dict[str, type] = {
    "scheme": str,
    "username": str,
    "password": str,
    "userinfo": bytes,
    "host": str,
    "port": int,
    "netloc": bytes,
    "path": str,
    "query": bytes,
    "raw_path": bytes,
    "fragment": str,
    "params": object,
}


_PARAMS_ALONE = {"params"}


def _wrap(reference: ParseResult) -> URL:
    url = URL.__new__(URL)
    url._uri_reference = reference
    return url


def _replace_query(reference: ParseResult, params: QueryParamTypes | None) -> ParseResult:
    """Return a copy with these parameters for a query.

    Speed: as `copy_with(query=...)`, but form encoding leaves nothing to be normalised, and what follows from the host
    alone is not found out again.
    """
    query = _encode_params(params)
    if query is not None and len(query) > MAX_URL_LENGTH:
        raise InvalidURL("URL component 'query' too long")
    scheme, userinfo, host, port, path, _, fragment = reference
    copy = ParseResult(scheme, userinfo, host, port, path, query, fragment)
    known = copy.__dict__
    known["host_field"] = reference.host_field
    if port is None:
        known["route_key"] = reference.route_key
    return copy


def _encode_params(params: QueryParamTypes | None) -> str | None:
    # No parameters at all are no query, not an empty one.
    return str(QueryParams(params)) if params else None


def _check_components(kwargs: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Return the components that `urlparse` takes, as text, for those that users give."""
    components: dict[str, typing.Any] = {}
    for name, value in kwargs.items():
        expected = _COMPONENT_TYPES.get(name)
        if expected is None:
            raise TypeError(f"{name!r} is an invalid keyword argument for URL()")
        if value is not None and not isinstance(value, expected):
            raise TypeError(f"Argument {name!r} must be {expected.__name__} but got {type(value).__name__}")
        components[name] = value.decode("ascii") if expected is bytes and isinstance(value, bytes) else value
    if "params" in components:
        components["query"] = _encode_params(components.pop("params"))
    return components


def _decode_host(host: str) -> str:
    import idna  # rare path

    try:
        return idna.decode(host)
    except idna.IDNAError:
        # Servers have names that IDNA 2008 does not allow; such a name is shown as it is sent.
        return host


def _resolve(base: ParseResult, reference: ParseResult) -> ParseResult:
    """Return what a reference means at that base, by RFC 3986 5.2.

    As in HTTPX 0.28 (and urllib), a reference with the base's own scheme counts as having none, an empty query or
    fragment counts as absent, and empty segments of a path that is merged are dropped.
    """
    if not reference.text:
        return base
    if reference.scheme not in ("", base.scheme):
        return reference
    query, fragment = reference.query or None, reference.fragment or None
    if reference.authority:
        return reference.copy_with(scheme=base.scheme, query=query, fragment=fragment)
    if not reference.path:
        return base.copy_with(query=query or base.query or None, fragment=fragment)
    path = _merge_paths(base.path, reference.path)
    if base.authority and not path.startswith("/"):
        path = "/" + path
    return base.copy_with(path=path, query=query, fragment=fragment)


def _merge_paths(base: str, path: str) -> str:
    segments = path.split("/")
    if not path.startswith("/"):
        segments = [*base.split("/")[:-1], *segments]
        segments[1:-1] = [segment for segment in segments[1:-1] if segment]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept) or "/"
