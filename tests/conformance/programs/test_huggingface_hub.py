"""huggingface_hub, 1.x, against a fake of its hub: files, snapshots, uploads, retries, a client of one's own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import (
    HfApi,
    close_session,
    get_async_session,
    get_session,
    hf_hub_download,
    set_client_factory,
    snapshot_download,
)
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
from huggingface_hub.utils import http_backoff
from huggingface_hub.utils._http import default_client_factory
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

import httpx

from .conftest import ServeApp

COMMIT = "a" * 40
FILES = {"config.json": b'{"a": 1}', "weights.bin": bytes(range(256)) * 4000}


class Hub:
    """A repository named `me/model`, whose larger file lies elsewhere."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.failures: list[int] = []
        self.commit_lines: list[dict[str, Any]] = []
        model = "/api/models/me/model"
        routes = [
            *(Route(path, self.describe) for path in (model, f"{model}/revision/{{revision}}")),
            Route(f"{model}/tree/{{revision}}", self.list_files),
            Route(f"{model}/preupload/main", self.plan_upload, methods=["POST"]),
            Route(f"{model}/commit/main", self.commit, methods=["POST"]),
            Route("/me/model/resolve/{revision}/{name}", self.resolve),
            Route("/storage/{name}", self.store),
            Route("/flaky", self.flake, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def describe(self, request: Request) -> Response:
        self.note(request)
        siblings = [{"rfilename": name} for name in FILES]
        return JSONResponse({"id": "me/model", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})

    async def list_files(self, request: Request) -> Response:
        self.note(request)
        files = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": name} for name in FILES]
        return JSONResponse(files)

    async def resolve(self, request: Request) -> Response:
        self.note(request)
        name = request.path_params["name"]
        headers = {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT}
        if name not in FILES:
            return Response(status_code=404, headers={"X-Error-Code": "EntryNotFound"})
        if name == "weights.bin":
            headers |= {"X-Linked-Size": str(len(FILES[name])), "X-Linked-Etag": f'"{name}"'}
            # Another host: redirects within the hub are followed by HEAD requests too.
            return RedirectResponse(f"http://localhost:{request.url.port}/storage/{name}", 302, headers)
        return Response(FILES[name], headers=headers)

    async def store(self, request: Request) -> Response:
        self.note(request)
        return Response(FILES[request.path_params["name"]], headers={"ETag": '"other"'})

    async def plan_upload(self, request: Request) -> Response:
        self.note(request)
        paths = [file["path"] for file in (await request.json())["files"]]
        return JSONResponse(
            {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]}
        )

    async def commit(self, request: Request) -> Response:
        self.note(request)
        self.commit_lines = [json.loads(line) for line in (await request.body()).splitlines()]
        return JSONResponse({"commitUrl": str(request.base_url) + f"me/model/commit/{COMMIT}", "commitOid": COMMIT})

    async def flake(self, request: Request) -> Response:
        self.note(request)
        return JSONResponse(json.loads(await request.body() or b"null"), self.failures.pop(0) if self.failures else 200)

    def note(self, request: Request) -> None:
        self.requests.append((request.method, request.url.path))
        self.headers.append(dict(request.headers))


@pytest.fixture
def hub() -> Iterator[Hub]:
    yield Hub()
    close_session()


def test_download(serve_app: ServeApp, hub: Hub, tmp_path: Path) -> None:
    url = serve_app(hub.app)
    for name, content in FILES.items():
        for _ in range(2):
            path = hf_hub_download("me/model", name, endpoint=url, cache_dir=tmp_path, token="secret")
            assert Path(path).read_bytes() == content
    # HEAD is not led to the storage, which gets no token, and a file that is there is not fetched again.
    weights = "/me/model/resolve/main/weights.bin"
    seen = [request for request in hub.requests if request[1].endswith("weights.bin")]
    assert seen == [("HEAD", weights), ("GET", "/storage/weights.bin"), ("HEAD", weights)]
    assert "authorization" not in hub.headers[hub.requests.index(seen[1])]
    assert hub.headers[0]["authorization"] == "Bearer secret" and hub.headers[0]["accept-encoding"] == "identity"
    with pytest.raises(EntryNotFoundError) as missing:
        hf_hub_download("me/model", "missing", endpoint=url, cache_dir=tmp_path)
    assert isinstance(missing.value, HfHubHTTPError) and isinstance(missing.value, httpx.HTTPError)
    assert missing.value.response.status_code == 404


def test_snapshot(serve_app: ServeApp, hub: Hub, tmp_path: Path) -> None:
    path = snapshot_download("me/model", endpoint=serve_app(hub.app), cache_dir=tmp_path, max_workers=4)
    assert {file.name: file.read_bytes() for file in Path(path).iterdir()} == FILES
    assert Path(path).name == COMMIT


def test_upload(serve_app: ServeApp, hub: Hub, tmp_path: Path) -> None:
    api = HfApi(endpoint=serve_app(hub.app), token="secret")
    commit = api.upload_file(path_or_fileobj=b"content", path_in_repo="a.txt", repo_id="me/model", commit_message="new")
    assert commit.oid == COMMIT
    assert [line["key"] for line in hub.commit_lines] == ["header", "file"]
    assert hub.commit_lines[0]["value"]["summary"] == "new"
    assert base64.b64decode(hub.commit_lines[1]["value"]["content"]) == b"content"
    (tmp_path / "b.txt").write_bytes(b"b")
    (tmp_path / "c.txt").write_bytes(b"c")
    api.upload_folder(folder_path=tmp_path, repo_id="me/model")
    assert {line["value"]["path"] for line in hub.commit_lines[1:]} == {"b.txt", "c.txt"}
    assert api.model_info("me/model").sha == COMMIT


def test_retries(serve_app: ServeApp, hub: Hub) -> None:
    url = serve_app(hub.app) + "/flaky"
    hub.failures = [503, 503]
    response = http_backoff("POST", url, json={"a": 1}, base_wait_time=0.001, retry_on_status_codes=503)
    assert (response.status_code, response.json()) == (200, {"a": 1})
    assert len(hub.requests) == 3
    with pytest.raises(httpx.ConnectError):
        http_backoff("GET", "http://127.0.0.1:1", base_wait_time=0.001, max_retries=2)


@pytest.mark.anyio
async def test_clients_of_ones_own(serve_app: ServeApp, hub: Hub) -> None:
    url = serve_app(hub.app)
    set_client_factory(lambda: httpx.Client(headers={"X-Own": "v"}, follow_redirects=True))
    try:
        assert HfApi(endpoint=url).model_info("me/model").id == "me/model"
        assert hub.headers[-1]["x-own"] == "v"
        assert get_session() is get_session()
    finally:
        set_client_factory(default_client_factory)
    async with get_async_session() as session:
        assert isinstance(session, httpx.AsyncClient)
        assert (await session.get(f"{url}/flaky")).json() is None


def test_its_api_is_imported_without_httpcore() -> None:
    # It does not require httpcore, and imports it: before httpx, unless that is done already.
    code = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname == "httpcore" else super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
import httpx
import huggingface_hub.hf_api
assert sys.modules["httpcore"].ReadTimeout is httpx.ReadTimeout
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
