# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What type checkers must reject. Checked, never run.

Each comment stands for an error that both must see in its line: where there is none, they complain of the comment.
"""

from __future__ import annotations

import httpx


def functions() -> None:
    httpx.get(1)  # type: ignore[arg-type]
    httpx.get("https://example.org", content=b"")  # type: ignore[call-arg]
    httpx.get("https://example.org", timeout="5")  # type: ignore[arg-type]
    httpx.get("https://example.org", unknown=True)  # type: ignore[call-arg]
    httpx.get("https://example.org", {"a": "1"})  # type: ignore[call-arg]
    httpx.request("https://example.org")  # type: ignore[call-arg]


def arguments(client: httpx.Client) -> None:
    client.get("/", params=1)  # type: ignore[arg-type]
    client.get("/", headers={"a": 1})  # type: ignore[arg-type]
    client.get("/", cookies="a=1")  # type: ignore[arg-type]
    client.get("/", auth="user:password")  # type: ignore[arg-type]
    client.get("/", follow_redirects="yes")  # type: ignore[arg-type]
    client.post("/", content=["text"])  # type: ignore[list-item]
    client.post("/", content={"a": 1})  # type: ignore[dict-item]
    client.post("/", data="text")  # type: ignore[arg-type]
    client.delete("/", json={})  # type: ignore[call-arg]


def settings(client: httpx.Client, response: httpx.Response) -> None:
    httpx.Client("https://example.org")  # type: ignore[call-arg, arg-type]
    httpx.Client(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
    httpx.Client(limits=10)  # type: ignore[arg-type]
    httpx.Timeout(5.0, total_time=1.0)  # type: ignore[call-arg]
    httpx.Limits(10)  # type: ignore[call-arg]
    client.is_closed = True  # type: ignore[misc]
    response.text = "text"  # type: ignore[misc]


async def colours(client: httpx.AsyncClient, sync_client: httpx.Client) -> None:
    httpx.AsyncClient(transport=httpx.HTTPTransport())  # type: ignore[arg-type]
    client.get("/").json()  # type: ignore[attr-defined]
    await sync_client.get("/")  # type: ignore[misc]
    with client:  # type: ignore[attr-defined]
        pass
    async with sync_client:  # type: ignore[attr-defined]
        pass


class OwnTransport(httpx.BaseTransport):
    async def handle_request(self, request: httpx.Request) -> httpx.Response:  # type: ignore[override]
        return httpx.Response(200)
