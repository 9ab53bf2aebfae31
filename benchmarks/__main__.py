"""Measure clients side by side: the command line of `scripts/bench`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import signal
import sys
from pathlib import Path
from types import FrameType

from benchmarks import environments, plot, report
from benchmarks.environments import Environment
from benchmarks.libraries import LIBRARIES
from benchmarks.origins import Origins
from benchmarks.rounds import Plan, Samples, take_samples
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Read the arguments, measure, and print."""
    options = parse()
    if options.list:
        list_names()
        return
    defaults = [name for name, workload in WORKLOADS.items() if workload.is_default]
    plan = Plan(
        choose(options.library, list(LIBRARIES), default=list(LIBRARIES)),
        choose(options.workload, list(WORKLOADS), default=defaults),
        options.rounds,
        options.seconds,
    )
    # So that a polite kill, too, leaves no process behind.
    signal.signal(signal.SIGTERM, stop)
    samples: Samples = {}
    made: dict[str, Environment] = {}
    try:
        made = prepare(plan)
        with Origins() as origins:
            take_samples(plan, made, origins, samples, tell=tell)
    except KeyboardInterrupt:
        if not samples:
            sys.exit("\nStopped.")
        print("\nStopped. What was measured until then:\n")
    tell("")
    tables = report.summarise(samples)
    print(report.format_tables(tables))
    if options.json:
        document = {"machine": describe_machine(made), **report.make_document(tables, samples)}
        Path(options.json).write_text(json.dumps(document, indent=1))
    if options.plot:
        Path(options.plot).write_text(plot.draw(tables))


def prepare(plan: Plan) -> dict[str, Environment]:
    """Make the environments; what could not be installed is told, and taken from the plan."""
    made = environments.prepare(plan.libraries)
    for environment in made.values():
        for name, reason in environment.failures.items():
            if name in plan.libraries:
                print(f"Left out: {name}: {reason}", file=sys.stderr)
                plan.libraries.remove(name)
    return made


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--workload", action="append", metavar="NAME", help="only these; a pattern, may be repeated")
    parser.add_argument("--library", action="append", metavar="NAME", help="only these; a pattern, may be repeated")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each; their medians are shown (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="that a sample takes, after a warm-up (default: 0.5)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--plot", metavar="FILE", help="draw the figures there, as SVG")
    parser.add_argument("--list", action="store_true", help="list the workloads and libraries")
    return parser.parse_args()


def choose(patterns: list[str] | None, names: list[str], *, default: list[str]) -> list[str]:
    if not patterns:
        return default
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            sys.exit(f"There is no {pattern}. scripts/bench --list lists all.")
    return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def list_names() -> None:
    for name, workload in WORKLOADS.items():
        print(f"{name:24} {workload.title}{'' if workload.is_default else ' (only when named)'}")
    print()
    for name, library in LIBRARIES.items():
        print(f"{name:24} {library.title}")


def describe_machine(made: dict[str, Environment]) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": find_processor(),
        "cores": os.cpu_count(),
        "versions": {name: version for one in made.values() for name, version in one.versions.items()},
    }


def find_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif ", 0 of" in text:
        print(text, file=sys.stderr, flush=True)  # a line a round is enough for a log


def stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
