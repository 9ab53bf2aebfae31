"""How many modules a program imports with the package, and that it imports none that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .budgets import IMPORTS

pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the budgets hold for Python 3.11")

# In a process without `site`, whose .pth files import things of their own.
PROGRAM = """
import sys
path, code = sys.argv[1:]
sys.path[:] = path.split("\\n")
before = set(sys.modules)
exec(code)
after = sorted(set(sys.modules) - before)
import json
print(json.dumps(after))
"""

REFUSED = "http://127.0.0.1:1/"  # nobody listens there; what a GET imports, it has imported by then

STEPS = {
    "import httpx": "import httpx",
    "first Client()": "import httpx; httpx.Client()",
    "first GET of a Client": f"""
import httpx
try:
    httpx.Client().get("{REFUSED}")
except httpx.ConnectError:
    pass
""",
    "first AsyncClient()": "import httpx; httpx.AsyncClient()",
    "first GET of an AsyncClient": f"""
import asyncio, httpx
async def main():
    async with httpx.AsyncClient() as client:
        try:
            await client.get("{REFUSED}")
        except httpx.ConnectError:
            pass
asyncio.run(main())
""",
}


@pytest.mark.parametrize("step", IMPORTS)
def test_program_imports_no_more_modules_than_before(step: str) -> None:
    modules = list_imports(STEPS[step])
    most = IMPORTS[step]
    assert len(modules) <= most, f"{step}: {len(modules)} modules instead of {most}. They are {', '.join(modules)}."
    assert len(modules) == most, (
        f"{step}: {len(modules)} modules, down from {most}. Write that in tests/budget/budgets.py: so it stays."
    )


@pytest.mark.parametrize("step", [step for step in IMPORTS if "AsyncClient" not in step])
def test_sync_program_imports_no_event_loop(step: str) -> None:
    assert not {"asyncio", "trio", "anyio"}.intersection(list_imports(STEPS[step]))


def list_imports(code: str) -> list[str]:
    output = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, "\n".join(sys.path), code],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    modules: list[str] = json.loads(output)
    return modules
