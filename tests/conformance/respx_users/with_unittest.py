"""Tests with unittest and respx: nothing of pytest is there."""

from __future__ import annotations

import sys
import unittest

import respx

import httpx


class SyncTests(unittest.TestCase):
    def setUp(self) -> None:
        self.assertNotIn("pytest", sys.modules)

    @respx.mock
    def test_decorator(self) -> None:
        respx.get("https://a.example/").respond(json={"a": 1})
        self.assertEqual(httpx.get("https://a.example/").json(), {"a": 1})

    def test_start_and_stop(self) -> None:
        router = respx.mock(base_url="https://a.example")
        router.start()
        self.addCleanup(router.stop)
        router.get("/").respond(204)
        self.assertEqual(httpx.get("https://a.example/").status_code, 204)


class AsyncTests(unittest.IsolatedAsyncioTestCase):
    @respx.mock
    async def test_decorator(self) -> None:
        respx.get("https://a.example/").respond(text="hello")
        async with httpx.AsyncClient() as client:
            self.assertEqual((await client.get("https://a.example/")).text, "hello")


if __name__ == "__main__":
    unittest.main()
