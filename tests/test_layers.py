"""Imports go down only, as the design's table says, and nowhere in a circle.

Imports inside functions and behind `TYPE_CHECKING` count like any other: a layer that is broken only at run
time, or only for the type checker, is broken all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gridws"

LAYERS = {
    "gridws.errors": 0,
    "gridws.numbers": 0,
    "gridws.settings": 0,
    "gridws.dispatch_events": 1,
    "gridws.dispatch_states": 1,
    "gridws.dispatcher": 1,
    "gridws.frame_fields": 1,
    "gridws.frame_sentences": 1,
    "gridws.metrics_frame": 1,
    "gridws.frames": 1,
    "gridws.watch_frames": 1,
    "gridws.framing": 1,
    "gridws.roster": 1,
    "gridws.spans": 1,
    "gridws.admission": 2,
    "gridws.asking": 2,
    "gridws.asyncapi": 2,
    "gridws.asyncapi_examples": 2,
    "gridws.asyncapi_texts": 2,
    "gridws.attempts": 2,
    "gridws.exposure": 2,
    "gridws.guard": 2,
    "gridws.tokens": 2,
    "gridws.turbine_tokens": 2,
    "gridws.backlog": 2,
    "gridws.clock": 2,
    "gridws.dialing": 2,
    "gridws.link": 2,
    "gridws.exporting": 2,
    "gridws.kpis": 2,
    "gridws.listening": 2,
    "gridws.logs": 2,
    "gridws.port": 2,
    "gridws.new_file": 2,
    "gridws.progress": 2,
    "gridws.rate": 2,
    "gridws.report_text": 2,
    "gridws.reporting": 2,
    "gridws.session": 2,
    "gridws.storage": 2,  # and every module inside it
    "gridws.stream": 2,
    "gridws.turbine_news": 2,
    "gridws.uplink": 2,
    "gridws.watching": 2,
    "gridws.websocket_link": 2,
    "gridws.wheel": 2,
    "gridws.wind": 2,
    "gridws.dispatching": 3,
    "gridws.gate": 3,
    "gridws.mirror": 3,
    "gridws.replica": 2,
    "gridws.monitor": 3,
    "gridws.receipts": 3,
    "gridws.register": 3,
    "gridws.rounds": 3,
    "gridws.story": 3,
    "gridws.turbine": 3,
    "gridws.answers": 4,
    "gridws.api": 4,
    "gridws.app": 4,
    "gridws.asgi_link": 4,
    "gridws.asgi_socket": 4,
    "gridws.connections": 4,
    "gridws.demo": 4,
    "gridws.dashboard": 4,
    "gridws.exposition": 4,
    "gridws.fleet": 4,
    "gridws.http_guard": 4,
    "gridws.documents": 4,
    "gridws.http_access": 4,
    "gridws.login": 4,
    "gridws.problems": 4,
    "gridws.report_api": 4,
    "gridws.running": 4,
    "gridws.server": 4,
    "gridws.turbine_link": 4,
    "gridws.terminal": 4,
    "gridws.terminal_view": 4,
    "gridws.turbine_protocol": 4,
    "gridws.viewers": 4,
    "gridws": 5,  # what `from gridws import …` offers: above what it offers, so nothing inside imports it
    "gridws.__main__": 5,
    "gridws.cli": 5,
    "gridws.commands": 5,  # and every module inside it
}
"""A module imports those of lower layers, and those of its own as long as there is no circle."""

CLOCK_AND_CHANCE = {"asyncio", "datetime", "logging", "random", "secrets", "socket", "threading", "time"}
WEB_FRAMEWORKS = {"fastapi", "nicegui", "starlette", "uvicorn", "websockets"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def layer_of(module: str) -> int | None:
    """Return the layer of a module, or of the package around it; the top package stands for itself only."""
    while module not in LAYERS and module.count(".") > 1:
        module = module.rpartition(".")[0]
    return LAYERS.get(module)


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
    """Return the modules of gridws that a module imports: `from .frames import Ack` is `gridws.frames`."""
    found = set()
    for name in imported_names(module):
        found.add(name if name in SOURCES else name.rpartition(".")[0])
    return found & SOURCES.keys()


def outside_names_reached_from(module: str) -> set[str]:
    """Return the top names of whatever a module imports, by itself or through modules of gridws."""
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        seen.add(here := ahead.pop())
        ahead.extend(modules_imported_by(here) - seen)
    return {name.partition(".")[0] for here in seen for name in imported_names(here)}


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_has_a_layer(module: str) -> None:
    assert layer_of(module) is not None, (
        f"{module} has no layer: add it to LAYERS in tests/test_layers.py, above all that it imports"
    )


@pytest.mark.parametrize("module", SOURCES)
def test_imports_go_down_only(module: str) -> None:
    layer = layer_of(module)

    upward = {name for name in modules_imported_by(module) if (layer_of(name) or 0) > (layer or 0)}

    assert not upward, f"{module} is in layer {layer} and imports from above: {', '.join(sorted(upward))}"


def test_no_import_goes_in_a_circle() -> None:
    graph = TopologicalSorter({module: modules_imported_by(module) for module in SOURCES})

    try:
        graph.prepare()
    except CycleError as error:
        pytest.fail(f"these modules import each other: {' → '.join(error.args[1])}")


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        pytest.param("gridws.dispatcher", CLOCK_AND_CHANCE, id="the dispatcher knows no clock and no chance"),
        pytest.param("gridws.dispatcher", WEB_FRAMEWORKS, id="the dispatcher knows no web framework"),
        pytest.param("gridws.session", WEB_FRAMEWORKS, id="a session knows no web framework"),
        pytest.param("gridws.monitor", WEB_FRAMEWORKS, id="the monitor knows no web framework"),
    ],
)
def test_an_inner_module_stays_free_of(module: str, unwanted: set[str]) -> None:
    assert not outside_names_reached_from(module) & unwanted


@pytest.mark.parametrize("module", ["gridws.dispatcher", "gridws.session", "gridws.stream"])
def test_what_runs_inside_one_frame_never_awaits(module: str) -> None:
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
