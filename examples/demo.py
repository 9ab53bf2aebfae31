"""A tour of the client, against an origin on this machine; or, with a URL, what is at that URL.

scripts/demo runs it in an environment of its own. Each function below is one stop of the tour, and an example.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import sys
import time
from collections.abc import Generator, Iterator

import httpx
from tests.origin import Authority, Origin

MIB = 1024 * 1024
PREVIEW_SIZE = 1000  # bytes of a body that are shown


def get_once(origin: Origin) -> None:
    response = httpx.get(origin.url("/hello"))
    show("answer", f"{response.http_version} {response.status_code} {response.reason_phrase}")
    show("content-type", response.headers["content-type"])
    show("text", response.text.strip())


def reuse_a_connection(origin: Origin) -> None:
    connections = origin.connections
    with httpx.Client(base_url=origin.url()) as client:
        for _ in range(5):
            client.get("/hello").raise_for_status()
    show("requests", "5")
    show("connections", f"{origin.connections - connections}, as the origin counted them")


def get_many_at_once(origin: Origin) -> None:
    async def fetch_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=origin.url()) as client:
            return await asyncio.gather(*[client.get("/delay?seconds=0.3") for _ in range(20)])

    start = time.perf_counter()
    responses = asyncio.run(fetch_all())
    seconds = time.perf_counter() - start
    show("answers", f"{sum(response.is_success for response in responses)} of {len(responses)} fine")
    show("time", f"{seconds:.2f} s in all, though the origin waits 0.3 s before each answer")


def download_in_parts(origin: Origin) -> None:
    received = 0
    with httpx.stream("GET", origin.url(f"/bytes/{64 * MIB}")) as response:
        size = int(response.headers["content-length"])
        for part in response.iter_bytes():
            received += len(part)
            show_progress("download", received, size)
    show("received", f"{received:,} bytes, none of them kept")


def upload_in_parts(origin: Origin) -> None:
    size = 32 * MIB
    digest = hashlib.sha256()

    def make_parts() -> Iterator[bytes]:
        part = bytes(64 * 1024)
        for sent in range(len(part), size + 1, len(part)):
            digest.update(part)
            yield part
            show_progress("upload", sent, size)

    answer = httpx.post(origin.url("/upload"), content=make_parts()).json()
    show("origin got", f"{answer['length']:,} bytes")
    show("SHA-256", "the same on both sides" if answer["sha256"] == digest.hexdigest() else "DIFFERS")


def post_json(origin: Origin) -> None:
    response = httpx.post(origin.url("/echo"), json={"name": "Ada", "born": 1815})
    echo = response.json()
    show("origin got", f"{echo['method']} {echo['target']}, {echo['headers']['content-type']}")
    show("body", echo["body"])


def follow_a_redirect_with_a_cookie(origin: Origin) -> None:
    with httpx.Client(base_url=origin.url(), follow_redirects=True) as client:
        response = client.get("/cookies/set?flavour=vanilla")
        for hop in response.history:
            show("redirect", f"{hop.status_code} to {hop.headers['location']}, sets {hop.headers['set-cookie']}")
        show("origin got", f"cookies {response.json()['cookies']}")
        show("client keeps", dict(client.cookies))


class AnswerChallenges(httpx.Auth):
    """Send credentials only to those who ask for them: an auth flow is a generator of requests."""

    def __init__(self, username: str, password: str) -> None:
        self._basic = httpx.BasicAuth(username, password)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code == 401 and "www-authenticate" in response.headers:
            show("challenge", f"{response.status_code}, {response.headers['www-authenticate']}")
            yield from self._basic.auth_flow(request)


def run_an_auth_flow(origin: Origin) -> None:
    url = origin.url("/basic-auth/ada/difference-engine")
    response = httpx.get(url, auth=AnswerChallenges("ada", "difference-engine"))
    show("answer", f"{response.status_code}, {response.text.strip()}")


def run_into_a_timeout(origin: Origin) -> None:
    start = time.perf_counter()
    try:
        httpx.get(origin.url("/delay?seconds=30"), timeout=httpx.Timeout(5.0, read=0.5))
    except httpx.ReadTimeout as exc:
        show("exception", f"httpx.ReadTimeout after {time.perf_counter() - start:.2f} s")
        show("message", exc)


def verify_a_certificate(tls_origin: Origin) -> None:
    try:
        httpx.get(tls_origin.url("/hello"))
    except httpx.ConnectError as exc:
        show("unknown CA", f"httpx.ConnectError: {exc}")
    response = httpx.get(tls_origin.url("/hello"), verify=tls_origin.make_client_context())
    show("known CA", f"{response.status_code}, {response.text.strip()}")


def tour() -> None:
    """Start the origins, and stop by stop show what the client does with them."""
    authority = Authority()
    try:
        with Origin() as origin, Origin(authority) as tls_origin:
            for number, (title, stop, here) in enumerate(
                [
                    ("A GET, without more ado", get_once, origin),
                    ("A client reuses its connection", reuse_a_connection, origin),
                    ("Twenty async GETs at once", get_many_at_once, origin),
                    ("A download in parts", download_in_parts, origin),
                    ("An upload in parts", upload_in_parts, origin),
                    ("JSON, posted", post_json, origin),
                    ("A redirect that sets a cookie", follow_a_redirect_with_a_cookie, origin),
                    ("An auth flow", run_an_auth_flow, origin),
                    ("A timeout", run_into_a_timeout, origin),
                    ("TLS", verify_a_certificate, tls_origin),
                ],
                start=1,
            ):
                print(f"\n{number}. {style(title)}")
                stop(here)
    finally:
        authority.close()
    print("\nThe code of all this: examples/demo.py")


def fetch(url: str) -> None:
    """Show what is at a URL: status line, fields, and the start of the body."""
    if "://" not in url:
        url = f"https://{url}"
    with httpx.stream("GET", url, follow_redirects=True) as response:
        for answer in [*response.history, response]:
            print(style(f"{answer.http_version} {answer.status_code} {answer.reason_phrase}"), answer.url)
        for name, value in response.headers.multi_items():
            show(name, value)
        preview = b""
        for part in response.iter_bytes():
            preview += part
            if len(preview) > PREVIEW_SIZE:
                break
    print(f"\n{describe_body(preview, encoding=response.encoding or 'utf-8')}")


# Private from here on.


def describe_body(preview: bytes, *, encoding: str) -> str:
    """Return the start of a body as text, or say that it is none."""
    if b"\0" in preview:
        return f"(not text; it starts with {preview[:16].hex(' ')})"
    decoded = preview[:PREVIEW_SIZE].decode(encoding, "replace")
    # What comes from elsewhere must not move the cursor of a terminal.
    text = "".join(character if character.isprintable() or character in "\n\t" else " " for character in decoded)
    return f"{text}\n(and more)" if len(preview) > PREVIEW_SIZE else text


def show(label: str, value: object) -> None:
    """Print one line of what was seen."""
    print(f"   {label + ':':<14} {value}", flush=True)


def style(text: str) -> str:
    """Make text bold on a terminal."""
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text


def show_progress(label: str, done: int, total: int) -> None:
    """Draw a bar: on a terminal as it grows, elsewhere once it is full."""
    if not sys.stdout.isatty() and done < total:
        return
    width = 40
    filled = width * done // total
    line = f"   {label + ':':<14} [{'#' * filled}{'.' * (width - filled)}] {done / MIB:5.1f} of {total / MIB:.1f} MiB"
    print(f"\r{line}" if sys.stdout.isatty() else line, end="\n" if done >= total else "", flush=True)


def main(arguments: list[str]) -> int:
    """Run the tour, or fetch the URL that is given; return the exit status."""
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print("usage: scripts/demo [URL]", file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a body may hold what the terminal cannot show
    try:
        fetch(arguments[0]) if arguments else tour()
        sys.stdout.flush()
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        print(f"demo: {type(exc).__name__}: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough. What is still buffered must go nowhere, not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
