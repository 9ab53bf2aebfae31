"""Run the origin and the counting in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .budgets import Budget

ROOT = Path(__file__).parents[2]

Counts = dict[str, tuple[Budget, list[str]]]


def count_all() -> Counts:
    """Return what each exchange costs, by its name, and the calls that it makes."""
    with start("tests.budget.origin") as origin:
        assert origin.stdout is not None
        urls = [f"http://127.0.0.1:{port}/hello" for port in origin.stdout.readline().split()]
        with start("tests.budget.counting", *urls) as counting:
            output, _ = counting.communicate()
        origin.communicate()  # ends it: its standard input closes
    return {name: (Budget(*budget), calls) for name, (budget, calls) in json.loads(output).items()}


# Private from here on.


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
