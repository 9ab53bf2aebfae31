"""TLS contexts: what `verify`, `cert` and the environment stand for, and the shared default ones.

Theory of operation. Servers are verified against the CAs of the system. On macOS and Windows only the system itself
can do that, through truststore. On Linux and the BSDs the system's CAs are plain files, and OpenSSL reads them: from a
directory of hashed names, which costs little before a CA is needed (6 ms a context), or else from a bundle of all of
them (20 to 40 ms a context). truststore would read the bundle again for each connection there (35 ms), so it is not
used there. Where neither is found, as in bare containers, the bundle of certifi takes their place.

A context is worth sharing: `default_context` keeps one for each environment. Whoever gets a context
from `create_ssl_context` may change it, so that one is always a context of its own.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
import sys
import threading
import warnings
from typing import TYPE_CHECKING

from ._certificates import Rules, is_in_memory, load_certificate, parse_fingerprints, set_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeGuard

    from ._types import CertTypes

# Where distributions keep the bundle, for builds of OpenSSL that look elsewhere (portable Python builds, conda).
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, CentOS Stream
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, FreeBSD, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # older FreeBSD
)

MAX_SHARED_CONTEXTS = 16  # contexts; a program has one or two, unless it keeps changing its environment


def create_ssl_context(
    verify: ssl.SSLContext | str | bool = True,
    cert: CertTypes | None = None,
    trust_env: bool = True,
    *,
    fingerprints: str | Iterable[str] = (),
    allow_truncation: bool = False,
) -> ssl.SSLContext:
    """Return a TLS context for a client, one of its own that may be changed; a context given as `verify` as it is.

    `verify=True` trusts the system's CAs, or with `trust_env` those of SSL_CERT_FILE and SSL_CERT_DIR; `False` trusts
    anybody. With `trust_env`, SSLKEYLOGFILE names a file that gets the session keys. `cert` is a client certificate:
    PEM with its key, or (certificate, key), or (certificate, key, password), in files or, as bytes, in memory.

    `fingerprints` pins certificates: besides what `verify` asks for, the server must show one of which this is the
    SHA-256 fingerprint, in hexadecimal. `allow_truncation` takes a body for complete that ends with the connection and
    without TLS's goodbye, which somebody on the way may have cut off; there are servers that never say it.

    Raises:
        OSError: a file of CAs or certificates cannot be read.
        ssl.SSLError: one holds no certificate or key, or those do not fit.
        TypeError: `verify` is none of these.
        ValueError: a fingerprint is none.
    """
    rules = Rules(parse_fingerprints(fingerprints), allow_truncation)
    if isinstance(verify, (str, os.PathLike)) and not _is_context(verify):
        _warn_about_path()
    context = _create_context(verify, trust_env=trust_env)
    if cert and not is_in_memory(cert):
        warnings.warn(
            "`cert=...` is deprecated. Use `verify=<ssl_context>` instead,"
            "with `.load_cert_chain()` to configure the certificate chain.",
            DeprecationWarning,
            stacklevel=2,
        )
    if cert:
        load_certificate(context, cert)
    if rules != Rules():
        set_rules(context, rules)
    return context


def make_context(
    verify: ssl.SSLContext | str | bool | os.PathLike[str], cert: CertTypes | None, *, trust_env: bool
) -> ssl.SSLContext:
    """Return what `create_ssl_context` returns, without its warnings."""
    context = _create_context(verify, trust_env=trust_env)
    if cert:
        load_certificate(context, cert)
    return context


def default_context(*, trust_env: bool) -> ssl.SSLContext:
    """Return the shared context that verifies servers. It must not be changed, but for what each connection offers.

    Thread-safe. The environment counts as it is at the call.
    """
    key = _read_environment() if trust_env else None
    context = _shared_contexts.get(key)
    if context is None:
        with _lock:
            context = _shared_contexts.get(key)
            if context is None:
                context = _create_context(True, trust_env=trust_env)
                if len(_shared_contexts) >= MAX_SHARED_CONTEXTS:
                    _shared_contexts.clear()
                _shared_contexts[key] = context
    return context


# Private from here on.

_Environment = tuple[str | None, str | None, str | None]

_shared_contexts: dict[_Environment | None, ssl.SSLContext] = {}
_lock = threading.Lock()


def _forget_lock() -> None:
    # The thread that held it at the fork does not exist in the child.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def _read_environment() -> _Environment:
    get = os.environ.get
    return get("SSL_CERT_FILE") or None, get("SSL_CERT_DIR") or None, get("SSLKEYLOGFILE") or None


def _create_context(
    verify: ssl.SSLContext | str | bool | os.PathLike[str] | None, *, trust_env: bool
) -> ssl.SSLContext:
    if _is_context(verify):
        return verify
    cafile, capath, keylog = _read_environment() if trust_env else (None, None, None)
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif verify is True or verify is None:
        context = _create_trusting(cafile, capath) if cafile or capath else _create_system_context()
    elif isinstance(verify, (str, os.PathLike)):
        path = os.fspath(verify)
        context = _create_trusting(None, path) if os.path.isdir(path) else _create_trusting(path, None)
    else:
        raise TypeError(f"verify must be a bool, a path or an ssl.SSLContext, not {type(verify)}")
    _harden(context)
    if keylog is not None:
        context.keylog_filename = keylog
    return context


def _is_context(verify: object) -> TypeGuard[ssl.SSLContext]:
    """Tell whether this is a context, or the stand-in of a test for one, which may pass for a path as well."""
    return isinstance(verify, ssl.SSLContext) or hasattr(verify, "wrap_bio")


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9325 3.5: renegotiation is of no use to a client of HTTP and was the way into several attacks.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_NO_COMPRESSION


def _warn_about_path() -> None:
    warnings.warn(
        "`verify=<str>` is deprecated. Use `verify=ssl.create_default_context(cafile=...)` "
        "or `verify=ssl.create_default_context(capath=...)` instead.",
        DeprecationWarning,
        stacklevel=3,
    )


def _create_verifying_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):
        # What ssl.create_default_context() sets from there on.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    return context


def _create_trusting(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    """Return a context that trusts these CAs only."""
    context = _create_verifying_context()
    try:
        context.load_verify_locations(cafile, capath)
    except FileNotFoundError as exc:
        # OpenSSL does not say which file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), cafile) from exc
    return context


def _create_system_context() -> ssl.SSLContext:
    if sys.platform in ("darwin", "win32"):
        try:
            import truststore
        except ImportError:  # a system too old to be asked
            return _create_trusting(_find_certifi(), None)
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _create_trusting(*_find_system_cas())


def _find_system_cas() -> tuple[str | None, str | None]:
    """Return the (bundle, directory) of CAs that the system has, or else certifi's."""
    # Not `set_default_verify_paths()`, which reads SSL_CERT_FILE also where the environment is not to be trusted.
    paths = ssl.get_default_verify_paths()
    bundle = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
    hashed = _read_hashed_directory(paths.openssl_capath)
    if hashed:
        is_bundle_needed = bundle is not None and not _read_cas(bundle) <= hashed
        return (bundle if is_bundle_needed else None), paths.openssl_capath
    if bundle is None:
        bundle = next(filter(os.path.isfile, BUNDLES), None)
    return bundle or _find_certifi(), None


def _read_hashed_directory(path: str) -> set[bytes]:
    """Return the CAs that OpenSSL can find in a directory; none if they are not stored under their hashes."""
    try:
        names = [name for name in os.listdir(path) if _HASHED_NAME.fullmatch(name)]
    except OSError:
        return set()
    return set().union(*(_read_cas(os.path.join(path, name)) for name in names))


def _read_cas(path: str) -> set[bytes]:
    """Return the base64 bodies of the certificates of a PEM file.

    Comparing them shows in 5 ms whether a bundle holds more than the directory (people append the CA of their company
    to the one, or mount another one in its place), and mostly saves the 30 ms that parsing it takes.
    """
    try:
        with open(path, "rb") as file:
            return {b"".join(body.split()) for body in _PEM_BODY.findall(file.read())}
    except OSError:
        return set()


_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the hash of the subject, and a number
_PEM_BODY = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]+)-----END")


def _find_certifi() -> str:
    import certifi  # rare path: only where the system has no CAs

    return certifi.where()
