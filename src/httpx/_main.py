"""The command `httpx`: its options, and the one request that it sends.

Options, defaults and exit codes are those of HTTPX 0.28: 0 for a 2xx response, 1 for any other and for a request that
failed, 2 for arguments that make no sense. `_display` shows what comes back.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from ._client import USE_CLIENT_DEFAULT, Client
from ._config import Proxy
from ._exceptions import CookieConflict, HTTPError, InvalidURL, StreamError
from ._models import Headers

if TYPE_CHECKING:
    from ._display import Display
    from ._models import Response

__all__ = ["main"]

# What arguments, the environment, the network and the disk can cause. Anything else is a defect of this package, and
# its traceback helps to find it.
FAILURES = (HTTPError, InvalidURL, CookieConflict, StreamError, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What the command was called with."""

    url: str
    method: str | None
    params: Sequence[tuple[str, str]]
    content: str | None
    data: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, BinaryIO]]
    json: str | None
    headers: Sequence[tuple[str, str]]
    cookies: Sequence[tuple[str, str]]
    auth: tuple[str, str] | None
    proxy: Proxy | None
    timeout: float
    follow_redirects: bool
    verify: bool
    http2: bool
    download: BinaryIO | None
    verbose: bool


class Command(click.Command):
    """A command whose help is laid out by `_display`, and whose messages show no passwords."""

    def get_help(self, ctx: click.Context) -> str:
        from ._display import render_help  # takes rich, which a wrong option can do without

        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        return render_help([(_name_option(option), option.metavar or "", option.help or "") for option in options])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as exc:
            raise click.UsageError(mask(exc.format_message()), ctx=exc.ctx) from exc


def run(**options: Any) -> NoReturn:
    """Send the request that the options ask for, show what comes back, and exit."""
    from ._display import Display  # takes rich, which a wrong option can do without

    arguments = Arguments(**options)
    display = Display(is_stdout_taken=arguments.download is not None and arguments.download.name == "-")
    is_success = False
    try:
        with _send(arguments, display) as response:
            if arguments.download is None:
                display.show_body(response)
            else:
                display.save_body(response, arguments.download)
            is_success = response.is_success
    except BrokenPipeError:
        raise  # who read our output has seen enough, and click ends quietly
    except FAILURES as exc:
        display.show_failure(type(exc).__name__, mask(str(exc)))
    click.get_current_context().exit(0 if is_success else 1)


def mask(text: str) -> str:
    """Return a message without user names and passwords of the URLs in it."""
    return _USERINFO.sub("//[secure]@", text)


