"""The programs run on this package: none of them brought an HTTPX, or what some of them prefer to it."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import files, version
from importlib.util import find_spec

import pytest

import httpx

# The module of each program that imports httpx, and the name under which it has it.
USERS = {
    "anthropic._base_client": "httpx",
    "authlib.integrations.httpx_client.oauth2_client": "httpx2",
    "fastapi.testclient": "TestClient",
    "hishel.httpx": "CacheClient",
    "httpx_auth._authentication": "httpx",
    "httpx_retries.transport": "httpx",
    "httpx_sse._api": "httpx",
    "httpx_ws._api": "httpx",
    "huggingface_hub.utils._http": "httpx",
    "mcp.client.streamable_http": "httpx",
    "openai._base_client": "httpx",
    "opentelemetry.instrumentation.httpx": "_httpx_module",
    "postgrest._sync.client": "Client",
    "pytest_httpx._httpx_mock": "httpx",
    "starlette.testclient": "httpx",
}


def test_installed_httpx_is_this_one() -> None:
    assert version("httpx") == httpx.__version__
    # An editable installation brings no module of its own.
    assert [file for file in files("httpx") or [] if str(file).startswith("httpx/")] == []


def test_there_is_no_successor() -> None:
    assert find_spec("httpx2") is None


@pytest.mark.parametrize(("module", "name"), USERS.items())
def test_program_imports_this_one(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name)
    bases = found.__mro__ if isinstance(found, type) else (found,)
    assert httpx in bases or httpx.Client in bases
    assert sys.modules["httpx"] is httpx
