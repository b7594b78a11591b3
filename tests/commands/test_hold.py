"""`gridws hold` and `gridws next` against a monitor that runs."""

from __future__ import annotations

import pytest
from live_monitor import hear_type, served, until
from shell import gridws

pytestmark = pytest.mark.slow

BROKEN = '{"type":"status","turbine_number":%d,"operational_status":"broken"}'


async def test_turbines_are_held_for_a_time_and_no_longer() -> None:
    async with served() as monitor:
        code, said, _ = await gridws(monitor, "hold", "7", "8", "--for", "4h", "--reason", "gearbox exchange")

        assert code == 0
        assert said.count("is held until 20") == 2
        held = monitor.monitor.fleet_state.hold_of(8)
        assert held is not None
        assert held.until == held.since + 4 * 3_600_000
        assert held.reason == "gearbox exchange"
        ended = await gridws(monitor, "hold", "7", "--end")
        assert ended == (0, "turbine 7 is held no longer\n", "")
        assert await gridws(monitor, "hold", "7", "--end") == (1, "", "gridws: Turbine 7 is not held\n")


async def test_a_hold_without_an_end_says_so() -> None:
    async with served() as monitor, monitor.turbine(7):
        await until(lambda: 7 in monitor.monitor.fleet_state)

        held = await gridws(monitor, "hold", "7")

        assert held == (0, "turbine 7 is held until somebody ends it\n", "")


async def test_a_hold_of_a_turbine_that_nobody_saw_counts_and_warns_of_a_wrong_number() -> None:
    async with served() as monitor:
        code, said, _ = await gridws(monitor, "hold", "77")

        assert code == 0
        assert monitor.monitor.fleet_state.hold_of(77) is not None
        assert said.endswith(
            "until somebody ends it; beware: turbine 77 was not seen within the last 7 days\n"
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--for", "4h", "--until", "2199-01-01"], "--for and --until both say when the hold ends"),
        (["--end", "--for", "4h"], "--end goes with none of --for, --until and --reason"),
        (["--for", "soon"], "'soon' is no length of time"),
    ],
)
async def test_options_that_do_not_fit_hold_nothing(words: list[str], sentence: str) -> None:
    async with served() as monitor:
        code, _, complaint = await gridws(monitor, "hold", "7", *words)

        assert code == 2
        assert sentence in complaint
        assert monitor.monitor.fleet_state.hold_of(7) is None


async def test_a_waiting_turbine_is_put_next_and_is_served_next() -> None:
    async with (
        served(engineers=1) as monitor,
        monitor.turbine(1) as first,
        monitor.turbine(2) as second,
        monitor.turbine(3) as third,
    ):
        await first.send(BROKEN % 1)
        await hear_type(first, "engineer_assigned")
        await second.send(BROKEN % 2)
        await third.send(BROKEN % 3)
        await until(lambda: monitor.monitor.fleet_state.totals().waiting == 2)

        done = await gridws(monitor, "next", "3", "--reason", "strong wind ahead")
        refused = await gridws(monitor, "next", "1")
        await first.send(BROKEN.replace("broken", "ok") % 1)

        assert done == (0, "turbine 3 is next\n", "")
        assert refused == (1, "", "gridws: Turbine 1 does not wait for an engineer\n")
        assert (await hear_type(third, "engineer_assigned"))["turbine_number"] == 3
