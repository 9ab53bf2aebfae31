"""The types that users see: accepted.py has no error, rejected.py has all of those that it names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ["tests/typing/accepted.py", "tests/typing/rejected.py"]

# Without the variable, pyright asks the package index at each run whether there is a later version.
ENVIRONMENT = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


@pytest.mark.parametrize(
    "command",
    [
        ["mypy", "--strict"],
        ["pyright", "--pythonpath", sys.executable],
    ],
    ids=["mypy", "pyright"],
)
def test_checker_accepts_and_rejects(command: list[str]) -> None:
    checker = subprocess.run(
        [sys.executable, "-m", *command, *FILES],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert checker.returncode == 0, checker.stdout + checker.stderr
