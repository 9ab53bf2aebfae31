"""Take the samples: in each round every client does every workload once, in an order that is shuffled anew."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.cold import SCRIPTS
from benchmarks.environments import Environment
from benchmarks.libraries import LIBRARIES
from benchmarks.origin.nginx import NginxMissing
from benchmarks.origins import Origins, start
from benchmarks.workloads import WORKLOADS, Workload

TIME_LIMIT = 25  # seconds; for one sample, on top of what is measured


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    libraries: list[str]
    workloads: list[str]
    rounds: int
    seconds: float


class SampleFailed(Exception):
    """The process ended early, or never."""


# Figures, or why there are none, by (workload, library), one dictionary a round.
Samples = dict[tuple[str, str], list[dict[str, Any]]]


def take_samples(
    plan: Plan,
    environments: dict[str, Environment],
    origins: Origins,
    samples: Samples,
    *,
    tell: Callable[[str], None],
) -> None:
    """Add to the samples all that the plan wants. What a client cannot do is tried once."""
    pairs = [(workload, library) for workload in plan.workloads for library in plan.libraries]
    for number in range(plan.rounds):
        for done, (workload, library) in enumerate(random.sample(pairs, len(pairs))):
            taken = samples.setdefault((workload, library), [])
            if any("cost" not in sample for sample in taken):
                continue
            tell(f"round {number + 1} of {plan.rounds}, {done} of {len(pairs)}: {workload}, {library}")
            python = str(environments[LIBRARIES[library].environment].python)
            taken.append(take_sample(WORKLOADS[workload], library, python, origins, plan.seconds))


def take_sample(workload: Workload, library: str, python: str, origins: Origins, seconds: float) -> dict[str, Any]:
    """Measure one client at one workload in a process of its own."""
    try:
        url, origin_process = origins.find(workload.origin)
    except NginxMissing as exc:
        return {"unsupported": str(exc)}
    if workload.action.startswith("cold_"):
        return take_cold_sample(workload, library, python, origins, url)
    order = {
        "library": library,
        "workload": workload.name,
        "url": url,
        "origin_process": origin_process,
        "authority": str(origins.authority),
        "seconds": seconds,
    }
    command = [python, "-m", "benchmarks.sample", json.dumps(order)]
    try:
        result: dict[str, Any] = json.loads(run(command, {}, TIME_LIMIT + 2 * seconds).splitlines()[-1])
    except SampleFailed as exc:
        return {"error": str(exc)}
    return result


# Private from here on.


def take_cold_sample(workload: Workload, library: str, python: str, origins: Origins, url: str) -> dict[str, Any]:
    script = SCRIPTS.get(library)
    if script is None:
        return {"unsupported": "only a GET"}
    variables = origins.trust_store.make_environment(script, python)
    command = [python, "-c", script.write(), url + workload.path, workload.action, str(origins.authority)]
    try:
        return {"cost": float(run(command, variables, TIME_LIMIT)) * 1e6}
    except SampleFailed as exc:
        return {"error": str(exc)}


def run(command: list[str], variables: dict[str, str], limit: float) -> str:
    process = start(command, error_output=subprocess.PIPE, variables=variables)
    try:
        output, complaint = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise SampleFailed(f"not done in {limit:.0f} s") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode or not output:
        lines = complaint.strip().splitlines()
        raise SampleFailed(lines[-1] if lines else f"ended with {process.returncode}")
    return output
