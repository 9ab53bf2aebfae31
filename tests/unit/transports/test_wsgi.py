"""WSGI applications in place of a server."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

import httpx

URL = "https://www.example.org/"


def make_client(app: Any, **settings: Any) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=app, **settings))


class Result:
    """What an application returns: parts, and exceptions to raise in their place."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.parts = parts
        self.taken: list[bytes] = []
        self.closings = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            self.taken.append(part)
            yield part

    def close(self) -> None:
        self.closings += 1


def make_app(result: Iterable[bytes], status: str = "200 OK", headers: Any = ()) -> Callable[..., Iterable[bytes]]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(headers))
        return result

    return app


def echo_body(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


def record_environ(environs: list[dict[str, Any]]) -> Callable[..., list[bytes]]:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environs.append(environ)
        start_response("200 OK", [])
        return []

    return app


def test_response_is_the_applications() -> None:
    app = make_app([b"hel", b"", b"lo"], "201 Created", [("X-A", "1"), ("X-A", "2")])
    with make_client(app) as client:
        response = client.get(URL)
    assert response.status_code == 201
    assert response.text == "hello"
    assert response.headers.raw == [(b"X-A", b"1"), (b"X-A", b"2")]


def test_environ_describes_the_request() -> None:
    environs: list[dict[str, Any]] = []
    errors = io.StringIO()
    settings = {"script_name": "/root", "remote_addr": "10.0.0.1", "wsgi_errors": errors}
    with make_client(record_environ(environs), **settings) as client:
        client.post(
            "http://www.example.org:8080/a%20b/%C3%A9?x=%201&y",
            content=b"body",
            headers=[("Content-Type", "a/b"), ("X-Two", "1"), ("X-Two", "2"), ("Cookie", "a=b"), ("Cookie", "c=d")],
        )
    (environ,) = environs
    assert environ.pop("wsgi.input").read() == b"body"
    assert environ.pop("HTTP_USER_AGENT").startswith("python-httpx/")
    assert environ.pop("HTTP_ACCEPT_ENCODING")
    assert environ == {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.errors": errors,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/root",
        # PEP 3333: UTF-8 bytes as if they were ISO-8859-1
        "PATH_INFO": "/a b/\xc3\xa9",
        "QUERY_STRING": "x=%201&y",
        "SERVER_NAME": "www.example.org",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.1",
        "CONTENT_TYPE": "a/b",
        "CONTENT_LENGTH": "4",
        "HTTP_HOST": "www.example.org:8080",
        "HTTP_ACCEPT": "*/*",
        "HTTP_CONNECTION": "keep-alive",
        "HTTP_X_TWO": "1, 2",
        "HTTP_COOKIE": "a=b; c=d",
    }


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        ("http://www.example.org/", "www.example.org", "80"),
        ("https://www.example.org/", "www.example.org", "443"),
        ("https://www.example.org:8443/", "www.example.org", "8443"),
        ("https://müller.de/", "xn--mller-kva.de", "443"),
        ("http://[::1]/", "::1", "80"),
    ],
)
def test_environ_names_the_server(url: str, name: str, port: str) -> None:
    environs: list[dict[str, Any]] = []
    with make_client(record_environ(environs)) as client:
        client.get(url)
    assert (environs[0]["SERVER_NAME"], environs[0]["SERVER_PORT"]) == (name, port)
    assert environs[0]["wsgi.errors"] is sys.stderr


def test_validator_of_the_standard_library_finds_no_fault() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(100)]

    with make_client(validator(app)) as client:
        assert client.post(URL, content=b"body").content == b"body"
        assert client.post(URL, content=iter([b"a", b"b"])).content == b"ab"


@pytest.mark.parametrize(
    ("content", "expected"), [(b"body", b"body"), (None, b""), (lambda: iter([b"one ", b"", b"two"]), b"one two")]
)
def test_request_body_is_read(content: Any, expected: bytes) -> None:
    with make_client(echo_body) as client:
        body: Any = content() if callable(content) else content
        assert client.post(URL, content=body).content == expected


def test_request_body_is_taken_as_far_as_it_is_read() -> None:
    taken: list[bytes] = []

    def body() -> Iterator[bytes]:
        for part in (b"first line\n", b"second ", b"line\n", b"third line\n"):
            taken.append(part)
            yield part

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        stream = environ["wsgi.input"]
        assert stream.readline() == b"first line\n"
        assert taken == [b"first line\n"]
        assert stream.readline(3) == b"sec"
        assert stream.read(4) == b"ond "
        return list(stream)

    with make_client(app) as client:
        assert client.post(URL, content=body()).content == b"line\nthird line\n"


def test_request_with_an_async_body_is_refused() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b""

    request = httpx.Request("POST", URL, content=body())
    with pytest.raises(RuntimeError, match="async request"):
        httpx.WSGITransport(app=echo_body).handle_request(request)


# Streaming.


