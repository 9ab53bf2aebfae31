"""A sample of every kind can be taken of this package, against the origins of the benchmarks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from benchmarks.libraries import OURS
from benchmarks.origins import Origins
from benchmarks.rounds import take_sample
from benchmarks.workloads import WORKLOADS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")

REPEATED = (
    *["async-1k-16", "uvloop-1k-16", "trio-1k-16", "unique-1k-16", "post-1k-64", "gzip-100k-16", "stream-100k-64"],
    *["up-64m", "tls-1k-64", "sync-1k-8", "close-16", "cookies-16", "redirects-16", "origins-100"],
)
SINGLE = ("cold-import", "cold-tls", "cold-next", "idle-1000")


@pytest.fixture(scope="module")
def origins() -> Iterator[Origins]:
    with Origins() as origins:
        yield origins


@pytest.mark.parametrize("name", REPEATED)
def test_sample_of_repeated_requests_has_all_figures(name: str, origins: Origins) -> None:
    sample = take_sample(WORKLOADS[name], OURS, sys.executable, origins, 0.01)
    assert all(sample[figure] > 0 for figure in ("cost", "rate", "p99", "peak", "origin")), sample
    assert sample["requests"] >= WORKLOADS[name].concurrency


@pytest.mark.parametrize("name", SINGLE)
def test_sample_of_one_event_has_a_cost(name: str, origins: Origins) -> None:
    sample = take_sample(WORKLOADS[name], OURS, sys.executable, origins, 0.01)
    assert sample["cost"] > 0, sample


def test_client_that_is_not_there_is_reported(origins: Origins) -> None:
    assert "error" in take_sample(WORKLOADS["cold-import"], "wreq", sys.executable, origins, 0.01)
    assert "unsupported" in take_sample(WORKLOADS["async-1k-16"], "wreq", sys.executable, origins, 0.01)
