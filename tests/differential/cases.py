"""What the modules of cases share: how a case is written, run, and turned into an outcome that JSON can hold.

How to add cases
----------------
A module `cases_NAME.py` imports `httpx` and has one object, `CASES = Cases()`. It runs in two environments: under
pytest with our package, and in an interpreter with HTTPX 0.28.1, where there is nothing but the standard library and
what HTTPX needs. Three ways to fill it, and each case gets an id that must stay the same from run to run:

    CASES.expressions('''
    httpx.URL("https://example.org/a b").raw_path
    ''')                                    # one case a line; the line is the id, and `httpx` and NAMES are known

    CASES.table(describe_url, ["", "http://a", ("several", "arguments")])       # one case a row

    @CASES.add                              # one case; `def` and `async def` both do
    def client_sends_params() -> object: ...

A case returns what JSON can hold, tuples and bytes too; any other object is recorded by its repr. What it raises and
what warnings it gives belong to the outcome. It must give the same outcome on each system and each Python: no clock, no
network outside this machine, no order of sets; addresses in reprs are taken out. `texts=False` is for exceptions whose
text is Python's own, and changes with its versions.

    python tests/differential/record.py PYTHON [NAME ...]      # renews facts/NAME.json by PYTHON, with HTTPX 0.28.1
    python -m pytest tests/differential                        # compares our package with the facts

A difference that is meant has its line in `differences.py`.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

HERE = Path(__file__).parent

# {"value": ...} or {"raises": [class, text]}, and "warnings" if there are any.
Outcome = dict[str, Any]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Case(NamedTuple):
    """One case: what to call, and whether the text of what it raises is compared."""

    call: Callable[[], object]
    texts: bool = True


class Cases(dict[str, Case]):
    """The cases of a module by their ids."""

    def add(self, function: Callable[[], object]) -> Callable[[], object]:
        """Add the function as a case whose id is its name; a decorator."""
        self._put(function.__name__.replace("_", " "), Case(function))
        return function

    def expressions(self, text: str, *, names: dict[str, Any] | None = None, texts: bool = True) -> None:
        """Add each line that is not empty and no comment, an expression that may use `httpx` and the names."""
        known = {"httpx": httpx, **(names or {})}
        for line in filter(None, map(str.strip, text.splitlines())):
            if not line.startswith("#"):
                self._put(line, Case(functools.partial(_evaluate, line, known), texts))

    def table(self, function: Callable[..., object], rows: Iterable[object], *, texts: bool = True) -> None:
        """Add a case for each row: the tuple of arguments, or the only argument."""
        for row in rows:
            arguments = row if isinstance(row, tuple) else (row,)
            name = f"{function.__name__}({', '.join(map(ascii, arguments))})"
            self._put(name, Case(functools.partial(function, *arguments), texts))

    def _put(self, name: str, case: Case) -> None:
        if name in self:
            raise ValueError(f"two cases have the id {name!r}")
        if _ADDRESS.search(name):
            raise ValueError(f"not the same in the next run: {name}")
        self[name] = case


def find_modules() -> list[str]:
    """Return the names of the modules of cases, without `cases_`."""
    return sorted(path.stem.removeprefix("cases_") for path in HERE.glob("cases_*.py"))


def load_cases(module: str) -> Cases:
    """Return the cases of a module."""
    cases = importlib.import_module(f"tests.differential.cases_{module}").CASES
    assert isinstance(cases, Cases)
    return cases


def run_case(case: Case) -> Outcome:
    """Run a case, and return what came of it."""
    outcome: Outcome
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Left by something that ran before, and collected by chance now.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            value = case.call()
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
            outcome = {"value": encode(value)}
        except Exception as error:
            outcome = {"raises": [name_class(type(error)), encode(str(error)) if case.texts else None]}
    if caught:
        outcome["warnings"] = [[warning.category.__name__, encode(str(warning.message))] for warning in caught]
    return outcome


def name_class(kind: type) -> str:
    """Return the name of a class with its top package; builtins have none."""
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"


def encode(value: object) -> Any:
    """Return the value as JSON can hold it: types kept apart, and no addresses of objects."""
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        return _ADDRESS.sub(" at 0x", value)
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    return {"repr": _ADDRESS.sub(" at 0x", repr(value))}


# Private from here on.


def _evaluate(expression: str, names: dict[str, Any]) -> object:
    return eval(expression, dict(names))
