"""How long the steps of a request took: `response.extensions["timings"]`.

Every request notes some points in time, and nothing is computed before somebody asks. A small one on a kept connection
reads the clock as often as it would without: when it begins, which tells whether an idle connection has expired, and
when its response is there, which is when that connection becomes idle. So there is no switch for it.
"""

from __future__ import annotations


class Timings:
    """Tell how long the steps of a request took, in seconds.

    A step that did not happen is None: a kept connection was not made for this request, and `receive` is only known at
    the end of the body. What is there stays there when the response is closed.

    `queue` is the wait for a connection or for leave to make one. `resolve`, `connect`, `proxy` and `tls` are about
    making one: the name, TCP (or the unix socket), the handshake with a proxy, TLS with the origin. `send` ends when
    the request is sent, or when its answer comes before that; it is 0.0 for what went out at once. `wait` ends with the
    head of the response, `receive` with its body.
    """

    __module__ = "httpx"

    # Points on `time.monotonic()`. Those that were not reached are not set; a constructor would cost more than this.
    _began_at: float
    _served_at: float
    _connect_began_at: float
    _resolved_at: float
    _connected_at: float
    _proxied_at: float
    _secured_at: float
    _taken_at: float
    _sent_at: float
    _received_at: float
    _ended_at: float

    @property
    def queue(self) -> float | None:
        """The wait for a connection, or for a slot to make one in."""
        # Who finds an idle connection waits for nothing, and notes nothing.
        return self._between("_began_at", to="_served_at") if hasattr(self, "_served_at") else 0.0

    @property
    def resolve(self) -> float | None:
        """The resolution of the host's name, or of the proxy's; None for an address."""
        return self._between("_connect_began_at", to="_resolved_at")

    @property
    def connect(self) -> float | None:
        """The handshake of TCP, with the address that was the first to answer."""
        return self._between("_resolved_at", "_connect_began_at", to="_connected_at")

    @property
    def proxy(self) -> float | None:
        """All that it takes to get through the proxy: TLS to it, CONNECT, SOCKS."""
        return self._between("_connected_at", to="_proxied_at")

    @property
    def tls(self) -> float | None:
        """The handshake of TLS with the origin."""
        return self._between("_proxied_at", "_connected_at", to="_secured_at")

    @property
    def send(self) -> float | None:
        """The request, its body included."""
        if hasattr(self, "_received_at") and not hasattr(self, "_sent_at"):
            # It went out at once.
            return 0.0
        return self._between("_taken_at", "_began_at", to="_sent_at")

    @property
    def wait(self) -> float | None:
        """The wait for the head of the response."""
        return self._between("_sent_at", "_taken_at", "_began_at", to="_received_at")

    @property
    def receive(self) -> float | None:
        """The body of the response."""
        return self._between("_received_at", to="_ended_at")

    def as_dict(self) -> dict[str, float | None]:
        """Return the steps by name, in their order."""
        return {name: getattr(self, name) for name in _STEPS}

    def __repr__(self) -> str:
        steps = ", ".join(f"{name}={took:.6f}" for name, took in self.as_dict().items() if took is not None)
        return f"<{type(self).__name__}({steps})>"

    # Private from here on.

    def _between(self, *starts: str, to: str) -> float | None:
        """Return the time up to a point from the first of these that there is."""
        start = next((start for start in starts if hasattr(self, start)), None)
        if start is None or not hasattr(self, to):
            return None
        took: float = getattr(self, to) - getattr(self, start)
        return took


# Private from here on.

_STEPS = ("queue", "resolve", "connect", "proxy", "tls", "send", "wait", "receive")
