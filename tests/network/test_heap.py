"""Bodies that come and go do not cost a page fault for each of their pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ROUNDS = 20
BODIES = 64

PROGRAM = f"""
import resource, sys
from httpx._network.heap import teach_allocator

if sys.argv[1] == "taught":
    teach_allocator()

def hold_bodies():
    return [b"x" * 100_000 for _ in range({BODIES})]

hold_bodies()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    hold_bodies()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_page_faults(how: str) -> int:
    output = subprocess.run([sys.executable, "-c", PROGRAM, how], check=True, capture_output=True, text=True).stdout
    return int(output)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep their heaps in other ways")
def test_a_taught_allocator_keeps_the_pages_of_bodies() -> None:
    assert count_page_faults("taught") < ROUNDS * BODIES
    assert count_page_faults("untaught") > 10 * ROUNDS * BODIES
