"""Real servers of HTTP/2, with configurations of ours: nginx, h2o, haproxy, nghttpd and hypercorn.

The first three stand in front of the tests' own origin; nghttpd serves files and hypercorn an application.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

import httpx
from tests.conformance.peers import HOST, find_binary, free_port, running, write

# `$pid` tells which worker answered. `short` says goodbye after a few requests, `idle` after a moment without any.
NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/cert.pem;
    add_header x-pid $pid;
    add_header x-connection $connection;
    client_max_body_size 64m;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    server {{ listen {host}:{tls} ssl http2; {locations} }}
    server {{ listen {host}:{plain} http2; {locations} }}
    server {{ listen {host}:{limited} ssl http2; http2_max_concurrent_streams 4; {locations} }}
    server {{ listen {host}:{short} ssl http2; keepalive_requests 20; {locations} }}
    server {{ listen {host}:{idle} ssl http2; keepalive_timeout 200ms; {locations} }}
}}
"""

NGINX_LOCATIONS = """
        location / {{ proxy_pass http://{host}:{origin}; }}
        location /tiny {{ client_max_body_size 1k; proxy_request_buffering on; proxy_pass http://{host}:{origin}; }}
        location /fixed {{ return 200 "fixed"; }}
"""

H2O = """
hosts:
  default:
    listen:
      host: {host}
      port: {port}
      ssl:
        certificate-file: {folder}/cert.pem
        key-file: {folder}/cert.pem
        ocsp-update-interval: 0
    paths:
      /:
        proxy.reverse.url: http://{host}:{origin}/
        proxy.timeout.io: 20000
access-log: /dev/null
num-threads: 1
"""

HAPROXY = """
global
    tune.h2.max-concurrent-streams 20
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s
frontend tls
    bind {host}:{port} ssl crt {folder}/cert.pem alpn h2,http/1.1
    default_backend origin
backend origin
    server origin {host}:{origin}
"""

NGHTTPD_LARGE_SIZE = 3_000_000


@dataclass(frozen=True, slots=True)
class Nginx:
    """The addresses of its servers by their names, and the process that reloads by SIGHUP."""

    urls: dict[str, str]
    pid: int


class Http2Peers:
    """A folder, an authority that signed the servers' certificate, and the origin behind them."""

    def __init__(self, folder: Path, origin_port: int) -> None:
        self.folder = folder
        self.origin_port = origin_port
        self._authority = trustme.CA()
        self._authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))

    def client_context(self) -> ssl.SSLContext:
        context = httpx.create_ssl_context()
        self._authority.configure_trust(context)
        return context

    @contextlib.contextmanager
    def nginx(self) -> Iterator[Nginx]:
        """Run nginx."""
        binary = find_binary("nginx")
        # Under which nginx has a folder of its own: two of them may run.
        with self._own_folder("nginx") as folder:
            names = ("tls", "plain", "limited", "short", "idle")
            ports = {name: free_port() for name in names}
            locations = NGINX_LOCATIONS.format(host=HOST, origin=self.origin_port)
            text = NGINX.format(
                host=HOST,
                folder=folder,
                locations=locations,
                # Who is not root may not choose, and root's workers may read what root has made.
                user="user root;" if os.geteuid() == 0 else "",
                **ports,
            )
            config = write(folder / "nginx.conf", text)
            with running(
                ports["tls"], [binary, "-c", config, "-e", f"{folder}/nginx.log", "-p", str(folder)]
            ) as process:
                urls = {name: f"https://{HOST}:{port}" for name, port in ports.items()}
                urls["plain"] = f"http://{HOST}:{ports['plain']}"
                yield Nginx(urls, process.pid)

    @contextlib.contextmanager
    def h2o(self) -> Iterator[str]:
        """Run h2o; yield its address."""
        binary = find_binary("h2o")
        with self._own_folder("h2o") as folder:
            port = free_port()
            text = H2O.format(host=HOST, port=port, folder=folder, origin=self.origin_port)
            with running(port, [binary, "-m", "worker", "-c", write(folder / "h2o.conf", text)]):
                yield f"https://{HOST}:{port}"

    @contextlib.contextmanager
    def haproxy(self) -> Iterator[str]:
        """Run haproxy; yield its address."""
        binary = find_binary("haproxy")
        port = free_port()
        text = HAPROXY.format(host=HOST, port=port, folder=self.folder, origin=self.origin_port)
        with running(port, [binary, "-db", "-f", write(self.folder / "haproxy.cfg", text)]):
            yield f"https://{HOST}:{port}"

    @contextlib.contextmanager
    def nghttpd(self, *options: str) -> Iterator[str]:
        """Run nghttpd, which serves the files hello and large; yield its address."""
        binary = find_binary("nghttpd")
        root = self.folder / "files"
        if not root.exists():
            root.mkdir()
            (root / "hello").write_bytes(b"Hello, world!\n")
            (root / "large").write_bytes(bytes(NGHTTPD_LARGE_SIZE))
        port, cert = free_port(), str(self.folder / "cert.pem")
        command = [binary, "-a", HOST, "-d", str(root), "--echo-upload", *options, str(port), cert, cert]
        with running(port, command):
            yield f"https://{HOST}:{port}"

    @contextlib.contextmanager
    def hypercorn(self) -> Iterator[str]:
        """Run hypercorn; yield its address."""
        port, cert = free_port(), str(self.folder / "cert.pem")
        command = [sys.executable, "-m", "hypercorn", "--bind", f"{HOST}:{port}", "--certfile", cert, "--keyfile", cert]
        with running(port, [*command, "tests.conformance.streaming_app:app"]):
            yield f"https://{HOST}:{port}"

    # Private from here on.

    @contextlib.contextmanager
    def _own_folder(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self.folder) as path:
            folder = Path(path)
            folder.chmod(0o755)
            (folder / "cert.pem").write_bytes((self.folder / "cert.pem").read_bytes())
            yield folder
