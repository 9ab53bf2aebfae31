"""Start and stop real servers on this machine, with configurations of ours; `scripts/install-peers` installs them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Seconds for a server to start or to stop. Reached by failing tests only.
PATIENCE = 20.0

HOST = "127.0.0.1"


def find_binary(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/usr/bin")
    if path is not None:
        return path
    if os.environ.get("CI") == "true" and sys.platform == "linux":
        pytest.fail(f"{name} is missing: run scripts/install-peers")
    pytest.skip(f"{name} is not installed; scripts/install-peers does that on Debian")


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@contextlib.contextmanager
def running(port: int, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground, from the moment when it accepts connections on the port."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for_port(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            output = process.communicate()[0].decode(errors="replace")
            pytest.fail(f"{process.args!r} ended at once: {output}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"{process.args!r} does not listen"
            time.sleep(0.02)
