"""The origins of the budgets, by protocol."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def budget_urls() -> Iterator[dict[str, str]]:
    """A URL for each protocol that has budgets."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.budget.origin"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    port = int(process.stdout.readline())
    yield {"h1": f"http://127.0.0.1:{port}/hello"}
    process.stdin.close()
    process.wait()
    process.stdout.close()
