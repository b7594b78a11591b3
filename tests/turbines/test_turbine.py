"""The life of a turbine, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from memory_link import Air, Heard
from scripted_monitor import ScriptedMonitor, running
from virtual_time import VirtualUtc, run

from gridws.errors import OptionError
from gridws.turbines.turbine import WindTurbine
from gridws.turbines.wind import StaticWind
from gridws.wire.frames import Metrics, Status, TurbineMetrics
from gridws.words import OperationalStatus

OK, BROKEN = OperationalStatus.ok, OperationalStatus.broken


class Stage:
    """A turbine that breaks after 10.5 s and takes 4 s to repair, unless the story wants it otherwise."""

    def __init__(self, **options: Any) -> None:
        self.air = Air()
        self.heard = Heard()
        usual: dict[str, Any] = {
            "time_to_fail_in_seconds": 10.5,
            "time_to_repair_in_seconds": 4.0,
            "wind": StaticWind(),
            "utc": VirtualUtc(0),
        }
        self.turbine = WindTurbine(7, dial=self.air.dial, news=self.heard, **(usual | options))

    def told(self) -> list[tuple[float, OperationalStatus]]:
        """Return to a tenth of a second when the newest link heard of which status, changes only."""
        heard = [
            (round(at, 1), frame.operational_status)
            for at, frame in zip(self.air.link.at, self.air.link.frames, strict=True)
            if isinstance(frame, Status) or (isinstance(frame, Metrics) and not frame.historical)
        ]
        return [heard[0]] + [after for before, after in pairwise(heard) if before[1] is not after[1]]


def play(story: Callable[[Stage], Awaitable[None]], **options: Any) -> None:
    """Play a story beside the running turbine."""

    async def played() -> None:
        stage = Stage(**options)
        async with running(stage.turbine.run()):
            await story(stage)

    run(played())


async def until(moment: float) -> None:
    """Let the loop's clock come a little past a moment."""
    await asyncio.sleep(moment + 0.01 - asyncio.get_running_loop().time())


def test_readings_come_at_the_upload_frequency_without_drift() -> None:
    async def story(stage: Stage) -> None:
        await until(490 * 0.7)

        readings = stage.air.link.of(Metrics)
        assert [frame.measured_at for frame in readings[:3]] == [0, 700, 1400]
        assert readings[-1].measured_at == 343_000
        assert len(readings) == 491

    play(story, upload_frequency_in_seconds=0.7, time_to_fail_in_seconds=1e6)


def test_a_working_turbine_reports_the_static_values_of_the_assignment() -> None:
    async def story(stage: Stage) -> None:
        await until(1.0)

        reading = stage.air.link.of(Metrics)[-1]
        assert (reading.wind_speed, reading.power_output_in_kwh, reading.operational_status) == (
            100.0,
            3000.0,
            OK,
        )

    play(story)


def test_a_turbine_tells_that_it_broke_at_once_and_not_at_the_next_tick() -> None:
    async def story(stage: Stage) -> None:
        await until(10.5)

        assert stage.told() == [(0.0, OK), (10.5, BROKEN)]
        assert stage.turbine.operational_status is BROKEN
        assert stage.heard.lines[-1] == "turbine 7 broke after 10 s"

    play(story)


def test_a_broken_turbine_goes_on_measuring_and_delivers_nothing() -> None:
    async def story(stage: Stage) -> None:
        await until(100.0)

        last = stage.air.link.of(Metrics)[-1]
        assert last.measured_at == 100_000
        assert (last.wind_speed, last.power_output_in_kwh) == (100.0, 0.0)

    play(story)


def test_a_turbine_waits_for_its_engineer_and_is_repaired_in_its_time() -> None:
    async def story(stage: Stage) -> None:
        await until(30.0)
        stage.air.link.assign(engineer_id=2)
        await until(34.1)

        assert stage.told()[1:] == [(10.5, BROKEN), (34.0, OK)]
        assert stage.heard.lines[-2:] == [
            "turbine 7: engineer 2 is here, repair takes 4.0 s",
            "turbine 7 is repaired",
        ]

    play(story)


