"""Draw the figures of some workloads as an SVG of bars, so that a README can show them; nothing is needed for that."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from benchmarks.libraries import LIBRARIES, OURS
from benchmarks.report import Row, Tables
from benchmarks.workloads import WORKLOADS

# What people do most. Those that were not measured are left out.
SHOWN = (
    "async-1k-16",
    "async-1k-128",
    "tls-1k-64",
    "http2-1k-64",
    "post-1k-64",
    "stream-100k-64",
    "sync-1k",
    "sync-1k-8",
)

CAPTION = "CPU time of a request, in microseconds: less is better"

WIDTH, COLUMNS = 960, 2  # pixels
CAPTION_HEIGHT = 34
PANEL_WIDTH = WIDTH // COLUMNS
BAR_HEIGHT, GAP, TITLE_HEIGHT = 14, 4, 34
NAME_WIDTH, NUMBER_WIDTH = 118, 62
MOST = 8.0  # times the cheapest; longer bars are cut, and end in a mark

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 13px }
.bar { fill: #afb8c1 } .ours { fill: #0969da } .cut { stroke: #fff; stroke-width: 3 } .back { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .bar { fill: #57606a } .ours { fill: #4493f8 } .cut { stroke: #0d1117 } .back { fill: #0d1117 }
}
"""


def draw(tables: Tables) -> str:
    """Return the picture: a panel for each workload, a bar for each client, the cheapest on top."""
    shown = [name for name in SHOWN if name in tables]
    heights = [measure(tables[name]) for name in shown]
    rows = [max(heights[start : start + COLUMNS]) for start in range(0, len(heights), COLUMNS)]
    parts = [f'<text x="10" y="16">{CAPTION}</text>']
    top = CAPTION_HEIGHT
    for number, name in enumerate(shown):
        left = number % COLUMNS * PANEL_WIDTH
        parts.append(f'<g transform="translate({left + 10} {top})">')
        parts += draw_panel(WORKLOADS[name].title, tables[name])
        parts.append("</g>")
        if number % COLUMNS == COLUMNS - 1:
            top += rows[number // COLUMNS]
    height = CAPTION_HEIGHT + sum(rows) + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    back = f'<rect class="back" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", back, *parts, "</svg>", ""])


# Private from here on.


def measure(rows: list[Row]) -> int:
    return TITLE_HEIGHT + len(list_measured(rows)) * (BAR_HEIGHT + GAP) + 14


def list_measured(rows: list[Row]) -> list[Row]:
    clients = [name for name, library in LIBRARIES.items() if library.is_peer or name == OURS]
    return [row for row in rows if row.figures and row.library in clients]


def draw_panel(title: str, rows: list[Row]) -> Iterator[str]:
    measured = list_measured(rows)
    yield f'<text class="title" y="14">{escape(title)}</text>'
    room = PANEL_WIDTH - NAME_WIDTH - NUMBER_WIDTH - 20
    least = measured[0].cost if measured else 1.0
    most = min(MOST, max((row.cost / least for row in measured), default=1.0))
    for number, row in enumerate(measured):
        y = TITLE_HEIGHT - 8 + number * (BAR_HEIGHT + GAP)
        length = room * min(row.cost / least, most) / most
        kind = "bar ours" if row.library == OURS else "bar"
        yield f'<text x="{NAME_WIDTH - 6}" y="{y + 11}" text-anchor="end">{escape(LIBRARIES[row.library].title)}</text>'
        yield f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        if row.cost / least > most:
            x = NAME_WIDTH + length - 14
            yield f'<path class="cut" d="M{x:.1f} {y + BAR_HEIGHT + 2} l8 -{BAR_HEIGHT + 4}"/>'
        yield f'<text x="{NAME_WIDTH + length + 6:.1f}" y="{y + 11}">{row.cost:,.0f}</text>'
