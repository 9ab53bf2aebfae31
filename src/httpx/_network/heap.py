"""Keep the C library from giving memory back to the system between two bodies, only to ask for it again.

glibc returns what is free at the end of its heap as soon as that is more than 128 KiB. A few dozen bodies of 100 KiB
are more whenever a turn of the event loop is over, and then each page of the next ones is asked for and cleared anew:
half of all CPU time of such responses. But glibc learns: when a block that it had from the system by itself is freed,
blocks of that size come from the heap from then on, and twice that size may stay free at its end (mallopt(3),
M_MMAP_THRESHOLD). Any program that has once read a file of some megabytes is in that state; we bring it about. Where
the C library is another one, or was told what to do (MALLOC_TRIM_THRESHOLD_), this does nothing.
"""

from __future__ import annotations

from functools import cache

# Bytes; twice that is what the bodies of 64 responses of 100 KiB need. 1 MiB was too little.
_BLOCK_SIZE = 4 * 1024 * 1024


@cache
def teach_allocator() -> None:
    """Allocate a block and free it, once a process. Its pages are never touched, so that this takes 10 us."""
    bytes(_BLOCK_SIZE)