def test_parts_are_asked_for_as_they_are_read() -> None:
    result = Result(b"", b"a", b"b", b"", b"c")
    with make_client(make_app(result)) as client:
        with client.stream("GET", URL) as response:
            # As in a server, the head goes with the first part that is not empty.
            assert result.taken == [b"", b"a"]
            parts = response.iter_raw()
            assert next(parts) == b"a"
            assert result.taken == [b"", b"a"]
            assert next(parts) == b"b"
            assert result.taken == [b"", b"a", b"b"]
            assert result.closings == 0
        assert result.closings == 1
        assert result.taken == [b"", b"a", b"b"]


def test_result_is_closed_once_it_is_read() -> None:
    result = Result(b"a")
    with make_client(make_app(result)) as client:
        assert client.get(URL).content == b"a"
        assert result.closings == 1
        assert client.head(URL).content == b""
        assert result.closings == 2


def test_start_response_may_be_called_with_the_first_part() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b"x"

    with make_client(app) as client:
        assert client.get(URL).status_code == 201


def test_what_is_written_comes_before_what_is_returned() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"")

        def parts() -> Iterator[bytes]:
            yield b"b"
            write(b"c")
            yield b"d"
            write(b"e")

        return parts()

    with make_client(app) as client:
        assert client.get(URL).content == b"abcde"


# Failing.


def fail(environ: Any, start_response: Any) -> list[bytes]:
    raise ValueError("app")


def test_exception_of_the_application_is_raised() -> None:
    with make_client(fail) as client, pytest.raises(ValueError, match="app"):
        client.get(URL)


def test_exception_before_the_first_part_closes_the_result() -> None:
    result = Result(b"", ValueError("first"))
    with make_client(make_app(result)) as client, pytest.raises(ValueError, match="first"):
        client.get(URL)
    assert result.closings == 1


def test_exception_in_the_body_is_raised_where_it_is_read() -> None:
    result = Result(b"a", ValueError("second"))
    with make_client(make_app(result)) as client:
        with client.stream("GET", URL) as response:
            parts = response.iter_raw()
            assert next(parts) == b"a"
            with pytest.raises(ValueError, match="second"):
                next(parts)
        assert result.closings == 1


def test_exception_that_is_not_raised_is_a_response_or_breaks_one() -> None:
    with make_client(fail, raise_app_exceptions=False) as client:
        response = client.get(URL)
        assert (response.status_code, response.content) == (500, b"")
    with make_client(make_app(Result(b"a", ValueError())), raise_app_exceptions=False) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="failed before its response was complete") as caught:
            client.get(URL)
        assert isinstance(caught.value.__cause__, ValueError)


def report_error(environ: Any, start_response: Any) -> list[bytes]:
    try:
        raise ValueError("reported")
    except ValueError:
        start_response("500 Oops", [("X-Error", "1")], sys.exc_info())
    return [b"sorry"]


def test_error_that_the_application_reports_is_raised_or_its_response() -> None:
    with make_client(report_error) as client, pytest.raises(ValueError, match="reported"):
        client.get(URL)
    with make_client(report_error, raise_app_exceptions=False) as client:
        response = client.get(URL)
        assert (response.status_code, response.content, response.headers["X-Error"]) == (500, b"sorry", "1")


def test_error_reported_before_the_first_part_replaces_the_head() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-Fine", "1")])
        return report_error(environ, start_response)

    with make_client(app, raise_app_exceptions=False) as client:
        response = client.get(URL)
        assert response.status_code == 500
        assert "X-Fine" not in response.headers


def test_error_reported_after_the_first_part_is_raised_to_the_application() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        yield from report_error(environ, start_response)

    with make_client(app) as client, pytest.raises(ValueError, match="reported"):
        client.get(URL)


def test_application_that_does_not_start_its_response_is_an_error() -> None:
    for is_raising in (True, False):
        with make_client(lambda environ, start_response: [b"x"], raise_app_exceptions=is_raising) as client:
            with pytest.raises(httpx.RemoteProtocolError, match=r"did not call start_response\(\)") as caught:
                client.get(URL)
            assert caught.value.request.url == URL


def test_application_that_starts_its_response_twice_is_an_error() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    with make_client(app) as client, pytest.raises(RuntimeError, match="twice"):
        client.get(URL)


def test_exit_of_the_application_is_an_exit_of_the_caller() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        sys.exit(3)

    with make_client(app, raise_app_exceptions=False) as client, pytest.raises(SystemExit):
        client.get(URL)


def test_transport_shows_under_its_public_name() -> None:
    assert httpx.WSGITransport.__module__ == "httpx"
    transport = httpx.WSGITransport(fail, False, "/root", "10.0.0.1")
    assert (transport.app, transport.raise_app_exceptions, transport.script_name) == (fail, False, "/root")
    assert (transport.remote_addr, transport.wsgi_errors) == ("10.0.0.1", None)
