"""Take URLs apart, normalise their components, and put them together again.

The grammar is RFC 3986's, read as leniently as HTTPX 0.28 reads it: what may not stand in a component is
percent-encoded, escapes that are there already stay as they are, and a lone "%" stays too. Scheme and host become
lower case, the host ASCII (IDNA), default ports vanish, and dot segments are removed from the paths of URLs that have
a scheme or an authority.

One rule is about safety: the host found here is where the request goes, and the text of a result never reads back
with another one. So whatever would end the authority early ("/", "?", "#", "@", "[", "]") stands bare neither in a
userinfo nor in a host, and a path that starts with "//" never takes the authority's place.

Nearly all URLs of a program are plain and already normal. One pattern recognises these and skips everything else, and
a small cache remembers the results.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from ._exceptions import InvalidURL

MAX_URL_LENGTH = 65536  # characters; HTTPX 0.28's limit, for the whole URL and for each component

# Results by text, for plain str alone. Nothing secret is kept: no userinfo, and neither query nor fragment, which
# carry tokens. Only plain dict operations touch it, so threads need no lock.
PARSED: dict[str, ParseResult] = {}


class _Components(NamedTuple):
    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None


class ParseResult(_Components):
    """The components of a URL, normalised; a tuple of seven.

    IPv6 hosts stand without brackets. A query or fragment that is None is absent, "" is present and empty. What the
    connections need of a URL is computed once and kept, in the `__dict__` that a tuple's subclass may have.
    """

    @property
    def authority(self) -> str:
        """The userinfo, host and port as they stand in the URL."""
        return f"{self.userinfo}@{self.netloc}" if self.userinfo else self.netloc

    @property
    def netloc(self) -> str:
        """The host and port as they stand in the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @cached_property
    def text(self) -> str:
        """The URL."""
        return self._join(self.authority)

    @cached_property
    def target(self) -> bytes:
        """The request target in origin form: path and query; visible ASCII, on which senders rely."""
        path = self.path or "/"
        target = (path if self.query is None else f"{path}?{self.query}").encode("ascii")
        if not _VISIBLE.fullmatch(target):
            raise InvalidURL("Illegal characters in URL path or query")
        return target

    @cached_property
    def host_field(self) -> bytes:
        """The value of the Host field; empty if there is no host, whatever the port."""
        if "%" in self.host and ":" in self.host:
            # RFC 6874 4: a zone means something to this machine alone; it is not sent.
            return self._replace(host=self.host.partition("%")[0]).netloc.encode("ascii")
        return self.netloc.encode("ascii") if self.host else b""

    @cached_property
    def route_key(self) -> tuple[str, str, int | None]:
        """Where the request goes: scheme, host for the resolver, port with the scheme's default filled in.

        Raises:
            InvalidURL: there is no such port. It is no error before, as in HTTPX 0.28.
        """
        port = self.port
        if port is None:
            port = _DEFAULT_PORTS.get(self.scheme)
        elif not 0 <= port <= 65535:
            raise InvalidURL(f"Invalid port: '{port}'")
        host = self.host
        if ":" in host:
            address, percent, zone = host.partition("%")
            # RFC 6874 2: in a URL the sign before the zone is itself escaped, as "%25". A bare one is taken as well.
            host = address.lower() + percent + (zone[2:] if zone.startswith("25") and len(zone) > 2 else zone)
        return self.scheme, host, port

    def copy_with(self, **kwargs: str | None) -> ParseResult:
        """Return a copy with other components; it takes what `urlparse` takes."""
        if not kwargs:
            return self
        components: dict[str, str | None] = {
            "scheme": self.scheme,
            "userinfo": self.userinfo,
            "host": f"[{self.host}]" if ":" in self.host else self.host,
            "port": None if self.port is None else str(self.port),
            "path": self.path,
            "query": self.query,
            "fragment": self.fragment,
        }
        _replace_components(components, kwargs)
        return _normalise(components)

    def masked_text(self) -> str:
        """Return the URL with `[secure]` in place of the password."""
        username, colon, _ = self.userinfo.partition(":")
        return self._join(f"{username}:[secure]@{self.netloc}") if colon else self.text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ParseResult({self.masked_text()!r})"

    def __reduce__(self) -> tuple[type[ParseResult], tuple[object, ...]]:
        return ParseResult, tuple(self)

    def _join(self, authority: str) -> str:
        # RFC 3986 3.3: without an authority a path cannot start with "//", so an empty authority is put before it.
        return "".join(
            [
                f"{self.scheme}:" if self.scheme else "",
                f"//{authority}" if authority or self.path.startswith("//") else "",
                self.path,
                "" if self.query is None else f"?{self.query}",
                "" if self.fragment is None else f"#{self.fragment}",
            ]
        )


