"""Which request a redirect asks for: method, URL, headers and body (RFC 9110 15.4)."""

from __future__ import annotations

from .._exceptions import InvalidURL, RemoteProtocolError
from .._models import Headers, Request, Response
from .._types import AsyncByteStream, SyncByteStream
from .._urls import URL

# What names the user or carries a secret, and must not reach another origin (RFC 9110 15.4).
_CREDENTIAL_FIELDS = ("Authorization", "Proxy-Authorization")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirect_method(request: Request, response: Response) -> str:
    """Return the method of the next request: GET where browsers and RFC 9110 15.4 turn to it."""
    method = request.method
    if response.status_code == 303 and method != "HEAD":
        return "GET"
    # QUERY is safe and carries its question in the body: it is asked again.
    if response.status_code == 302 and method not in ("HEAD", "QUERY"):
        return "GET"
    if response.status_code == 301 and method == "POST":
        return "GET"
    return method


def redirect_url(request: Request, response: Response) -> URL:
    """Return the URL that Location names.

    Raises:
        RemoteProtocolError: it is none.
    """
    location = response.headers["Location"]
    try:
        url = URL(location)
        # "https:///path", which a few servers send, means their own host.
        if url.scheme and not url.host:
            url = url.copy_with(host=request.url.host)
        if url.is_relative_url:
            url = request.url.join(url)
    except InvalidURL as exc:
        raise RemoteProtocolError(f"Invalid URL in location header: {exc}.", request=request) from exc
    # RFC 9110 10.2.2: the fragment is inherited.
    if request.url.fragment and not url.fragment:
        url = url.copy_with(fragment=request.url.fragment)
    return url


def redirect_headers(request: Request, url: URL, method: str) -> Headers:
    """Return the headers of the next request, without what only the first one may carry."""
    headers = request.headers.copy()
    if not is_same_origin(url, request.url):
        if not is_https_upgrade(request.url, url):
            for name in _CREDENTIAL_FIELDS:
                headers.pop(name, None)
        headers["Host"] = url.netloc.decode("ascii")
    if method != request.method and method == "GET":
        # The body is gone, and so is its framing.
        headers.pop("Content-Length", None)
        headers.pop("Transfer-Encoding", None)
    # The jar decides anew.
    headers.pop("Cookie", None)
    return headers


def redirect_stream(request: Request, method: str) -> SyncByteStream | AsyncByteStream | None:
    """Return the body of the next request."""
    if method != request.method and method == "GET":
        return None
    return request.stream


def is_same_origin(url: URL, other: URL) -> bool:
    """Tell whether both have the same scheme, host and port (RFC 6454 4)."""
    return url.scheme == other.scheme and url.host == other.host and port_or_default(url) == port_or_default(other)


def is_https_upgrade(url: URL, location: URL) -> bool:
    """Tell whether location is the same host, on https and the default ports."""
    return (
        url.host == location.host
        and url.scheme == "http"
        and port_or_default(url) == 80
        and location.scheme == "https"
        and port_or_default(location) == 443
    )


def port_or_default(url: URL) -> int | None:
    """Return the port of a URL, or the one of its scheme."""
    return url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)
