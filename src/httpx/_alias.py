"""Let `import httpx2` give this package.

`httpx2` is a successor of HTTPX, and libraries begin to import it. To have one client in such a program, its modules
are to be the very modules of this package: the same classes, the same state. So nothing is copied or loaded under a
second name: `httpx2.x` is looked up as `httpx.x`, and that module is entered in `sys.modules` under both names.

Nothing happens until `alias_httpx2` is called, and a real httpx2 that is imported already is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_NAME = "httpx2"
_OWN_NAME = "httpx"


def alias_httpx2() -> None:
    """Let `import httpx2`, and the import of its submodules, give this package, from here on and in all of the program.

    Call it before anything imports httpx2, as the first thing that the program does:

        import httpx

        httpx.alias_httpx2()

        import openai

    An httpx2 that is installed is not used then. Calling it again does nothing.

    Raises:
        RuntimeError: httpx2 is imported already. Two clients would be in use, whose classes are not each other's.
    """
    own = sys.modules[_OWN_NAME]
    imported = sys.modules.get(_NAME)
    if imported is own:
        return
    if imported is not None:
        raise RuntimeError(
            f"{_NAME} is imported already, from {imported.__file__}. "
            f"Call httpx.alias_httpx2() before the first import of {_NAME}, directly or by a library."
        )
    # First, because others would find the files of this package, and load them once more.
    sys.meta_path.insert(0, _SubmoduleFinder())
    sys.modules[_NAME] = own


def alias_httpx() -> None:
    """Do nothing: `import httpx` gives this package.

    Programs written for httpx2 call it there, to have `import httpx` give that one.
    """


class SameModuleLoader(Loader):
    """Give the module that exists under another name."""

    def __init__(self, own_name: str) -> None:
        self._own_name = own_name
        self._own_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._own_name)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It was executed under its own name. The import system has given it the spec of the alias.
        module.__spec__ = self._own_spec


# Private from here on.


class _SubmoduleFinder(MetaPathFinder):
    """Find `httpx2.x` where `httpx.x` is."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, dot, rest = fullname.partition(".")
        if package != _NAME or not dot:
            return None
        own_spec = find_spec(f"{_OWN_NAME}.{rest}")
        if own_spec is None:
            return None
        is_package = own_spec.submodule_search_locations is not None
        return ModuleSpec(fullname, SameModuleLoader(own_spec.name), origin=own_spec.origin, is_package=is_package)
