"""What `gridws watch` shows: at both ends of the size of a window, in a pipe, and when things go wrong."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import sys
import termios
from select import select

import pytest
from rich.console import Console
from test_mirror import staged
from watching_world import World

from gridws.errors import MonitorUnreachable, OptionError
from gridws.monitor.delta import Delta
from gridws.storage.rows import Name
from gridws.viewers.mirror import Mirror
from gridws.viewers.plain_table import plain_lines
from gridws.viewers.terminal import watch
from gridws.viewers.terminal_view import FleetScreen
from gridws.wire.frames import Event, EventKind
from gridws.words import OperationalStatus

pytestmark = pytest.mark.slow

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
    mirror._take(world.fleet_state.snapshot(list(events)))
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
    assert "5 turbines, 4 online, 1 offline, 2 broken, 1 waiting, longest 0 s" in text
    assert "1 engineer, 0 free" in text


def test_a_narrow_window_still_tells_states_times_power_and_engineers() -> None:
    world = fleet()
    world.clock.move(59 * 60 + 59)

    lines = screen_of(mirror_of(world), 50, 30)

    assert lines[1:4] == [
        "5 turbines, 4 online, 1 offline",
        "2 broken, 1 waiting, longest 59 min",
        "1 engineer, 0 free; 400 kW",
    ]
    assert [" ".join(line.split()) for line in lines[5:8]] == [
        "turbine state for kW",
        "! 2 broken, waiting at 1 59 min 100",
        "+ 1 broken, engineer 1 59 min 100",
    ]
    assert not [line for line in lines if "…" in line]


def test_a_wide_window_leaves_no_band_empty_while_sentences_are_cut() -> None:
    world = fleet()
    sentence = (
        "Turbine 2 waits for an engineer, at place 1, for whoever is free first: all are busy " + "x" * 20
    )
    event = Event(id=1, at=world.clock.now().at, kind=EventKind.waiting, text=sentence)

    text = "\n".join(screen_of(mirror_of(world, event), 200, 30))

    assert sentence in text


def test_a_roomy_window_tells_for_how_long_each_turbine_has_been_broken() -> None:
    world = fleet()
    world.clock.move(240)
    world.report(1, OperationalStatus.ok)  # its engineer goes to turbine 2, broken all the while
    world.clock.move(60)

    lines = screen_of(mirror_of(world), 160, 30)

    assert "broken for" in lines[3]
    assert " ".join(lines[4].split()).startswith("+ 2 broken, engineer 1 60 s 5 min")


def test_the_headline_tells_how_busy_the_engineers_were() -> None:
    console = Console(file=io.StringIO(), width=120, height=24, record=True, markup=False)
    screen = FleetScreen(mirror_of(fleet()))
    screen.utilisation = 0.973

    console.print(screen, height=24)

    assert "1 engineer, 0 free, 97 % busy in the last hour" in console.export_text()


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
    world.fleet_state.storage_changed(evil)

    text = "\n".join(screen_of(mirror_of(world, event), 120, 24))

    assert text.count("[2J[red]boom[/red]") == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_a_held_turbine_is_told_with_why_and_not_as_one_that_waits() -> None:
    world = fleet()
    for number, reason in ((2, "gearbox exchange"), (3, "x" * 50), (5, None)):
        world.hold(number, reason)

    lines = list(plain_lines(mirror_of(world)))

    told = {line.split()[0]: " ".join(line.split()[1:-4]) for line in lines[3:8]}
    assert [*told] == ["1", "2", "3", "4", "5"]
    assert told["2"] == "broken, held, gearbox exchange"
    assert told["3"] == f"offline, held, {'x' * 40}…"
    assert told["5"] == "ok, held"


def test_a_clock_that_is_far_off_is_told_with_the_state() -> None:
    world = fleet()
    world.fleet_state.clock_is_ahead(5, -2 * 86_400_000)
    assert any("ok, clock 2 days behind" in line for line in plain_lines(mirror_of(world)))


@pytest.mark.parametrize("width", [80, 200])
def test_names_are_shown_and_a_site_shows_its_own_turbines_only(width: int) -> None:
    world = fleet()
    world.fleet_state.names.turbines.update({2: Name("West 3", "Westermarsch"), 5: Name("Nord 1", "Norden")})
    world.fleet_state.names.engineers[1] = Name("Ann", None)
    mirror = mirror_of(world)

    everywhere = [*screen_of(mirror, width, 30), *plain_lines(mirror)]
    mirror.site = "Westermarsch"
    there = [*screen_of(mirror, width, 30), *plain_lines(mirror)]

    assert sum("West 3, Westermar" in line and "broken, waiting" in line for line in everywhere) == 2
    assert sum("Nord 1, Norden" in line for line in everywhere) == 2
    assert sum("1 Ann " in line and "at turbine 1" in line for line in everywhere) == 2
    assert there[0].endswith("site Westermarsch: 1 turbine")
    assert sum("West 3, Westermar" in line for line in there) == 2
    assert not [line for line in there if "Nord 1" in line]


@pytest.mark.parametrize("width", [80, 119, 120, 160, 200])
def test_names_leave_the_other_columns_and_the_events_their_room(width: int) -> None:
    world = fleet()
    world.fleet_state.names.turbines.update({2: Name("a name that goes on", "and a site too")})
    told = Event(id=1, at=0, kind=EventKind.broke, text="a sentence of fifty characters that is to be read.")

    lines = screen_of(mirror_of(world, told), width, 30)

    assert any({"turbine", "name", "state", "for", "wind", "power"} <= set(line.split()) for line in lines)
    assert any(told.text in line for line in lines)


def test_the_plain_table_has_every_turbine() -> None:
    lines = list(plain_lines(mirror_of(fleet())))

    assert [line.split()[0] for line in lines[3:8]] == ["2", "1", "3", "4", "5"]
    assert lines[-1].startswith("1         at turbine 1")


async def test_once_prints_a_table_and_ends() -> None:
    output = io.StringIO()
    async with staged(fleet().fleet_state.snapshot([])) as stage:
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


async def test_the_live_view_ends_with_q_and_leaves_the_terminal_as_it_was() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    async with staged(fleet().fleet_state.snapshot([])) as stage:
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gridws", "watch", "--monitor", stage.url),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm"},
        )
        seen = b""
        async with asyncio.timeout(20):
            while b"online" not in seen:
                seen += await asyncio.to_thread(os.read, ours, 4096)
            os.write(ours, b"q")
            assert await command.wait() == 0
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)

    assert after == before


async def test_json_lines_begin_with_a_snapshot_and_a_reader_that_leaves_ends_them() -> None:
    world = fleet()
    read_end, write_end = os.pipe()
    changes = world.fleet_state.changes(Delta(turbines={1}))
    async with staged(world.fleet_state.snapshot([]), *[changes] * 2_000) as stage:
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
    changes = world.fleet_state.changes(Delta(turbines={1, 2, 3, 4, 5}))
    async with staged(world.fleet_state.snapshot([]), *[changes] * 2_000) as stage:
        with os.fdopen(write_end, "w") as output, os.fdopen(read_end):
            watching = asyncio.create_task(watch(stage.url, json_lines=True, output=output))
            async with asyncio.timeout(10):
                while select([], [write_end], [], 0)[1]:  # noqa: ASYNC110 - a pipe tells nobody that it is full
                    await asyncio.sleep(0)

            watching.cancel()

            async with asyncio.timeout(10):
                await asyncio.wait([watching])
    assert watching.cancelled()
