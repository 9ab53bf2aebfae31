"""Every command of docs/cli.md prints what stands below it; `...` stands for anything.

The commands name http://www.example.org; here the local origin takes its place.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.origin import Origin

PATH = Path(__file__).parents[2] / "docs" / "cli.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (httpx .+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)

EXAMPLES = [
    (command, output)
    for block in BLOCK.findall(PATH.read_text(encoding="utf-8"))
    for command, output in COMMAND.findall(block)
]


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_command_prints_what_it_says(command: str, output: str, origin: Origin) -> None:
    arguments = shlex.split(command.replace("http://www.example.org", origin.url()))[1:]
    done = subprocess.run(
        [sys.executable, "-m", "httpx", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "FORCE_COLOR"},
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    printed = done.stdout.replace(f"127.0.0.1:{origin.port}", "www.example.org").replace("python -m httpx", "httpx")
    assert doctest.OutputChecker().check_output(output, printed, doctest.ELLIPSIS), printed


def test_commands_are_found() -> None:
    assert len(EXAMPLES) >= 7


def test_links_lead_to_files_of_the_repository() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", PATH.read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (PATH.parent / target).exists()] == []
