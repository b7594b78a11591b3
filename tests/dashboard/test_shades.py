"""What is shaded behind a turbine's power."""

from __future__ import annotations

from gridws.dashboard.shades import MOST, Shade, shades_of
from gridws.storage.rows import Repair

END = 100_000


def repair(
    broken_at: int, assigned_at: int, ended_at: int | None, outcome: str | None = "repaired"
) -> Repair:
    return Repair(assigned_at, 7, 1, broken_at, assigned_at, ended_at, outcome)


def test_broken_until_somebody_came_then_repaired() -> None:
    assert shades_of([repair(10_000, 20_000, 30_000)], None, 0, END) == [
        Shade("broken", 10_000, 20_000),
        Shade("repair", 20_000, 30_000),
    ]


def test_between_two_tries_it_is_broken_and_not_under_repair() -> None:
    tries = [repair(10_000, 50_000, None, None), repair(10_000, 20_000, 30_000, "timed_out")]

    assert shades_of(tries, 10_000, 0, END) == [
        Shade("broken", 10_000, 20_000),
        Shade("broken", 30_000, 50_000),
        Shade("repair", 20_000, 30_000),
        Shade("repair", 50_000, END),
    ]


def test_one_that_waits_now_is_shaded_to_the_present() -> None:
    earlier = repair(10_000, 20_000, 30_000, "timed_out")

    assert shades_of([earlier], 10_000, 25_000, END) == [
        Shade("broken", 30_000, END),
        Shade("repair", 25_000, 30_000),
    ]


def test_what_lies_outside_is_not_shaded() -> None:
    assert shades_of([repair(1, 2, 3)], None, 10, END) == []


def test_shades_that_nobody_can_tell_apart_become_one() -> None:
    near = END // MOST - 1
    rows = [repair(at, at, at + 1) for at in range(0, END, near)]

    assert len(shades_of(rows, None, 0, END)) == 1
