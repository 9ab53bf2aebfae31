"""Make the virtual environments of the peers, beside the one that `scripts/bench` makes for this package.

Each package is installed by itself, so that one which this machine cannot install does not take the others along: it is
reported, and left out. An environment is used again as long as the table of the libraries asks for the same.
"""

from __future__ import annotations

import compileall
import json
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.libraries import LIBRARIES, OURS, Library

ROOT = Path(__file__).parents[1]
COMMON = ("uvloop; sys_platform != 'win32'",)


class Environment:
    """A virtual environment, and which libraries are in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.python = find_python(ROOT / name)
        self.versions: dict[str, str] = {}
        self.failures: dict[str, str] = {}

    def find_versions(self, libraries: list[Library]) -> None:
        """Ask the environment which of these it has."""
        script = "import json, sys; from importlib.metadata import version; print(json.dumps(version(sys.argv[1])))"
        for library in filter(lambda library: library.package, libraries):
            result = run([str(self.python), "-c", script, library.package])
            if result.returncode == 0:
                self.versions[library.name] = json.loads(result.stdout)
            else:
                self.failures.setdefault(library.name, "not installed")


def prepare(names: list[str]) -> dict[str, Environment]:
    """Make what these libraries need, and return their environments by the name of the directory."""
    environments = {}
    for directory in {LIBRARIES[name].environment for name in names}:
        libraries = [library for library in LIBRARIES.values() if library.environment == directory]
        environment = Environment(directory)
        if any(library.name == OURS for library in libraries):
            # As pip does with packages that are not editable; else the imports of cold processes would compile.
            compileall.compile_dir(ROOT / "src", quiet=2)
        else:
            make(environment, libraries)
        environment.find_versions([library for library in libraries if library.name in names])
        environments[directory] = environment
    return environments


# Private from here on.


def make(environment: Environment, libraries: list[Library]) -> None:
    directory = ROOT / environment.name
    stamp = directory / "inputs.json"
    inputs = json.dumps([sys.version, COMMON, *([library.name, library.requirements] for library in libraries)])
    if stamp.exists():
        made = json.loads(stamp.read_text())
        if made["inputs"] == inputs:
            environment.failures = made["failures"]
            return
    print(f"Making {environment.name} ...", file=sys.stderr)
    venv.create(directory, with_pip=True, clear=True)
    install = [str(environment.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--prefer-binary"]
    run([*install, *COMMON])
    for library in libraries:
        result = run([*install, *library.requirements])
        if result.returncode:
            reason = result.stderr.strip().splitlines()[-1:]
            environment.failures[library.name] = reason[0] if reason else "pip failed"
    stamp.write_text(json.dumps({"inputs": inputs, "failures": environment.failures}))


def find_python(directory: Path) -> Path:
    return directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
