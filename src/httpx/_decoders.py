"""Decode content codings: gzip, deflate, br and zstd, one or several of them on a body.

A few bytes can decode to gigabytes. A decoder that returns all that one piece of input decodes to is therefore a way to
exhaust the client's memory, however small the pieces. So the decoders work by demand: `decode_chunks(data)` yields
chunks of at most MAX_CHUNK_SIZE, and what is still inside the decompressor stays there until the next one is asked
for. Input goes in by blocks of INPUT_BLOCK_SIZE, since each call of zlib copies the input that it did not get to.
`decode(data)` is the same, joined, for those who want it whole.

The decompressors (zlib and isal, brotli, the zstd packages) all take input and a limit of output, but tell in different
ways that output is left: unconsumed input, a full chunk, a flag. Each `_decompress` translates it to `_has_more`.

A coding ends in a known place, so a body cut short is an error; only a body without a single byte counts as empty.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any

from ._chunkers import ByteChunker, LineDecoder, TextChunker, TextDecoder
from ._codecs import Inflater, ZstdFrame, accepted_codings, find_brotli, find_gzip, find_zstd
from ._exceptions import DecodingError

__all__ = [
    "SUPPORTED_DECODERS",
    "BrotliDecoder",
    "ByteChunker",
    "ContentDecoder",
    "DeflateDecoder",
    "GZipDecoder",
    "IdentityDecoder",
    "LineDecoder",
    "MultiDecoder",
    "TextChunker",
    "TextDecoder",
    "ZStandardDecoder",
    "accepted_codings",
    "make_decoder",
]

MAX_CHUNK_SIZE = 1024 * 1024  # bytes of output at a time, at most
OUTPUT_STEP_SIZE = 256 * 1024  # bytes; stays in the cache: a third faster than 1 MiB, with isal and zstd
INPUT_BLOCK_SIZE = 32 * 1024  # bytes of input at a time
MAX_CODINGS = 5  # of one body; curl has the same limit, and nobody sends two


class ContentDecoder:
    """Decode a body piece by piece. A decoder of one's own overrides `decode` and `flush`."""

    def decode(self, data: bytes) -> bytes:
        """Return all that data decodes to."""
        raise NotImplementedError()

    def flush(self) -> bytes:
        """Return what is left at the end of the body."""
        raise NotImplementedError()

    def decode_chunks(self, data: bytes) -> Iterator[bytes]:
        """Yield what data decodes to, at most MAX_CHUNK_SIZE at a time; to be exhausted before more data comes."""
        yield from _slice(self.decode(data))

    def flush_chunks(self) -> Iterator[bytes]:
        """Yield what is left at the end of the body, at most MAX_CHUNK_SIZE at a time."""
        yield from _slice(self.flush())


class IdentityDecoder(ContentDecoder):
    """Leave the body as it is."""

    def decode(self, data: bytes) -> bytes:
        """Return data."""
        return data

    def flush(self) -> bytes:
        """Return nothing."""
        return b""


class _BoundedDecoder(ContentDecoder):
    """What the decoders have in common: bounded steps, errors, truncation."""

    _coding: str
    _error: type[Exception]

    def __init__(self) -> None:
        self._is_started = False
        self._has_more = False  # output that needs no further input
        self._rest = b""  # input that was not looked at

    def decode(self, data: bytes) -> bytes:
        """Return all that data decodes to, however much that is.

        Raises:
            DecodingError: the body does not follow its coding.
        """
        if not 0 < len(data) <= INPUT_BLOCK_SIZE:
            return b"".join(self.decode_chunks(data))
        # A small body needs no generators: half the time.
        self._is_started = True
        chunk = self._step(data)
        return chunk + b"".join(self._drain(b"")) if self._has_more else chunk

    def flush(self) -> bytes:
        """Return what is left at the end of the body.

        Raises:
            DecodingError: the body is truncated.
        """
        rest = b"".join(self._drain(b"")) if self._has_more else b""
        self._check_end()
        return rest

    def decode_chunks(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), INPUT_BLOCK_SIZE):
            self._is_started = True
            yield from self._drain(data[start : start + INPUT_BLOCK_SIZE])

    def flush_chunks(self) -> Iterator[bytes]:
        if self._has_more:
            yield from self._drain(b"")
        self._check_end()

    def _drain(self, data: bytes) -> Iterator[bytes]:
        while True:
            # A chunk above the size comes from an old package that knows no limit.
            yield from _slice(self._step(data))
            if not self._has_more:
                return
            data = b""

    def _step(self, data: bytes) -> bytes:
        try:
            return self._decompress(data)
        except self._error as exc:
            raise DecodingError(str(exc) or f"Malformed {self._coding} body.") from exc

    def _check_end(self) -> None:
        if self._is_started and not self._is_complete():
            raise DecodingError(f"Truncated {self._coding} body: it ends before the end of the compressed data.")

    def _decompress(self, data: bytes) -> bytes:
        """Take data, return some output, and set `_has_more`."""
        raise NotImplementedError()

    def _is_complete(self) -> bool:
        """Tell whether the body may end here."""
        raise NotImplementedError()


