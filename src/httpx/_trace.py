"""Tell of the steps of a request: to the callback that the `trace` extension names, and to the logs.

The names of the steps and of the loggers are those that programs know from HTTPX 0.28, where a package named httpcore
took them: "http11.send_request_headers.started", logger "httpcore.http11".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

_CONNECTION_LOGGER = logging.getLogger("httpcore.connection")
_HTTP11_LOGGER = logging.getLogger("httpcore.http11")
_HTTP2_LOGGER = logging.getLogger("httpcore.http2")
# Speed: which levels it is known to be enabled for. Loggers have kept that since Python 3.7, and forget it when
# anything changes; what is not known to be off is asked for.
HTTP11_LEVELS: Mapping[int, bool] = getattr(_HTTP11_LOGGER, "_cache", {})
HTTP2_LEVELS: Mapping[int, bool] = getattr(_HTTP2_LOGGER, "_cache", {})
_LOGGERS = {
    "connection": _CONNECTION_LOGGER,
    "http11": _HTTP11_LOGGER,
    "http2": _HTTP2_LOGGER,
    "proxy": logging.getLogger("httpcore.proxy"),
    "socks": logging.getLogger("httpcore.socks"),
}

_KNOWN_LEVELS: list[tuple[logging.Logger, Mapping[int, bool]]] = [
    (logger, getattr(logger, "_cache", {})) for logger in _LOGGERS.values()
]

T = TypeVar("T")

# Their values are not written into logs.
_SENSITIVE_FIELDS = frozenset({b"set-cookie", b"set-cookie2", b"www-authenticate", b"proxy-authenticate"})


class Tracer:
    """Tells of one step after the other; at most one is open."""

    __slots__ = ("_awaits", "_callback", "_logger", "_prefix", "_step")

    def __init__(self, callback: Callable[..., Any] | None, prefix: str, *, awaits: bool) -> None:
        self._callback = callback
        self._prefix = prefix
        self._logger = _LOGGERS[prefix]
        self._awaits = awaits
        self._step = ""

    async def begin(self, step: str, info: Mapping[str, Any]) -> None:
        """Tell that a step begins."""
        self._step = step
        await self._tell("started", info)

    async def end(self, value: Any = None) -> None:
        """Tell that the step is complete, and what came of it."""
        await self._tell("complete", {"return_value": value})
        self._step = ""

    async def fail(self, exc: BaseException) -> None:
        """Tell that the step has failed, if one is open."""
        if self._step:
            await self._tell("failed", {"exception": exc})
            self._step = ""

    def renamed(self, prefix: str) -> Tracer:
        """Return one that tells the same listeners, of steps with another prefix."""
        return Tracer(self._callback, prefix, awaits=self._awaits)

    # Private from here on.

    async def _tell(self, event: str, info: Mapping[str, Any]) -> None:
        name = f"{self._step}.{event}"
        if self._callback is not None:
            import inspect  # few programs trace

            told = self._callback(f"{self._prefix}.{name}", dict(info))
            if self._awaits:
                if not inspect.isawaitable(told):
                    raise TypeError(
                        "If you are using an asynchronous interface, the callback of the `trace` extension should be "
                        "an asynchronous function."
                    )
                await told
            elif inspect.iscoroutine(told):
                told.close()
                raise TypeError(
                    "If you are using a synchronous interface, the callback of the `trace` extension should be "
                    "a normal function instead of an asynchronous function."
                )
        if self._logger.isEnabledFor(logging.DEBUG):
            details = [
                f" {key}={_show(value)}" for key, value in info.items() if key != "return_value" or value is not None
            ]
            self._logger.debug("%s%s", name, "".join(details))


def make_tracer(extensions: Mapping[str, Any], prefix: str, *, awaits: bool) -> Tracer | None:
    """Return what tells of the steps of a request; None if nobody listens."""
    if "trace" in extensions or _LOGGERS[prefix].isEnabledFor(logging.DEBUG):
        return Tracer(extensions.get("trace"), prefix, awaits=awaits)
    return None


def make_connect_tracer(extensions: Mapping[str, Any], *, awaits: bool) -> Tracer | None:
    """Return what tells of the steps of connecting, which have several prefixes; None if nobody listens."""
    # Speed: as above, for each of them.
    for logger, levels in _KNOWN_LEVELS:
        if "trace" in extensions or (levels.get(logging.DEBUG) is not False and logger.isEnabledFor(logging.DEBUG)):
            return Tracer(extensions.get("trace"), "connection", awaits=awaits)
    return None


async def trace(
    tracer: Tracer | None,
    step: str,
    info: Mapping[str, Any],
    take: Callable[[], Coroutine[Any, Any, T]],
    *,
    show: Callable[[T], object] | None = None,
    undo: Callable[[T], object] | None = None,
) -> T:
    """Take a step, and tell of it if somebody listens.

    `show` makes of the result what is told, and `undo` takes it back if the one who listens fails.
    """
    if tracer is None:
        return await take()
    await tracer.begin(step, info)
    try:
        result = await take()
    except BaseException as exc:
        await tracer.fail(exc)
        raise
    try:
        await tracer.end(result if show is None else show(result))
    except BaseException:
        if undo is not None:
            undo(result)
        raise
    return result


def log_close(close: Callable[[], None]) -> None:
    """Close a connection that carries no exchange, and log that."""
    _CONNECTION_LOGGER.debug("close.started")
    close()
    _CONNECTION_LOGGER.debug("close.complete")


# Private from here on.


def _show(value: Any) -> str:
    """Return how a value stands in a log: without what it may hold of secrets."""
    if hasattr(value, "method"):
        return f"<Request [{value.method.encode('ascii', 'replace')!r}]>"
    if isinstance(value, tuple) and value and isinstance(value[-1], list):
        fields = [(name, b"[secure]" if name.lower() in _SENSITIVE_FIELDS else field) for name, field in value[-1]]
        return repr((*value[:-1], fields))
    return repr(value)
