"""Where our package is meant to differ from HTTPX 0.28: the one table of all modules of cases.

A line is the id of a case as pytest shows it, our outcome, and the words of docs/compatibility.md that tell the
difference and its reason. A test fails when a difference has vanished, when our outcome is yet another, and when
the page does not have these words.
"""

from __future__ import annotations

from typing import Any

DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {}
