"""The imports of the package keep to the layers of ARCHITECTURE.md: they point down, and nothing runs in a circle.

Read from the source, so that nothing need be imported, and imports inside functions count too. Imports under
TYPE_CHECKING do not: they are gone when the program runs.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "httpx"

# From the ground up. A name stands for that module or that package with all its modules; "" is `httpx` itself.
LAYERS = [
    ("ground", ["__version__", "_exceptions", "_status_codes", "_types", "_drive", "_trace", "_timings", "_forks"]),
    (
        "values",
        [
            *["_urls", "_urlparse", "_query", "_models", "_content", "_multipart"],
            *["_decoders", "_codecs", "_chunkers", "_json_parser", "_config"],
        ],
    ),
    ("protocols", ["_protocols"]),
    ("network", ["_network", "_tls", "_contexts", "_certificates"]),
    (
        "connections",
        [
            *["_pool", "_shelves", "_shelf", "_tickets", "_returns", "_repeats"],
            *["_connect", "_routes", "_tunnels", "_proxy_auth", "_connections"],
        ],
    ),
    ("transports, policies", ["_transports", "_policies"]),
    (
        "client",
        [
            "_client",
            "_client_base",
            "_client_settings",
            "_flow",
            "_mounts",
            "_auth",
            "_sse",
            "_sse_reader",
            "_websocket",
        ],
    ),
    ("face", ["", "__main__", "_alias", "_api", "_httpcore", "_main", "_display"]),
]

# Arrows that go up for compatibility with HTTPX 0.28, where names were in other places.
REEXPORT_MODULES = {"_utils"}
REEXPORTS = {("_config", "_tls")}  # create_ssl_context

EVENT_LOOPS = {"asyncio", "trio"}
EVENT_LOOP_MODULES = {
    *("_network.asyncio", "_network.asyncio_sockets", "_network.asyncio_stream", "_network.asyncio_transports"),
    *("_network.asyncio_waiters", "_network.socket_watch", "_network.read_limits", "_network.trio"),
}

# What a sans-IO engine has no use for.
OUTSIDE_WORLD = EVENT_LOOPS | {"select", "selectors", "socket", "ssl", "time"}

MAX_MODULE_LENGTH = 400  # lines; what a reader can hold in mind


class Arrow(NamedTuple):
    """One import: `source` uses `target` in that line. Names of our own modules lack the leading `httpx.`."""

    source: str
    line: int
    target: str
    is_ours: bool

    def __str__(self) -> str:
        return f"{self.source or 'httpx'}, line {self.line}, imports {self.target or 'httpx'}"


def find_modules() -> dict[str, Path]:
    """Return the modules of the package by name: "_network.asyncio", "_models" for a package, "" for `httpx`."""
    modules = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def find_layer(module: str) -> int | None:
    """Return the number of a module's layer, None if the table does not know it."""
    package = module.split(".", 1)[0]
    return next((number for number, (_, names) in enumerate(LAYERS) if package in names), None)


def read_arrows(module: str, source: str, *, is_package: bool, modules: set[str]) -> list[Arrow]:
    """Return the imports of a module that happen when the program runs."""
    return [arrow for node in walk_runtime(ast.parse(source)) for arrow in resolve(module, node, is_package, modules)]


