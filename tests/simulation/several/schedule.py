"""What goes wrong, and when: each seed draws its own kinds of trouble and its own moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from .grid import Grid
from .monitors import Process
from .turbines import HoppingTurbine
from .ways import Trouble
from .wires import Wire

Kind = Callable[[Grid], Coroutine[Any, Any, None] | None]
HOPELESS = 50.0
"""Seconds that a repair takes which no repair time-out allows, where there is a short one."""


def begin(grid: Grid) -> None:
    """Put up monitors and turbines."""
    for place in range(grid.places):
        grid.later(grid.chance.choice([0.0, 0.0, 3.0]), lambda place=place: grid.start(place))  # type: ignore[misc]
    for number in range(1, grid.chance.randint(2, 5) + 1):
        grid.turbines.append(new_turbine(grid, number))


def new_turbine(grid: Grid, number: int) -> HoppingTurbine:
    return HoppingTurbine(
        grid,
        grid.new_machine(),
        number,
        frequency=grid.chance.choice([0.5, 1.0, 2.0]),
        fail=grid.chance.choice([2.0, 10.0, 30.0]),
        repair=grid.chance.choice([1.0, 4.0, 9.0, HOPELESS]),
    )


async def disturb(grid: Grid, kinds: Sequence[Kind]) -> None:
    """Make trouble for a minute or so, of these kinds or, where none are given, of some that chance chooses."""
    kinds = kinds or grid.chance.sample(TROUBLE, grid.chance.randint(1, len(TROUBLE)))
    ends_at = grid.universe.now + grid.chance.uniform(20.0, 60.0)
    pause = grid.chance.choice([1.0, 3.0, 8.0])
    under_way: set[asyncio.Task[None]] = set()
    while grid.universe.now < ends_at and not grid.witness.failures:
        await asyncio.sleep(grid.chance.expovariate(1 / pause))
        kind = grid.chance.choice(kinds)
        grid.witness.note(f"trouble: {kind.__name__}")
        doing = kind(grid)
        if doing is not None:
            task = asyncio.get_running_loop().create_task(doing)
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    for task in list(under_way):
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


def calm_down(grid: Grid) -> None:
    """End all trouble: from here on everything must come right by itself."""
    grid.witness.note("calm")
    grid.database.trouble.heal()
    for process in grid.processes:
        process.way.trouble.heal()
        process.machine.thaw_for_good()
    for turbine in [*grid.turbines, *grid.retired]:
        turbine.machine.thaw_for_good()
    for wire in grid.wires:
        wire.calm()
    for turbine in grid.retired:
        turbine.kill()
    for place in range(grid.places):
        grid.start(place)
    grid.note_abilities()


def give_back(grid: Grid) -> None:
    """Have as many engineers as there were, and nobody held: said at one monitor, which may have to say it later."""
    monitor = grid.chance.choice([each for each in grid.alive if each.runs]).monitor
    monitor.change_roster(grid.settings.engineers)
    for turbine in grid.turbines:
        monitor.end_hold(turbine.turbine_number)


# What is chosen.


def _wire(grid: Grid) -> Wire | None:
    alive = [wire for wire in grid.wires if not wire.over]
    return grid.chance.choice(alive) if alive else None


def _process(grid: Grid) -> Process | None:
    alive = [each for each in grid.alive if each.runs and not each.machine.frozen]
    return grid.chance.choice(alive) if alive else None


def _number(grid: Grid) -> int:
    return grid.chance.choice(grid.turbines).turbine_number


def _seconds(grid: Grid) -> float:
    """Return how long something lasts: less than a lease needs, about as long, or longer."""
    return grid.chance.choice([0.5, 3.0, 6.0, 8.0, 9.5, 11.0, 13.0, 20.0]) * grid.chance.uniform(0.8, 1.2)


# Turbines and their links.


def cut_a_wire(grid: Grid) -> None:
    wire = _wire(grid)
    if wire is not None:
        turbine_after = grid.notices()
        wire.cut(monitor_after=grid.notices(), turbine_after=40.0 if turbine_after is None else turbine_after)


def send_a_turbine_elsewhere(grid: Grid) -> None:
    wire = _wire(grid)
    if wire is not None:
        wire.cut(monitor_after=grid.notices(), turbine_after=0.0)


def hold_a_wire(grid: Grid) -> None:
    wire = _wire(grid)
    if wire is not None:
        wire.disturb(*grid.chance.choice([(wire.up,), (wire.down,), (wire.up, wire.down)]))
        grid.later(grid.chance.uniform(0.1, 25.0), wire.calm)


async def freeze_a_turbine(grid: Grid) -> None:
    turbine = grid.chance.choice(grid.turbines)
    turbine.machine.freeze()
    if turbine.wire is not None:
        turbine.wire.healthy = False
    await asyncio.sleep(_seconds(grid))
    turbine.machine.thaw()


def restart_a_turbine(grid: Grid) -> None:
    turbine = grid.turbines.pop(grid.chance.randrange(len(grid.turbines)))
    grid.turbines.append(new_turbine(grid, turbine.turbine_number))
    grid.retired.append(turbine)
    turbine.kill()


# Monitors.


async def kill_a_monitor(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        grid.kill(process.place)
        await _start_again(grid, process.place)


async def stop_a_monitor(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        await grid.stop(process.place)
        await _start_again(grid, process.place)


async def kill_all_monitors(grid: Grid) -> None:
    for process in grid.alive:
        grid.kill(process.place)
    await asyncio.sleep(_seconds(grid))
    for place in range(grid.places):
        grid.start(place)


async def _start_again(grid: Grid, place: int) -> None:
    await asyncio.sleep(grid.chance.choice([0.1, 5.0, 20.0]))
    grid.start(place)


async def freeze_a_monitor(grid: Grid) -> None:
    process = _process(grid)
    if process is None:
        return
    process.machine.freeze()
    grid.note_abilities()
    await asyncio.sleep(_seconds(grid))
    if process.machine.frozen:
        process.machine.thaw()
    grid.note_abilities()


def turn_a_wall_clock(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        process.machine.jumped += grid.chance.choice([-3_600_000, -1_000, 1_000, 3_600_000])


# The database.


async def cut_a_monitor_off_the_database(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        away = Trouble(is_away=True, is_silent=grid.chance.random() < 0.5)
        await _have(grid, process.way.trouble, away, _seconds(grid))


async def have_the_database_go_away(grid: Grid) -> None:
    away = Trouble(is_away=True, is_silent=grid.chance.random() < 0.5)
    await _have(grid, grid.database.trouble, away, _seconds(grid))


async def slow_the_database_down(grid: Grid) -> None:
    slow = Trouble(longest_delay=grid.chance.choice([0.1, 0.5, 2.0]))
    await _have(grid, grid.database.trouble, slow, _seconds(grid))


async def lose_answers(grid: Grid) -> None:
    odds = [grid.chance.choice([0.0, 0.1, 0.5]) for _ in range(4)]
    lossy = Trouble(refused=odds[0], untold=odds[1], late=odds[2], hint_lost=odds[3])
    process = _process(grid)
    if process is None or grid.chance.random() < 0.5:
        await _have(grid, grid.database.trouble, lossy, _seconds(grid))
    else:
        await _have(grid, process.way.trouble, lossy, _seconds(grid))


async def _have(grid: Grid, one: Trouble, trouble: Trouble, seconds: float) -> None:
    vars(one).update(vars(trouble))
    grid.note_abilities()
    await asyncio.sleep(seconds)
    one.heal()
    grid.note_abilities()


# People.


def change_the_roster(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        process.monitor.change_roster(grid.chance.randint(0, 4))


def hold_a_turbine(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        seconds = grid.chance.choice([None, 1.0, 10.0, 60.0])
        until = None if seconds is None else process.machine.utc() + int(seconds * 1000)
        process.monitor.hold(_number(grid), until=until)


def end_a_hold(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        process.monitor.end_hold(_number(grid))


def put_a_turbine_first(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        process.monitor.put_next(_number(grid))


def have_a_turbine_forgotten(grid: Grid) -> None:
    process = _process(grid)
    if process is not None:
        process.monitor.forget(_number(grid))


TROUBLE: list[Kind] = [
    cut_a_wire,
    send_a_turbine_elsewhere,
    hold_a_wire,
    freeze_a_turbine,
    restart_a_turbine,
    kill_a_monitor,
    stop_a_monitor,
    kill_all_monitors,
    freeze_a_monitor,
    turn_a_wall_clock,
    cut_a_monitor_off_the_database,
    have_the_database_go_away,
    slow_the_database_down,
    lose_answers,
    change_the_roster,
    hold_a_turbine,
    end_a_hold,
    put_a_turbine_first,
    have_a_turbine_forgotten,
]
