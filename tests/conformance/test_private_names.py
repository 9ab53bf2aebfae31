"""Private modules hold the names that programs import from them.

Names that begin with an underscore promise nothing, but libraries that mock, trace or extend HTTPX 0.28 use some of
them; what these use stays. docs/compatibility.md lists what is gone.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

import httpx

# By module. What is not public itself stands in the last part.
PUBLIC_NAMES = {
    "_api": "delete get head options patch post put request stream",
    "_auth": "Auth BasicAuth DigestAuth FunctionAuth NetRCAuth",
    "_client": (
        "AsyncBaseTransport AsyncByteStream AsyncClient AsyncHTTPTransport Auth BaseTransport BasicAuth Client Cookies "
        "FunctionAuth HTTPTransport Headers InvalidURL Limits Proxy QueryParams RemoteProtocolError Request Response "
        "SyncByteStream Timeout TooManyRedirects URL USE_CLIENT_DEFAULT codes"
    ),
    "_config": "Limits Proxy Timeout create_ssl_context",
    "_content": "ByteStream",
    "_exceptions": (
        "CloseError ConnectError ConnectTimeout CookieConflict DecodingError HTTPError HTTPStatusError InvalidURL "
        "LocalProtocolError NetworkError PoolTimeout ProtocolError ProxyError ReadError ReadTimeout "
        "RemoteProtocolError RequestError RequestNotRead ResponseNotRead StreamClosed StreamConsumed StreamError "
        "TimeoutException TooManyRedirects TransportError UnsupportedProtocol WriteError WriteTimeout"
    ),
    "_models": "AsyncByteStream Cookies Headers Request Response SyncByteStream URL",
    "_status_codes": "codes",
    "_transports": (
        "ASGITransport AsyncBaseTransport AsyncHTTPTransport BaseTransport HTTPTransport MockTransport WSGITransport"
    ),
    "_transports.asgi": "ASGITransport",
    "_transports.base": "AsyncBaseTransport BaseTransport",
    "_transports.default": "AsyncHTTPTransport HTTPTransport",
    "_transports.mock": "MockTransport",
    "_transports.wsgi": "WSGITransport",
    "_types": "AsyncByteStream SyncByteStream",
    "_urls": "URL QueryParams",
    "__version__": "__title__ __description__ __version__",
}

PRIVATE_NAMES = {
    "_client": (
        "ACCEPT_ENCODING BaseClient ClientState DEFAULT_LIMITS DEFAULT_MAX_REDIRECTS DEFAULT_TIMEOUT_CONFIG EventHook "
        "USER_AGENT UseClientDefault logger AuthTypes CertTypes CookieTypes HeaderTypes ProxyTypes QueryParamTypes "
        "RequestContent RequestData RequestExtensions RequestFiles TimeoutTypes URLPattern get_environment_proxies "
        "request_context"
    ),
    "_config": "DEFAULT_LIMITS DEFAULT_MAX_REDIRECTS DEFAULT_TIMEOUT_CONFIG UNSET UnsetType",
    "_content": (
        "AsyncIteratorByteStream IteratorByteStream UnattachedStream encode_content encode_html encode_json "
        "encode_multipart_data encode_request encode_response encode_text encode_urlencoded_data"
    ),
    "_decoders": (
        "SUPPORTED_DECODERS BrotliDecoder ByteChunker ContentDecoder DeflateDecoder GZipDecoder IdentityDecoder "
        "LineDecoder MultiDecoder TextChunker TextDecoder ZStandardDecoder"
    ),
    "_exceptions": "request_context",
    "_models": (
        "CookieTypes HeaderTypes QueryParamTypes RequestContent RequestData RequestExtensions RequestFiles "
        "ResponseContent ResponseExtensions"
    ),
    "_multipart": "DataField FileField MultipartStream get_multipart_boundary_from_content_type",
    "_transports.default": "AsyncResponseStream ResponseStream SOCKET_OPTION map_httpcore_exceptions",
    "_types": (
        "AuthTypes CertTypes CookieTypes FileContent FileTypes HeaderTypes PrimitiveData ProxyTypes QueryParamTypes "
        "RequestContent RequestData RequestExtensions RequestFiles ResponseContent ResponseExtensions TimeoutTypes"
    ),
    "_urlparse": "MAX_URL_LENGTH ParseResult urlparse",
    "_utils": "URLPattern get_environment_proxies primitive_value_to_str to_bytes to_str unquote",
}

# Attributes of objects, in the life of which libraries take a hand.
ATTRIBUTES = {
    "Client": (
        "_auth _base_url _build_auth _build_redirect_request _build_request_auth _cookies _default_encoding "
        "_enforce_trailing_slash _event_hooks _get_proxy_map _headers _init_proxy_transport _init_transport "
        "_merge_cookies _merge_headers _merge_queryparams _merge_url _mounts _params _redirect_headers "
        "_redirect_method _redirect_stream _redirect_url _send_handling_auth _send_handling_redirects "
        "_send_single_request _set_timeout _state _timeout _transport _transport_for_url _trust_env"
    ),
    "HTTPTransport": "_pool",
    "Response": "_content _encoding _get_content_decoder _num_bytes_downloaded _request _text",
    "Request": "_content",
    "Headers": "_encoding _list",
    "URL": "_uri_reference",
    "QueryParams": "_dict",
    "ConnectError": "_request",
}


def make_response() -> httpx.Response:
    response = httpx.Response(200, text="text", request=httpx.Request("GET", "https://www.example.org"))
    assert (response.text, response.encoding) == ("text", "utf-8")
    return response


OBJECTS: dict[str, list[object]] = {
    "Client": [httpx.Client(), httpx.AsyncClient()],
    "HTTPTransport": [httpx.HTTPTransport(), httpx.AsyncHTTPTransport()],
    "Response": [make_response()],
    "Request": [httpx.Request("GET", "/")],
    "Headers": [httpx.Headers()],
    "URL": [httpx.URL("/")],
    "QueryParams": [httpx.QueryParams()],
    "ConnectError": [httpx.ConnectError("text")],
}


def pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(owner, name) for owner, names in table.items() for name in names.split()]


@pytest.mark.parametrize(("module", "name"), pairs(PUBLIC_NAMES))
def test_public_name_can_be_imported_from_where_it_was(module: str, name: str) -> None:
    assert getattr(importlib.import_module(f"httpx.{module}"), name) is getattr(httpx, name)


@pytest.mark.parametrize(("module", "name"), pairs(PRIVATE_NAMES))
def test_private_name_can_be_imported_from_where_it_was(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(f"httpx.{module}"), name)


@pytest.mark.parametrize(("owner", "name"), pairs(ATTRIBUTES))
def test_private_attribute_is_there(owner: str, name: str) -> None:
    assert [thing for thing in OBJECTS[owner] if not hasattr(thing, name)] == []


@pytest.mark.parametrize("module", [name for name in PUBLIC_NAMES if name != "__version__"])
def test_module_is_an_attribute_without_being_imported(module: str) -> None:
    # Nothing else may have imported it before.
    program = f"import httpx; print(httpx.{module}.__name__)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == f"httpx.{module}"


def test_modules_have_no_other_names() -> None:
    for module in ("_client", "_config", "_transports"):
        with pytest.raises(AttributeError, match="has no attribute 'missing'"):
            importlib.import_module(f"httpx.{module}").missing  # noqa: B018


def test_defaults_are_those_of_the_client() -> None:
    config = importlib.import_module("httpx._config")
    assert config.DEFAULT_TIMEOUT_CONFIG == httpx.Timeout(5.0) == httpx.Client().timeout
    assert httpx.Limits(max_connections=100, max_keepalive_connections=20) == config.DEFAULT_LIMITS
    assert config.DEFAULT_MAX_REDIRECTS == 20


def test_client_default_is_of_its_class() -> None:
    client = importlib.import_module("httpx._client")
    assert isinstance(httpx.USE_CLIENT_DEFAULT, client.UseClientDefault)
    assert issubclass(httpx.Client, client.BaseClient)
    assert issubclass(httpx.AsyncClient, client.BaseClient)


def test_methods_of_the_async_client_are_coroutine_functions() -> None:
    # Libraries tell the two clients apart by this.
    for name in ("request", "send", "get", "_send_single_request", "aclose"):
        assert inspect.iscoroutinefunction(getattr(httpx.AsyncClient, name))
        assert not inspect.iscoroutinefunction(getattr(httpx.Client, name.removeprefix("a")))


def test_request_context_names_the_request() -> None:
    from httpx._exceptions import request_context

    request = httpx.Request("GET", "https://www.example.org")
    with pytest.raises(httpx.ConnectError) as caught, request_context(request=request):
        raise httpx.ConnectError("text")
    assert caught.value.request is request
    with pytest.raises(httpx.InvalidURL), request_context(request=request):
        raise httpx.InvalidURL("text")


def test_request_context_without_a_request_changes_nothing() -> None:
    from httpx._exceptions import request_context

    with pytest.raises(httpx.ConnectError) as caught, request_context():
        raise httpx.ConnectError("text")
    assert caught.value._request is None


class Parts:
    """An iterable of either colour that knows whether it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def test_response_stream_wraps_an_iterable() -> None:
    from httpx._transports.default import ResponseStream

    parts = Parts()
    response = httpx.Response(200, stream=ResponseStream(parts))
    assert response.read() == b"ab"
    assert parts.is_closed
    ResponseStream([b"a"]).close()