def urlparse(url: str = "", **kwargs: str | None) -> ParseResult:
    """Parse a URL; keyword arguments replace components of it.

    They are `scheme`, `authority`, `userinfo`, `username`, `password`, `netloc`, `host`, `port`, `path`, `query`,
    `raw_path` (path and query) and `fragment`. `username` and `password` together replace the userinfo.

    Raises:
        InvalidURL: too long, a control character, or a component that is not valid.
        KeyError: a keyword argument of another name.
    """
    if not kwargs and type(url) is str and len(url) <= MAX_URL_LENGTH:
        match = _NORMAL_URL.fullmatch(url)
        if match is not None and "/." not in match[4]:
            scheme, host, port, path, query, fragment = match.groups()
            result = ParseResult(scheme, "", host, None if port is None else int(port), path, query, fragment)
            result.__dict__["text"] = url
            return _remember(url, result)

    if len(url) > MAX_URL_LENGTH:
        raise InvalidURL("URL too long")
    _refuse_control_characters(url, "URL")
    match = _URL.fullmatch(url)
    assert match is not None, "the pattern takes every text"
    components = match.groupdict()
    components.update(_split_authority(components.pop("authority")))
    if kwargs:
        _replace_components(components, kwargs)
        return _normalise(components)
    return _remember(url, _normalise(components))


def unquote(text: str) -> str:
    """Decode the percent-encoded UTF-8 of a text; wrong UTF-8 becomes U+FFFD, and what is no escape stays."""
    if "%" not in text:
        return text
    return _ESCAPES.sub(_decode_match, text)


def quote_match(match: re.Match[str]) -> str:
    """Percent-encode the UTF-8 of what a pattern matched."""
    return "".join([f"%{byte:02X}" for byte in match[0].encode("utf-8")])


# Private from here on.

_CACHE_SIZE = 512  # URLs
_CACHED_LENGTH = 1024  # characters of a URL; bounds the cache to about 1 MiB

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_IPV4_STYLE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
# RFC 6874 2, and what else may stand in an authority; above all no bracket, "@" or "/".
_ZONE = re.compile(r"[A-Za-z0-9!$%&'()*+,\-.:;=_~]*")

# An http(s) URL that normalising would not change, but for dot segments, which are looked for apart. The last label
# starts with a letter: that is how a name is told from an IPv4 address.
_NORMAL_URL = re.compile(
    rf"(https?)://({_IPV4.pattern}|(?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*)"
    r"(?::(?!(?:80|443)(?![0-9]))([1-9][0-9]{0,4}))?"
    r"((?:/[A-Za-z0-9!$%&'()*+,\-./:;=@\[\\\]^_|~]*)?)"
    r"(?:\?([A-Za-z0-9!$%&'()*+,\-./:;=?@\[\\\]^_`{|}~]*))?"
    r"(?:#([A-Za-z0-9!#$%&'()*+,\-./:;=?@\[\\\]^_{|}~]*))?"
)

# RFC 3986 appendix B; the colon of an empty scheme is dropped.
_URL = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)?:)?"
    r"(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?",
    re.DOTALL,
)

