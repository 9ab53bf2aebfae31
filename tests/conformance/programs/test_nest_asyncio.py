"""The async client under nest_asyncio, as notebooks have it: a task runs its own loop, for another request."""

from __future__ import annotations

import os
import subprocess
import sys

from .conftest import ServeApp

PROGRAM = """
import asyncio
import sys

import nest_asyncio

import httpx

nest_asyncio.apply()


async def main(url, limits):
    async with httpx.AsyncClient(limits=limits, timeout=5) as client:

        async def get(depth):
            response = await client.get(url)
            if depth:
                asyncio.get_event_loop().run_until_complete(get(depth - 1))
            return response.text

        for _ in range(5):
            assert await asyncio.gather(*(get(2) for _ in range(10))) == ["Hello"] * 10


asyncio.run(main(sys.argv[1], httpx.Limits()))
asyncio.run(main(sys.argv[1], httpx.Limits(max_connections=2)))
print("done")
"""


def test_requests_within_requests(serve_app: ServeApp) -> None:
    url = serve_app(hello)
    # In a process of its own: what is patched stays so.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, url], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


async def hello(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "http":
        assert callable(send)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"Hello"})
