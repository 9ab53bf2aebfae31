"""Start the origins that the workloads need, and stop them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

import trustme

from benchmarks.cold import TrustStore
from benchmarks.environments import ROOT
from benchmarks.origin.nginx import start_nginx
from benchmarks.processes import die_with_parent
from benchmarks.workloads import Origin

# Where clients find proxies and certificates, and what changes the interpreter; no figure is to depend on it.
REMOVED = ("ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle", "sslkeylogfile")


class Origins:
    """Starts each origin when it is first asked for; all of them end with the `with` block."""

    def __init__(self) -> None:
        self._processes: dict[Origin, subprocess.Popen[str]] = {}
        self._ports: dict[Origin, int] = {}
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")
        self._folder = Path(self._directory.name)
        self.authority = self._folder / "authority.pem"
        self._certificate, self._key = self._folder / "certificate.pem", self._folder / "key.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        leaf = authority.issue_cert("127.0.0.1", "localhost")
        leaf.private_key_pem.write_to_path(str(self._key))
        for blob in leaf.cert_chain_pems:
            blob.write_to_path(str(self._certificate), append=True)
        self.trust_store = TrustStore(self._folder, self.authority)

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
        self._directory.cleanup()

    def find(self, origin: Origin) -> tuple[str, int]:
        """Return the URL of an origin, and the number of its process.

        Raises:
            NginxMissing: there is none for HTTP/2.
        """
        if origin not in self._processes:
            self._start(origin)
        if self._processes[origin].poll() is not None:
            raise RuntimeError(f"the {origin} origin has ended, with {self._processes[origin].returncode}")
        scheme = "http" if origin is Origin.PLAIN else "https"
        return f"{scheme}://127.0.0.1:{self._ports[origin]}", self._processes[origin].pid

    def _start(self, origin: Origin) -> None:
        if origin is Origin.HTTP2:
            process, port = start_nginx(self._folder, self._certificate, self._key)
            pin_to_last_core(process.pid)
        else:
            arguments = [] if origin is Origin.PLAIN else [str(self._certificate), str(self._key)]
            process = start([sys.executable, "-m", "benchmarks.origin.server", *arguments])
            assert process.stdout is not None
            port = int(process.stdout.readline())
        self._processes[origin] = process
        self._ports[origin] = port


def start(
    command: list[str], *, error_output: int | None = None, variables: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a process that finds this package, in a session of its own: Ctrl-C is for us alone."""
    return subprocess.Popen(
        command,
        env={**make_environment(), **(variables or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=error_output,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


# Private from here on.


def make_environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in REMOVED and not name.lower().endswith("_proxy") and not name.startswith("PYTHON")
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


def pin_to_last_core(process: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process, {max(os.sched_getaffinity(0))})
