"""What the command line shows: heads as they come, bodies by their type, steps of connecting, failures, its help.

Theory of operation. Terminals and pipes want different things.

A terminal gets colours, and a body that is laid out or highlighted where that helps to read it. What the server sent
must not steer the terminal: control characters become escapes that one can read. Lines are never wrapped here, since
the terminal does it at any width, and what is copied from it is then what came.

A pipe gets neither colours nor escapes: the bytes of a text as they came, and JSON laid out by white space alone. Text
goes on while it arrives, so that endless streams work.

Either shows a body that is no text as its size. Failures go to the standard error: in a file that holds the output,
they could be taken for a part of the body.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress

    from ._models import Headers, Response

MAX_HIGHLIGHTED_SIZE = 256 * 1024  # characters; highlighting these takes a second, and nobody reads more
NARROW_WIDTH = 60  # columns; below that, two columns of help are too thin, and a progress bar leaves no room


class Display:
    """Shows one call of the command.

    With `is_stdout_taken` the body is all that the standard output gets, and what is shown goes to the standard error.
    """

    def __init__(self, *, is_stdout_taken: bool = False) -> None:
        self._is_stdout_taken = is_stdout_taken
        self._console = Console(stderr=is_stdout_taken, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._is_line_open = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Show a step of the connection, or the head of a request: the callback of the `trace` extension."""
        if event == "connection.connect_tcp.started":
            self._show(f"* Connecting to {info['host']!r}")
        elif event == "connection.connect_tcp.complete":
            # None if the server is gone already.
            if address := info["return_value"].get_extra_info("server_addr"):
                self._show(f"* Connected to {address[0]!r} on port {address[1]}")
        elif event == "connection.start_tls.complete":
            for line in describe_tls(info["return_value"].get_extra_info("ssl_object")):
                self._show(f"* {line}")
        elif event == "http11.send_request_headers.started":
            self._show_request_head(info["request"], "HTTP/1.1")
        elif event == "http2.send_request_headers.started":
            self._show_request_head(info["request"], "HTTP/2")

    def show_response_head(self, response: Response) -> None:
        """Show status line and header fields: a hook of the client."""
        color = _STATUS_COLORS.get(response.status_code // 100, "red")
        self._show(
            (response.http_version, "blue"),
            " ",
            (str(response.status_code), color),
            " ",
            (response.reason_phrase, color),
        )
        self._show_fields(response.headers)

    def show_body(self, response: Response) -> None:
        """Read the body, and show it as its media type asks for.

        Raises: as `Response.iter_bytes`; BrokenPipeError where nobody reads the output any more.
        """
        lexer = find_lexer(response.headers.get("Content-Type", ""))
        if lexer is None:
            if size := sum(len(part) for part in response.iter_bytes()):
                self._show(f"<{size} bytes of binary data>")
        elif lexer == "json" and (text := lay_out_json(response.read())) is not None:
            self._show_text(text, lexer)
        elif self._output is not None:
            for part in response.iter_bytes():
                self._output.write(part)
                self._output.flush()
        elif lexer == "text":
            for text in _end_lines_alike(response.iter_text()):
                self._write(text)
            self._end_line()
        else:
            response.read()
            self._show_text("".join(_end_lines_alike([response.text])), lexer)

    def save_body(self, response: Response, file: BinaryIO) -> None:
        """Read the body into a file, and show how far it is.

        Raises: as `Response.iter_bytes`; OSError where the file cannot be written.
        """
        write = file.write  # makes the file, or fails, before anything is shown
        if self._is_stdout_taken:
            for part in response.iter_bytes():
                write(part)
                file.flush()
            return
        length = response.headers.get("Content-Length", "")
        name = _printable(os.path.basename(file.name), self._console.encoding)
        with self._make_progress() as progress:
            task = progress.add_task("", total=int(length) if length.isdecimal() else None, file=name)
            for part in response.iter_bytes():
                write(part)
                # Content-Length counts the bytes of the network, before they are decoded.
                progress.update(task, completed=response.num_bytes_downloaded)
            file.flush()
            progress.update(task, total=response.num_bytes_downloaded)

    def show_failure(self, name: str, message: str) -> None:
        """Say in one line what went wrong."""
        self._end_line()
        text = " ".join(_printable(message, self._errors.encoding).split("\n"))
        self._errors.print(Text.assemble((name, "red"), ": " if text else "", text))

    # Private from here on.

    @property
    def _output(self) -> BinaryIO | None:
        """Where the bytes of a body go; None if they are to be shown as text."""
        # A program that calls the command may have put something that takes no bytes in place of the standard output.
        return None if self._console.is_terminal else getattr(self._console.file, "buffer", None)

    def _show(self, *parts: str | tuple[str, str]) -> None:
        """Show a line, made of text and of pairs of text and style."""
        line = Text()
        for part in parts:
            text, style = (part, "") if isinstance(part, str) else part
            line.append(_printable(text, self._console.encoding), style)
        self._console.print(line)

    def _show_request_head(self, request: Any, http_version: str) -> None:
        target = request.url.raw_path.decode("ascii", "replace")
        self._show((request.method, "green"), " ", (target, "cyan"), " ", (http_version, "blue"))
        # RFC 9113 8.2.1: HTTP/2 sends names in lower case.
        self._show_fields(request.headers, is_lower=http_version == "HTTP/2")

    def _show_fields(self, headers: Headers, *, is_lower: bool = False) -> None:
        for raw_name, value in headers.raw:
            name = raw_name.decode(headers.encoding)
            self._show((name.lower() if is_lower else name, "cyan"), f": {value.decode(headers.encoding)}")
        self._show("")

    def _show_text(self, text: str, lexer: str) -> None:
        """Show a text that is there as a whole."""
        if self._output is not None:
            self._output.write(f"{text}\n".encode())
            self._output.flush()
            return
        has_colors = self._console.color_system is not None and not self._console.no_color
        if not has_colors or len(text) > MAX_HIGHLIGHTED_SIZE:
            self._write(text)
            self._end_line()
            return
        from rich.syntax import Syntax  # pygments is worth its time only here

        printable = _printable(text, self._console.encoding)
        highlighted = Syntax(printable, lexer, theme="ansi_dark").highlight(printable)
        highlighted.rstrip()
        self._console.print(highlighted)

    def _write(self, text: str) -> None:
        """Write text for people to read, as far as it goes."""
        if text:
            self._console.out(_printable(text, self._console.encoding), end="", highlight=False)
            self._is_line_open = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._is_line_open:
            self._console.out("")
            self._is_line_open = False

    def _make_progress(self) -> Progress:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
        from rich.table import Column

        is_narrow = self._console.width < NARROW_WIDTH
        # A long name must not push the figures out.
        room = Column(no_wrap=True, overflow="ellipsis", max_width=self._console.width // 3)
        name = TextColumn(
            f"{'' if is_narrow else 'Downloading '}{{task.fields[file]}}", markup=False, table_column=room
        )
        percentage = TextColumn("{task.percentage:>3.0f}%", markup=False)
        if is_narrow:
            return Progress(name, percentage, DownloadColumn(), console=self._console)
        bar = BarColumn(bar_width=None)
        return Progress(name, percentage, bar, DownloadColumn(), TransferSpeedColumn(), console=self._console)


def find_lexer(content_type: str) -> str | None:
    """Return the name of pygments' lexer for a media type: "text" for text without a language, None for no text."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("application/json", "text/json") or media_type.endswith("+json"):
        return "json"
    if media_type.endswith("+xml"):
        return "xml"
    from pygments.lexers import get_lexer_for_mimetype
    from pygments.util import ClassNotFound

    try:
        return str(get_lexer_for_mimetype(media_type).aliases[0])
    except (ClassNotFound, IndexError):
        return "text" if media_type.startswith("text/") else None


def lay_out_json(content: bytes) -> str | None:
    """Return JSON with one value a line, indented by four spaces; None if it is none.

    Only white space changes. Reading the values and writing them again would lose digits of numbers, and names that
    come twice.
    """
    try:
        text = content.decode(json.detect_encoding(content))
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    depth = 0
    previous = ""
    for token in _JSON_TOKEN.findall(text):
        if token in ("]", "}"):
            depth -= 1
            if previous not in ("[", "{"):
                parts.append(f"\n{'    ' * depth}")
        elif previous in ("[", "{", ","):
            parts.append(f"\n{'    ' * depth}")
        elif previous == ":":
            parts.append(" ")
        parts.append(token)
        if token in ("[", "{"):
            depth += 1
        previous = token
    return "".join(parts)


def describe_tls(ssl_object: Any) -> Iterator[str]:
    """Yield lines about a TLS connection: version and cipher, protocol, certificate."""
    yield f"SSL established using {ssl_object.version()!r} / {ssl_object.cipher()[0]!r}"
    protocol = ssl_object.selected_alpn_protocol()
    yield f"Selected ALPN protocol: {protocol!r}" if protocol else "No ALPN protocol selected"
    certificate = ssl_object.getpeercert()
    if not certificate:
        yield "Server certificate: not verified"
        return
    yield "Server certificate:"
    for name, value in certificate.items():
        if not isinstance(value, tuple):
            yield f"  {name}: {value!r}"
            continue
        yield f"  {name}:"
        for entry in value:
            # A distinguished name is a sequence of sets of pairs; the other values are sequences of pairs or of texts.
            pairs = entry if isinstance(entry[0], tuple) else [entry]
            for pair in pairs:
                yield f"    {pair!r}" if isinstance(pair, str) else f"    {pair[0]}: {pair[1]!r}"


def render_help(options: Sequence[tuple[str, str, str]]) -> str:
    """Return the help: a column of options and one of what they do, or on a narrow terminal one below the other."""
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print("HTTPX", style="cyan", justify="center")
        console.print("A next generation HTTP client.", justify="center")
        console.print(Text.assemble("\nUsage: httpx ", ("<URL> [OPTIONS]\n", "cyan")))
        table = Table.grid(padding=(0, 2))
        for names, metavar, description in options:
            option = Text.assemble(names, " " if metavar else "", (metavar, "cyan"))
            if console.width < NARROW_WIDTH:
                console.print(Padding(option, (0, 1)))
                console.print(Padding(Text(description), (0, 1, 0, 5)))
            else:
                table.add_row(Text(" ").append_text(option), description)
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


# Private from here on.

_STATUS_COLORS = {1: "cyan", 2: "green", 3: "yellow"}

# A string, a structural character, or a number or name (RFC 8259 2).
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

# ECMA-48: the control characters of C0, but for tab and line feed, DEL, and those of C1.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def _printable(text: str, encoding: str = "utf-8") -> str:
    """Return text in which control characters, and what the encoding cannot express, are escapes."""
    return text.translate(_CONTROLS).encode(encoding, "backslashreplace").decode(encoding)


def _end_lines_alike(parts: Iterable[str]) -> Iterator[str]:
    """Yield the parts of a text with CR and CRLF as LF: CR alone would write one line over another."""
    decoder = io.IncrementalNewlineDecoder(None, translate=True)
    for part in parts:
        yield decoder.decode(part)
    yield decoder.decode("", final=True)
