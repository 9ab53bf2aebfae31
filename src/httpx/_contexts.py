"""Which TLS context a connection gets: its client's own one, or one that a request asks for by an extension."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from ._tls import create_ssl_context, default_context, make_context
from ._types import CertTypes

# Contexts that single requests of one client asked for, made of a path or a certificate; each costs up to 40 ms.
MAX_CONTEXTS = 64


class Contexts:
    """The contexts of one client.

    The client's own is made when it is first needed if it is the default one, so that a client which speaks no TLS does
    not pay for it. Otherwise it is made at once, so that whatever is wrong with the settings is told where they are
    given.

    Raises:
        OSError, ssl.SSLError, TypeError: as `create_ssl_context`.
    """

    def __init__(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: CertTypes | None = None,
        *,
        trust_env: bool = True,
    ) -> None:
        self._verify = verify
        self._cert = cert
        self._trust_env = trust_env
        self._own: ssl.SSLContext | None = None
        if verify is not True or cert is not None:
            self._own = create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)
        self._others: dict[tuple[Any, Any], ssl.SSLContext] = {}

    def own(self) -> ssl.SSLContext:
        """Return the client's own context."""
        if self._own is None:
            self._own = default_context(trust_env=self._trust_env)
        return self._own

    def find(self, extensions: Mapping[str, Any]) -> ssl.SSLContext | None:
        """Return the context that the `verify` and `cert` of a request ask for; None if that is the client's own.

        What only one of them says, the client's setting says of the other. A context speaks for itself: it holds its
        certificate, and none is loaded into it.

        Raises:
            ValueError: a certificate is asked for together with a context.
            OSError, ssl.SSLError, TypeError: as `create_ssl_context`.
        """
        if "verify" not in extensions and "cert" not in extensions:
            return None
        verify = extensions.get("verify", self._verify)
        if isinstance(verify, ssl.SSLContext):
            if extensions.get("cert") is not None:
                raise ValueError(
                    "The `cert` of a request cannot be loaded into an ssl.SSLContext, which other requests share. "
                    "Load it into a context of its own, and pass that as `verify`."
                )
            return None if verify is self._verify else verify
        cert = extensions.get("cert", self._cert)
        if isinstance(cert, list):
            cert = tuple(cert)
        if type(verify) is type(self._verify) and (verify, cert) == (self._verify, self._cert):
            return None
        if verify is True and cert is None:
            return default_context(trust_env=self._trust_env)
        return self._make_other(verify, cert)

    # Private from here on.

    def _make_other(self, verify: Any, cert: Any) -> ssl.SSLContext:
        context = self._others.get((verify, cert))
        if context is None:
            context = make_context(verify, cert, trust_env=self._trust_env)
            if len(self._others) >= MAX_CONTEXTS:
                self._others.clear()
            # Of two threads, the first one's: connections are filed by their context.
            context = self._others.setdefault((verify, cert), context)
        return context
