"""`Response`: what was received. Its head is there from the start; its body is read at once, or streamed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._content import ByteStream, UnattachedStream, encode_response
from .._exceptions import HTTPStatusError
from .._status_codes import codes
from .cookies import Cookies
from .headers import Headers
from .message_fields import parse_links
from .response_body import ResponseBody

if TYPE_CHECKING:
    from typing import Self

    from .._types import AsyncByteStream, HeaderTypes, ResponseContent, ResponseExtensions, SyncByteStream
    from .._urls import URL
    from .request import Request


class Response(ResponseBody):
    """Hold a response: status code, header fields and body.

    Give the body as one of `content`, `text`, `html` and `json`, which add the fields that describe it, or as a
    `stream`, which adds none. `default_encoding` is the charset of text whose Content-Type names none, or a function
    that finds it out from the content. What one thread or task streams, another must not.

    Raises:
        DecodingError: the content does not follow its Content-Encoding.
        TypeError: an argument of a type that nothing can be made of.
    """

    __module__ = "httpx"

    _cookies: Cookies

    def __init__(
        self,
        status_code: int,
        *,
        headers: HeaderTypes | None = None,
        content: ResponseContent | None = None,
        text: str | None = None,
        html: str | None = None,
        json: Any = None,
        stream: SyncByteStream | AsyncByteStream | None = None,
        request: Request | None = None,
        extensions: ResponseExtensions | None = None,
        history: list[Response] | None = None,
        default_encoding: str | Callable[[bytes], str] = "utf-8",
    ) -> None:
        self.status_code = status_code
        self.headers = Headers(headers)
        self._request = request
        self.next_request: Request | None = None  # set where a redirect is not followed
        self.extensions: dict[str, Any] = {} if extensions is None else dict(extensions)
        self.history: list[Response] = [] if history is None else list(history)
        self.is_closed = False
        self.is_stream_consumed = False
        self.default_encoding = default_encoding
        self._num_bytes_downloaded = 0
        self.stream: SyncByteStream | AsyncByteStream
        if stream is not None:
            self.stream = stream
            return
        fields, self.stream = encode_response(content, text, html, json)
        self._add_body_fields(fields)
        if isinstance(self.stream, ByteStream):
            self.read()
            self._num_bytes_downloaded = 0  # nothing came over a network

    @property
    def request(self) -> Request:
        """The request that this answers.

        Raises:
            RuntimeError: it was not set.
        """
        if self._request is None:
            raise RuntimeError("The request instance has not been set on this response.")
        return self._request

    @request.setter
    def request(self, value: Request) -> None:
        self._request = value

    @property
    def url(self) -> URL:
        """The URL of the request that this answers: the last one, if redirects were followed."""
        return self.request.url

    @property
    def http_version(self) -> str:
        """The version of the protocol, such as "HTTP/1.1"."""
        version: bytes = self.extensions.get("http_version", b"HTTP/1.1")
        return version.decode("ascii", "ignore")

    @property
    def reason_phrase(self) -> str:
        """The text beside the status code: the server's, or else the usual one."""
        phrase: bytes | None = self.extensions.get("reason_phrase")
        return codes.get_reason_phrase(self.status_code) if phrase is None else phrase.decode("ascii", "ignore")

    @property
    def is_informational(self) -> bool:
        """Whether the status code is 1xx."""
        return 100 <= self.status_code <= 199

    @property
    def is_success(self) -> bool:
        """Whether the status code is 2xx."""
        return 200 <= self.status_code <= 299

    @property
    def is_redirect(self) -> bool:
        """Whether the status code is 3xx; see `has_redirect_location` for what can be followed."""
        return 300 <= self.status_code <= 399

    @property
    def is_client_error(self) -> bool:
        """Whether the status code is 4xx."""
        return 400 <= self.status_code <= 499

    @property
    def is_server_error(self) -> bool:
        """Whether the status code is 5xx."""
        return 500 <= self.status_code <= 599

    @property
    def is_error(self) -> bool:
        """Whether the status code is 4xx or 5xx."""
        return 400 <= self.status_code <= 599

    @property
    def has_redirect_location(self) -> bool:
        """Whether this is a redirect that says where to."""
        return self.status_code in _REDIRECTS and "Location" in self.headers

    def raise_for_status(self) -> Response:
        """Return the response itself if its status code is 2xx.

        Raises:
            HTTPStatusError: it is any other one.
            RuntimeError: the request was not set.
        """
        if self._request is None:
            raise RuntimeError(
                "Cannot call `raise_for_status` as the request instance has not been set on this response."
            )
        if self.is_success:
            return self
        status = self.status_code
        kind = _STATUS_KINDS.get(status // 100, "Invalid status code")
        lines = [f"{kind} '{status} {self.reason_phrase}' for url '{_mask_userinfo(str(self.url))}'"]
        if self.has_redirect_location:
            lines.append(f"Redirect location: '{_mask_userinfo(self.headers['Location'])}'")
        lines.append(f"For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/{status}")
        raise HTTPStatusError("\n".join(lines), request=self._request, response=self)

    @property
    def links(self) -> dict[str | None, dict[str, str]]:
        """The links of the Link field by their relation, or by their URL if they have none."""
        return parse_links(self.headers.get("Link", ""))

    @property
    def cookies(self) -> Cookies:
        """The cookies that this response sets."""
        if not hasattr(self, "_cookies"):
            self._cookies = Cookies._announced_by(self)
        return self._cookies

    def json(self, **kwargs: Any) -> Any:
        """Return the body as the JSON value that it holds; the arguments are those of `json.loads`.

        Raises:
            json.JSONDecodeError: it is not JSON.
            UnicodeDecodeError: it is not UTF-8, UTF-16 or UTF-32.
        """
        from .._json_parser import parse_json  # not needed by every program

        return parse_json(self.content, **kwargs)

    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {self.reason_phrase}]>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.is_closed = True
        self.extensions = {}
        self.stream = UnattachedStream()

    # Private from here on.

    @classmethod
    def _from_wire(
        cls,
        status_code: int,
        headers: Headers,
        stream: SyncByteStream | AsyncByteStream,
        extensions: dict[str, Any],
    ) -> Self:
        """Return an open response that owns `headers` and `extensions`."""
        response = cls.__new__(cls)
        response.status_code = status_code
        response.headers = headers
        response._request = None
        response.next_request = None
        response.extensions = extensions
        response.history = []
        response.is_closed = False
        response.is_stream_consumed = False
        response.default_encoding = "utf-8"
        response._num_bytes_downloaded = 0
        response.stream = stream
        return response

    def _add_body_fields(self, fields: dict[str, str]) -> None:
        """Add the fields that describe the body, unless they are there."""
        headers = self.headers
        for name, value in fields.items():
            # RFC 9112 6.2: no Transfer-Encoding in a message that has a Content-Length.
            if name != "Transfer-Encoding" or "Content-Length" not in headers:
                headers.setdefault(name, value)


_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_STATUS_KINDS = {1: "Informational response", 3: "Redirect response", 4: "Client error", 5: "Server error"}

# What belongs to this process, and what `__setstate__` sets.
_NOT_PICKLED = frozenset({"extensions", "stream", "is_closed", "_decoder", "_start_time"})

_USERINFO = re.compile(r"^([^/\\?#]*[/\\]{2})[^/\\?#]*@")


def _mask_userinfo(url: str) -> str:
    """Hide user name and password, which may both be secrets, from what gets printed."""
    return _USERINFO.sub(r"\1[secure]@", url)
