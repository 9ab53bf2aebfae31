"""Build the `multipart/form-data` body of a form with files (RFC 7578), and read files in bounded chunks.

The parts are laid out once, when the stream is made: names, header fields, and the size of each part, so that mistakes
show before a byte is sent. Contents of files are read while the body is sent, 64 KiB at a time.

A file that can seek is sent whole, from its first byte, wherever it stands; that is what HTTPX 0.28 does, and programs
that post a file which they have just written rely on it. A file that cannot seek is sent from where it stands, once.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from ._exceptions import LocalProtocolError, StreamConsumed
from ._types import AsyncByteStream, FileTypes, RequestData, RequestFiles, SyncByteStream

CHUNK_SIZE = 64 * 1024  # bytes; of a file's content, and what small parts are gathered up to


class DataField:
    """A part that holds the value of a plain form field."""

    def __init__(self, name: str, value: str | bytes | int | float | None) -> None:
        _check_name(name)
        if value is not None and not isinstance(value, (str, bytes, int, float)):
            raise TypeError(f"Invalid type for value. Expected primitive type, got {type(value)}: {value!r}")
        self.name = name
        self.value: str | bytes = value if isinstance(value, bytes) else primitive_value_to_str(value)
        self._headers = _encode_disposition(name, None) + b"\r\n\r\n"
        self._data = self.value if isinstance(self.value, bytes) else self.value.encode("utf-8")

    def render_headers(self) -> bytes:
        """Return the header section of the part, the empty line after it included."""
        return self._headers

    def render_data(self) -> bytes:
        """Return the content of the part."""
        return self._data

    def get_length(self) -> int:
        """Return the size of header section and content, in bytes."""
        return len(self._headers) + len(self._data)

    def render(self) -> Iterator[bytes]:
        """Yield header section and content."""
        yield self._headers
        yield self._data


class FileField:
    """A part that holds the content of a file.

    It takes the file, or a tuple of name and file, media type, and header fields of the part; the file is bytes, text,
    or an object with `read`.

    Raises:
        TypeError: the file is none of these, or was opened in text mode.
        ValueError: the tuple has one item, or more than four.
        LocalProtocolError: a header field of the part that cannot be sent.
    """

    CHUNK_SIZE = CHUNK_SIZE

    def __init__(self, name: str, value: FileTypes) -> None:
        _check_name(name)
        filename, file, media_type, headers = _unpack_file(value)
        self.name = name
        self.filename = filename
        self.file = _check_file(file)
        if not any(key.lower() == "content-type" for key in headers):
            media_type = _guess_media_type(filename) if media_type is None else media_type
            if media_type is not None:
                headers["Content-Type"] = media_type
        self.headers = headers
        lines = [_encode_disposition(name, filename)]
        lines += [_encode_field_line(key, field_value) for key, field_value in headers.items()]
        self._headers = b"\r\n".join(lines) + b"\r\n\r\n"
        self._data = _encode_text(self.file) if isinstance(self.file, (bytes, str)) else None
        self._can_rewind = self._data is not None or peek_position(self.file) is not None
        self._is_started = False

    @property
    def _is_replayable(self) -> bool:
        return self._can_rewind or not self._is_started

    def render_headers(self) -> bytes:
        """Return the header section of the part, the empty line after it included."""
        return self._headers

    def render_data(self) -> Iterator[bytes]:
        """Yield the content of the part, a file in chunks of 64 KiB at most.

        Raises:
            StreamConsumed: the file was read before and cannot seek.
        """
        if self._data is not None:
            yield self._data
            return
        if not self._is_replayable:
            raise StreamConsumed()
        self._is_started = True
        if self._can_rewind:
            self.file.seek(0)
        yield from read_chunks(self.file, self.CHUNK_SIZE)

    def get_length(self) -> int | None:
        """Return the size of header section and content, in bytes; None if that of the file is not known."""
        size = peek_filelike_length(self.file) if self._data is None else len(self._data)
        return None if size is None else len(self._headers) + size

    def render(self) -> Iterator[bytes]:
        """Yield header section and content."""
        yield self._headers
        yield from self.render_data()


class MultipartStream(SyncByteStream, AsyncByteStream):
    """The body of a form with files, for both clients.

    `boundary` is random unless given. Files of the async client are read blockingly, 64 KiB at a time.
    """

    def __init__(self, data: RequestData, files: RequestFiles, boundary: bytes | None = None) -> None:
        if boundary is None:
            boundary = os.urandom(16).hex().encode("ascii")
        elif _FORBIDDEN_IN_VALUE.search(boundary.decode("latin-1")):
            raise LocalProtocolError(f"A multipart boundary must not hold CR, LF or NUL: {boundary!r}")
        self.boundary = boundary
        self.content_type = "multipart/form-data; boundary=" + boundary.decode("ascii")
        self.fields: list[DataField | FileField] = list(_make_fields(data, files))

    @property
    def _is_replayable(self) -> bool:
        return all(field._is_replayable for field in self.fields if isinstance(field, FileField))

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the body; what is small is gathered, so that a small form is one chunk."""
        pending = bytearray()
        for field in self.fields:
            pending += b"--%s\r\n" % self.boundary
            for chunk in field.render():
                if pending and len(pending) + len(chunk) > CHUNK_SIZE:
                    yield bytes(pending)
                    pending.clear()
                if len(chunk) < CHUNK_SIZE:
                    pending += chunk
                else:
                    yield chunk  # as it is: large content is not copied
            pending += b"\r\n"
        pending += b"--%s--\r\n" % self.boundary
        yield bytes(pending)

    def get_content_length(self) -> int | None:
        """Return the size of the body in bytes; None if that of a file is not known."""
        boundary_size = len(self.boundary)
        total = boundary_size + 6  # --boundary--CRLF
        for field in self.fields:
            size = field.get_length()
            if size is None:
                return None
            total += boundary_size + 4 + size + 2  # --boundary CRLF, the part, CRLF
        return total

    def get_headers(self) -> dict[str, str]:
        """Return the header fields of a request with this body."""
        size = self.get_content_length()
        if size is None:
            return {"Transfer-Encoding": "chunked", "Content-Type": self.content_type}
        return {"Content-Length": str(size), "Content-Type": self.content_type}

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the body, from its start.

        Raises:
            StreamConsumed: a file was read before and cannot seek.
        """
        if not self._is_replayable:
            raise StreamConsumed()
        return self.iter_chunks()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return an async iterator over the body, from its start.

        Raises:
            StreamConsumed: a file was read before and cannot seek.
        """
        return AsyncChunks(iter(self))


