"""The installed command `httpx` as a process of its own: in a pipe, in a terminal, interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.origin import Origin

from .conftest import Serve
from .servers import Conversation, answering, silent

if sys.platform == "win32":
    pytest.skip("There are no pseudo-terminals, and no signals to one process.", allow_module_level=True)

import fcntl
import pty
import struct
import termios

SCRIPT = str(Path(sysconfig.get_path("scripts"), "httpx"))
PATIENCE = 60  # seconds

# What would change colours and widths, or keep requests from the local servers.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "COLORTERM")
    and not name.lower().endswith("_proxy")
}


NO_COLOR = {"NO_COLOR": "1"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command with its output in pipes."""
    return subprocess.run(
        [SCRIPT, *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=ENVIRONMENT | environment,
        timeout=PATIENCE,
        check=False,
    )


def run_in_terminal(*arguments: str, width: int = 80, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the command in a pseudo-terminal of that width, and return its exit code and what it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [SCRIPT, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=ENVIRONMENT | {"TERM": "xterm-256color", "PYTHONUTF8": "1"} | (environment or {}),
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux tells that nobody has it open any more
            break
        if not data:
            break
        written += data
    os.close(ours)
    return process.wait(PATIENCE), written.decode().replace("\r\n", "\n")


def make_response(content_type: str, body: bytes, *fields: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def test_pipe_gets_a_text_as_its_bytes(serve: Serve) -> None:
    body = b"\xe9\r\n\x1b[31mred\x1b[0m\t[bold]x[/bold] :smile:\n" + b"long " * 100
    server = serve(answering(make_response("text/plain; charset=latin-1", body)))
    done = run(server.url())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.partition(b"\n\n")[2] == body


def test_pipe_gets_json_laid_out_and_not_wrapped(serve: Serve) -> None:
    text = '{"a":["é",1.10,"' + "word " * 50 + '"]}'
    server = serve(answering(make_response("application/json", text.encode())))
    done = run(server.url())
    expected = '{\n    "a": [\n        "é",\n        1.10,\n        "' + "word " * 50 + '"\n    ]\n}\n'
    assert done.stdout.partition(b"\n\n")[2].decode() == expected


def test_pipe_gets_what_claims_to_be_json_as_it_came(serve: Serve) -> None:
    server = serve(answering(make_response("application/json", b'{"a": ')))
    assert run(server.url()).stdout.endswith(b'\n\n{"a": ')


def test_pipe_gets_text_while_it_arrives(serve: Serve) -> None:
    def drip(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n")
        conversation.server.wait()
        conversation.send(b"data: 2\n")

    server = serve(drip)
    process = subprocess.Popen([SCRIPT, server.url()], stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[-1] == b"data: 1\n"
    server.may_go_on.set()
    assert process.communicate(timeout=PATIENCE)[0] == b"data: 2\n"
    assert process.returncode == 0


def test_body_that_is_cut_off_is_a_failure_apart_from_the_output(serve: Serve) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\npart"))
    done = run(server.url())
    assert done.returncode == 1
    assert done.stdout.endswith(b"\n\npart")
    assert done.stderr.startswith(b"RemoteProtocolError: ")
    assert done.stderr.count(b"\n") == 1


def test_output_that_its_encoding_cannot_hold_is_escaped(serve: Serve) -> None:
    server = serve(answering(make_response("image/png", b"", "X-A: \xe9")))
    assert b"\nX-A: \\xe9\n" in run(server.url(), PYTHONIOENCODING="ascii").stdout


def test_module_runs_as_the_script_does(origin: Origin) -> None:
    command = [sys.executable, "-W", "error", "-m", "httpx", origin.url("/json")]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == run(origin.url("/json")).stdout


def test_unknown_host_is_one_line() -> None:
    done = run("http://no-such-host.invalid/", "--timeout", "30")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Connect")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--download", "-"]], ids=["shown", "saved"])
def test_reader_that_has_seen_enough_leaves_no_traceback(serve: Serve, arguments: list[str]) -> None:
    def flow(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:  # until the client closes
            conversation.send(b"line\n" * 1000)

    process = subprocess.Popen(
        [SCRIPT, serve(flow).url(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE) == 1
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


@pytest.mark.parametrize("arguments", [[], ["--download", "saved"], ["-v"]], ids=["shown", "saved", "verbose"])
def test_interrupt_leaves_no_traceback(serve: Serve, arguments: list[str], tmp_path: Path) -> None:
    process: subprocess.Popen[bytes]

    def interrupt(conversation: Conversation) -> None:
        conversation.read_request()
        if "saved" in arguments:
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        process.send_signal(signal.SIGINT)
        silent(conversation)

    server = serve(interrupt)
    process = subprocess.Popen(
        [SCRIPT, server.url(), "--timeout", "60", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=tmp_path,
    )
    _, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, error) == (1, b"\nAborted!\n")


def test_full_disk_is_one_line(origin: Origin) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("There is no /dev/full here.")
    done = run(origin.url("/bytes/1000000"), "--download", "/dev/full")
    assert done.returncode == 1
    assert done.stderr == b"OSError: [Errno 28] No space left on device\n"


def test_terminal_gets_colours(origin: Origin) -> None:
    code, written = run_in_terminal(origin.url("/json"))
    assert code == 0
    assert written.startswith(
        "\x1b[34mHTTP/1.1\x1b[0m \x1b[32m200\x1b[0m \x1b[32mOK\x1b[0m\n\x1b[36mContent-Type\x1b[0m: "
    )
    assert '\x1b[94m"greeting"\x1b[0m:' in written
    assert written.endswith("\n}\n")
    _, written = run_in_terminal("nope")
    assert written.startswith("\x1b[31mUnsupportedProtocol\x1b[0m: ")


@pytest.mark.parametrize("environment", [NO_COLOR, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
@pytest.mark.parametrize("arguments", ["/json -v", "/bytes/10", "/redirect/1", "--help", "nope"])
def test_terminal_without_colours_gets_no_escape(origin: Origin, environment: dict[str, str], arguments: str) -> None:
    words = [origin.url(word) if word.startswith("/") else word for word in arguments.split()]
    _, written = run_in_terminal(*words, environment=environment)
    assert written
    assert "\x1b" not in written


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/json"])
def test_terminal_is_not_steered_by_what_was_sent(serve: Serve, content_type: str) -> None:
    text = '"\x1b]0;title\x07\x9b2J\x00\x7f over\rwritten\r\n\tend"'
    server = serve(answering(make_response(content_type, text.encode(), "X-A: \x9b2J")))
    _, written = run_in_terminal(server.url(), environment=NO_COLOR)
    head, _, body = written.partition("\n\n")
    assert "\nX-A: \\x9b2J" in head
    assert body.expandtabs() == '"\\x1b]0;title\\x07\\x9b2J\\x00\\x7f over\nwritten\n\tend"\n'.expandtabs()


def test_narrow_terminal_wraps_for_itself(serve: Serve) -> None:
    body = b'{"words": "' + b"word " * 40 + b'"}'
    server = serve(answering(make_response("application/json", body, "X-Long: " + "a b " * 40)))
    _, written = run_in_terminal(server.url(), width=20, environment=NO_COLOR)
    # Nothing is broken or cut off, so that what is copied is what came.
    assert f"\nX-Long: {('a b ' * 40).strip()}\n" in written
    assert f'\n    "words": "{"word " * 40}"\n' in written


@pytest.mark.parametrize("width", [40, 80, 160])
def test_help_fits_the_terminal(width: int) -> None:
    code, written = run_in_terminal("--help", width=width, environment=NO_COLOR)
    assert code == 0
    assert max(map(len, written.splitlines())) <= width
    assert "--follow-redirects" in written


@pytest.mark.parametrize("width", [30, 60, 120])
def test_progress_of_a_download_fits_the_terminal(origin: Origin, tmp_path: Path, width: int) -> None:
    path = tmp_path / ("long-name-" * 10)
    code, written = run_in_terminal(origin.url("/bytes/3000000"), "--download", str(path), width=width)
    # Each state is written over the one before it.
    line = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", written).rstrip())[-1]
    assert (code, len(line) <= width) == (0, True)
    assert "long-na" in line
    assert "100%" in line
    assert "3.0/3.0 MB" in line


def test_failure_in_the_middle_of_a_line_stands_on_its_own(serve: Serve) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\npart"))
    code, written = run_in_terminal(server.url(), environment=NO_COLOR)
    assert code == 1
    assert "\n\npart\nRemoteProtocolError: " in written


def test_large_body_is_shown_without_colours(serve: Serve) -> None:
    body = b'["' + b"x" * 300_000 + b'"]'
    _, written = run_in_terminal(serve(answering(make_response("application/json", body))).url())
    assert written.endswith("\n[\n    " + body[1:-1].decode() + "\n]\n")
