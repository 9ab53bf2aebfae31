"""`Request`: what is to be sent. It adds the fields that a message needs and that the caller did not give."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .._content import ByteStream, UnattachedStream, encode_request
from .._exceptions import RequestNotRead
from .._multipart import get_multipart_boundary_from_content_type
from .._urls import URL
from .cookies import Cookies
from .headers import Headers, RawField

if TYPE_CHECKING:
    from typing import Self

    from .._query import QueryParams
    from .._timings import Timings
    from .._types import (
        AsyncByteStream,
        CookieTypes,
        HeaderTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        SyncByteStream,
    )


class Request:
    """Hold a request: method, URL, header fields and body.

    Give the body as one of `content`, `data` with or without `files`, or `json`. Host, Content-Length or
    Transfer-Encoding, and Content-Type are added unless they stand in `headers`. A `stream` is sent as it is, and then
    no field is added at all. `params` replaces the query of the URL.

    Raises:
        InvalidURL: the URL cannot be parsed.
        TypeError: an argument of a type that nothing can be made of.
    """

    __module__ = "httpx"

    _content: bytes

    # When the request, redirects and body included, must be finished, on `time.monotonic()`; set when it is sent.
    _deadline: float | None = None

    # When it got how far; set when it is sent over the network.
    _timings: Timings

    # What its client knows of requests like it.
    _known: KnownRequest | None = None

    def __init__(
        self,
        method: str,
        url: URL | str,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: Any | None = None,
        stream: SyncByteStream | AsyncByteStream | None = None,
        extensions: RequestExtensions | None = None,
    ) -> None:
        self.method = method.upper()
        if params is not None:
            self.url = URL(url, params=params)
        else:
            self.url = url if type(url) is URL else URL(url)
        self.headers = Headers(headers)
        self.extensions: dict[str, Any] = {} if extensions is None else dict(extensions)
        if cookies is not None:
            (cookies if isinstance(cookies, Cookies) else Cookies(cookies)).set_cookie_header(self)
        self.stream: SyncByteStream | AsyncByteStream
        if stream is not None:
            self.stream = stream
        elif content is None and data is None and files is None and json is None:
            self.stream = _NO_BODY
            self._content = b""
            self._add_fields({})
        else:
            # The boundary of the caller's own Content-Type is the one that the body must have.
            boundary = (
                get_multipart_boundary_from_content_type(self.headers._get_raw(b"content-type")) if files else None
            )
            fields, self.stream = encode_request(content, data, files, json, boundary)
            if isinstance(self.stream, ByteStream):
                self._content = self.stream._stream
            self._add_fields(fields)

    @property
    def content(self) -> bytes:
        """The body.

        Raises:
            RequestNotRead: it is a stream, and neither `read()` nor `aread()` was called.
        """
        if not hasattr(self, "_content"):
            raise RequestNotRead()
        return self._content

    def read(self) -> bytes:
        """Read the body into memory, where it can be sent any number of times, and return it.

        Raises:
            RuntimeError: it is an async stream.
            StreamConsumed: it is an iterator that was sent already.
        """
        if not hasattr(self, "_content"):
            if not isinstance(self.stream, Iterable):
                raise RuntimeError("Attempted to read an async request body with read(). Call aread() instead.")
            self._keep(b"".join(self.stream))
        return self._content

    async def aread(self) -> bytes:
        """Read the body into memory, where it can be sent any number of times, and return it.

        Raises:
            RuntimeError: it is a sync stream.
            StreamConsumed: it is an iterator that was sent already.
        """
        if not hasattr(self, "_content"):
            if not isinstance(self.stream, AsyncIterable):
                raise RuntimeError("Attempted to read a sync request body with aread(). Call read() instead.")
            self._keep(b"".join([part async for part in self.stream]))
        return self._content

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.method!r}, {str(self.url)!r})>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.extensions = {}
        self.stream = UnattachedStream()

    # Private from here on.

    @classmethod
    def _from_known(cls, known: KnownRequest, extensions: dict[str, Any], content: Any = None) -> Self:
        """Return a request like the known one, that owns `extensions`; `content` is bytes, as many as that has."""
        request = cls.__new__(cls)
        request.method = known.method
        request.url = known.url
        request.extensions = extensions
        if content is None:
            request.stream = _NO_BODY
            request._content = b""
        else:
            request.stream = ByteStream(content)
            request._content = content
        request.headers = Headers._from_shared(known.fields, known.index)
        request._known = known
        return request

    @classmethod
    def _from_client(
        cls,
        method: str,
        url: URL,
        headers: Headers,
        names: Iterable[bytes],
        extensions: dict[str, Any],
        body: tuple[list[RawField], SyncByteStream | AsyncByteStream] | None = None,
    ) -> Self:
        """Return a request with a copy of `headers`, whose lower-case names are `names`, and that owns `extensions`.

        The method is in upper case; `body` is the body and the fields that describe it.
        """
        request = cls.__new__(cls)
        request.method = method
        request.url = url
        request.extensions = extensions
        fields, stream = ([], _NO_BODY) if body is None else body
        is_usual = _BODY_FIELDS.isdisjoint(names) if fields else method not in _METHODS_WITH_BODY
        request.stream = stream
        if isinstance(stream, ByteStream):
            request._content = stream._stream
        host = url._uri_reference.host_field
        if is_usual and host and b"host" not in names:
            # Speed: as `_add_fields`, where nothing is there already.
            request.headers = headers._copy_between((b"Host", host), fields)
        else:
            request.headers = Headers(headers)
            request._add_fields({name.decode("ascii"): value.decode("ascii") for name, value in fields}, set(names))
        return request

    def _add_fields(self, body_fields: Mapping[str, str], names: set[bytes] | None = None) -> None:
        """Add what describes the body, at the end, and what every request has, in front, unless it is there."""
        fields = self.headers._fields
        if names is None:
            # Speed: without a Python call for each field; there are three to five questions to ask.
            names = set(map(bytes.lower, dict(fields)))
        for name, value in body_fields.items():
            raw_name = name.encode("ascii")
            lower_name = raw_name.lower()
            # RFC 9112 6.2: no Content-Length beside a Transfer-Encoding; the one that the caller gave stays.
            rivals = _FRAMING_FIELDS if lower_name in _FRAMING_FIELDS else {lower_name}
            if names.isdisjoint(rivals):
                fields.append((raw_name, value.encode("ascii")))
                names.add(lower_name)
        # RFC 9110 8.6: a request without a body has Content-Length: 0 if its method gives a body a meaning.
        if self.method in _METHODS_WITH_BODY and names.isdisjoint(_FRAMING_FIELDS):
            fields.insert(0, (b"Content-Length", b"0"))
        host = self.url._uri_reference.host_field
        if host and b"host" not in names:
            fields.insert(0, (b"Host", host))
        self.headers._index = None

    def _keep(self, content: bytes) -> None:
        self._content = content
        # What was read can be sent again, whatever it was read from.
        if not isinstance(self.stream, ByteStream):
            self.stream = ByteStream(content)


class KnownRequest:
    """What a client's requests for one URL have in common that bring nothing but a body of one size, and their head.

    It holds for a client as long as that has the same base and params, and its headers have `client_fields`, and so
    many of them (a list of fields is made anew, or grows). It holds for a request as long as that has method, URL and
    fields of this one, and no extensions but its timeouts. To see that these are the same objects is enough: headers
    that share their fields get others when they are changed, and URLs never are.
    """

    __slots__ = ("base_url", "client_fields", "count", "fields", "index", "method", "params", "plan", "url")

    def __init__(
        self, request: Request, client_fields: list[RawField], count: int, base_url: URL, params: QueryParams
    ) -> None:
        self.method = request.method
        self.url = request.url
        self.fields: list[RawField]
        self.fields, self.index = request.headers._share()
        self.client_fields = client_fields
        self.count = count
        self.base_url = base_url
        self.params = params
        # How a pool sends it, once one has; only that knows what to make of it.
        self.plan: Any = None


# Private from here on.

# What belongs to this process, and what `__setstate__` sets.
_NOT_PICKLED = frozenset({"extensions", "stream", "_deadline", "_known", "_timings"})

# Shared by all requests without a body, since it holds no state.
_NO_BODY = ByteStream(b"")

_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "QUERY"})

_FRAMING_FIELDS = frozenset({b"content-length", b"transfer-encoding"})


# All that `encode_request` adds.
_BODY_FIELDS = _FRAMING_FIELDS | {b"content-type"}