class _InflateDecoder(_BoundedDecoder):
    """What gzip and deflate have in common: an inflater in the manner of zlib."""

    _inflater: Inflater | None = None

    def _inflate(self, inflater: Inflater, data: bytes) -> bytes:
        chunk = inflater.decompress(data, OUTPUT_STEP_SIZE)
        self._rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        # A full chunk may leave a match half copied although all input was taken.
        self._has_more = bool(self._rest) or (len(chunk) == OUTPUT_STEP_SIZE and not inflater.eof)
        return chunk


class DeflateDecoder(_InflateDecoder):
    """Decode `deflate`: the zlib format, or the raw data that some servers send in its place (RFC 9110 8.4.1.2)."""

    _coding = "deflate"
    _error = zlib.error

    def _decompress(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        if self._inflater is None:
            if len(data) < 2:  # the first two bytes tell the formats apart
                self._rest = data
                return b""
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if _is_zlib_header(data) else -zlib.MAX_WBITS)
        chunk = self._inflate(self._inflater, data)
        if self._inflater.eof:  # what follows the data is ignored
            self._rest = b""
            self._has_more = False
        return chunk

    def _is_complete(self) -> bool:
        return self._inflater is not None and self._inflater.eof


class _GzipState(Enum):
    MEMBER = auto()  # in a member, the first one from the start
    BETWEEN = auto()  # a member has ended, another one may begin
    TRAILING = auto()  # what comes is not gzip, and is ignored


class GZipDecoder(_InflateDecoder):
    """Decode `gzip` (RFC 1952): one member or several; bytes after the last one that begin no member are ignored."""

    _coding = "gzip"

    def __init__(self) -> None:
        super().__init__()
        self._open, self._error = find_gzip()
        self._inflater = None
        self._state = _GzipState.MEMBER

    def _decompress(self, data: bytes) -> bytes:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._state is _GzipState.BETWEEN:
            data = self._enter_member(data)
        if self._state is not _GzipState.MEMBER:
            self._has_more = False
            return b""
        if self._inflater is None:
            self._inflater = self._open()
        chunk = self._inflate(self._inflater, data)
        if self._inflater.eof:
            self._inflater = None
            self._state = _GzipState.BETWEEN
        return chunk

    def _enter_member(self, data: bytes) -> bytes:
        """Decide whether a member begins, and return the data from there on."""
        data = data.lstrip(b"\0")  # some writers pad members with zeros
        if data.startswith(_GZIP_MAGIC):
            self._state = _GzipState.MEMBER
            return data
        if _GZIP_MAGIC.startswith(data):
            self._rest = data
        else:
            self._state = _GzipState.TRAILING
        return b""

    def _is_complete(self) -> bool:
        return self._state is not _GzipState.MEMBER and not self._rest


class BrotliDecoder(_BoundedDecoder):
    """Decode `br` (RFC 7932), with the package brotli or brotlicffi.

    Raises:
        ImportError: neither is installed.
    """

    _coding = "br"

    def __init__(self) -> None:
        super().__init__()
        module = find_brotli()
        self._error = module.error
        self._decompressor: Any = module.Decompressor()
        # Before 1.2 the packages know no limit, and the chunks are cut afterwards.
        self._is_bounded = hasattr(self._decompressor, "can_accept_more_data")

    def _decompress(self, data: bytes) -> bytes:
        decompressor = self._decompressor
        if not self._is_bounded:
            whole: bytes = decompressor.process(data)
            return whole
        chunk: bytes = decompressor.process(data, output_buffer_limit=_BROTLI_LIMIT)
        is_full = len(chunk) >= _BROTLI_LIMIT or not decompressor.can_accept_more_data()
        self._has_more = is_full and not decompressor.is_finished()
        return chunk

    def _is_complete(self) -> bool:
        return bool(self._decompressor.is_finished())


