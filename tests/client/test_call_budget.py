"""How many Python calls a warm request may cost. The numbers only go down.

Counting does not depend on the machine: a call is one "call" event of `sys.setprofile` for code of the package, which
also counts each time that a suspended coroutine goes on. What event loops and the rest of the standard library do does
not count.
"""

from __future__ import annotations

import asyncio
import os
import sys
from types import FrameType
from typing import Any

import pytest

import httpx

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or sys.gettrace() is not None,
    reason="the budgets hold for Python 3.11, and without a tracer",
)

PACKAGE = os.path.join(os.path.dirname(httpx.__file__), "")

SYNC_BUDGET = 51
SYNC_BUDGET_WITH_COOKIE_AND_HOOK = 67
ASYNC_BUDGET = 60
ASYNC_BUDGET_WITH_COOKIE_AND_HOOK = 76


class CallCounter:
    """Counts the Python calls between `start` and `stop`, by function."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.clear()
        sys.setprofile(self._note)

    def stop(self) -> int:
        sys.setprofile(None)
        return len(self.calls)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self.calls.append(frame.f_code.co_qualname)


def use(response: httpx.Response) -> None:
    """Do with a response what most programs do."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text
    assert response.elapsed


def note(argument: object) -> None:
    """Be an event hook."""


async def async_note(argument: object) -> None:
    """Be an event hook."""


@pytest.mark.parametrize("has_extras", [False, True])
def test_sync_get_keeps_its_call_budget(text_url: str, has_extras: bool) -> None:
    counter = CallCounter()
    with httpx.Client() as client:
        if has_extras:
            client.cookies.set("session", "1", domain="127.0.0.1")
            client.event_hooks = {"request": [note]}
        for _ in range(3):
            use(client.get(text_url))
        counter.start()
        response = client.get(text_url)
        use(response)
        count = counter.stop()
    assert count <= (SYNC_BUDGET_WITH_COOKIE_AND_HOOK if has_extras else SYNC_BUDGET), counter.calls


@pytest.mark.parametrize("has_extras", [False, True])
def test_async_get_keeps_its_call_budget(text_url: str, has_extras: bool) -> None:
    counter = CallCounter()

    async def run() -> int:
        async with httpx.AsyncClient() as client:
            if has_extras:
                client.cookies.set("session", "1", domain="127.0.0.1")
                client.event_hooks = {"request": [async_note]}
            for _ in range(3):
                use(await client.get(text_url))
            counter.start()
            response = await client.get(text_url)
            use(response)
            return counter.stop()

    count = asyncio.run(run())
    assert count <= (ASYNC_BUDGET_WITH_COOKIE_AND_HOOK if has_extras else ASYNC_BUDGET), counter.calls