# The userinfo ends at the last "@", as the URL standard has it, so that no "@" can move the host.
_AUTHORITY = re.compile(r"(?:(?P<userinfo>.*)@)?(?P<host>\[.*\]|[^:@]*):?(?P<port>.*)", re.DOTALL)
_NETLOC = re.compile(r"(?P<host>\[.*\]|[^:]*):?(?P<port>.*)", re.DOTALL)

_COMPONENTS = {
    "scheme": re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*)?"),
    "authority": re.compile(r"[^/?#]*"),
    "userinfo": re.compile(r"[^@]*"),
    "host": re.compile(r"\[.*\]|[^:]*"),
    "port": re.compile(r".*"),
    "path": re.compile(r"[^?#]*"),
    "query": re.compile(r"[^#]*"),
    "fragment": re.compile(r".*"),
}

_SECRET_MARK = re.compile(r"[@?#]")  # what userinfo, query and fragment cannot do without
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")

# What is percent-encoded: all but the characters that the URL standard leaves alone in that component. "%" is left
# alone everywhere, so that encoding twice changes nothing.
_ENCODED_IN_CREDENTIAL = re.compile(r"[^A-Za-z0-9!$%&'()*+,\-._~]+")
_ENCODED_IN_USERINFO = re.compile(r"[^A-Za-z0-9!$%&'()*+,\-._~:]+")
_ENCODED_IN_HOST = re.compile(r"""[^A-Za-z0-9!"$%&'()*+,\-.;=\\_`{|}~]+""")
_ENCODED_IN_PATH = re.compile(r"[^A-Za-z0-9!$%&'()*+,\-./:;=@\[\\\]^_|~]+")
_ENCODED_IN_QUERY = re.compile(r"[^A-Za-z0-9!$%&'()*+,\-./:;=?@\[\\\]^_`{|}~]+")
_ENCODED_IN_FRAGMENT = re.compile(r"[^A-Za-z0-9!#$%&'()*+,\-./:;=?@\[\\\]^_{|}~]+")

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

_VISIBLE = re.compile(rb"[\x21-\x7e]+")


def _remember(url: str, result: ParseResult) -> ParseResult:
    if type(url) is str and len(url) <= _CACHED_LENGTH and not _SECRET_MARK.search(url):
        # Starting afresh costs one parse for each URL in use; keeping an order would cost something for each hit.
        if len(PARSED) >= _CACHE_SIZE:
            PARSED.clear()
        PARSED[url] = result
    return result


def _split_authority(authority: str | None) -> dict[str, str | None]:
    match = _AUTHORITY.fullmatch(authority or "")
    assert match is not None, "the pattern takes every text"
    return match.groupdict()


def _replace_components(components: dict[str, str | None], kwargs: dict[str, str | None]) -> None:
    """Put the keyword arguments of `urlparse` into the components as they were written."""
    given = dict(kwargs)
    if given.get("port") is not None:
        given["port"] = str(given["port"])
    if "netloc" in given:
        split = _NETLOC.fullmatch(given.pop("netloc") or "")
        assert split is not None, "the pattern takes every text"
        given.update(split.groupdict())
    if "username" in given or "password" in given:
        username = _ENCODED_IN_CREDENTIAL.sub(quote_match, given.pop("username", "") or "")
        password = _ENCODED_IN_CREDENTIAL.sub(quote_match, given.pop("password", "") or "")
        given["userinfo"] = f"{username}:{password}" if password else username
    if "raw_path" in given:
        path, mark, query = (given.pop("raw_path") or "").partition("?")
        given["path"], given["query"] = path, query if mark else None
    host = given.get("host") or ""
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        given["host"] = f"[{host}]"

    for name, value in given.items():
        if value is not None:
            if len(value) > MAX_URL_LENGTH:
                raise InvalidURL(f"URL component '{name}' too long")
            _refuse_control_characters(value, f"URL {name} component")
            if _COMPONENTS[name].fullmatch(value) is None:
                raise InvalidURL(f"Invalid URL component '{name}'")
    if "authority" in given:
        components.update(_split_authority(given.pop("authority")))
    components.update(given)


