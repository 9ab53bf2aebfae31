"""Certificates, the ones that are shown and the ones that are taken: from memory, by fingerprint, and why not.

OpenSSL's contexts know nothing of fingerprints, nor of streams that end without a goodbye. So `Rules` for that are
noted beside a context, and are looked up where it shakes hands.
"""

from __future__ import annotations

import errno
import os
import ssl
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ._types import CertPart, CertTypes


class Rules(NamedTuple):
    """What a connection by a context must keep to besides.

    `fingerprints` are SHA-256 hashes of certificates, of which the server must show one; if there are none, any will
    do. `allows_truncation` takes the end of the connection for the end of the stream, without close_notify.
    """

    fingerprints: frozenset[bytes] = frozenset()
    allows_truncation: bool = False

    def accept(self, certificate: bytes | None) -> bool:
        """Tell whether a server with this certificate (in DER) is the right one."""
        return not self.fingerprints or _fingerprint(certificate) in self.fingerprints


def rules_of(context: ssl.SSLContext) -> Rules:
    """Return the rules that were noted for a context."""
    return _rules.get(context, _NO_RULES)


def set_rules(context: ssl.SSLContext, rules: Rules) -> None:
    """Note the rules for a context."""
    _rules[context] = rules


def parse_fingerprints(fingerprints: str | Iterable[str]) -> frozenset[bytes]:
    """Return the SHA-256 fingerprints in texts such as "9F:86:D0:..."; colons, and the case, do not matter.

    Raises:
        ValueError: one is none.
    """
    return frozenset(map(_parse_fingerprint, [fingerprints] if isinstance(fingerprints, str) else fingerprints))


def show_fingerprint(certificate: bytes | None) -> str:
    """Return the fingerprint of a certificate (in DER) as tools show it."""
    return _fingerprint(certificate).hex(":").upper()


def explain(exc: Exception) -> str:
    """Return what to make of a failed verification, with a space before; "" if there is no more to say."""
    hint = _HINTS.get(getattr(exc, "verify_code", 0))
    return f" {hint}" if hint else ""


def load_certificate(context: ssl.SSLContext, cert: CertTypes) -> None:
    """Let a context show a client certificate: (certificate and chain, key, password), of which one is enough.

    A str or a path names a PEM file, bytes are PEM. Without a key of its own the certificate's PEM holds it.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: there is no certificate or no key in it, they do not fit, or the password is wrong.
    """
    certificate, key, password = _parts(cert)
    # A key that is in memory never asks on the terminal for its password.
    if password is None and isinstance(certificate if key is None else key, bytes):
        password = ""
    with ExitStack() as stack:
        paths = [None if part is None else stack.enter_context(_path_of(part)) for part in (certificate, key)]
        assert paths[0] is not None
        try:
            context.load_cert_chain(paths[0], paths[1], password)
        except FileNotFoundError as exc:
            # OpenSSL does not say which file.
            missing = next((path for path in paths if path is not None and not os.path.exists(path)), None)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), missing) from exc


def is_in_memory(cert: CertTypes) -> bool:
    """Tell whether a client certificate is PEM and not the path of a file."""
    return isinstance(_parts(cert)[0], bytes)


# Private from here on.

_rules: weakref.WeakKeyDictionary[ssl.SSLContext, Rules] = weakref.WeakKeyDictionary()
_NO_RULES = Rules()

_UNKNOWN_AUTHORITY = (
    "No authority that this client trusts has signed its certificate: name the authority by `verify`, if it is right. "
    "It may also be that the server does not send the certificates in between."
)

# By the numbers of OpenSSL's x509_vfy.h.
_HINTS = {
    9: "Its certificate is not valid yet: look at the clocks of both sides.",
    10: "Its certificate must be renewed, unless this machine's clock is wrong.",
    18: "It has signed its certificate itself: name this certificate by `verify`, or its fingerprint, if it is right.",
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: "Its certificate is for other hosts.",
    64: "Its certificate is for other hosts.",
}


def _fingerprint(certificate: bytes | None) -> bytes:
    import hashlib  # few programs compare certificates

    return hashlib.sha256(certificate or b"").digest()


def _parse_fingerprint(text: str) -> bytes:
    prefix, _, rest = text.partition(":")
    digits = rest if prefix.lower() == "sha256" else text
    try:
        digest = bytes.fromhex(digits.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise ValueError(f"Not the SHA-256 fingerprint of a certificate, 32 bytes in hexadecimal: {text!r}")
    return digest


def _parts(cert: CertTypes) -> tuple[CertPart, CertPart | None, str | None]:
    if isinstance(cert, (str, bytes, os.PathLike)):
        return cert, None, None
    if len(cert) == 3:
        return cert
    return cert[0], cert[1] if len(cert) == 2 else None, None


@contextmanager
def _path_of(part: CertPart) -> Iterator[str]:
    """Give PEM in memory a path, which is all that OpenSSL's loader takes."""
    if not isinstance(part, bytes):
        yield os.fspath(part)
    elif hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        # It may hold a key, which is on no disk so.
        with open(os.memfd_create("certificate"), "wb", buffering=0) as file:
            file.write(part)
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        import tempfile  # rare path, with a dozen modules behind it

        # The folder is its owner's alone.
        with tempfile.TemporaryDirectory(prefix="certificate-") as folder:
            path = os.path.join(folder, "certificate.pem")
            with open(path, "wb") as file:
                file.write(part)
            yield path
