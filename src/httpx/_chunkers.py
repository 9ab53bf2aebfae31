"""Cut a decoded body into chunks of a size, text and lines, whatever the pieces in which it arrives.

Everything here takes linear time, also for one long line or chunk that arrives byte by byte: what is incomplete is
kept as a list of pieces and joined once.
"""

from __future__ import annotations

import codecs
from typing import AnyStr, Generic


class TextDecoder:
    """Decode bytes to text; what the encoding cannot mean becomes U+FFFD.

    Raises:
        LookupError: no such encoding.
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        self.decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def decode(self, data: bytes) -> str:
        """Return the text of data, up to its last complete character."""
        return self.decoder.decode(data)

    def flush(self) -> str:
        """Return what stands for an incomplete character at the end."""
        return self.decoder.decode(b"", True)


class _Chunker(Generic[AnyStr]):
    """Cut into chunks of one size; without a size, pass everything on as it comes."""

    def __init__(self, chunk_size: int | None = None) -> None:
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}.")
        self._chunk_size = chunk_size
        self._pieces: list[AnyStr] = []
        self._size = 0

    def decode(self, content: AnyStr) -> list[AnyStr]:
        """Return the chunks that content completes."""
        chunk_size = self._chunk_size
        if chunk_size is None:
            return [content] if content else []
        self._pieces.append(content)
        self._size += len(content)
        if self._size < chunk_size:
            return []
        whole = self._join(self._pieces)
        self._size %= chunk_size
        end = len(whole) - self._size
        self._pieces = [whole[end:]]
        return [whole[start : start + chunk_size] for start in range(0, end, chunk_size)]

    def flush(self) -> list[AnyStr]:
        """Return the last chunk, which may be shorter, or nothing."""
        rest = self._join(self._pieces)
        self._pieces = []
        self._size = 0
        return [rest] if rest else []

    @staticmethod
    def _join(pieces: list[AnyStr]) -> AnyStr:
        raise NotImplementedError()


class ByteChunker(_Chunker[bytes]):
    """Cut bytes into chunks of `chunk_size` bytes; without a size, pass everything on as it comes."""

    @staticmethod
    def _join(pieces: list[bytes]) -> bytes:
        return b"".join(pieces)


class TextChunker(_Chunker[str]):
    """Cut text into chunks of `chunk_size` characters; without a size, pass everything on as it comes."""

    @staticmethod
    def _join(pieces: list[str]) -> str:
        return "".join(pieces)


class LineDecoder:
    """Split text into lines, without their ends: CR, LF and CRLF.

    Unlike HTTPX 0.28 it does not take U+2028, U+0085, form feeds and the like for line ends: they stand inside the
    lines of NDJSON and of event streams.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []  # of the line that has not ended
        self._has_cr = False  # the last character was CR; an LF may follow that belongs to it

    def decode(self, text: str) -> list[str]:
        """Return the lines that text completes. A CR completes its line once the next character is known."""
        if not text:
            return []
        if self._has_cr:
            text = "\r" + text
        self._has_cr = text.endswith("\r")
        if self._has_cr:
            text = text[:-1]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        self._pieces.append(lines[0])
        if len(lines) == 1:
            return []
        lines[0] = "".join(self._pieces)
        self._pieces = [lines.pop()]
        return lines

    def flush(self) -> list[str]:
        """Return the last line, unless the text ended with a line end."""
        rest = "".join(self._pieces)
        lines = [rest] if rest or self._has_cr else []
        self._pieces = []
        self._has_cr = False
        return lines