async def read_async_stream(parts: Parts) -> bytes:
    from httpx._transports.default import AsyncResponseStream

    return await httpx.Response(200, stream=AsyncResponseStream(parts)).aread()


def test_async_response_stream_wraps_an_async_iterable() -> None:
    import asyncio

    parts = Parts()
    assert asyncio.run(read_async_stream(parts)) == b"ab"
    assert parts.is_closed


def test_urlparse_gives_the_components() -> None:
    from httpx._urlparse import urlparse

    parsed = urlparse("https://user@www.example.org:8443/a?b#c")
    assert (parsed.scheme, parsed.userinfo, parsed.host, parsed.port) == ("https", "user", "www.example.org", 8443)
    assert (parsed.path, parsed.query, parsed.fragment) == ("/a", "b", "c")
    assert (parsed.authority, parsed.netloc) == ("user@www.example.org:8443", "www.example.org:8443")
    assert str(parsed.copy_with(host="www.example.com")) == "https://user@www.example.com:8443/a?b#c"


def test_multipart_stream_can_be_made_with_a_boundary() -> None:
    from httpx._multipart import MultipartStream

    stream = MultipartStream({"a": "1"}, {"file": ("name.txt", b"data")}, b"boundary")
    content = b"".join(stream)
    assert content.startswith(b"--boundary\r\n")
    assert stream.content_type == "multipart/form-data; boundary=boundary"
    assert content == b"".join(stream)


def test_supported_decoders_are_by_coding() -> None:
    from httpx._decoders import SUPPORTED_DECODERS

    assert {"identity", "gzip", "deflate"} <= set(SUPPORTED_DECODERS)
    decoder = SUPPORTED_DECODERS["identity"]()
    assert decoder.decode(b"a") + decoder.flush() == b"a"


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_decoder_of_a_response_can_be_replaced(headers: dict[str, str]) -> None:
    from httpx._decoders import ContentDecoder

    class Upper(ContentDecoder):
        def decode(self, data: bytes) -> bytes:
            return data.upper()

        def flush(self) -> bytes:
            return b"!"

    response = httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"text"))
    response._decoder = Upper()
    assert response.read() == b"TEXT!"


def test_body_of_a_response_can_be_replaced() -> None:
    response = make_response()
    response._content = b"other"
    assert response.read() == response.content == b"other"
    del response._content
    response.is_closed = response.is_stream_consumed = False
    assert response.read() == b"text"
