"""Make of the samples what people read: medians, ratios to the best peer, and which promises hold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks.libraries import LIBRARIES, OURS
from benchmarks.rounds import Samples
from benchmarks.workloads import GROWTHS, WORKLOADS, Workload

FIGURES = ("cost", "rate", "p99", "peak", "origin")

# Reasons that say what everybody knows of these clients, and that no table need repeat.
NOT_OFFERED = ("no async client", "no sync client", "not on trio", "only a GET")


@dataclass(frozen=True)
class Row:
    """The medians of one client at one workload, or why there are none."""

    library: str
    figures: dict[str, float]
    reason: str = ""

    @property
    def cost(self) -> float:
        """What a request costs, or a connection; infinite if it could not be measured."""
        return self.figures.get("cost", math.inf)


@dataclass(frozen=True)
class Verdict:
    """One line of the summary: this package beside the peer that it is compared with."""

    title: str
    ours: float
    peer: str
    peer_cost: float
    figure: float  # the ratio, or what else is held to the limit
    limit: float | None


Tables = dict[str, list[Row]]


def summarise(samples: Samples) -> Tables:
    """Return the rows of every workload, the cheapest client first."""
    tables: Tables = {}
    for (workload, library), rounds in samples.items():
        if not rounds:
            continue  # stopped before it was its turn
        tables.setdefault(workload, []).append(make_row(library, rounds))
    for rows in tables.values():
        rows.sort(key=lambda row: row.cost)
    return {name: tables[name] for name in WORKLOADS if name in tables}


def judge(tables: Tables) -> Iterator[Verdict]:
    """Yield how this package did at each workload that has peers, and at what grows."""
    for name, rows in tables.items():
        workload = WORKLOADS[name]
        costs = {row.library: row.cost for row in rows if row.figures}
        if OURS not in costs:
            continue
        ours = costs.pop(OURS)
        peers = [library for library in costs if LIBRARIES[library].is_peer]
        best = min(peers, key=lambda library: costs[library], default=None)
        if workload.limit is not None:
            peer, peer_cost = (LIBRARIES[best].title, costs[best]) if best else ("", math.nan)
            yield Verdict(workload.title, ours, peer, peer_cost, ours, workload.limit)
            continue
        rivals = dict(workload.rivals)
        if best:
            rivals.setdefault(best, workload.target)
        for peer, target in rivals.items():
            if peer in costs:
                yield Verdict(workload.title, ours, LIBRARIES[peer].title, costs[peer], ours / costs[peer], target)
    for growth in GROWTHS:
        costs = {name: find_cost(tables, name, OURS) for name in (growth.workload, growth.base)}
        if all(costs.values()):
            ours, base = costs[growth.workload], costs[growth.base]
            yield Verdict(growth.title, ours, f"(itself: {growth.base})", base, ours / base, growth.target)


def format_tables(tables: Tables) -> str:
    """Return all tables, and the summary, as text."""
    return "\n".join([*(format_table(WORKLOADS[name], rows) for name, rows in tables.items()), format_summary(tables)])


def format_table(workload: Workload, rows: list[Row]) -> str:
    """Return one workload's table."""
    has_rate = any("rate" in row.figures for row in rows)
    heads = f" {'requests/s':>11} {'p99 us':>10} {'peak MiB':>9}" if has_rate else ""
    ours = find_cost({workload.name: rows}, workload.name, OURS)
    lines = [f"{workload.title}  [{workload.name}]", f"  {'client':18} {workload.unit:>11}{heads}   of ours"]
    for row in rows:
        title = LIBRARIES[row.library].title
        if row.reason in NOT_OFFERED:
            continue
        if not row.figures:
            lines.append(f"  {title:18} {'—':>11}   {row.reason[:90]}")
            continue
        figures = row.figures
        others = f" {figures['rate']:11.0f} {figures['p99']:10.0f} {figures['peak']:9.1f}" if has_rate else ""
        lines.append(f"  {title:18} {row.cost:11.1f}{others} {format_times(row.cost, ours)}")
    busiest = max((row.figures["origin"] for row in rows if "origin" in row.figures), default=math.nan)
    if busiest == busiest:
        lines.append(f"  (the origin used {busiest:.0%} of its core at most)")
    return "\n".join([*lines, ""])


def format_summary(tables: Tables) -> str:
    """Return the promises, and whether they hold."""
    lines = [f"{'workload':50} {'ours':>10}   {'peer':18} {'cost':>10} {'ratio':>7}   at most"]
    for verdict in judge(tables):
        mark = "" if verdict.limit is None else f"{verdict.limit:g}"
        if verdict.limit is not None and verdict.figure > verdict.limit:
            mark += "  NOT HELD"
        lines.append(
            f"{verdict.title:50} {verdict.ours:10.1f}   {verdict.peer:18} {verdict.peer_cost:10.1f}"
            f" {verdict.figure:7.2f}   {mark}".rstrip()
        )
    return "\n".join(lines)


def make_document(tables: Tables, samples: Samples) -> dict[str, object]:
    """Return everything as what can be written in JSON."""
    return {
        "workloads": {
            name: {"title": WORKLOADS[name].title, "unit": WORKLOADS[name].unit, "rows": [asdict(row) for row in rows]}
            for name, rows in tables.items()
        },
        "verdicts": [asdict(verdict) for verdict in judge(tables)],
        "samples": [
            {"workload": workload, "library": library, "rounds": rounds}
            for (workload, library), rounds in samples.items()
        ],
    }


# Private from here on.


def make_row(library: str, rounds: list[dict[str, float | None | str]]) -> Row:
    for sample in rounds:
        if "cost" not in sample:
            return Row(library, {}, str(next(iter(sample.values()))))
    figures = {}
    for name in FIGURES:
        values = [value for sample in rounds if isinstance(value := sample.get(name), float | int)]
        if values:
            figures[name] = statistics.median(values)
    return Row(library, figures)


def find_cost(tables: Tables, workload: str, library: str) -> float:
    for row in tables.get(workload, ()):
        if row.library == library and row.figures:
            return row.cost
    return 0.0


def format_times(cost: float, ours: float) -> str:
    return f"{cost / ours:8.2f}x" if ours else ""
