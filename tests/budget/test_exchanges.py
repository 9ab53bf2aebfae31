"""What a warm exchange costs stays within its budget, and the budgets follow the code down."""

from __future__ import annotations

import sys

import pytest

from .budgets import EXCHANGES, SLACK, TOLERANCE, Exchange
from .processes import Counts

pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the budgets hold for Python 3.11")


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_exchange_keeps_its_budget(exchange: Exchange, counts: Counts) -> None:
    budget = EXCHANGES[exchange]
    counted, calls = counts[str(exchange)]
    for name in budget._fields:
        count, most = getattr(counted, name), getattr(budget, name)
        details = f"\nThe calls: {', '.join(calls)}" if name == "calls" else ""
        assert count <= most + getattr(TOLERANCE, name), (
            f"{exchange}: {name} went up from {most} to {count}. Find what costs more, and save it.{details}"
        )
        assert count >= most - getattr(SLACK, name), (
            f"{exchange}: {name} went down from {most} to {count}. Write that in tests/budget/budgets.py: so it stays."
        )
