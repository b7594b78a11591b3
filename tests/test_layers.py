"""Who may import whom: one allow-list, by package.

Monitor, turbines and viewers are three columns that share the wire; no column imports another. Imports inside
functions and behind `TYPE_CHECKING` count like any other: a layer that is broken only at run time, or only for
the type checker, is broken all the same.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gridws"

WORDS = {
    "gridws.clock",
    "gridws.errors",
    "gridws.moments",
    "gridws.printable",
    "gridws.settings",
    "gridws.spans",
    "gridws.words",
}
"""The words that everybody shares: everybody may import them, and they import only each other."""

MAY_IMPORT = {
    "wire": "",
    "dispatch": "",
    "storage": "",
    "storage.sqlite": "storage",
    "storage.postgres": "storage",
    "several": "dispatch storage storage.postgres",
    "report": "storage",
    "client": "",
    "plan": "dispatch storage",
    "access": "wire",
    "process": "wire",
    "monitor": "dispatch storage wire",
    "server": "monitor access process wire",
    "web": "plan webhook server monitor access report storage wire",
    "webhook": "wire",
    "turbines": "client wire access",
    "viewers": "client wire access",
    "dashboard": "viewers client access report storage process wire",
    "commands": "access client dashboard dispatch monitor plan process report server several storage storage.postgres"
    " storage.sqlite turbines viewers web webhook wire",
}
"""What a package may import beside itself and the words; a new package needs one line here."""

ABOVE_ALL = {"gridws", "gridws.__main__", "gridws.cli"}
"""They build and offer everything: they may import all, and nothing imports them but `gridws.__main__`."""

CLOCK_AND_CHANCE = {"asyncio", "datetime", "logging", "random", "secrets", "socket", "threading", "time"}
WEB_FRAMEWORKS = {"fastapi", "nicegui", "starlette", "uvicorn", "websockets"}
NOT_OURS = {"asyncapi", "hypothesis", "msgspec", "pydantic", "pydantic_core"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def package_of(module: str) -> str:
    """Return the package that a module is in, without `gridws.`; empty for the modules at the top."""
    if module in WORDS | ABOVE_ALL:
        return ""
    name = module.removeprefix("gridws.")
    return max((each for each in MAY_IMPORT if f"{name}.".startswith(f"{each}.")), key=len, default="?")


def imported_names(module: str) -> Iterator[str]:
    """Yield the full name of everything that a module imports, wherever in it the import stands."""
    path = SOURCES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{origin_of(node, package)}.{alias.name}" for alias in node.names)


def origin_of(node: ast.ImportFrom, package: str) -> str:
    """Return what stands between `from` and `import`, its dots resolved."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *filter(None, [node.module])])


def modules_imported_by(module: str) -> set[str]:
    """Return the modules of gridws that a module imports: `from .frames import Ack` is `gridws.wire.frames`."""
    found = set()
    for name in imported_names(module):
        found.add(name if name in SOURCES else name.rpartition(".")[0])
    return found & SOURCES.keys()


def forbidden_imports_of(module: str) -> Iterator[str]:
    """Yield a sentence for each import that the allow-list does not have."""
    if module in ABOVE_ALL:
        return
    own = package_of(module)
    allowed = {own, *MAY_IMPORT.get(own, "").split()} if own else set()
    for name in sorted(modules_imported_by(module) - WORDS):
        package = package_of(name) or name
        if package not in allowed:
            yield f"{module} imports {name}: {own or 'a shared word'} may not import {package}"


def outside_names_reached_from(module: str) -> set[str]:
    """Return the top names of whatever a module imports, by itself or through modules of gridws."""
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        seen.add(here := ahead.pop())
        ahead.extend(modules_imported_by(here) - seen - ABOVE_ALL)
    return {name.partition(".")[0] for here in seen for name in imported_names(here)}


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_has_a_room(module: str) -> None:
    assert package_of(module) != "?", f"{module} is in no package of MAY_IMPORT in tests/test_layers.py"


@pytest.mark.parametrize("module", SOURCES)
def test_imports_keep_to_the_allow_list(module: str) -> None:
    forbidden = list(forbidden_imports_of(module))

    assert not forbidden, "; ".join(forbidden)


def test_no_import_goes_in_a_circle() -> None:
    graph = TopologicalSorter({module: modules_imported_by(module) for module in SOURCES})

    try:
        graph.prepare()
    except CycleError as error:
        pytest.fail(f"these modules import each other: {' → '.join(error.args[1])}")


def test_at_most_fifteen_modules_lie_at_the_top() -> None:
    assert len([module for module in SOURCES if SOURCES[module].parent == PACKAGE]) <= 15


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        pytest.param(
            "gridws.dispatch.dispatcher",
            CLOCK_AND_CHANCE | NOT_OURS,
            id="the dispatcher knows no clock, no chance",
        ),
        pytest.param(
            "gridws.dispatch.dispatcher", WEB_FRAMEWORKS, id="the dispatcher knows no web framework"
        ),
        pytest.param(
            "gridws.several.replica",
            CLOCK_AND_CHANCE | NOT_OURS - {"msgspec"},
            id="a replica knows no clock, no chance",
        ),
        pytest.param("gridws.monitor.session", WEB_FRAMEWORKS, id="a session knows no web framework"),
        pytest.param("gridws.monitor.monitor", WEB_FRAMEWORKS, id="the monitor knows no web framework"),
    ],
)
def test_an_inner_module_stays_free_of(module: str, unwanted: set[str]) -> None:
    assert not outside_names_reached_from(module) & unwanted


def test_importing_the_dispatcher_loads_neither_pydantic_nor_asyncio() -> None:
    program = "import sys, gridws.dispatch; print([n for n in ('pydantic', 'asyncio', 'msgspec') if n in sys.modules])"

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module", ["gridws.dispatch.dispatcher", "gridws.monitor.session", "gridws.monitor.stream"]
)
def test_what_runs_inside_one_frame_never_awaits(module: str) -> None:
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
