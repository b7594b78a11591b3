"""The wind and what a turbine makes of it."""

from __future__ import annotations

import math
import random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.turbines.wind import FarmWind, StaticWind, TurbineWind, chance_of, cubic_power


def test_static_wind_is_that_of_the_assignment() -> None:
    wind = StaticWind()

    assert (wind.speed(0.0), wind.speed(1e9), wind.power(100.0)) == (100.0, 100.0, 3000.0)


@pytest.mark.parametrize(
    ("wind_speed", "power"),
    [(0.0, 0.0), (2.99, 0.0), (3.0, 0.0), (12.0, 2000.0), (20.0, 2000.0), (25.0, 2000.0), (25.01, 0.0)],
)
def test_the_power_curve_has_its_corners(wind_speed: float, power: float) -> None:
    assert cubic_power(wind_speed) == power


def test_the_power_between_cut_in_and_rated_is_cubic() -> None:
    assert cubic_power(9.0) == pytest.approx(2000.0 * (729 - 27) / (1728 - 27))


@given(st.floats(0.0, 12.0), st.floats(0.0, 12.0))
def test_more_wind_never_gives_less_power_below_rated(one: float, other: float) -> None:
    weaker, stronger = sorted((one, other))

    assert 0.0 <= cubic_power(weaker) <= cubic_power(stronger) <= 2000.0


def test_two_processes_with_one_seed_have_the_same_wind() -> None:
    def speeds() -> list[float]:
        wind = TurbineWind(FarmWind(chance_of(7, "farm")), chance_of(7, 1_001))
        return [wind.speed(second * 1.5) for second in range(50)]

    assert speeds() == speeds()


def test_how_often_somebody_asks_does_not_change_the_wind() -> None:
    often, seldom = FarmWind(random.Random(3)), FarmWind(random.Random(3))
    seldom.speed(0.0)

    asked_often = [often.speed(tenths / 10.0) for tenths in range(1_001)]

    assert asked_often[1_000] == seldom.speed(100.0)


def test_turbines_of_one_farm_differ_a_little() -> None:
    farm = FarmWind(random.Random(1))
    speeds = [TurbineWind(farm, random.Random(number)).speed(0.0) for number in range(200)]

    assert 0.1 < stdev(speeds) < 1.5


def test_the_wind_is_never_negative() -> None:
    wind = TurbineWind(FarmWind(random.Random(5)), random.Random(6))

    assert min(wind.speed(float(second)) for second in range(100_000)) >= 0.0


def test_the_wind_has_the_mean_and_deviation_of_its_process() -> None:
    wind = FarmWind(random.Random(11))
    # 240 s apart two values are nearly independent: 4,000 of them know the mean to 0.04 m/s.
    speeds = [wind.speed(second * 240.0) for second in range(4_000)]

    assert fmean(speeds) == pytest.approx(FarmWind.MEAN, abs=0.2)
    assert stdev(speeds) == pytest.approx(FarmWind.DEVIATION, abs=0.15)


@pytest.mark.parametrize("seconds", [0.1, 30.0, 1_000.0])
def test_one_step_of_any_length_has_the_exact_mean_and_deviation(seconds: float) -> None:
    wind = FarmWind(random.Random(13))
    decay = math.exp(-seconds / FarmWind.RELAXATION)

    values = [wind.after(4.0, seconds) for _ in range(5_000)]

    assert fmean(values) == pytest.approx(FarmWind.MEAN - (FarmWind.MEAN - 4.0) * decay, abs=0.15)
    assert stdev(values) == pytest.approx(FarmWind.DEVIATION * math.sqrt(1 - decay**2), rel=0.05)
