"""List what a fresh process imports with the package."""

from __future__ import annotations

import json
import subprocess
import sys

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


def list_imports(step: str) -> list[str]:
    """Return the modules that a step of a program imports, of the standard library and of other packages too."""
    output = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, "\n".join(sys.path), STEPS[step]],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    modules: list[str] = json.loads(output)
    return modules
