"""Take the samples: in each round every client does every workload once, in an order that is shuffled anew."""

from __future__ import annotations

import json
import random
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.environments import Environment
from benchmarks.libraries import LIBRARIES
from benchmarks.origins import Origins, start_module
from benchmarks.workloads import WORKLOADS

TIME_LIMIT = 60  # seconds; for one sample, on top of what is measured


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    libraries: list[str]
    workloads: list[str]
    rounds: int
    seconds: float


# Figures by (workload, library), one dictionary a round.
Samples = dict[tuple[str, str], list[dict[str, Any]]]


def take_samples(
    plan: Plan, environments: dict[str, Environment], origins: Origins, tell: Callable[[str], None]
) -> Samples:
    """Measure all that the plan wants. What cannot be done is tried once."""
    samples: Samples = defaultdict(list)
    pairs = [(workload, library) for workload in plan.workloads for library in plan.libraries]
    for number in range(plan.rounds):
        for done, (workload, library) in enumerate(random.sample(pairs, len(pairs))):
            if any("cpu" not in sample for sample in samples[workload, library]):
                continue
            tell(f"round {number + 1} of {plan.rounds}, {done} of {len(pairs)}: {workload}, {library}")
            python = environments[LIBRARIES[library].environment].python
            samples[workload, library].append(take_sample(workload, library, str(python), origins, plan.seconds))
    return samples


def take_sample(workload: str, library: str, python: str, origins: Origins, seconds: float) -> dict[str, Any]:
    """Measure one client at one workload in a process of its own."""
    url, process_id = origins.find(WORKLOADS[workload].origin)
    order = {
        "library": library,
        "workload": workload,
        "url": url,
        "origin_process": process_id,
        "authority": str(origins.authority),
        "seconds": seconds,
        "time_limit": TIME_LIMIT + round(2 * seconds),
    }
    process = start_module("benchmarks.sample", [json.dumps(order)], python=python, error_output=subprocess.PIPE)
    try:
        output, complaint = process.communicate()
    finally:
        process.kill()
        process.wait()
    try:
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        reason = complaint.strip().splitlines()[-1:] or [f"ended with {process.returncode}"]
        return {"error": f"{reason[0]}"}
    return result
