"""authlib's clients for OAuth 1 and 2, which inherit from this package's and override `request` and `send`."""

from __future__ import annotations

import time
from typing import Any

import pytest
from authlib.integrations.base_client import InvalidTokenError, OAuthError
from authlib.integrations.httpx_client import (
    AsyncAssertionClient,
    AsyncOAuth1Client,
    AsyncOAuth2Client,
    OAuth1Client,
    OAuth2Client,
)
from joserfc.jwk import OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import httpx

from .conftest import ServeApp

pytestmark = pytest.mark.anyio


class Service:
    """An API, and a server of tokens for both versions of OAuth."""

    def __init__(self) -> None:
        self.grants: list[dict[str, Any]] = []
        paths = {"/token": self.give_token, "/oauth1": self.give_oauth1_token, "/revoke": self.revoke}
        routes = [Route(path, endpoint, methods=["POST"]) for path, endpoint in paths.items()]
        self.app = Starlette(routes=[*routes, Route("/api", self.tell, methods=["GET", "POST"])])

    async def give_token(self, request: Request) -> Response:
        async with request.form() as form:
            self.grants.append({**form, "authorization": request.headers.get("authorization", "")})
        if form.get("code") == "wrong":
            return JSONResponse({"error": "invalid_grant", "error_description": "no such code"}, status_code=400)
        token = {"access_token": f"a{len(self.grants)}", "refresh_token": "r1", "token_type": "Bearer"}
        return JSONResponse(token | {"expires_in": 3600})

    async def give_oauth1_token(self, request: Request) -> Response:
        self.grants.append({"authorization": request.headers["authorization"]})
        return PlainTextResponse("oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true")

    async def revoke(self, request: Request) -> Response:
        return JSONResponse({"revoked": (await request.body()).decode()})

    async def tell(self, request: Request) -> Response:
        return JSONResponse({"headers": dict(request.headers), "body": (await request.body()).decode()})


async def test_oauth2_authorization_code(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    async with AsyncOAuth2Client("id", "secret", redirect_uri="https://me.example/cb", scope="read") as client:
        address, state = client.create_authorization_url(f"{url}/authorize")
        assert httpx.URL(address).params["client_id"] == "id"
        answer = f"https://me.example/cb?code=c&state={state}"
        token = await client.fetch_token(f"{url}/token", authorization_response=answer)
        assert token["access_token"] == "a1"
        told = (await client.post(f"{url}/api", json={"a": 1})).json()
        assert (told["headers"]["authorization"], told["body"]) == ("Bearer a1", '{"a":1}')
        async with client.stream("GET", f"{url}/api") as response:
            assert b"Bearer a1" in await response.aread()
        assert (await client.revoke_token(f"{url}/revoke", token="a1")).json()["revoked"].startswith("token=a1")
    assert service.grants[0]["grant_type"] == "authorization_code" and service.grants[0]["code"] == "c"
    assert service.grants[0]["authorization"] == httpx.BasicAuth("id", "secret")._auth_header


def test_oauth2_sync(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    updates: list[dict[str, Any]] = []
    expired = {"access_token": "a0", "refresh_token": "r0", "token_type": "Bearer", "expires_at": int(time.time()) - 10}
    client = OAuth2Client(
        *("id", "secret"),
        token=expired,
        token_endpoint=f"{url}/token",
        update_token=lambda token, **old: updates.append(token | old),
    )
    with client:
        assert client.get(f"{url}/api").json()["headers"]["authorization"] == "Bearer a1"
        assert client.get(f"{url}/api").json()["headers"]["authorization"] == "Bearer a1"
    assert service.grants[0]["grant_type"] == "refresh_token" and service.grants[0]["refresh_token"] == "r0"
    assert [update["access_token"] for update in updates] == ["a1"]


async def test_oauth2_refresh(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    async with AsyncOAuth2Client("id", "secret", token_endpoint=f"{url}/token") as client:
        token = await client.fetch_token(grant_type="password", username="u", password="p")
        assert token["access_token"] == "a1"
        token = await client.refresh_token(f"{url}/token", refresh_token="r1")
        assert token["access_token"] == client.token["access_token"] == "a2"
        client.token = {"access_token": "a0", "expires_at": 1}
        with pytest.raises(InvalidTokenError):
            await client.get(f"{url}/api")


async def test_oauth2_client_credentials_and_errors(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    async with AsyncOAuth2Client("id", "secret", token_endpoint_auth_method="client_secret_post") as client:
        await client.fetch_token(f"{url}/token", grant_type="client_credentials")
        assert service.grants[0]["client_secret"] == "secret" and not service.grants[0]["authorization"]
        with pytest.raises(OAuthError, match="no such code"):
            await client.fetch_token(f"{url}/token", grant_type="authorization_code", code="wrong")


async def test_oauth2_assertion(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    async with AsyncAssertionClient(
        f"{url}/token",
        issuer="me",
        subject="me",
        audience=url,
        header={"alg": "HS256"},
        key=OctKey.import_key("k" * 32),
    ) as client:
        assert (await client.get(f"{url}/api")).json()["headers"]["authorization"] == "Bearer a1"
    assert service.grants[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.parametrize("signature_type", ["HEADER", "QUERY", "BODY"])
async def test_oauth1(serve_app: ServeApp, signature_type: str) -> None:
    url = serve_app(Service().app)
    async with AsyncOAuth1Client("id", "secret", token="t", token_secret="s", signature_type=signature_type) as client:
        response = await client.post(f"{url}/api", data={"a": "b c"})
    told = response.json()
    signed = {
        "HEADER": told["headers"].get("authorization", ""),
        "QUERY": str(response.request.url.query),
        "BODY": told["body"],
    }[signature_type]
    assert "oauth_signature=" in signed and "oauth_token=" in signed
    assert "a=b" in told["body"]


def test_oauth1_sync(serve_app: ServeApp) -> None:
    service = Service()
    url = serve_app(service.app)
    with OAuth1Client("id", "secret", redirect_uri="https://me.example/cb") as client:
        assert client.fetch_request_token(f"{url}/oauth1")["oauth_token"] == "t"
        assert httpx.URL(client.create_authorization_url(f"{url}/authorize")).params["oauth_token"] == "t"
        client.parse_authorization_response("https://me.example/cb?oauth_token=t&oauth_verifier=v")
        assert client.fetch_access_token(f"{url}/oauth1")["oauth_token_secret"] == "s"
        assert client.get(f"{url}/api").json()["headers"]["authorization"].startswith("OAuth ")
    assert 'oauth_verifier="v"' in service.grants[1]["authorization"]
