"""The counts that the tests compare with the budgets, made once."""

from __future__ import annotations

import pytest

from .processes import Counts, count_all


@pytest.fixture(scope="session")
def counts() -> Counts:
    """What each exchange costs, by its name, and the calls that it makes."""
    return count_all()
