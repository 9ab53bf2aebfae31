"""A certificate authority to throw away, and the TLS contexts made from it."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import trustme


class Authority:
    """Issue certificates for origins on this machine, and lay down the file that makes clients trust them.

    `close` removes the file.
    """

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory(prefix="origin-")
        self.path = Path(self._folder.name, "ca.pem")
        self._authority.cert_pem.write_to_path(str(self.path))

    def make_server_context(self, *names: str) -> ssl.SSLContext:
        """Make the context of a server that has these names, and speaks HTTP/1.1 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        self._authority.issue_cert(*names).configure_cert(context)
        return context

    def close(self) -> None:
        """Remove the file of the authority's certificate."""
        self._folder.cleanup()
