"""The origin itself, asked through the standard library's client."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import ssl
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.origin import Origin


@pytest.fixture
def connection(origin: Origin) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection("127.0.0.1", origin.port, timeout=10)) as connection:
        yield connection


def ask(
    connection: http.client.HTTPConnection, method: str, target: str, **arguments: object
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, target, **arguments)  # type: ignore[arg-type]  # body and headers, as they are given
    response = connection.getresponse()
    return response, response.read()


def test_one_connection_carries_many_requests_and_both_are_counted(
    origin: Origin, connection: http.client.HTTPConnection
) -> None:
    requests, connections = origin.requests, origin.connections
    assert [ask(connection, "GET", "/hello")[1] for _ in range(3)] == [b"Hello, world!\n"] * 3
    assert (origin.requests - requests, origin.connections - connections) == (3, 1)


def test_echo_gives_back_the_request(connection: http.client.HTTPConnection) -> None:
    _, body = ask(connection, "PUT", "/echo?a=1&a=2", body="content", headers={"X-Name": "value"})
    echo = json.loads(body)
    assert (echo["method"], echo["target"], echo["query"]) == ("PUT", "/echo?a=1&a=2", [["a", "1"], ["a", "2"]])
    assert echo["headers"]["x-name"] == "value"
    assert ["X-Name", "value"] in echo["fields"]
    assert echo["body"] == "content"


@pytest.mark.parametrize("body", [b"x" * 100_000, iter([b"x" * 50_000] * 2)], ids=["sized", "chunked"])
def test_upload_counts_and_hashes(connection: http.client.HTTPConnection, body: object) -> None:
    _, answer = ask(connection, "POST", "/upload", body=body)
    assert json.loads(answer) == {"length": 100_000, "sha256": hashlib.sha256(b"x" * 100_000).hexdigest()}


def test_bytes_have_a_length_and_a_stream_is_chunked(connection: http.client.HTTPConnection) -> None:
    response, sized = ask(connection, "GET", "/bytes/200000")
    assert response.getheader("Content-Length") == "200000"
    response, chunked = ask(connection, "GET", "/stream/200000/999")
    assert response.getheader("Transfer-Encoding") == "chunked"
    assert sized == chunked == (bytes(range(256)) * 800)[:200_000]


def test_head_and_204_have_no_body(connection: http.client.HTTPConnection) -> None:
    response, body = ask(connection, "HEAD", "/bytes/10")
    assert (response.getheader("Content-Length"), body) == ("10", b"")
    response, body = ask(connection, "GET", "/status/204")
    assert (response.status, response.getheader("Content-Length"), body) == (204, None, b"")
    assert ask(connection, "GET", "/hello")[0].status == 200


def test_drip_comes_whole(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/drip?seconds=0.01&parts=5")[1] == b"....."


def test_redirects_and_cookies(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/redirect/2")[0].getheader("Location") == "/redirect/1"
    assert ask(connection, "GET", "/redirect/1")[0].getheader("Location") == "/hello"
    response, _ = ask(connection, "GET", "/redirect-to?url=https%3A%2F%2Fexample.org%2F&status=307")
    assert (response.status, response.getheader("Location")) == (307, "https://example.org/")
    response, _ = ask(connection, "GET", "/cookies/set?a=1&b=2")
    assert (response.status, response.getheader("Location")) == (302, "/cookies")
    assert response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert json.loads(ask(connection, "GET", "/cookies", headers={"Cookie": "a=1; b=2"})[1]) == {
        "cookies": {"a": "1", "b": "2"}
    }


def test_basic_auth_challenges(connection: http.client.HTTPConnection) -> None:
    response, _ = ask(connection, "GET", "/basic-auth/user/pass")
    assert (response.status, response.getheader("WWW-Authenticate")) == (401, 'Basic realm="origin"')
    _, body = ask(connection, "GET", "/basic-auth/user/pass", headers={"Authorization": "Basic dXNlcjpwYXNz"})
    assert body == b"Welcome, user!\n"


def test_content_codings(connection: http.client.HTTPConnection) -> None:
    response, body = ask(connection, "GET", "/gzip")
    assert response.getheader("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(body))["coding"] == "gzip"
    assert json.loads(zlib.decompress(ask(connection, "GET", "/deflate")[1]))["coding"] == "deflate"
    response, body = ask(connection, "GET", "/brotli")
    assert (response.getheader("Content-Encoding"), len(body) < 100) == ("br", True)


def test_close_ends_the_connection(origin: Origin, connection: http.client.HTTPConnection) -> None:
    connections = origin.connections
    assert ask(connection, "GET", "/close")[0].getheader("Connection") == "close"
    ask(connection, "GET", "/hello")
    assert origin.connections - connections == 2


def test_early_413_answers_before_the_body_came(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/early-413")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders(b"x")
    assert connection.getresponse().status == 413


@pytest.mark.parametrize("target", ["/", "/nothing", "/bytes", "/bytes/many", "/status/99"])
def test_what_fits_no_route_is_404(connection: http.client.HTTPConnection, target: str) -> None:
    assert ask(connection, "GET", target)[0].status == 404


def test_tls_needs_the_authority(tls_origin: Origin) -> None:
    assert tls_origin.url("/hello").startswith("https://127.0.0.1:")
    context = tls_origin.make_client_context()
    with closing(http.client.HTTPSConnection("localhost", tls_origin.port, context=context)) as connection:
        assert ask(connection, "GET", "/hello")[1] == b"Hello, world!\n"
    with (
        closing(http.client.HTTPSConnection("localhost", tls_origin.port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        connection.request("GET", "/hello")


def test_origin_stops_with_requests_under_way() -> None:
    with Origin() as origin:
        connection = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=10)
        connection.request("GET", "/drip?seconds=3600")
        response = connection.getresponse()
    with closing(connection), pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