def test_the_monitor_is_watched_closely_while_an_engineer_is_here() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        before = stage.air.link.closely
        stage.air.link.assign(assignment_id=1)
        first = stage.air.link.closely
        stage.air.link.withdraw(assignment_id=1)
        between = stage.air.link.closely
        stage.air.link.assign(assignment_id=2)
        second = stage.air.link.closely

        await until(20.0)

        assert (before, first, between, second, stage.air.link.closely) == (False, True, False, True, False)

    play(story)


def test_a_repaired_turbine_breaks_again_after_its_time() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign()
        await until(25.6)

        assert [at for at, _ in stage.told()] == [0.0, 10.5, 15.0, 25.5]

    play(story)


def test_a_turbine_that_breaks_again_between_two_ticks_tells_both() -> None:
    async def story(stage: Stage) -> None:
        await until(61.0)
        stage.air.link.assign()
        await until(63.0)

        assert [status for _, status in stage.told()] == [OK, BROKEN, OK, BROKEN]

    play(story, upload_frequency_in_seconds=60.0, time_to_fail_in_seconds=0.5, time_to_repair_in_seconds=0.5)


def test_time_passed_counts_from_the_start_and_from_the_repair() -> None:
    async def story(stage: Stage) -> None:
        await until(10.0)
        assert stage.turbine.time_passed_in_seconds == pytest.approx(10.0)
        await until(11.0)
        stage.air.link.assign()
        await until(17.0)

        assert stage.turbine.time_passed_in_seconds == pytest.approx(2.0, abs=0.05)

    play(story)


def test_a_repair_is_dropped_with_the_link_and_begins_anew_with_the_next_engineer() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign(1)
        await until(14.0)
        stage.air.link.cut()
        await until(20.0)
        assert stage.turbine.operational_status is BROKEN

        stage.air.link.assign(2)
        await until(23.9)
        assert stage.turbine.operational_status is BROKEN
        await until(24.1)
        assert stage.turbine.operational_status is OK

    play(story)


def test_a_withdrawn_engineer_repairs_nothing() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign(1)
        await until(14.0)
        stage.air.link.withdraw(1)
        await until(100.0)

        assert stage.turbine.operational_status is BROKEN

    play(story)


def test_an_engineer_who_comes_and_leaves_in_one_moment_repairs_nothing() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign(1)
        stage.air.link.withdraw(1)
        await until(100.0)

        assert stage.turbine.operational_status is BROKEN

    play(story)


def test_the_withdrawal_of_an_earlier_assignment_disturbs_nobody() -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign(2)
        await until(12.0)
        stage.air.link.withdraw(1)
        await until(15.1)

        assert stage.turbine.operational_status is OK

    play(story)


@pytest.mark.parametrize(("second", "repaired_at"), [(1, 15.0), (2, 17.0)])
def test_only_a_newer_assignment_begins_the_repair_anew(second: int, repaired_at: float) -> None:
    async def story(stage: Stage) -> None:
        await until(11.0)
        stage.air.link.assign(1)
        await until(13.0)
        stage.air.link.assign(second)
        await until(18.0)

        assert stage.told()[-1] == (repaired_at, OK)

    play(story)


def test_an_engineer_at_a_turbine_that_is_well_is_told_so() -> None:
    async def story(stage: Stage) -> None:
        await until(2.0)
        stage.air.link.assign()

        assert stage.air.link.frames[-1] == Status(turbine_number=7, operational_status=OK)
        await until(12.0)
        assert stage.turbine.operational_status is BROKEN

    play(story)