class ZStandardDecoder(_BoundedDecoder):
    """Decode `zstd` (RFC 8878), one frame or several, with the standard library, backports.zstd or zstandard.

    Raises:
        ImportError: none of them is there.
    """

    _coding = "zstd"

    def __init__(self) -> None:
        super().__init__()
        self._open, self._error = find_zstd()
        self._frame: ZstdFrame | None = None  # None between frames

    def _decompress(self, data: bytes) -> bytes:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._frame is None:
            self._frame = self._open()
        frame = self._frame
        chunk = frame.decompress(data, OUTPUT_STEP_SIZE)
        if frame.eof:
            self._rest = frame.unused_data
            self._frame = None
            self._has_more = bool(self._rest)
        else:
            self._has_more = not frame.needs_input
        return chunk

    def _is_complete(self) -> bool:
        return self._frame is None


class MultiDecoder(ContentDecoder):
    """Undo several codings, given in the order in which they were applied.

    Raises:
        DecodingError: they are more than MAX_CODINGS.
    """

    def __init__(self, children: Sequence[ContentDecoder]) -> None:
        _check_number_of_codings(len(children))
        self.children = list(reversed(children))

    def decode(self, data: bytes) -> bytes:
        """Return all that data decodes to, however much that is."""
        return b"".join(self.decode_chunks(data))

    def flush(self) -> bytes:
        """Return what is left at the end of the body."""
        return b"".join(self.flush_chunks())

    def decode_chunks(self, data: bytes) -> Iterator[bytes]:
        chunks: Iterator[bytes] = iter((data,))
        for child in self.children:
            chunks = _decode_each(child, chunks)
        return chunks

    def flush_chunks(self) -> Iterator[bytes]:
        chunks: Iterator[bytes] = iter(())
        for child in self.children:
            chunks = _decode_each_and_flush(child, chunks)
        return chunks


SUPPORTED_DECODERS: dict[str, Callable[[], ContentDecoder]] = {
    "identity": IdentityDecoder,
    "gzip": GZipDecoder,
    "deflate": DeflateDecoder,
    "br": BrotliDecoder,
    "zstd": ZStandardDecoder,
}


def make_decoder(codings: Iterable[str]) -> ContentDecoder:
    """Return the decoder for the members of Content-Encoding; those that cannot be decoded are passed over.

    Raises:
        DecodingError: they are more than MAX_CODINGS.
    """
    names = [coding.strip().lower() for coding in codings]
    names = [name for name in names if name in SUPPORTED_DECODERS and name != "identity"]
    _check_number_of_codings(len(names))
    decoders = []
    for name in names:
        try:
            decoders.append(SUPPORTED_DECODERS[name]())
        except ImportError:
            continue  # its package is not installed: the body stays as it is
    if not decoders:
        return IdentityDecoder()
    return decoders[0] if len(decoders) == 1 else MultiDecoder(decoders)


# Private from here on.

_GZIP_MAGIC = b"\x1f\x8b\x08"  # RFC 1952 2.3.1: ID1, ID2, and the only compression method

# Bytes. The packages go past the limit by up to their last block, which is no larger than what precedes it.
_BROTLI_LIMIT = MAX_CHUNK_SIZE // 2


def _is_zlib_header(data: bytes) -> bool:
    # RFC 1950 2.2: method 8, a window of at most 32 KiB, and a multiple of 31. Raw data would have to begin with a
    # stored block whose padding is not zero.
    return data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0


def _slice(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), MAX_CHUNK_SIZE):
        yield data[start : start + MAX_CHUNK_SIZE]


def _decode_each(decoder: ContentDecoder, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from decoder.decode_chunks(chunk)


def _decode_each_and_flush(decoder: ContentDecoder, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from _decode_each(decoder, chunks)
    yield from decoder.flush_chunks()


def _check_number_of_codings(number: int) -> None:
    if number > MAX_CODINGS:
        raise DecodingError(f"The body has {number} content codings; at most {MAX_CODINGS} are decoded.")
