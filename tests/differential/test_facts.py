"""Values behave as recorded from HTTPX 0.28.1: results, exceptions with their texts, warnings, reprs.

`cases.py` tells how cases are written and recorded, and `differences.py` lists where we mean to differ.
"""

from __future__ import annotations

import functools
import json

import pytest

from tests.differential.cases import HERE, Cases, Outcome, find_modules, load_cases, run_case
from tests.differential.differences import DIFFERENCES

PAGE = HERE.parents[1] / "docs" / "compatibility.md"

CASES: dict[str, Cases] = {module: load_cases(module) for module in find_modules()}
IDS = [f"{module}: {name}" for module, cases in CASES.items() for name in cases]


@functools.cache
def read_facts(module: str) -> dict[str, Outcome]:
    facts: dict[str, Outcome] = json.loads((HERE / "facts" / f"{module}.json").read_text(encoding="utf-8"))
    return facts


def split(case_id: str) -> tuple[str, str]:
    module, _, name = case_id.partition(": ")
    return module, name


@pytest.mark.parametrize("case_id", IDS, ids=IDS)
def test_outcome_is_as_recorded(case_id: str) -> None:
    module, name = split(case_id)
    recorded = read_facts(module)[name]
    outcome = run_case(CASES[module][name])
    if case_id not in DIFFERENCES:
        assert outcome == recorded
        return
    ours, _ = DIFFERENCES[case_id]
    assert outcome == ours
    assert outcome != recorded, "this difference has vanished: take it out of differences.py"


@pytest.mark.parametrize("module", CASES)
def test_facts_are_those_of_the_cases(module: str) -> None:
    assert list(read_facts(module)) == list(CASES[module]), "run record.py again"


def test_differences_are_of_cases_and_documented() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert DIFFERENCES.keys() <= set(IDS)
    assert [words for _, words in DIFFERENCES.values() if words not in page] == []
