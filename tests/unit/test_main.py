"""The options of the command line and its messages, in this process, against the local origin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import httpx
from httpx._main import mask
from tests.origin import Origin

SCRIPT = Path(sysconfig.get_path("scripts"), "httpx.exe" if sys.platform == "win32" else "httpx")


def run(*arguments: str, input: str | None = None) -> Result:
    """Run the command; what it raises arrives, SystemExit excepted."""
    assert isinstance(httpx.main, click.Command)
    result = CliRunner().invoke(httpx.main, arguments, input=input, prog_name="httpx")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def read_body(result: Result) -> Any:
    return json.loads(result.stdout.partition("\n\n")[2])


def echo(origin: Origin, *arguments: str, path: str = "/echo") -> Any:
    """Return what the origin saw of a request."""
    result = run(origin.url(path), *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return read_body(result)


def pick(fields: list[list[str]], name: str) -> list[str]:
    return [value for key, value in fields if key == name]


@pytest.mark.parametrize(
    ("arguments", "method", "body"),
    [
        ([], "GET", ""),
        (["-m", "put"], "PUT", ""),
        (["--method", "DELETE"], "DELETE", ""),
        (["-c", "some text"], "POST", "some text"),
        (["--content", "é"], "POST", "é"),
        (["-c", ""], "GET", ""),
        (["-m", "PATCH", "-c", "x"], "PATCH", "x"),
        (["-d", "a", "b c", "--data", "d", "é"], "POST", "a=b+c&d=%C3%A9"),
        (["-d", "a", "1", "-d", "b", "2", "-d", "a", "3"], "POST", "a=1&a=3&b=2"),
        (["-j", '{"a": [1, "é"]}'], "POST", '{"a":[1,"é"]}'),
        (["--json", "null"], "POST", "null"),
        (["-j", "0"], "POST", "0"),
    ],
)
def test_method_and_body(origin: Origin, arguments: list[str], method: str, body: str) -> None:
    seen = echo(origin, *arguments)
    assert (seen["method"], seen["body"]) == (method, body)


@pytest.mark.parametrize("text", ["null", "[1]"])
def test_json_has_its_content_type_unless_there_is_another(origin: Origin, text: str) -> None:
    assert pick(echo(origin, "-j", text)["fields"], "Content-Type") == ["application/json"]
    seen = echo(origin, "-j", text, "-h", "Content-Type", "application/x+json")
    assert pick(seen["fields"], "Content-Type") == ["application/x+json"]


def test_files_go_as_multipart_with_the_fields_of_the_form(origin: Origin, tmp_path: Path) -> None:
    path = tmp_path / "up.txt"
    path.write_text("contents")
    seen = echo(origin, "-f", "up", str(path), "--files", "other", str(path), "-d", "a", "b")
    assert seen["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert 'name="up"; filename="up.txt"' in seen["body"]
    assert 'name="a"\r\n\r\nb' in seen["body"]
    assert seen["body"].count("contents") == 2


def test_file_of_a_dash_is_the_standard_input(origin: Origin) -> None:
    result = run(origin.url("/echo"), "-f", "up", "-", input="piped")
    assert "\r\n\r\npiped\r\n" in read_body(result)["body"]


def test_headers_cookies_and_params(origin: Origin) -> None:
    arguments = [
        "-h",
        "X-A",
        "1",
        "--headers",
        "X-A",
        "é",
        "--cookies",
        "c",
        "d",
        "-p",
        "q",
        "1 2",
        "--params",
        "q",
        "3",
    ]
    seen = echo(origin, *arguments, path="/echo?gone=1")
    # The origin reads fields as Latin-1, and the client sends what was typed.
    assert pick(seen["fields"], "X-A") == ["1", "é".encode().decode("latin-1")]
    assert seen["headers"]["cookie"] == "c=d"
    assert seen["query"] == [["q", "1 2"], ["q", "3"]]


def test_auth_is_sent_as_basic(origin: Origin) -> None:
    result = run(origin.url("/basic-auth/ada/engine"), "--auth", "ada", "engine")
    assert result.exit_code == 0
    assert result.stdout.endswith("\n\nWelcome, ada!\n")
    assert run(origin.url("/basic-auth/ada/engine")).exit_code == 1


def test_password_of_a_dash_is_asked_for(origin: Origin) -> None:
    result = run(origin.url("/basic-auth/ada/engine"), "--auth", "ada", "-", input="engine\n")
    assert result.exit_code == 0
    assert "Password" in result.output
    assert "engine" not in result.output


def test_no_password_is_an_abort(origin: Origin) -> None:
    result = run(origin.url("/hello"), "--auth", "ada", "-", input="")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("Aborted!\n")


@pytest.mark.parametrize(
    ("path", "code"),
    [("/hello", 0), ("/status/204", 0), ("/status/304", 1), ("/redirect/1", 1), ("/status/404", 1), ("/status/500", 1)],
)
def test_exit_code_is_0_for_success_only(origin: Origin, path: str, code: int) -> None:
    result = run(origin.url(path))
    assert (result.exit_code, result.stderr) == (code, "")
    assert result.stdout.startswith("HTTP/1.1 ")


def test_redirects_are_shown_and_followed_when_asked(origin: Origin) -> None:
    result = run(origin.url("/redirect/2"), "--follow-redirects")
    assert result.exit_code == 0
    heads = result.stdout.split("\n\n")
    assert [head.splitlines()[0] for head in heads[:3]] == ["HTTP/1.1 302 Found"] * 2 + ["HTTP/1.1 200 OK"]
    assert heads[3] == "Hello, world!\n"


def test_binary_body_is_its_size(origin: Origin) -> None:
    assert run(origin.url("/bytes/5000")).stdout.endswith("\n\n<5000 bytes of binary data>\n")
    assert run(origin.url("/bytes/0")).stdout.endswith("Content-Length: 0\n\n")


def test_head_of_a_response_is_all_there_is_for_head(origin: Origin) -> None:
    assert run(origin.url("/hello"), "-m", "HEAD").stdout.splitlines() == [
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Length: 14",
        "",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "UnsupportedProtocol: Request URL is missing an 'http://' or 'https://' protocol."),
        ([""], "UnsupportedProtocol: Request URL is missing an 'http://' or 'https://' protocol."),
        (["ftp://a.example/"], "UnsupportedProtocol: Request URL has an unsupported protocol 'ftp://'."),
        (["http://user:secret@a.example:x/"], "InvalidURL: Invalid port: 'x'"),
        (
            ["http://a.example/\x01"],
            "InvalidURL: Invalid non-printable ASCII character in URL, '\\x01' at position 17.",
        ),
        (["http://user:secret@127.0.0.1:1/"], "ConnectError: "),
        (["http://a.example/", "-h", "X A", "1"], "LocalProtocolError: "),
        (["http://a.example/", "-h", "X-A", "1\n2"], "LocalProtocolError: "),
        (["http://a.example/", "-m", "G T"], "LocalProtocolError: "),
        (["http://127.0.0.1:1/", "--proxy", "http://user:secret@127.0.0.1:1"], "ConnectError: "),
    ],
)
def test_what_fails_is_one_line_and_exit_code_1(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'URL'."),
        (["a", "http://user:secret@b"], "Got unexpected extra argument (http://[secure]@b)"),
        (["a", "--nope"], "No such option"),
        (["a", "-h", "X-A: 1"], "Option '-h' requires 2 arguments."),
        (["a", "--auth", "user"], "Option '--auth' requires 2 arguments."),
        (["a", "-j", "{a"], "Invalid value for '--json' / '-j': Not valid JSON"),
        (["a", "-j", "NaN"], "Invalid value for '--json' / '-j': Not valid JSON: there is no NaN in JSON"),
        (["a", "-j", "[" * 100_000], "Invalid value for '--json' / '-j': Not valid JSON"),
        (["a", "-f", "up", "no-such-file"], "Invalid value for '--files' / '-f': 'no-such-file': No such file"),
        (["a", "--timeout", "x"], "Invalid value for '--timeout': 'x' is not a valid float."),
        (["a", "--timeout", "0"], "Invalid value for '--timeout': 0.0 is no time to wait"),
        (["a", "--timeout", "nan"], "Invalid value for '--timeout': nan is no time to wait"),
        (["a", "--proxy", "nope"], "Invalid value for '--proxy': Unknown scheme for proxy URL"),
        (["a", "--proxy", "ftp://user:secret@b"], "Invalid value for '--proxy': Unknown scheme for proxy URL"),
    ],
)
def test_arguments_without_sense_are_exit_code_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {message}" in result.stderr
    assert "secret" not in result.stderr


def test_timeout_bounds_each_step(origin: Origin) -> None:
    result = run(origin.url("/delay?seconds=60"), "--timeout", "0.2")
    assert result.exit_code == 1
    assert result.stderr.startswith("ReadTimeout: ")


def test_environment_without_sense_is_one_line(monkeypatch: pytest.MonkeyPatch, tls_origin: Origin) -> None:
    monkeypatch.setenv("ALL_PROXY", "ftp://user:secret@a.example")
    assert (
        run("http://a.example/").stderr == "ValueError: Unknown scheme for proxy URL URL('ftp://[secure]@a.example')\n"
    )
    monkeypatch.delenv("ALL_PROXY")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    result = run(tls_origin.url("/hello"))
    assert result.exit_code == 1
    assert result.stderr.startswith("FileNotFoundError: ")


def test_proxy_gets_the_request(origin: Origin) -> None:
    result = run("http://a.example/echo", "--proxy", origin.url())
    assert read_body(result)["target"] == "http://a.example/echo"


def test_download_saves_the_body_and_shows_the_rest(origin: Origin, tmp_path: Path) -> None:
    path = tmp_path / "saved"
    result = run(origin.url("/bytes/100000"), "--download", str(path))
    assert result.exit_code == 0
    assert path.stat().st_size == 100_000
    assert "Downloading" in result.stdout
    assert "100%" in result.stdout
    assert "\x1b" not in result.stdout


def test_download_without_a_length_or_a_body_is_complete(origin: Origin, tmp_path: Path) -> None:
    assert "100%" in run(origin.url("/stream/5000/1000"), "--download", str(tmp_path / "chunked")).stdout
    assert run(origin.url("/bytes/0"), "--download", str(tmp_path / "empty")).exit_code == 0
    assert ((tmp_path / "chunked").stat().st_size, (tmp_path / "empty").stat().st_size) == (5000, 0)


def test_download_decodes(origin: Origin, tmp_path: Path) -> None:
    run(origin.url("/gzip"), "--download", str(tmp_path / "saved"))
    assert json.loads((tmp_path / "saved").read_bytes())["coding"] == "gzip"


def test_download_to_the_standard_output_gives_the_body_alone(origin: Origin) -> None:
    result = run(origin.url("/bytes/300"), "--download", "-", "-v")
    assert result.stdout_bytes == bytes(range(256)) + bytes(range(44))
    assert "GET /bytes/300 HTTP/1.1" in result.stderr
    assert "HTTP/1.1 200 OK" in result.stderr


def test_download_that_cannot_be_saved_is_a_failure(origin: Origin, tmp_path: Path) -> None:
    result = run(origin.url("/hello"), "--download", str(tmp_path))
    assert (result.exit_code, result.stderr) == (1, f"Error: Could not open file '{tmp_path}': Is a directory\n")


def test_failed_request_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_text("before")
    assert run("http://127.0.0.1:1/", "--download", str(path)).exit_code == 1
    assert path.read_text() == "before"


def test_verbose_shows_connection_and_request(origin: Origin) -> None:
    result = run(origin.url("/echo"), "-v", "-j", "1", "--auth", "user", "pass", "-h", "Accept-Encoding", "identity")
    assert result.stdout.splitlines()[:14] == [
        "* Connecting to '127.0.0.1'",
        f"* Connected to '127.0.0.1' on port {origin.port}",
        "POST /echo HTTP/1.1",
        f"Host: 127.0.0.1:{origin.port}",
        "Accept: */*",
        "Connection: keep-alive",
        f"User-Agent: python-httpx/{httpx.__version__}",
        "Accept-Encoding: identity",
        "Content-Length: 1",
        "Content-Type: application/json",
        "Authorization: Basic dXNlcjpwYXNz",
        "",
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
    ]


def test_verbose_shows_tls(tls_origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_origin.ca_path))
    lines = run(tls_origin.url("/hello"), "--verbose").stdout.splitlines()
    assert lines[2].startswith("* SSL established using 'TLSv1.3' / ")
    assert lines[3:6] == ["* Selected ALPN protocol: 'http/1.1'", "* Server certificate:", "*   subject:"]
    assert "*     IP Address: '127.0.0.1'" in lines


def test_no_verify_switches_verification_off(tls_origin: Origin) -> None:
    for arguments in ([], ["--verify"], ["--no-verify", "--verify"]):
        result = run(tls_origin.url("/hello"), *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED]")
    result = run(tls_origin.url("/hello"), "--no-verify", "-v")
    assert result.exit_code == 0
    assert "* Server certificate: not verified\n" in result.stdout


def test_http2_is_taken(origin: Origin) -> None:
    # Without TLS nothing is negotiated, and it stays with HTTP/1.1.
    assert run(origin.url("/hello"), "--http2").exit_code == 0


def test_help_names_every_option() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "A next generation HTTP client." in result.output
    assert isinstance(httpx.main, click.Command)
    names = [name for option in httpx.main.params if isinstance(option, click.Option) for name in option.opts]
    assert len(names) > 20
    assert [name for name in [*names, "--no-verify", "--help"] if name not in result.output] == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://user:secret@a.example/b", "http://[secure]@a.example/b"),
        ("'ftp://secret@a' 'http://b/@c'", "'ftp://[secure]@a' 'http://b/@c'"),
        ("http://a:s@e@b", "http://[secure]@b"),
        ("no URL", "no URL"),
    ],
)
def test_messages_lose_userinfo(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("missing", ["click", "rich", "pygments"])
@pytest.mark.parametrize(
    "start",
    [
        "import httpx; httpx.main()",
        "import runpy; runpy.run_module('httpx', run_name='__main__', alter_sys=True)",
        f"import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')",
    ],
    ids=["main", "module", "script"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="scripts are no Python files there")
def test_without_the_extra_one_line_tells_what_to_install(missing: str, start: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['httpx', 'http://a.example']; {start}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    expected = f"httpx: the command line needs {missing}, not installed here. Try: pip install 'httpx[cli]'\n"
    assert done.stderr == expected


def test_import_of_the_package_takes_none_of_the_extra() -> None:
    code = "import sys, httpx; httpx.get; httpx.Client(); print({'click', 'rich', 'pygments'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout, done.stderr) == ("set()\n", "")
