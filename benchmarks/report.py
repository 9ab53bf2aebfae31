"""Make of the samples what people read: medians, and ratios to the best peer."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.libraries import LIBRARIES, OURS
from benchmarks.rounds import Samples
from benchmarks.workloads import WORKLOADS

FIGURES = ("cpu", "rate", "p99", "peak", "origin")


@dataclass(frozen=True)
class Row:
    """The medians of one client at one workload, or why there are none."""

    library: str
    figures: dict[str, float]
    reason: str = ""


def summarise(samples: Samples) -> dict[str, list[Row]]:
    """Return the rows of every workload, the cheapest client first."""
    tables: dict[str, list[Row]] = {}
    for (workload, library), rounds in samples.items():
        good = [sample for sample in rounds if "cpu" in sample]
        bad = [sample for sample in rounds if "cpu" not in sample]
        if bad:
            row = Row(library, {}, next(iter(bad[0].values())))
        else:
            row = Row(library, {name: find_median([sample[name] for sample in good]) for name in FIGURES})
        tables.setdefault(workload, []).append(row)
    for rows in tables.values():
        rows.sort(key=lambda row: row.figures.get("cpu", float("inf")))
    return tables


def find_median(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else float("nan")


def find_ratio(rows: list[Row]) -> float | None:
    """Return the CPU of this package divided by that of the best peer."""
    ours = [row.figures["cpu"] for row in rows if row.library == OURS and row.figures]
    peers = [row.figures["cpu"] for row in rows if row.library != OURS and row.figures]
    return ours[0] / min(peers) if ours and peers else None


def format_tables(tables: dict[str, list[Row]]) -> str:
    """Return the tables as text, in the order of the workloads."""
    return "\n".join(format_table(name, tables[name]) for name in WORKLOADS if name in tables)


def format_table(name: str, rows: list[Row]) -> str:
    """Return one workload's table."""
    workload = WORKLOADS[name]
    ratio = find_ratio(rows)
    verdict = ""
    if ratio is not None:
        verdict = f"   {ratio:.2f} of the best peer"
        if workload.target is not None:
            verdict += f", {'held' if ratio <= workload.target else 'NOT held'}: at most {workload.target}"
    busiest = max((row.figures["origin"] for row in rows if row.figures), default=float("nan"))
    lines = [
        f"{workload.title}  [{name}]{verdict}",
        f"  {'client':18} {'CPU us':>10} {'requests/s':>11} {'p99 us':>10} {'peak MiB':>9}   of ours",
    ]
    ours = next((row.figures.get("cpu") for row in rows if row.library == OURS), None)
    for row in rows:
        title = LIBRARIES[row.library].title
        if not row.figures:
            lines.append(f"  {title:18} {'—':>10}   {row.reason[:80]}")
            continue
        figures = row.figures
        times = f"{figures['cpu'] / ours:8.2f}x" if ours else ""
        lines.append(
            f"  {title:18} {figures['cpu']:10.1f} {figures['rate']:11.0f} {figures['p99']:10.0f}"
            f" {figures['peak'] / 1024:9.1f} {times}"
        )
    lines.append(f"  (the origin used {busiest:.0%} of its core at most)\n")
    return "\n".join(lines)
