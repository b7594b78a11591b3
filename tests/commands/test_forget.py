"""`gridws forget` against a monitor that runs."""

from __future__ import annotations

from live_monitor import served, until
from shell import gridws

METRICS = '{"type":"metrics","turbine_number":7,"wind_speed":8.0,"power_output_in_kwh":9.0,"operational_status":"ok"}'


async def test_a_turbine_that_left_is_forgotten_and_one_that_is_linked_is_not() -> None:
    async with served() as monitor:
        async with monitor.turbine(7) as link:
            await link.send(METRICS)
            await until(lambda: 7 in monitor.monitor.last_turbines_metrics)
            refused = await gridws(monitor, "forget", "7")
        await until(lambda: 7 not in monitor.monitor.sessions)
        done = await gridws(monitor, "forget", "7", "--readings")

        assert refused == (1, "", "gridws: Turbine 7 has a link; end that, then it can be forgotten\n")
        assert done == (0, "turbine 7 is forgotten, and its readings are deleted\n", "")
        assert 7 not in monitor.monitor.fleet_state


async def test_a_number_that_nobody_knows_is_said() -> None:
    async with served() as monitor:
        assert await gridws(monitor, "forget", "9") == (1, "", "gridws: Turbine 9 is not known here\n")