def get_multipart_boundary_from_content_type(content_type: bytes | None) -> bytes | None:
    """Return the boundary that a Content-Type of `multipart/form-data` names, None if it names none or is another."""
    if not content_type:
        return None
    media_type, _, parameters = content_type.partition(b";")
    # RFC 9110 8.3.1: type, subtype and parameter names are case-insensitive.
    if media_type.rstrip().lower() != b"multipart/form-data":
        return None
    for match in _PARAMETER.finditer(b";" + parameters):
        name, quoted, plain = match.groups()
        if name.lower() == b"boundary":
            return plain.strip().strip(b'"') if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
    return None


def primitive_value_to_str(value: Any) -> str:
    """Return how a form or query shows a value: true, false, the empty string for None, else its `str`."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return "" if value is None else str(value)


def peek_position(file: Any) -> int | None:
    """Return where a file stands; None if it cannot be brought back there."""
    try:
        is_seekable = file.seekable() if hasattr(file, "seekable") else hasattr(file, "seek")
        position: int | None = file.tell() if is_seekable else None
    except (AttributeError, OSError, ValueError):
        return None
    return position


def peek_filelike_length(stream: Any) -> int | None:
    """Return the size of a file in bytes, from its first one to its last; None if it cannot tell.

    It asks the file itself and not its descriptor: what a wrapper (gzip, a spooled file) yields is not what the
    descriptor holds, and a pipe's descriptor claims a size of 0.
    """
    position = peek_position(stream)
    if position is None:
        return None
    try:
        stream.seek(0, os.SEEK_END)
        size: int = stream.tell()
    except (OSError, ValueError):
        return None  # some can seek from the start alone
    finally:
        stream.seek(position)
    return size


def read_chunks(file: Any, chunk_size: int) -> Iterator[bytes]:
    """Yield what a binary file holds from its position on."""
    while chunk := file.read(chunk_size):
        if isinstance(chunk, str):
            raise TypeError(f"A file that is uploaded must be opened in binary mode, not text mode: {file!r}")
        yield chunk


class AsyncChunks:
    """Iterate asynchronously over what a plain iterator yields, without an async generator."""

    __slots__ = ("_chunks",)

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncChunks:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


# Private from here on.

# ;name=value or ;name="quoted value" (RFC 9110 5.6.6)
_PARAMETER = re.compile(rb';[ \t]*([^=;\s"]+)=(?:"((?:\\.|[^"\\])*)"|([^;]*))')
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_FORBIDDEN_IN_VALUE = re.compile(r"[\r\n\0]")  # RFC 9110 5.5

# How names are quoted: the percent form of the WHATWG form encoding, here for all control characters but ESC, and
# the backslash doubled. Servers know these bytes from HTTPX 0.28.
_QUOTED = {code: f"%{code:02X}" for code in range(0x20) if code != 0x1B} | {0x22: "%22", 0x5C: "\\\\"}


def _make_fields(data: RequestData, files: RequestFiles) -> Iterator[DataField | FileField]:
    for name, value in data.items():
        if isinstance(value, (list, tuple)):
            for item in value:
                yield DataField(name=name, value=item)
        else:
            yield DataField(name=name, value=value)
    for name, file in files.items() if isinstance(files, Mapping) else files or ():
        yield FileField(name=name, value=file)


def _unpack_file(value: Any) -> tuple[str | None, Any, str | None, dict[str, str]]:
    """Return name, file, media type and header fields of any of the forms in which a file can be given."""
    if not isinstance(value, tuple):
        return os.path.basename(str(getattr(value, "name", "upload"))), value, None, {}
    if not 2 <= len(value) <= 4:
        raise ValueError(f"A file is given as (name, file[, media type[, headers]]), not as {len(value)} items.")
    filename, file, media_type, headers = value + (None,) * (4 - len(value))
    if filename is not None and not isinstance(filename, str):
        raise TypeError(f"Invalid type for file name. Expected str, got {type(filename)}: {filename!r}")
    return filename, file, media_type, dict(headers or {})


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"Invalid type for name. Expected str, got {type(name)}: {name!r}")


def _check_file(file: Any) -> Any:
    if isinstance(file, (bytearray, memoryview)):
        return bytes(file)
    if isinstance(file, io.StringIO):
        raise TypeError("Multipart file uploads require 'io.BytesIO', not 'io.StringIO'.")
    if isinstance(file, io.TextIOBase):
        raise TypeError("Multipart file uploads must be opened in binary mode, not text mode.")
    if not isinstance(file, (bytes, str)) and not hasattr(file, "read"):
        raise TypeError(f"Multipart file uploads take bytes, str or a binary file, got {type(file)}.")
    return file


def _encode_text(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def _encode_disposition(name: str, filename: str | None) -> bytes:
    line = f'Content-Disposition: form-data; name="{name.translate(_QUOTED)}"'
    if filename:
        line += f'; filename="{filename.translate(_QUOTED)}"'
    return line.encode("utf-8")


def _encode_field_line(name: object, value: object) -> bytes:
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"Header fields of a part must be str: {name!r}: {value!r}")
    if not _TOKEN.fullmatch(name):
        raise LocalProtocolError(f"Illegal header name in a multipart part: {name!r}")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise LocalProtocolError(f"Illegal header value in a multipart part, CR, LF or NUL in {name!r}: {value!r}")
    return f"{name}: {value}".encode()


def _guess_media_type(filename: str | None) -> str | None:
    if not filename:
        return None
    import mimetypes  # only for files without a media type: reading the system's tables takes milliseconds

    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