def _refuse_control_characters(text: str, what: str) -> None:
    # Printable text, nearly all there is, is told by a C method.
    if text.isprintable():
        return
    if (match := _CONTROL_CHARACTER.search(text)) is not None:
        raise InvalidURL(f"Invalid non-printable ASCII character in {what}, {match[0]!r} at position {match.start()}.")


def _normalise(components: dict[str, str | None]) -> ParseResult:
    """Validate the components as they were written, and return their normal form."""
    scheme = (components["scheme"] or "").lower()
    userinfo = _ENCODED_IN_USERINFO.sub(quote_match, components["userinfo"] or "")
    host = _encode_host(components["host"] or "")
    port = _normalise_port(components["port"], scheme)

    path = components["path"] or ""
    has_authority = bool(userinfo or host or port is not None)
    _validate_path(path, has_scheme=bool(scheme), has_authority=has_authority)
    if scheme or has_authority:
        path = _remove_dot_segments(path)
    path = _ENCODED_IN_PATH.sub(quote_match, path)

    query, fragment = components["query"], components["fragment"]
    if query is not None:
        query = _ENCODED_IN_QUERY.sub(quote_match, query)
    if fragment is not None:
        fragment = _ENCODED_IN_FRAGMENT.sub(quote_match, fragment)
    return ParseResult(scheme, userinfo, host, port, path, query, fragment)


def _encode_host(host: str) -> str:
    if not host:
        return ""
    if _IPV4_STYLE.fullmatch(host):
        if not _IPV4.fullmatch(host):
            raise InvalidURL(f"Invalid IPv4 address: {host!r}")
        return host
    if host.startswith("[") and host.endswith("]"):
        _validate_ipv6(host)
        return host[1:-1]
    if host.isascii():
        return _ENCODED_IN_HOST.sub(quote_match, host.lower())

    import idna  # rare path

    try:
        return idna.encode(host.lower()).decode("ascii")
    except idna.IDNAError as exc:
        raise InvalidURL(f"Invalid IDNA hostname: {host!r}") from exc


def _validate_ipv6(host: str) -> None:
    import ipaddress  # rare path

    try:
        ipaddress.IPv6Address(host[1:-1])
    except ipaddress.AddressValueError as exc:
        raise InvalidURL(f"Invalid IPv6 address: {host!r}") from exc
    if not _ZONE.fullmatch(host[1:-1].partition("%")[2]):
        raise InvalidURL(f"Invalid IPv6 address: {host!r}")


def _normalise_port(port: str | None, scheme: str) -> int | None:
    if not port:
        return None
    try:
        number = int(port)
    except ValueError as exc:
        raise InvalidURL(f"Invalid port: {port!r}") from exc
    return None if number == _DEFAULT_PORTS.get(scheme) else number


def _validate_path(path: str, *, has_scheme: bool, has_authority: bool) -> None:
    """Refuse paths that would be read back as something else (RFC 3986 3.3)."""
    if has_authority:
        if path and not path.startswith("/"):
            raise InvalidURL("For absolute URLs, path must be empty or begin with '/'")
    elif not has_scheme:
        if path.startswith("//"):
            raise InvalidURL("Relative URLs cannot have a path starting with '//'")
        if path.startswith(":"):
            raise InvalidURL("Relative URLs cannot have a path starting with ':'")


def _remove_dot_segments(path: str) -> str:
    """Resolve "." and ".."; unlike RFC 3986 5.2.4, and like HTTPX 0.28, one at the end leaves no slash behind."""
    if "." not in path:
        return path
    segments = path.split("/")
    if "." not in segments and ".." not in segments:
        return path
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _decode_match(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace")
