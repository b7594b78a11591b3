"""Which losses of a link are told one by one, and which are gathered."""

from __future__ import annotations

import pytest

from gridws.monitor import flaps
from gridws.monitor.flaps import TOLD, WITHIN, Flaps


def lost(flaps: Flaps, times: int, *, number: int = 7, at: float = 0.0) -> list[int]:
    return [flaps.lost(number, at) for _ in range(times)]


def summed_up(flaps: Flaps, now: float) -> list[tuple[int, int]]:
    return [(number, spell.losses) for number, spell in flaps.over(now)]


def test_the_first_losses_are_told_and_the_others_are_gathered() -> None:
    flaps = Flaps()
    assert lost(flaps, TOLD + 2) == [*range(1, TOLD + 1), 0, 0]
    assert not flaps.connected(7)


def test_another_turbine_is_told_of_all_the_while() -> None:
    flaps = Flaps()
    lost(flaps, TOLD)
    assert lost(flaps, 1, number=8) == [1]
    assert flaps.connected(8)
    assert flaps.connected(9)


def test_what_was_gathered_is_summed_up_after_a_minute_and_gathered_on() -> None:
    flaps = Flaps()
    lost(flaps, TOLD + 20)
    assert summed_up(flaps, WITHIN - 1) == []
    assert summed_up(flaps, WITHIN) == [(7, 20)]
    assert lost(flaps, 3, at=WITHIN) == [0, 0, 0]
    assert summed_up(flaps, 2 * WITHIN) == [(7, 3)]


def test_after_a_quiet_minute_losses_are_told_again() -> None:
    flaps = Flaps()
    lost(flaps, TOLD + 1)
    assert summed_up(flaps, WITHIN) == [(7, 1)]
    assert summed_up(flaps, 2 * WITHIN) == []
    assert lost(flaps, 1, at=2 * WITHIN) == [1]


def test_few_losses_are_not_summed_up() -> None:
    flaps = Flaps()
    lost(flaps, TOLD - 1)
    assert summed_up(flaps, WITHIN) == []
    assert lost(flaps, 1, at=WITHIN) == [1]


def test_a_sum_knows_whether_there_is_a_link_now() -> None:
    flaps = Flaps()
    lost(flaps, TOLD + 1)
    lost(flaps, TOLD + 1, number=8)
    flaps.connected(8)
    assert [(number, spell.online) for number, spell in flaps.over(WITHIN)] == [(7, False), (8, True)]


def test_at_the_end_what_is_gathered_comes_at_once() -> None:
    flaps = Flaps()
    lost(flaps, TOLD + 3)
    lost(flaps, TOLD, number=8)
    lost(flaps, 2, number=9)
    assert [(number, spell.losses) for number, spell in flaps.rest()] == [(7, 3)]
    assert list(flaps.rest()) == []


def test_so_many_turbines_are_counted_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flaps, "MOST", 2)
    counted = Flaps()
    for number in (7, 8, 9):
        lost(counted, TOLD, number=number)
    assert [counted.connected(number) for number in (7, 8, 9)] == [True, False, False]