def check_json(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse text that is no JSON. It stays text: null could not be told from an option that was not given."""
    if value is not None:
        try:
            json.loads(value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            raise click.BadParameter(f"Not valid JSON: {exc}", ctx, param) from exc
    return value


def check_proxy(ctx: click.Context, param: click.Parameter, value: str | None) -> Proxy | None:
    """Return the proxy that a URL names."""
    try:
        return None if value is None else Proxy(value)
    except (InvalidURL, ValueError) as exc:
        raise click.BadParameter(str(exc), ctx, param) from exc


def check_timeout(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Refuse times in which nothing can happen, and what is no number."""
    if not value > 0:
        raise click.BadParameter(f"{value} is no time to wait", ctx, param)
    return value


_PAIR = (str, str)
_PAIR_METAVAR = "<NAME VALUE> ..."

main = Command(
    "httpx",
    callback=run,
    params=[
        click.Argument(["url"]),
        click.Option(
            ["--method", "-m"],
            metavar="METHOD",
            help="The method of the request, such as GET or PUT. [Default: GET, or POST with a body]",
        ),
        click.Option(
            ["--params", "-p"],
            type=_PAIR,
            multiple=True,
            metavar=_PAIR_METAVAR,
            help="A parameter for the query of the URL, in place of all that it has.",
        ),
        click.Option(["--content", "-c"], metavar="TEXT", help="The body, sent as it stands."),
        click.Option(
            ["--data", "-d"], type=_PAIR, multiple=True, metavar=_PAIR_METAVAR, help="A field of a form to send."
        ),
        click.Option(
            ["--files", "-f"],
            type=(str, click.File("rb")),
            multiple=True,
            metavar="<NAME FILENAME> ...",
            help="A file to upload with a form; '-' is the standard input.",
        ),
        click.Option(["--json", "-j"], callback=check_json, metavar="TEXT", help="The body, as JSON."),
        click.Option(
            ["--headers", "-h"],
            type=_PAIR,
            multiple=True,
            metavar=_PAIR_METAVAR,
            help="A header field to send.",
        ),
        click.Option(["--cookies"], type=_PAIR, multiple=True, metavar=_PAIR_METAVAR, help="A cookie to send."),
        click.Option(
            ["--auth"],
            type=_PAIR,
            default=None,
            metavar="<USER PASS>",
            help="User name and password; '-' as password asks for it. With --verbose, the request shows both in a "
            "form that everybody can read.",
        ),
        click.Option(
            ["--proxy"],
            callback=check_proxy,
            metavar="URL",
            help="The proxy to go through: http, https, socks5 or socks5h.",
        ),
        click.Option(
            ["--timeout"],
            type=float,
            default=5.0,
            callback=check_timeout,
            metavar="FLOAT",
            help="Seconds to wait at most for each step: to connect, to send, to receive the next part. [Default: 5.0]",
        ),
        click.Option(["--follow-redirects"], is_flag=True, help="Go where redirects lead."),
        click.Option(
            ["--verify/--no-verify"],
            default=True,
            help="Whether the server must have a certificate that is trusted. [Default: it must]",
        ),
        click.Option(["--http2"], is_flag=True, help="Speak HTTP/2 with servers that can."),
        click.Option(
            ["--download"],
            type=click.File("wb", lazy=True),  # made when the response is there
            metavar="FILE",
            help="Save the body in a file, not shown; '-' is the standard output, which then gets nothing else.",
        ),
        click.Option(["--verbose", "-v"], is_flag=True, help="Show the connection and the request as well."),
    ],
)

# Private from here on.

_USERINFO = re.compile(r"//[^/\s]*@")


def _refuse_constant(name: str) -> NoReturn:
    # Python would read and write NaN and Infinity; RFC 8259 6 has no such numbers.
    raise ValueError(f"there is no {name} in JSON")


def _name_option(option: click.Option) -> str:
    """Return the names of an option for the help: "-m, --method", "--verify / --no-verify"."""
    names = ", ".join(sorted(option.opts, key=len))
    return " / ".join([names, *option.secondary_opts])


@contextmanager
def _send(arguments: Arguments, display: Display) -> Iterator[Response]:
    """Give the response with its body still to be read. Its head is shown by then, and those of redirects before it."""
    auth = arguments.auth
    if auth is not None and auth[1] == "-":
        auth = (auth[0], _ask_password())
    # As the user typed them, beyond ASCII too.
    headers = Headers([(os.fsencode(name), os.fsencode(value)) for name, value in arguments.headers])
    body = _make_body(arguments, headers)
    with (
        Client(
            proxy=arguments.proxy,
            timeout=arguments.timeout,
            follow_redirects=arguments.follow_redirects,
            verify=arguments.verify,
            http2=arguments.http2,
            event_hooks={"response": [display.show_response_head]},
        ) as client,
        client.stream(
            (arguments.method or ("POST" if body else "GET")).upper(),
            arguments.url,
            params=list(arguments.params) or None,
            headers=headers,
            cookies=dict(arguments.cookies),
            auth=USE_CLIENT_DEFAULT if auth is None else auth,
            extensions={"trace": display.trace} if arguments.verbose else None,
            **body,
        ) as response,
    ):
        yield response


def _make_body(arguments: Arguments, headers: Headers) -> dict[str, Any]:
    """Return the arguments of a request that make its body; empty if it has none."""
    body: dict[str, Any] = {}
    if arguments.content:
        body["content"] = os.fsencode(arguments.content)
    if arguments.data:
        # A name may come more than once.
        body["data"] = {name: [value for other, value in arguments.data if other == name] for name, _ in arguments.data}
    if arguments.files:
        body["files"] = list(arguments.files)
    if arguments.json is not None:
        value = json.loads(arguments.json)
        if value is not None:
            body["json"] = value
        elif not body:
            # The client takes None for no body at all.
            body["content"] = b"null"
            headers.setdefault("Content-Type", "application/json")
    return body


def _ask_password() -> str:
    with warnings.catch_warnings():
        # Without a terminal it is read from the standard input.
        warnings.simplefilter("ignore", getpass.GetPassWarning)
        password: str = click.prompt("Password", hide_input=True, err=True)
    return password