def test_readings_are_taken_while_there_is_no_link() -> None:
    async def story(stage: Stage) -> None:
        await until(3.0)
        stage.air.link.cut(4001)
        await until(70.0)

        sequences = [frame.sequence for frame in stage.air.link.of(Metrics)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= 70

    play(story)


def test_a_stall_is_not_made_up_for() -> None:
    async def story(stage: Stage) -> None:
        await until(1.0)
        loop: Any = asyncio.get_running_loop()
        loop._jumping.now += 100.3
        await until(103.0)

        times = [frame.measured_at for frame in stage.air.link.of(Metrics)]
        assert times == [0, 1000, 101_310, 102_000, 103_000]

    play(story, time_to_fail_in_seconds=1e6)


def test_each_turbine_and_each_life_draws_its_own_times() -> None:
    turbines = [WindTurbine(number) for number in range(1, 50)]

    assert len({turbine.time_to_fail_in_seconds for turbine in turbines}) > 40
    assert len({turbine.time_to_repair_in_seconds for turbine in turbines}) > 30
    assert all(1.0 <= turbine.time_to_fail_in_seconds <= 30.0 for turbine in turbines)
    assert all(1.0 <= turbine.time_to_repair_in_seconds <= 5.0 for turbine in turbines)


def test_a_new_life_draws_a_new_time_but_the_repair_time_stays() -> None:
    async def story(stage: Stage) -> None:
        first = stage.turbine.time_to_fail_in_seconds
        repair = stage.turbine.time_to_repair_in_seconds
        await until(31.0)
        stage.air.link.assign()
        await until(37.0)

        assert stage.turbine.time_to_fail_in_seconds != first
        assert stage.turbine.time_to_repair_in_seconds == repair

    play(
        story,
        time_to_fail_in_seconds=None,
        time_to_repair_in_seconds=None,
        chance=random.Random(3),
    )


def test_a_seed_repeats_breakdowns_however_long_the_wind_has_blown() -> None:
    def times(repaired_at: float) -> list[float]:
        stages: list[Stage] = []

        async def story(stage: Stage) -> None:
            stages.append(stage)
            await until(repaired_at - 4.0)
            stage.air.link.assign()
            await until(repaired_at + 0.5)

        options = {"time_to_fail_in_seconds": None, "wind": None}
        play(story, chance=random.Random(5), **options)
        return [stages[0].turbine.time_to_fail_in_seconds]

    assert times(35.0) == times(135.0)


class Spoiled(WindTurbine):
    """One whose metrics cannot be produced."""

    async def produce_metrics(self, turbine_metrics: TurbineMetrics) -> None:
        raise ValueError("spoiled")


def test_run_raises_what_a_part_raised() -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="spoiled"):
            await Spoiled(7, dial=Air().dial).run()

    run(story())


class Unlucky(WindTurbine):
    """One whose repair runs into a time-out of its own."""

    async def repair(self) -> None:
        raise TimeoutError("the crane is late")


def test_a_time_out_of_the_repair_itself_is_not_taken_for_a_withdrawal() -> None:
    async def story() -> None:
        air = Air()
        turbine = Unlucky(7, 1.0, 1.0, 1.0, dial=air.dial)

        async def assign() -> None:
            await until(2.0)
            air.link.assign()

        with pytest.raises(TimeoutError, match="the crane is late"):
            await asyncio.gather(turbine.run(), assign())

    run(story())


async def test_a_whole_repair_over_a_real_link() -> None:
    async with ScriptedMonitor() as monitor:
        turbine = WindTurbine(7, 0.05, 0.1, 0.1, monitor.url, wind=StaticWind())
        async with running(turbine.run()):
            link = await monitor.next_link()
            await link.next(Status)
            await link.welcome()
            while (await link.next(Metrics)).operational_status is OK:
                pass
            await link.assign()
            while (await link.next(Metrics)).operational_status is BROKEN:
                pass

        assert await link.closed() == 1001


@pytest.mark.parametrize(
    "arguments",
    [(0,), (2_147_483_648,), (7, 0.0), (7, float("nan")), (7, 1.0, -1.0), (7, 1.0, 1.0, float("nan"))],
)
def test_a_turbine_that_cannot_be_is_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(OptionError):
        WindTurbine(*arguments)  # type: ignore[arg-type]
