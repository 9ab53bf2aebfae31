"""Begin TLS over a stream: what is offered, what is checked, and what is told when it fails."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Sequence

from .._certificates import explain, show_fingerprint
from .._exceptions import ConnectError, ReadError, ReadTimeout, WriteError, WriteTimeout
from .base import Stream, earliest
from .racing import connect_timeout
from .tls import TLSStream


async def start_tls(
    stream: Stream,
    context: ssl.SSLContext,
    *,
    server_hostname: str | None,
    timeout: float | None,
    deadline: float | None = None,
    session: ssl.SSLSession | None = None,
    alpn: Sequence[str] | None = None,
) -> TLSStream:
    """Shake hands over stream, which belongs to the returned one from then on, and is aborted when that fails.

    `alpn` is what is offered (RFC 7301); with None it is what the context offers by itself.

    Raises:
        ConnectTimeout: not in time.
        ConnectError: the certificate does not hold, or the peer speaks no TLS that we do.
    """
    try:
        tls_stream = _wrap(stream, context, server_hostname, session, alpn)
        await _shake_hands(tls_stream, server_hostname or "the server", timeout, deadline)
        certificate = tls_stream.certificate
        if not tls_stream.rules.accept(certificate):
            raise ConnectError(
                f"The certificate of {server_hostname} is none of those whose fingerprints are given: its SHA-256 "
                f"fingerprint is {show_fingerprint(certificate)}"
            )
    except BaseException:
        stream.abort()
        raise
    return tls_stream


# Private from here on.


def _wrap(
    stream: Stream,
    context: ssl.SSLContext,
    server_hostname: str | None,
    session: ssl.SSLSession | None,
    alpn: Sequence[str] | None,
) -> TLSStream:
    try:
        if alpn is None:
            return TLSStream(stream, context, server_hostname=server_hostname, session=session)
        with _offer_lock:
            context.set_alpn_protocols(list(alpn))
            return TLSStream(stream, context, server_hostname=server_hostname, session=session)
    except (ValueError, TypeError, ssl.SSLError) as exc:
        raise ConnectError(f"{exc}: {server_hostname!r} is no name for a TLS handshake") from exc


async def _shake_hands(stream: TLSStream, peer: str, timeout: float | None, deadline: float | None) -> None:
    try:
        await stream.shake_hands(earliest(timeout, deadline))
    except (ReadTimeout, WriteTimeout) as exc:
        raise connect_timeout(f"{peer} (in the TLS handshake)", timeout) from exc
    except (ReadError, WriteError) as exc:
        raise ConnectError(f"{exc} (in the TLS handshake with {peer})") from exc
    except ssl.SSLEOFError as exc:
        raise ConnectError(f"{_reason(exc)}: {peer} closed the connection in the TLS handshake") from exc
    except (ssl.SSLError, ssl.CertificateError) as exc:
        raise ConnectError(f"{_reason(exc)}: the TLS handshake with {peer} failed.{explain(exc)}") from exc


def _reason(exc: Exception) -> str:
    return str(exc) or type(exc).__name__


# A context that its owner shares may serve clients that offer different protocols, or a proxy and the origin behind it.
# An offer belongs to a context, and each connection takes the one that it finds when it is made.
_offer_lock = threading.Lock()


def _forget_offer_lock() -> None:
    # The thread that held it at the fork does not exist in the child.
    global _offer_lock
    _offer_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_offer_lock)
