"""What `gridws watch` shows: at both ends of the size of a window, in a pipe, and when things go wrong."""

from __future__ import annotations

import asyncio
import io
import json
import os
from select import select

import pytest
from rich.console import Console
from test_mirror import staged
from watching_world import World

from gridws.errors import MonitorUnreachable, OptionError
from gridws.frames import Event, EventKind, OperationalStatus
from gridws.mirror import Mirror
from gridws.terminal import watch
from gridws.terminal_view import FleetScreen, plain_lines
from gridws.watching import Delta

BROKEN = OperationalStatus.broken


def fleet() -> World:
    """Return five turbines: 1 under repair, 2 waiting, 3 offline, 4 without a status, 5 ok."""
    world = World(engineers=1)
    for number in (1, 2, 3, 4, 5):
        world.connect(number)
        world.read(number, 100.0)
    world.report(1, BROKEN)
    world.report(2, BROKEN)
    world.lose(3)
    world.report(5, OperationalStatus.ok)
    return world


def mirror_of(world: World, *events: Event) -> Mirror:
    mirror = Mirror("ws://localhost:8787", clock=world.clock)
    mirror._take(world.register.snapshot(list(events)))
    return mirror


def screen_of(mirror: Mirror, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, record=True, markup=False)
    console.print(FleetScreen(mirror), height=height)
    return console.export_text().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (20, 5), (1, 1)])
def test_the_screen_fits_its_window(width: int, height: int) -> None:
    world = World()
    for number in range(1, 500):
        world.connect(number)

    lines = screen_of(mirror_of(world), width, height)

    assert len(lines) <= height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 200])
def test_turbines_that_need_somebody_come_first_and_in_words(width: int) -> None:
    text = "\n".join(screen_of(mirror_of(fleet()), width, 30))

    told = ["broken, waiting at 1", "broken, engineer 1", "offline  ", "no status yet", "  ok "]
    places = [text.index(words, text.index("turbine  ")) for words in told]
    assert places == sorted(places)
    assert "5 turbines, 4 online, 1 offline, 2 broken, 1 waiting; 1 engineer, 0 free" in text


def test_a_narrow_window_still_tells_states_times_power_and_engineers() -> None:
    world = fleet()
    world.clock.move(59 * 60 + 59)

    lines = screen_of(mirror_of(world), 50, 30)

    assert lines[1:4] == [
        "5 turbines, 4 online, 1 offline",
        "2 broken, 1 waiting",
        "1 engineer, 0 free; 400 kW",
    ]
    assert [" ".join(line.split()) for line in lines[5:8]] == [
        "turbine state for kW",
        "! 2 broken, waiting at 1 59 min 100",
        "+ 1 broken, engineer 1 59 min 100",
    ]
    assert not [line for line in lines if "…" in line]


def test_a_lost_monitor_is_said_loudly_with_the_age_of_what_is_shown() -> None:
    world = fleet()
    mirror = mirror_of(world)
    mirror._lose(MonitorUnreachable("ws://localhost:8787", "connection refused"))
    world.clock.move(12)

    text = "\n".join(screen_of(mirror, 120, 24))

    assert "disconnected from the monitor (connection refused), trying again; shown is 12 s old" in text


def test_text_from_the_network_injects_neither_markup_nor_control_characters() -> None:
    evil = "\x1b[2J[red]boom[/red]\x07\u202e"
    world = fleet()
    event = Event(id=1, at=world.clock.now().at, kind=EventKind.lost, text=evil)
    world.degraded = evil

    text = "\n".join(screen_of(mirror_of(world, event), 120, 24))

    assert text.count("[2J[red]boom[/red]") == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_the_plain_table_has_every_turbine() -> None:
    lines = list(plain_lines(mirror_of(fleet())))

    assert [line.split()[0] for line in lines[3:8]] == ["2", "1", "3", "4", "5"]
    assert lines[-1].startswith("1         at turbine 1")


async def test_once_prints_a_table_and_ends() -> None:
    output = io.StringIO()
    async with staged(fleet().register.snapshot([])) as stage:
        await watch(stage.url, once=True, output=output)

    assert "broken, waiting at 1" in output.getvalue()
    assert "\x1b" not in output.getvalue()


async def test_once_without_a_monitor_is_an_error() -> None:
    async with staged() as stage:
        url = stage.url

    with pytest.raises(MonitorUnreachable):
        await watch(url, once=True, output=io.StringIO())


async def test_the_live_view_asks_for_a_terminal() -> None:
    with pytest.raises(OptionError, match="--once or --json"):
        await watch("ws://localhost:1", output=io.StringIO())


def read_one_line_and_leave(read_end: int) -> str:
    with os.fdopen(read_end) as reader:
        return reader.readline()


async def test_json_lines_begin_with_a_snapshot_and_a_reader_that_leaves_ends_them() -> None:
    world = fleet()
    read_end, write_end = os.pipe()
    changes = world.register.changes(Delta(turbines={1}))
    async with staged(world.register.snapshot([]), *[changes] * 2_000) as stage:
        with os.fdopen(write_end, "w") as output:
            watching = asyncio.create_task(watch(stage.url, json_lines=True, output=output))
            first = json.loads(await asyncio.to_thread(read_one_line_and_leave, read_end))
            async with asyncio.timeout(10):
                await watching

    assert first["type"] == "snapshot"
    assert len(first["turbines"]) == 5


async def test_a_reader_of_lines_that_takes_none_keeps_nobody_from_ending() -> None:
    world = fleet()
    read_end, write_end = os.pipe()
    changes = world.register.changes(Delta(turbines={1, 2, 3, 4, 5}))
    async with staged(world.register.snapshot([]), *[changes] * 2_000) as stage:
        with os.fdopen(write_end, "w") as output, os.fdopen(read_end):
            watching = asyncio.create_task(watch(stage.url, json_lines=True, output=output))
            async with asyncio.timeout(10):
                while select([], [write_end], [], 0)[1]:  # noqa: ASYNC110 - a pipe tells nobody that it is full
                    await asyncio.sleep(0)

            watching.cancel()

            async with asyncio.timeout(10):
                await asyncio.wait([watching])
    assert watching.cancelled()
