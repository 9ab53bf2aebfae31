"""nginx as the origin for HTTP/2, which the plain one does not speak: one process, answers from its configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from benchmarks.processes import die_with_parent

CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    http2_max_concurrent_streams 256;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        default_type "text/plain; charset=utf-8";
        # What came over HTTP/1.1 is not what was to be measured.
        if ($server_protocol != "HTTP/2.0") {{ return 505; }}
        location = /bytes/1024 {{ return 200 "{body}"; }}
    }}
}}
"""


class NginxMissing(Exception):
    """This machine has no nginx."""


def start_nginx(folder: Path, certificate: Path, key: Path) -> tuple[subprocess.Popen[str], int]:
    """Start nginx on a free port, and return its process and the port."""
    # Where Debian puts it, which is not on everybody's path.
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        raise NginxMissing("nginx is not installed; scripts/install-peers nginx does that on Debian")
    port = find_free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, certificate=certificate, key=key, body="x" * 1024)
    )
    process = subprocess.Popen(
        [binary, "-c", str(configuration), "-e", str(folder / "error.log")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    wait_for_port(port, process, folder / "error.log")
    return process, port


# Private from here on.


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[str], log: Path) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                raise NginxMissing(f"nginx ended at once: {log.read_text().strip()}") from None
            time.sleep(0.05)
        else:
            return
    raise NginxMissing("nginx does not listen")
