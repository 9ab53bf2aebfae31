"""Which transport serves which URL: mounts, and the proxies that the environment and arguments name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import httpx
from tests.differential.cases import Cases

CASES = Cases()

URL = "https://a.example/"

OK = httpx.Response


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[request.method, str(request.url)])


# --- mounts, proxies of the environment ---


def served_by(patterns: tuple[str, ...], url: str) -> object:
    """Tell which of the mounts serves a URL."""
    transports = {pattern: httpx.MockTransport(echo) for pattern in patterns}
    client = httpx.Client(mounts=transports)
    chosen = client._transport_for_url(httpx.URL(url))
    return next((pattern for pattern, transport in transports.items() if transport is chosen), "default")


CASES.table(
    served_by,
    [
        (patterns, url)
        for patterns in (
            ("all://",),
            ("http://", "https://"),
            ("all://", "https://a.example", "all://a.example"),
            ("all://*.a.example", "all://*a.example", "all://a.example:8443", "https://"),
            ("all://*:8443", "http://a.example"),
            ("all://127.0.0.1", "all://[::1]", "custom://"),
        )
        for url in (
            "http://a.example/",
            "https://a.example/path?q",
            "https://b.a.example/",
            "https://ba.example/",
            "https://a.example:8443/",
            "http://127.0.0.1:80/",
            "http://[::1]/",
            "custom://a.example/",
        )
    ],
)


def mount_pattern(pattern: str) -> object:
    return len(httpx.Client(mounts={pattern: None})._mounts)


CASES.table(mount_pattern, ["", "all", "http", "all://", "http://a.example:80", "all://*", "all://a b"])


@contextlib.contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with mock.patch.dict(os.environ, {**kept, **variables}, clear=True):
        yield


def env_patterns(variables: dict[str, str]) -> object:
    """Tell which patterns the environment makes, and which of them go past the proxies."""
    with environment(variables):
        client = httpx.Client()
    return [[pattern.pattern, transport is None] for pattern, transport in client._mounts.items()]


def env_goes_direct(no_proxy: str, url: str) -> object:
    with environment({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy}):
        client = httpx.Client()
    return client._transport_for_url(httpx.URL(url)) is client._transport


CASES.table(
    env_patterns,
    [
        {},
        {"HTTP_PROXY": "http://proxy.example"},
        {"HTTPS_PROXY": "proxy.example:3128"},
        {"http_proxy": "http://lower.example", "HTTP_PROXY": "http://upper.example"},
        {"ALL_PROXY": "http://proxy.example", "HTTP_PROXY": "http://other.example"},
        {"NO_PROXY": "a.example"},
        {"ALL_PROXY": "http://proxy.example", "NO_PROXY": "*"},
        {"ALL_PROXY": "http://proxy.example", "NO_PROXY": "a.example, .b.example,127.0.0.1,localhost,::1"},
        {"ALL_PROXY": "http://proxy.example", "NO_PROXY": "https://a.example:8443"},
        {"ALL_PROXY": ""},
        {"FTP_PROXY": "http://proxy.example"},
        {"HTTP_PROXY": "http://user:secret@proxy.example"},
        {"ALL_PROXY": "ftp://proxy.example"},
    ],
)
CASES.table(
    env_goes_direct,
    [
        (no_proxy, url)
        for no_proxy in (
            "",
            "*",
            "a.example",
            ".a.example",
            "a.example:8443",
            "localhost",
            "127.0.0.1",
            "http://a.example",
        )
        for url in (
            "http://a.example/",
            "https://b.a.example/",
            "https://ba.example/",
            "https://a.example:8443/",
            "http://localhost:8000/",
            "http://127.0.0.1/",
        )
    ],
)


@CASES.add
def trust_env_false_keeps_proxies_out() -> object:
    with environment({"ALL_PROXY": "http://proxy.example"}):
        client = httpx.Client(trust_env=False)
        own = httpx.Client(transport=httpx.MockTransport(echo))
    return [len(client._mounts), client.trust_env, len(own._mounts), own.trust_env]


def proxy_argument(proxy: Any) -> object:
    with environment({}):
        return [pattern.pattern for pattern in httpx.Client(proxy=proxy)._mounts]


CASES.table(
    proxy_argument, [None, "http://proxy.example", "ftp://proxy.example", "proxy.example", "", "https://proxy.example"]
)
CASES.table(proxy_argument, [5], texts=False)
