"""Find the packages that decompress, when they are first needed, and make them alike.

What can be decoded must be known for the first request already, for Accept-Encoding; so looking is kept apart from
importing, which waits for the first body in that coding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

MAX_ZSTD_WINDOW_LOG = 23  # RFC 9659 3: 8 MiB at most in content codings, as browsers have it


class Inflater(Protocol):
    """What zlib.decompressobj returns, and isal's twin of it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class ZstdFrame(Protocol):
    """What decodes one frame, in the manner of the standard library."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@cache
def accepted_codings() -> str:
    """Return the value of Accept-Encoding: what can be decoded here. No package is imported to find out."""
    codings = ["gzip", "deflate"]
    if any(map(_is_installed, ("brotli", "brotlicffi"))):
        codings.append("br")
    # `compression.zstd` is there on every 3.14, but works only if its extension `_zstd` was built.
    if any(map(_is_installed, ("_zstd", "backports.zstd", "zstandard"))):
        codings.append("zstd")
    return ", ".join(codings)


@cache
def find_gzip() -> tuple[Callable[[], Inflater], type[Exception]]:
    """Return what makes an inflater for gzip, and its error: isal, three times as fast, or zlib."""
    module = _import_first("isal.isal_zlib") or zlib
    return partial(module.decompressobj, 16 + zlib.MAX_WBITS), module.error


@cache
def find_brotli() -> ModuleType:
    """Return the package for br.

    Raises:
        ImportError: there is none.
    """
    module = _import_first("brotli", "brotlicffi")
    if module is None:
        raise ImportError("Decoding 'br' needs the package brotli or brotlicffi: pip install 'httpx[brotli]'")
    return module


@cache
def find_zstd() -> tuple[Callable[[], ZstdFrame], type[Exception]]:
    """Return what makes a decoder for one zstd frame, and its error.

    Raises:
        ImportError: there is none.
    """
    module = _import_first("compression.zstd", "backports.zstd", "zstandard")
    if module is None:
        raise ImportError("Decoding 'zstd' needs the package backports.zstd or zstandard: pip install 'httpx[zstd]'")
    if module.__name__ == "zstandard":
        return partial(_ZstandardFrame, module), module.ZstdError
    options = {module.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
    return partial(module.ZstdDecompressor, options=options), module.ZstdError


# Private from here on.


class _ZstandardFrame:
    """The frame decoder of the package zstandard, which knows no limit of output.

    A block of four bytes decodes to 128 KiB (RFC 8878 3.1.1.2), so feeding it by STEP_SIZE bounds the memory used to
    16 MiB; whoever calls it cuts the chunks.
    """

    __slots__ = ("_decompressor", "_rest")

    STEP_SIZE = 512  # bytes

    def __init__(self, module: ModuleType) -> None:
        window_size = 1 << MAX_ZSTD_WINDOW_LOG
        self._decompressor: Any = module.ZstdDecompressor(max_window_size=window_size).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.eof)

    @property
    def unused_data(self) -> bytes:
        unused: bytes = self._decompressor.unused_data
        return unused + self._rest

    @property
    def needs_input(self) -> bool:
        return not self._rest

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        data = self._rest + data
        self._rest = data[self.STEP_SIZE :]
        chunk: bytes = self._decompressor.decompress(data[: self.STEP_SIZE])
        return chunk


def _import_first(*names: str) -> ModuleType | None:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _is_installed(name: str) -> bool:
    """Tell whether a module can be found, without importing it or the package that it is in."""
    import importlib.machinery  # both once a process
    import importlib.util

    parent, _, child = name.rpartition(".")
    spec = importlib.util.find_spec(parent or child)
    if spec is None or not parent:
        return spec is not None
    path = spec.submodule_search_locations
    return path is not None and importlib.machinery.PathFinder.find_spec(name, path) is not None
