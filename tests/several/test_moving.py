"""A monitor that was away gets its share of the links back, gently."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from virtual_time import run

from gridws.wire.frames import CloseCode

from .monitors import Monitor, Turbine, place

MINUTES = 3
REPORT_EVERY = 10


class Farm:
    """Turbines that go on at the next monitor when theirs lets them go, as ours do; `at_home` ones know no other."""

    def __init__(self, monitors: list[Monitor], count: int, *, at_home: int = 0) -> None:
        self.monitors = monitors
        self.at_home = at_home
        self.turbines = {number: monitors[0].turbine(number).says("ok") for number in range(1, count + 1)}
        self.statuses = dict.fromkeys(self.turbines, "ok")
        self.moves = Counter[int]()
        self.most_at_once = 0

    async def live(self, seconds: int) -> None:
        """Report now and then, and come back a second after a link is closed."""
        for second in range(seconds):
            await asyncio.sleep(1)
            closed = [each for each in self.turbines.values() if each.link.closed]
            self.most_at_once = max(self.most_at_once, len(closed))
            for turbine in closed:
                self._go_on(turbine)
            reporting = closed if second % REPORT_EVERY else self.turbines.values()
            for turbine in reporting:
                self.turbines[turbine.number].says(self.statuses[turbine.number])

    def _go_on(self, turbine: Turbine) -> None:
        assert turbine.link.close_code == CloseCode.MOVED
        self.moves[turbine.number] += 1
        here = next(place for place, each in enumerate(self.monitors) if each.grid is turbine.session._desk)
        step = 0 if turbine.number <= self.at_home else 1
        there = self.monitors[(here + step) % len(self.monitors)]
        self.turbines[turbine.number] = there.turbine(turbine.number)

    @property
    def links(self) -> list[int]:
        return [len(each.grid.sessions) for each in self.monitors]


def test_a_monitor_that_comes_back_gets_its_share() -> None:
    async def story() -> None:
        async with place() as here:
            farm = Farm([await here.monitor(), await here.monitor()], 40)

            await farm.live(20)
            before = farm.links
            await farm.live(MINUTES * 60)

            assert before == [40, 0]
            assert farm.links == [22, 18]
            assert set(farm.moves.values()) == {1}
            assert farm.most_at_once == 1

    run(story())


def test_three_monitors_come_to_an_end_of_it() -> None:
    async def story() -> None:
        async with place() as here:
            farm = Farm([await here.monitor() for _ in range(3)], 30)

            await farm.live(6 * 60)

            links = farm.links
            assert sum(links) == 30
            assert max(links) <= 11
            still = farm.moves.total()
            await farm.live(60)
            assert (farm.links, farm.moves.total()) == (links, still)

    run(story())


def test_who_waits_or_is_repaired_stays_where_he_is() -> None:
    async def story() -> None:
        async with place() as here:
            farm = Farm([await here.monitor(), await here.monitor()], 6)
            farm.statuses |= dict.fromkeys((1, 2, 3, 4), "broken")

            await farm.live(MINUTES * 60)

            assert farm.links == [4, 2]
            assert not farm.moves.keys() & {1, 2, 3, 4}
            assert farm.turbines[1].engineer == 1

    run(story())


def test_who_has_nowhere_else_to_go_is_asked_once() -> None:
    async def story() -> None:
        async with place() as here:
            farm = Farm([await here.monitor(), await here.monitor()], 12, at_home=12)

            await farm.live(MINUTES * 60)

            assert farm.links == [12, 0]
            assert set(farm.moves.values()) == {1}

    run(story())


@pytest.mark.parametrize("counts", [(5, 4), (22, 20), (105, 95)])
def test_a_small_difference_moves_nobody(counts: tuple[int, int]) -> None:
    async def story() -> None:
        async with place() as here:
            one, other = await here.monitor(), await here.monitor()
            farm = Farm([one, other], counts[0])
            farm.turbines |= {n: other.turbine(n).says("ok") for n in range(1001, 1001 + counts[1])}
            farm.statuses = dict.fromkeys(farm.turbines, "ok")

            await farm.live(120)

            assert farm.links == list(counts)

    run(story())
