"""The demo runs as a program: the tour, a URL, and what goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.origin import Origin

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", str(ROOT / "examples" / "demo.py")]
PATH = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATH, "PYTHONIOENCODING": "utf-8"}


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def test_tour_shows_every_stop_without_escape_codes() -> None:
    demo = run_demo()
    assert (demo.returncode, demo.stderr) == (0, "")
    assert [f"\n{number}. " in demo.stdout for number in range(1, 11)] == [True] * 10
    assert "\x1b" not in demo.stdout
    assert "\r" not in demo.stdout
    for fact in [
        "connections:   1, as",
        "20 of 20 fine",
        "67,108,864 bytes",
        "the same on both sides",
        '{"name":"Ada","born":1815}',
        "cookies {'flavour': 'vanilla'}",
        "200, Welcome, ada!",
        "httpx.ReadTimeout after",
        "httpx.ConnectError: ",
        "known CA:      200",
    ]:
        assert fact in demo.stdout


def test_url_shows_status_fields_and_the_start_of_the_body(origin: Origin) -> None:
    demo = run_demo(origin.url("/redirect/1"))
    assert demo.returncode == 0
    assert demo.stdout.startswith(f"HTTP/1.1 302 Found {origin.url('/redirect/1')}\nHTTP/1.1 200 OK ")
    assert "content-type:" in demo.stdout.lower()
    assert demo.stdout.endswith("\n\nHello, world!\n\n")


def test_body_that_is_no_text_is_named_so(origin: Origin) -> None:
    assert "(not text; it starts with 00 01 02" in run_demo(origin.url("/bytes/5000")).stdout


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "gopher://example.org", "http://[oops"])
def test_failure_is_one_line_and_an_exit_status(url: str) -> None:
    demo = run_demo(url)
    assert (demo.returncode, demo.stdout) == (1, "")
    assert demo.stderr.startswith("demo: ")
    assert demo.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_interrupt_leaves_no_traceback() -> None:
    # Without -W error: an interrupt may strike between the making of a socket and the line that keeps it, in the client
    # or in the origin's thread, and what the interpreter closes then is a warning. Users are not shown those.
    command = [COMMAND[0], COMMAND[-1]]
    demo = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("2. "):
            break
    demo.send_signal(signal.SIGINT)
    _, error = demo.communicate(timeout=60)
    assert (demo.returncode, error) == (130, "\ndemo: interrupted\n")
