"""Record the facts: what the cases give under HTTPX 0.28.1. See `cases.py` for how cases are written.

    python tests/differential/record.py PYTHON [NAME ...]

PYTHON is the interpreter of an environment in which HTTPX 0.28.1 is installed. Without names, all facts are renewed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# What runs in the other interpreter; the names of modules are its arguments.
RECORDER = """
import json, sys
import httpx
from tests.differential.cases import find_modules, load_cases, run_case

assert httpx.__version__ == "0.28.1" and "site-packages" in httpx.__file__, httpx.__file__
facts = {}
for module in sys.argv[1:] or find_modules():
    facts[module] = {name: run_case(case) for name, case in load_cases(module).items()}
json.dump(facts, sys.stdout)
"""


def main() -> None:
    """Run the recorder, and write a file of facts for each module of cases."""
    interpreter, *modules = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [interpreter, "-c", RECORDER, *modules], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    for module, facts in json.loads(result.stdout).items():
        # One line a fact, so that a difference between two recordings is read easily.
        lines = [f"{json.dumps(name)}: {json.dumps(outcome)}" for name, outcome in facts.items()]
        path = HERE / "facts" / f"{module}.json"
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        print(f"{len(facts)} facts in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
