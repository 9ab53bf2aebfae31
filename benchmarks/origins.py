"""Start the origins that the workloads need, and stop them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

import trustme

from benchmarks.environments import ROOT
from benchmarks.workloads import Origin


class Origins:
    """Starts each origin when it is first asked for; all of them end with the `with` block."""

    def __init__(self) -> None:
        self._processes: dict[Origin, subprocess.Popen[str]] = {}
        self._urls: dict[Origin, str] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(self._folder.name)
        self.authority = folder / "authority.pem"
        self._certificate, self._key = folder / "certificate.pem", folder / "key.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        leaf = authority.issue_cert("127.0.0.1", "localhost")
        leaf.private_key_pem.write_to_path(str(self._key))
        for blob in leaf.cert_chain_pems:
            blob.write_to_path(str(self._certificate), append=True)

    def __enter__(self) -> Origins:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        self._folder.cleanup()

    def find(self, origin: Origin) -> tuple[str, int]:
        """Return the URL of an origin, and the number of its process."""
        if origin not in self._processes:
            arguments = [] if origin is Origin.PLAIN else [str(self._certificate), str(self._key)]
            process = start_module("benchmarks.origin.server", arguments, python=sys.executable)
            self._processes[origin] = process
            assert process.stdout is not None
            port = int(process.stdout.readline())
            self._urls[origin] = f"{'http' if origin is Origin.PLAIN else 'https'}://127.0.0.1:{port}"
        return self._urls[origin], self._processes[origin].pid


def start_module(
    module: str, arguments: list[str], *, python: str, error_output: int | IO[str] | None = None
) -> subprocess.Popen[str]:
    """Start a module of this package with a Python, in a session of its own: Ctrl-C is for us alone."""
    return subprocess.Popen(
        [python, "-m", module, *arguments],
        env=make_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=error_output,
        text=True,
        start_new_session=True,
    )


def make_environment() -> dict[str, str]:
    """Return the environment variables of the processes: no proxies, and this package on the path."""
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**variables, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
