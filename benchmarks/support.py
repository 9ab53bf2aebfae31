"""Start and stop the origin that the measurements talk to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def started_origin(certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """Give the URL of an origin in a process of its own, which ends with the block."""
    arguments = [] if certificate is None or key is None else [str(certificate), str(key)]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "origin.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"{'https' if arguments else 'http'}://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()
