"""A fake of the services behind the SDKs of language models: it streams, fails as told, and remembers requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


class Service:
    """Answers with `answer`, or streams `events`, after `failures`: a status fails, and so many seconds are waited."""

    def __init__(self, events: Iterable[tuple[str | None, Any]], answer: Any) -> None:
        self.events = list(events)
        self.answer = answer
        self.failures: list[int | float] = []
        self.requests: list[dict[str, Any]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.respond, methods=["GET", "POST"])])

    async def respond(self, request: Request) -> Response:
        body = await request.body()
        is_json = request.headers.get("content-type") == "application/json"
        told: Any = json.loads(body) if is_json else body
        self.requests.append({"path": request.url.path, "headers": dict(request.headers), "body": told})
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, float):
                await asyncio.sleep(failure)
            else:
                error = {"message": f"failed with {failure}", "type": "error", "code": None, "param": None}
                return JSONResponse({"type": "error", "error": error}, failure, {"Retry-After-Ms": "1"})
        if is_json and told.get("stream"):
            return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"X-Request-Id": "r1"})
        return JSONResponse(self.answer, headers={"X-Request-Id": "r1", "Request-Id": "r1"})

    # Private from here on.

    async def _stream(self) -> AsyncIterator[str]:
        for name, value in self.events:
            prefix = "" if name is None else f"event: {name}\n"
            yield f"{prefix}data: {value if isinstance(value, str) else json.dumps(value)}\n\n"
