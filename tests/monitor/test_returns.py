"""How often a turbine may have a new link."""

from __future__ import annotations

import pytest

from gridws.monitor import returns
from gridws.monitor.returns import Returns
from gridws.settings import MonitorSettings

SETTINGS = MonitorSettings(links_per_minute=20, links_burst=5)


def came(times: int, *, at: float = 1000.0) -> Returns:
    counted = Returns(SETTINGS)
    for _ in range(times):
        counted.came(7, at)
    return counted


def test_who_was_never_here_may_come() -> None:
    assert Returns(SETTINGS).wait(7, 1000.0) == 0.0


@pytest.mark.parametrize(("times", "seconds"), [(4, 0.0), (5, 3.0), (6, 6.0)])
def test_after_so_many_links_a_turbine_waits(times: int, seconds: float) -> None:
    assert came(times).wait(7, 1000.0) == pytest.approx(seconds)


def test_the_wait_is_over_when_it_was_said_to_be() -> None:
    counted = came(5)
    assert counted.wait(7, 1003.0) == 0.0
    counted.came(7, 1003.0)
    assert counted.wait(7, 1003.0) == pytest.approx(3.0)


def test_others_do_not_wait() -> None:
    assert came(50).wait(8, 1000.0) == 0.0


def test_turbines_that_have_used_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "_KEPT", 2)
    counted = came(1)
    counted._most = 2
    for number in (8, 9, 10):
        counted.came(number, 2000.0)
    assert 7 not in counted._even_at
    assert {8, 9, 10} <= set(counted._even_at)
