"""How many modules a program imports with the package, and that it imports none that it does not use."""

from __future__ import annotations

import sys

import pytest

from .budgets import IMPORTS
from .imports import list_imports

pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the budgets hold for Python 3.11")


@pytest.mark.parametrize("step", IMPORTS)
def test_program_imports_no_more_modules_than_before(step: str) -> None:
    modules = list_imports(step)
    most = IMPORTS[step]
    assert len(modules) <= most, f"{step}: {len(modules)} modules instead of {most}. They are {', '.join(modules)}."
    assert len(modules) == most, (
        f"{step}: {len(modules)} modules, down from {most}. Write that in tests/budget/budgets.py: so it stays."
    )


@pytest.mark.parametrize("step", [step for step in IMPORTS if "AsyncClient" not in step])
def test_sync_program_imports_no_event_loop(step: str) -> None:
    assert not {"asyncio", "trio", "anyio"}.intersection(list_imports(step))
