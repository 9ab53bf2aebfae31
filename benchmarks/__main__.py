"""Measure clients side by side: the command line of `scripts/bench`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from benchmarks import environments, report
from benchmarks.libraries import LIBRARIES
from benchmarks.origins import Origins
from benchmarks.rounds import Plan, take_samples
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Read the arguments, measure, and print."""
    options = parse()
    if options.list:
        list_names()
        return
    plan = Plan(
        choose(options.library, list(LIBRARIES)),
        choose(options.workload, list(WORKLOADS)),
        options.rounds,
        options.seconds,
    )
    # So that a polite kill, too, leaves no process behind.
    signal.signal(signal.SIGTERM, stop)
    made = environments.prepare(plan.libraries)
    for environment in made.values():
        for name, reason in environment.failures.items():
            if name in plan.libraries:
                print(f"Left out: {name}: {reason}", file=sys.stderr)
                plan.libraries.remove(name)
    try:
        with Origins() as origins:
            samples = take_samples(plan, made, origins, tell)
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    tables = report.summarise(samples)
    print(report.format_tables(tables))
    if options.json:
        figures = {name: [row.__dict__ for row in rows] for name, rows in tables.items()}
        Path(options.json).write_text(json.dumps(figures, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--workload", action="append", metavar="NAME", help="only these; a pattern, may be repeated")
    parser.add_argument("--library", action="append", metavar="NAME", help="only these; a pattern, may be repeated")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each; their medians are shown (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="that a sample takes, after a warm-up (default: 0.5)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--list", action="store_true", help="list the workloads and libraries")
    return parser.parse_args()


def choose(patterns: list[str] | None, names: list[str]) -> list[str]:
    if not patterns:
        return names
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            sys.exit(f"There is no {pattern}. scripts/bench --list lists all.")
    return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def list_names() -> None:
    for name, workload in WORKLOADS.items():
        print(f"{name:24} {workload.title}")
    print()
    for name, library in LIBRARIES.items():
        print(f"{name:24} {library.title}")


def tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
