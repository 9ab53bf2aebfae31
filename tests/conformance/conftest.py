"""Programs built on HTTPX are tested in an environment that has them; scripts/test does that."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("hishel") else ["programs"]
