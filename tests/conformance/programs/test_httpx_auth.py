"""httpx-auth: authentication classes of its own, combined with each other and with those of this package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx_auth
import pytest
from httpx_auth import (
    AWS4Auth,
    Basic,
    HeaderApiKey,
    InvalidGrantRequest,
    JsonTokenFileCache,
    OAuth2,
    OAuth2ClientCredentials,
    OAuth2ResourceOwnerPasswordCredentials,
    QueryApiKey,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import httpx

from .conftest import ServeApp


class Service:
    """An API, and the server that gives tokens for it."""

    def __init__(self) -> None:
        self.grants: list[dict[str, Any]] = []
        self.app = Starlette(routes=[Route("/token", self.give_token, methods=["POST"]), Route("/api", self.tell)])

    async def give_token(self, request: Request) -> Response:
        async with request.form() as form:
            self.grants.append({**form, "authorization": request.headers.get("authorization")})
        if form.get("scope") == "forbidden":
            return JSONResponse({"error": "invalid_scope", "error_description": "not that"}, status_code=400)
        token = f"token {len(self.grants)}"
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": 3600})

    async def tell(self, request: Request) -> Response:
        return JSONResponse({"query": dict(request.query_params), "headers": dict(request.headers)})


@pytest.fixture(autouse=True)
def no_tokens_of_other_tests() -> Iterator[None]:
    yield
    OAuth2.token_cache.clear()


async def fetch(url: str, auth: Any, kind: str) -> dict[str, Any]:
    if kind == "sync":
        with httpx.Client() as client:
            return client.get(url, auth=auth).json()
    async with httpx.AsyncClient() as client:
        return (await client.get(url, auth=auth)).json()


pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", ["sync", "async"])]


async def test_keys(serve_app: ServeApp, kind: str) -> None:
    url = serve_app(Service().app) + "/api"
    told = await fetch(url, HeaderApiKey("secret", "X-Key") + QueryApiKey("other", "key") + Basic("u", "p"), kind)
    assert told["headers"]["x-key"] == "secret"
    assert told["headers"]["authorization"] == "Basic dTpw"
    assert told["query"] == {"key": "other"}


async def test_client_credentials(serve_app: ServeApp, kind: str) -> None:
    service = Service()
    url = serve_app(service.app)
    auth = OAuth2ClientCredentials(f"{url}/token", "id", "secret", scope=["a", "b"])
    for _ in range(2):
        told = await fetch(f"{url}/api", auth & HeaderApiKey("k"), kind)
        assert told["headers"]["authorization"] == "Bearer token 1" and told["headers"]["x-api-key"] == "k"
    # The token was kept for the second request.
    assert service.grants == [
        {
            "grant_type": "client_credentials",
            "scope": "a b",
            "authorization": httpx.BasicAuth("id", "secret")._auth_header,
        }
    ]


async def test_password_with_a_client_of_ones_own(serve_app: ServeApp, kind: str) -> None:
    service = Service()
    url = serve_app(service.app)
    with httpx.Client(headers={"X-Own": "1"}) as client:
        auth = OAuth2ResourceOwnerPasswordCredentials(f"{url}/token", "user", "pass", client=client)
        told = await fetch(f"{url}/api", auth, kind)
    assert told["headers"]["authorization"] == "Bearer token 1"
    assert service.grants == [{"grant_type": "password", "username": "user", "password": "pass", "authorization": None}]


async def test_refused_grant(serve_app: ServeApp, kind: str) -> None:
    url = serve_app(Service().app)
    with pytest.raises(InvalidGrantRequest, match="invalid_scope: not that"):
        await fetch(f"{url}/api", OAuth2ClientCredentials(f"{url}/token", "id", "secret", scope="forbidden"), kind)


async def test_tokens_in_a_file(serve_app: ServeApp, kind: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    url = serve_app(service.app)
    for _ in range(2):
        monkeypatch.setattr(OAuth2, "token_cache", JsonTokenFileCache(str(tmp_path / "tokens.json")))
        await fetch(f"{url}/api", OAuth2ClientCredentials(f"{url}/token", "id", "secret"), kind)
    assert len(service.grants) == 1


async def test_signatures_of_aws(serve_app: ServeApp, kind: str) -> None:
    auth = AWS4Auth(access_id="id", secret_key="key", region="eu-west-1", service="s3")
    told = await fetch(serve_app(Service().app) + "/api?a=b", auth, kind)
    assert told["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=id/")
    assert len(told["headers"]["x-amz-content-sha256"]) == 64


async def test_its_classes_are_auth_of_this_package(kind: str) -> None:
    assert issubclass(httpx_auth.OAuth2ClientCredentials, httpx.Auth)
    assert issubclass(httpx_auth.Basic, httpx.BasicAuth)
