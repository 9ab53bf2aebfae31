"""What is kept to save work is nobody's to change: who changes a request or a response leaves the others alone."""

from __future__ import annotations

from typing import Any

from tests.origin import Origin

from .faces import Face, echoed

Fields = list[tuple[bytes, bytes]]


def change(headers: Any) -> None:
    """Change headers in each way there is."""
    headers["content-type"] = "changed/changed"
    headers["x-added"] = "added"
    del headers["content-length"]
    headers.update({"server": "changed"})
    headers.raw.append((b"x-raw", b"added"))


async def test_changed_response_headers_stay_with_their_response(face: Face, text_url: str) -> None:
    async with face.client() as client:
        first = await client.get(text_url)
        fields = first.headers.raw
        for _ in range(3):
            response = await client.get(text_url)
            assert (response.headers.raw, response.headers["content-type"]) == (fields, "text/plain; charset=utf-8")
            assert "x-added" not in response.headers
            change(response.headers)
    assert first.headers.raw == fields


async def test_what_a_trace_callback_changes_stays_with_it(face: Face, text_url: str) -> None:
    seen: list[Fields] = []

    def note(name: str, info: dict[str, Any]) -> None:
        if name == "http11.receive_response_headers.complete":
            seen.append(list(info["return_value"][3]))
            info["return_value"][3].clear()

    async def note_later(name: str, info: dict[str, Any]) -> None:
        note(name, info)

    async with face.client() as client:
        for _ in range(3):
            await client.get(text_url, extensions={"trace": note_later if face.is_async else note})
    assert len(seen) == 3
    assert seen[0]
    assert seen[0] == seen[1] == seen[2]


async def test_changed_request_headers_stay_with_their_request(face: Face, origin: Origin) -> None:
    async with face.client(headers={"x-client": "client"}) as client:
        for number in range(3):
            request = client.bare.build_request("GET", origin.url("/echo"))
            assert dict(request.headers)["x-client"] == "client"
            assert "x-added" not in request.headers
            request.headers["x-client"] = f"request {number}"
            request.headers["x-added"] = "added"
            del request.headers["accept"]
            headers = dict(echoed(await client.send(request))["headers"])
            assert (headers["x-client"], headers["x-added"]) == (f"request {number}", "added")
            assert "accept" not in headers


async def test_requests_follow_the_changes_of_their_client(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        bare, url = client.bare, origin.url("/echo")

        async def sent() -> dict[str, str]:
            return dict(echoed(await client.get(url))["headers"])

        assert "x-added" not in await sent()
        bare.headers["x-added"] = "1"
        assert (await sent())["x-added"] == "1"
        bare.headers["x-added"] = "2"
        assert (await sent())["x-added"] == "2"
        bare.headers.update({"x-added": "3"})
        assert (await sent())["x-added"] == "3"
        del bare.headers["x-added"]
        assert "x-added" not in await sent()
        bare.headers["host"] = "other.example"
        assert (await sent())["host"] == "other.example"
        bare.headers = {"x-added": "4"}
        headers = await sent()
        assert (headers["x-added"], headers["host"]) == ("4", url.split("/")[2])


async def test_changed_timeouts_stay_with_their_request(face: Face, text_url: str) -> None:
    async with face.client() as client:
        for _ in range(2):
            request = client.bare.build_request("GET", text_url)
            assert request.extensions == {"timeout": {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}}
            request.extensions["timeout"]["read"] = 1.0
            request.extensions["added"] = True
        client.bare.timeout = 3
        assert client.bare.build_request("GET", text_url).extensions["timeout"]["read"] == 3


async def test_what_is_set_on_a_url_stays_with_it(face: Face, text_url: str) -> None:
    async with face.client() as client:
        for _ in range(2):
            response = await client.get(text_url)
            assert not hasattr(response.url, "note")
            response.url.note = "mine"  # type: ignore[attr-defined]  # users do
            response.history.append(response)
            response.extensions["note"] = "mine"
        assert not (await client.get(text_url)).history
