"""What goes wrong, and when: each seed draws its own kinds of trouble and its own moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from .media import Files
from .network import Wire
from .rude import flood, say_nothing, talk_nonsense
from .world import SimTurbine, World

Trouble = Callable[[World], Coroutine[Any, Any, None] | None]
HELD_ALL_THE_TIME = 903
HOPELESS = 50.0
"""Seconds that a repair takes which no repair time-out allows, where there is a short one."""


async def begin(world: World) -> None:
    """Put up the turbines, and hold one that never comes."""
    for number in range(1, world.chance.randint(2, 5) + 1):
        world.turbines.append(new_turbine(world, number))
    if world.process is not None:
        world.process.monitor.hold(HELD_ALL_THE_TIME)
        await world.process.monitor.kept()


def new_turbine(world: World, number: int) -> SimTurbine:
    repair = world.chance.choice([1.0, 4.0, 9.0, HOPELESS])
    return SimTurbine(
        world, number, world.chance.choice([0.5, 1.0, 2.0]), world.chance.choice([2.0, 10.0, 30.0]), repair
    )


async def disturb(world: World) -> None:
    """Make trouble for half a minute or so."""
    kinds = world.chance.sample(TROUBLE, world.chance.randint(1, len(TROUBLE)))
    if isinstance(world.disk.medium, Files):
        kinds += world.chance.sample(TROUBLE_WITH_FILES, world.chance.randint(1, len(TROUBLE_WITH_FILES)))
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + world.chance.uniform(8.0, 30.0)
    pause = world.chance.choice([0.3, 1.0, 3.0])
    while loop.time() < ends_at:
        await asyncio.sleep(world.chance.expovariate(1 / pause))
        kind = world.chance.choice(kinds)
        world.witness.note(f"trouble: {kind.__name__}")
        doing = kind(world)
        if doing is not None:
            task = asyncio.create_task(doing)
            world.background.add(task)
            task.add_done_callback(world.background.discard)


async def calm_down(world: World) -> None:
    """End all trouble: from here on everything must come right by itself."""
    world.witness.note("calm")
    for task in list(world.background):
        task.cancel()
    await asyncio.gather(*world.background, return_exceptions=True)
    world.disk.heal()
    world.refuses = None
    for wire in world.wires:
        wire.calm()
    for turbine in list(world.retired):
        await turbine.kill()
    if world.process is None:
        await world.start()
    if world.process is not None:
        world.process.monitor.change_roster(world.engineers)
        for turbine in world.turbines:
            world.process.monitor.end_hold(turbine.turbine_number)


def _wire(world: World) -> Wire | None:
    alive = [wire for wire in world.wires if not wire.over]
    return world.chance.choice(alive) if alive else None


def _number(world: World) -> int:
    return world.chance.choice([*(turbine.turbine_number for turbine in world.turbines), 901, 902])


def cut_a_wire(world: World) -> None:
    wire = _wire(world)
    if wire is not None:
        client_after = world.notices()
        wire.cut(monitor_after=world.notices(), client_after=40.0 if client_after is None else client_after)


def hold_a_wire(world: World) -> None:
    wire = _wire(world)
    if wire is not None:
        wire.disturb(*world.chance.choice([(wire.up,), (wire.down,), (wire.up, wire.down)]))
        world.later(world.chance.uniform(0.1, 25.0), wire.calm)


async def crash_the_monitor(world: World) -> None:
    if world.process is not None:
        world.crash()
        await _start_again(world)


async def restart_the_monitor(world: World) -> None:
    if world.process is not None:
        await world.stop()
        await _start_again(world)


async def _start_again(world: World) -> None:
    await asyncio.sleep(world.chance.uniform(0.0, 8.0))
    if world.process is None:
        await world.start()


async def fill_the_disk(world: World) -> None:
    world.disk.fails = world.chance.choice([0.3, 1.0])
    await asyncio.sleep(world.chance.uniform(0.5, 12.0))
    world.disk.fails = 0.0


async def start_on_a_full_disk(world: World) -> None:
    world.disk.fails = 1.0
    await crash_the_monitor(world)
    await asyncio.sleep(world.chance.uniform(0.5, 12.0))
    world.disk.fails = 0.0


async def lose_the_outcome_of_commits(world: World) -> None:
    world.disk.forgets_to_say = world.chance.choice([0.3, 1.0])
    await asyncio.sleep(world.chance.uniform(0.5, 6.0))
    world.disk.forgets_to_say = 0.0


async def slow_the_disk_down(world: World) -> None:
    world.disk.longest_commit = world.chance.choice([0.5, 3.0, 25.0])
    await asyncio.sleep(world.chance.uniform(0.5, 10.0))
    world.disk.longest_commit = 0.01


def _files(world: World) -> Files | None:
    """Return the files of a monitor that runs and knows of all that was done to them so far."""
    medium = world.disk.medium
    knows = world.process is not None and world.process.handle.has_noticed
    return medium if isinstance(medium, Files) and knows else None


def move_the_file_away(world: World) -> None:
    files = _files(world)
    if files is not None:
        files.move_away()


def delete_the_file(world: World) -> None:
    files = _files(world)
    if files is not None:
        files.delete()


async def restore_a_back_up(world: World) -> None:
    files = _files(world)
    if files is not None:
        copy = files.copy()
        await asyncio.sleep(world.chance.choice([0.0, 1.0, 10.0]))
        if _files(world) is not None:
            files.move_in(copy)


def change_the_roster(world: World) -> None:
    if world.process is not None and world.process.monitor.accepting:
        world.process.monitor.change_roster(world.chance.randint(0, 4))
        world.witness.look(world.process)


def hold_a_turbine(world: World) -> None:
    if world.process is not None and world.process.monitor.accepting:
        seconds = world.chance.choice([None, 1.0, 10.0, 60.0])
        until = None if seconds is None else world.clock.utc() + int(seconds * 1000)
        world.process.monitor.hold(_number(world), until=until)
        world.witness.look(world.process)


def have_a_turbine_forgotten(world: World) -> None:
    if world.process is not None and world.process.monitor.accepting:
        world.process.monitor.forget(_number(world))
        world.witness.look(world.process)


def end_a_hold(world: World) -> None:
    if world.process is not None and world.process.monitor.accepting:
        world.process.monitor.end_hold(_number(world))
        world.witness.look(world.process)


def put_a_turbine_first(world: World) -> None:
    if world.process is not None and world.process.monitor.accepting:
        world.process.monitor.put_next(_number(world))
        world.witness.look(world.process)


def turn_the_wall_clock(world: World) -> None:
    world.clock.jumped += world.chance.choice([-3_600_000, -1_000, 1_000, 3_600_000])


def set_the_wall_clock_to_another_year(world: World) -> None:
    """A battery is empty, or a time server is wrong; also while no monitor runs, and then back."""
    days = world.chance.choice([-20_000, -30, 0, 0, 30, 365])
    world.clock.jumped = days * 86_400_000


def stall_the_machine(world: World) -> None:
    loop = asyncio.get_running_loop()
    loop._jumping.now += world.chance.uniform(0.5, 15.0)  # type: ignore[attr-defined]
    world.stalled_until = loop.time()
    world.witness.stalls += 1


async def refuse_links(world: World) -> None:
    world.refuse(for_good=world.chance.random() < 0.3)
    await asyncio.sleep(world.chance.uniform(0.5, 8.0))
    world.refuses = None


async def run_a_turbine_twice(world: World) -> None:
    double = new_turbine(world, world.chance.choice(world.turbines).turbine_number)
    world.retired.append(double)
    await asyncio.sleep(world.chance.uniform(0.5, 15.0))
    await double.kill()


async def restart_a_turbine(world: World) -> None:
    turbine = world.turbines.pop(world.chance.randrange(len(world.turbines)))
    world.turbines.append(new_turbine(world, turbine.turbine_number))
    world.retired.append(turbine)
    await turbine.kill()


async def let_somebody_talk_nonsense(world: World) -> None:
    await talk_nonsense(world, _number(world))


async def let_somebody_flood(world: World) -> None:
    await flood(world, _number(world))


async def let_somebody_say_nothing(world: World) -> None:
    await say_nothing(world, _number(world))


TROUBLE: list[Trouble] = [
    cut_a_wire,
    hold_a_wire,
    crash_the_monitor,
    restart_the_monitor,
    fill_the_disk,
    start_on_a_full_disk,
    lose_the_outcome_of_commits,
    slow_the_disk_down,
    change_the_roster,
    hold_a_turbine,
    end_a_hold,
    have_a_turbine_forgotten,
    put_a_turbine_first,
    turn_the_wall_clock,
    set_the_wall_clock_to_another_year,
    stall_the_machine,
    refuse_links,
    run_a_turbine_twice,
    restart_a_turbine,
    let_somebody_talk_nonsense,
    let_somebody_flood,
    let_somebody_say_nothing,
]
TROUBLE_WITH_FILES: list[Trouble] = [move_the_file_away, delete_the_file, restore_a_back_up]
