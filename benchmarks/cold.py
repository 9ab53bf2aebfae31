"""What a client costs in a process that has just started, where nothing is imported but what the client imports.

Each client uses the trust store that it uses by itself, so that the first TLS connection costs what it costs its
users: certifi's bundle, or the system's directory of certificates. The certificate of the origin is added to that.
Clients that bring roots of their own are told to trust the origin's authority instead.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

LATER_CLIENTS = 20

START = """
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
url, figure, authority = sys.argv[1:]
start = time.process_time()
{imports}
imported = time.process_time()
"""

# The lines of a client set `client`, and `status` and `body`.
STEPS = """
{client}
made = time.process_time()
if figure in ("cold_tls", "cold_next"):
    {get}
    assert (status, len(body)) == (200, 1024), (status, len(body))
answered = end = time.process_time()
if figure == "cold_next":
    for _ in range({count}):
        {client}
        {get}
        assert (status, len(body)) == (200, 1024), (status, len(body))
        {close}
    end = time.process_time()
print({{
    "cold_import": imported - start,
    "cold_client": made - imported,
    "cold_tls": answered - start,
    "cold_next": (end - answered) / {count},
}}[figure])
"""


@dataclass(frozen=True)
class Script:
    """What one client's programs say to import it, to make it, to GET with it, and to close it."""

    imports: str
    client: str
    get: str = "response = client.get(url); status, body = response.status_code, response.content"
    close: str = "client.close()"
    is_async: bool = False
    uses_certifi: bool = False

    def write(self) -> str:
        """Return the whole program, to be run with the URL, the figure and the origin's authority as arguments."""
        steps = STEPS.format(client=self.client, get=self.get, close=self.close, count=LATER_CLIENTS)
        if self.is_async:
            steps = f"async def main():\n{textwrap.indent(steps, '    ')}\nimport asyncio\nasyncio.run(main())\n"
        return START.format(imports=self.imports) + steps


SCRIPTS = {
    "ours": Script("import httpx", "client = httpx.Client()"),
    "httpx": Script("import httpx", "client = httpx.Client()", uses_certifi=True),
    "httpx2": Script("import httpx2", "client = httpx2.Client()"),
    "aiohttp": Script(
        "import aiohttp",
        "client = aiohttp.ClientSession()",
        "response = await client.get(url); status, body = response.status, await response.read()",
        "await client.close()",
        is_async=True,
    ),
    "wreq": Script(
        "import wreq.blocking, pathlib",
        "client = wreq.blocking.Client(tls_verify=pathlib.Path(authority))",
        "response = client.get(url); status, body = response.status.as_int(), response.bytes()",
    ),
    "pycurl": Script(
        "import pycurl",
        "client = pycurl.Curl(); client.setopt(pycurl.CAINFO, authority)",
        "client.setopt(pycurl.URL, url); body = client.perform_rb(); status = client.getinfo(pycurl.RESPONSE_CODE)",
    ),
    "pyreqwest": Script(
        "from pyreqwest.client import SyncClientBuilder",
        "client = SyncClientBuilder().add_root_certificate_pem(open(authority, 'rb').read()).build()",
        "response = client.get(url).build().send(); status, body = response.status, response.bytes()",
    ),
    "primp": Script("import primp", "client = primp.Client(ca_cert_file=authority)", close=""),
    "foghttp": Script(
        "import foghttp",
        "client = foghttp.Client(tls=foghttp.TLSConfig(authority, trust_webpki_roots=False))",
    ),
    "punkreq": Script(
        "import punkreq.asyncio",
        "client = punkreq.asyncio.Client()",
        "response = await client.get(url); status, body = response.status_code, await response.read()",
        "await client.close()",
        is_async=True,
    ),
    "zapros": Script(
        "import zapros",
        "client = zapros.Client()",
        "response = client.get(url); status, body = response.status, response.read()",
    ),
    "requests": Script("import requests", "client = requests.Session()", uses_certifi=True),
    "urllib3": Script(
        "import urllib3",
        "client = urllib3.PoolManager()",
        "response = client.request('GET', url); status, body = response.status, response.data",
        "client.clear()",
    ),
    "niquests": Script("import niquests", "client = niquests.Session(verify=authority)"),
}


class TrustStore:
    """The trust stores that clients use by themselves, with the origin's authority added."""

    def __init__(self, folder: Path, authority: Path) -> None:
        self._folder = folder
        self._authority = authority
        self._directory = self._copy_directory()

    def make_environment(self, script: Script, python: str) -> dict[str, str]:
        """Return the environment variables that make a client trust the origin."""
        if script.uses_certifi:
            return dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(self._copy_bundle(python)))
        if self._directory is None:
            return {"SSL_CERT_FILE": str(self._copy_bundle(python))}
        return {"SSL_CERT_DIR": str(self._directory)}

    def _copy_bundle(self, python: str) -> Path:
        path = self._folder / "bundle.pem"
        if not path.exists():
            command = [python, "-c", "import certifi; print(certifi.where())"]
            bundle = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            path.write_bytes(Path(bundle).read_bytes() + self._authority.read_bytes())
        return path

    def _copy_directory(self) -> Path | None:
        # OpenSSL finds a certificate in a directory by the hash of its subject.
        system = Path(ssl.get_default_verify_paths().openssl_capath)
        openssl = shutil.which("openssl")
        if openssl is None or not any(system.glob("*.0")):
            return None
        directory = self._folder / "certificates"
        directory.mkdir()
        for path in system.glob("*.0"):
            (directory / path.name).symlink_to(os.path.realpath(path))
        command = [openssl, "x509", "-hash", "-noout", "-in", str(self._authority)]
        name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        (directory / f"{name}.0").symlink_to(self._authority)
        return directory