def walk_runtime(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a syntax tree, but not into blocks that only type checkers read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for statement in child.orelse:
                yield from walk_runtime(statement)
        else:
            yield from walk_runtime(child)


def resolve(module: str, node: ast.AST, is_package: bool, modules: set[str]) -> Iterator[Arrow]:
    """Yield the arrows that one node of the tree stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield make_arrow(module, node.lineno, alias.name)
    elif isinstance(node, ast.ImportFrom):
        base = resolve_base(module, node, is_package)
        for alias in node.names:
            # `from package import name`: the name is a module of the package, or something in it.
            name = f"{base}.{alias.name}"
            is_module = name.removeprefix("httpx.") in modules
            yield make_arrow(module, node.lineno, name if is_module else base)


def resolve_base(module: str, node: ast.ImportFrom, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    package = ["httpx", *module.split(".")] if module else ["httpx"]
    if not is_package:
        package.pop()
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, node.module] if node.module else package)


def make_arrow(source: str, line: int, target: str) -> Arrow:
    is_ours = target == "httpx" or target.startswith("httpx.")
    return Arrow(source, line, target.removeprefix("httpx").removeprefix(".") if is_ours else target, is_ours)


MODULES = find_modules()
ARROWS = [
    arrow
    for name, path in MODULES.items()
    for arrow in read_arrows(
        name, path.read_text(encoding="utf-8"), is_package=path.name == "__init__.py", modules=set(MODULES)
    )
]
# Those that the layers are about.
INNER_ARROWS = [
    arrow
    for arrow in ARROWS
    if arrow.is_ours and arrow.source not in REEXPORT_MODULES and (arrow.source, arrow.target) not in REEXPORTS
]


def test_every_module_has_a_layer() -> None:
    unknown = [name for name in MODULES if find_layer(name) is None and name not in REEXPORT_MODULES]
    assert unknown == []


def test_imports_point_down() -> None:
    upward = []
    for arrow in INNER_ARROWS:
        source, target = find_layer(arrow.source), find_layer(arrow.target)
        if source is not None and target is not None and target > source:
            upward.append(f"{arrow}: {LAYERS[source][0]} knows nothing of {LAYERS[target][0]}")
    assert upward == []


def test_imports_run_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for arrow in INNER_ARROWS:
        graph.setdefault(arrow.source, set()).add(arrow.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as exc:
        pytest.fail(" <- ".join(name or "httpx" for name in exc.args[1]))


def test_reexport_modules_hold_nothing_of_their_own() -> None:
    own = []
    for name in REEXPORT_MODULES & set(MODULES):
        docstring, *statements = ast.parse(MODULES[name].read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr)
        own += [ast.unparse(node) for node in statements if not isinstance(node, ast.Import | ast.ImportFrom)]
    assert [text for text in own if not text.startswith("__all__ = ")] == []


def test_reexport_modules_serve_users_only() -> None:
    assert [str(arrow) for arrow in INNER_ARROWS if arrow.target in REEXPORT_MODULES] == []


def test_event_loops_are_imported_by_their_networks_only() -> None:
    strays = [
        str(arrow)
        for arrow in ARROWS
        if not arrow.is_ours and arrow.target.split(".")[0] in EVENT_LOOPS and arrow.source not in EVENT_LOOP_MODULES
    ]
    assert strays == []


def test_protocols_know_neither_sockets_nor_clocks() -> None:
    strays = [
        str(arrow)
        for arrow in ARROWS
        if not arrow.is_ours and arrow.source.startswith("_protocols") and arrow.target.split(".")[0] in OUTSIDE_WORLD
    ]
    assert strays == []


def test_modules_are_short_enough_to_read() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE_LENGTH} == {}


def test_layer_table_names_no_module_twice() -> None:
    names = [name for _, names in LAYERS for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("module", "source", "targets"),
    [
        ("_flow", "from ._auth import Auth", ["_auth"]),
        ("_flow", "from . import _auth, USE_CLIENT_DEFAULT", ["_auth", ""]),
        ("_network.tls", "from .._tls import create_ssl_context", ["_tls"]),
        ("_network.tls", "from .base import Stream", ["_network.base"]),
        ("_network", "from .base import Stream", ["_network.base"]),
        ("_network", "from .. import _tls", ["_tls"]),
        ("_flow", "import httpx._auth", ["_auth"]),
        ("_flow", "def f():\n    from ._auth import Auth", ["_auth"]),
        ("_flow", "if TYPE_CHECKING:\n    from ._auth import Auth\nelse:\n    import ssl", ["ssl"]),
        ("_flow", "if typing.TYPE_CHECKING:\n    from ._auth import Auth", []),
    ],
)
def test_arrows_are_read_from_every_form_of_import(module: str, source: str, targets: list[str]) -> None:
    known = {"", "_auth", "_tls", "_network", "_network.base", "_network.tls"}
    arrows = read_arrows(module, source, is_package=module == "_network", modules=known)
    assert [arrow.target for arrow in arrows] == targets
