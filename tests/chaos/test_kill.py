"""The monitor is killed at any moment: what was acknowledged is there, and all goes on by itself."""

from __future__ import annotations

import random

import pytest

from .checker import Checker, at_work
from .programs import Site, until

pytestmark = pytest.mark.slow

KILLS = 3


async def test_whatever_was_acknowledged_outlives_every_kill_and_nobody_stays_behind(here: Site) -> None:
    chance = random.Random(3)
    monitor = await here.monitor("--engineers", 2)
    checkers = [Checker(number, monitor.url) for number in (901, 902, 903)]
    checkers[0].status = "broken"
    here.turbines(
        monitor.url, "--count", 8, "--upload-frequency", 0.2, "--time-to-fail", 0.5, "--time-to-repair", 0.3
    )

    async with at_work(*checkers):
        for _ in range(KILLS):
            await checkers[1].acknowledges(chance.randint(1, 25))
            await monitor.kill()
            monitor = await here.monitor("--engineers", 2, port=monitor.port)
        for checker in checkers:
            await checker.acknowledges(3)
        await monitor.until_number("gridws_turbines_online", lambda count: count == 11)
    code = await monitor.stop()

    assert code == 0
    for checker in checkers:
        stored = checker.stored(monitor)
        assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
        assert len(set(stored)) == len(stored)
    outcomes = [outcome for (outcome,) in monitor.rows("SELECT outcome FROM repairs")]
    assert None not in outcomes
    assert outcomes.count("monitor_stopped") >= KILLS
    assert outcomes.count("repaired") > 8
    assert checkers[0].assignments == sorted(set(checkers[0].assignments))


async def test_a_hold_that_was_answered_outlives_a_kill_and_nobody_is_sent_there_again(here: Site) -> None:
    monitor = await here.monitor("--engineers", 1)
    held, other = Checker(901, monitor.url), Checker(902, monitor.url)
    held.status = "broken"

    async with at_work(held, other):
        await until(lambda: held.assignments)
        hold = await monitor.put("/api/v1/turbines/901/hold", {"reason": "gearbox exchange"})
        await monitor.kill()
        assert held.withdrawals == ["held"]
        other.status = "broken"
        monitor = await here.monitor("--engineers", 1, port=monitor.port)
        await until(lambda: other.assignments)
        await held.acknowledges(10)
        _, turbine = await monitor.get("/api/v1/turbines/901")
        assert len(held.assignments) == 1

        assert await here.run("hold", "901", "--end", "--monitor", monitor.url) == 0
        other.status = "ok"
        await until(lambda: len(held.assignments) == 2)
    await monitor.stop()

    assert hold == (200, turbine["hold"])
    assert turbine["operational_status"] == "broken"
    assert [kind for (kind,) in monitor.rows("SELECT kind FROM events ORDER BY id")] == ["hold", "hold_ended"]


async def test_two_thousand_turbines_are_back_within_a_minute_of_a_restart(here: Site) -> None:
    monitor = await here.monitor()
    here.turbines(monitor.url, "--count", 2000, "--upload-frequency", 10)
    await monitor.until_number("gridws_turbines_online", lambda count: count == 2000, within=60)

    await monitor.kill()
    monitor = await here.monitor(port=monitor.port)

    await monitor.until_number("gridws_turbines_online", lambda count: count == 2000, within=60)
    await until(lambda: monitor.rows("SELECT count(DISTINCT turbine_number) FROM metrics") == [(2000,)])
