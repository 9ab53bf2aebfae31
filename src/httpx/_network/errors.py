"""The errors that streams raise, and what their messages say."""

from __future__ import annotations

import time

from .._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout


def read_timeout(timeout: float | None, deadline: float | None) -> ReadTimeout:
    """Return the error of a read that got nothing in time."""
    if is_over(deadline):
        return ReadTimeout("Total timeout: the time for the whole request was over while its response was received.")
    return ReadTimeout(f"Read timeout: nothing received for {_seconds(timeout)}.")


def write_timeout(timeout: float | None, deadline: float | None) -> WriteTimeout:
    """Return the error of a write that the peer did not take in time."""
    if is_over(deadline):
        return WriteTimeout("Total timeout: the time for the whole request was over while it was sent.")
    return WriteTimeout(f"Write timeout: nothing could be sent for {_seconds(timeout)}.")


def is_over(deadline: float | None) -> bool:
    """Tell whether a deadline has passed."""
    return deadline is not None and time.monotonic() >= deadline


def read_error(exc: BaseException) -> ReadError:
    """Return the error of a failed read."""
    return ReadError(f"{exc or type(exc).__name__}: the connection broke while reading")


def write_error(exc: BaseException) -> WriteError:
    """Return the error of a failed write."""
    return WriteError(f"{exc or type(exc).__name__}: the connection broke while writing")


def closed_read_error() -> ReadError:
    """Return the error of a read on a stream that this side has closed."""
    return ReadError("The connection was closed while it was being read from.")


def closed_write_error() -> WriteError:
    """Return the error of a write on a stream that this side has closed."""
    return WriteError("The connection was closed while it was being written to.")


# Private from here on.


def _seconds(timeout: float | None) -> str:
    return "too long" if timeout is None else f"{timeout:.4g} s"
