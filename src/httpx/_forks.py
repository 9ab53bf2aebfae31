"""Tell objects that they woke up in a forked child, where the connections and locks that they hold are the parent's."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """What holds something of one process."""

    def forget_parent(self) -> None:
        """Begin anew in a forked child."""


def tell_of_forks(forkable: Forkable) -> None:
    """Have an object told in forked children, as long as it lives."""
    _forkables.add(forkable)


# Private from here on.

_forkables: weakref.WeakSet[Forkable] = weakref.WeakSet()


def _forget_parents() -> None:
    for forkable in list(_forkables):
        forkable.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
