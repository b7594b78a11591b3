"""The wheel that wakes turbines together."""

from __future__ import annotations

import asyncio

from virtual_time import run

from gridws.turbines.shared_timer import TICK, SharedTimer, ring


def test_who_waits_for_the_same_tick_is_woken_together_and_never_early() -> None:
    async def story() -> None:
        loop, wheel = asyncio.get_running_loop(), SharedTimer()
        woken: list[tuple[float, float]] = []

        async def wait(moment: float) -> None:
            await wheel.alarm(moment)
            woken.append((moment, loop.time()))

        began = loop.time()
        moments = [began + 1.0 + part * TICK for part in (0.1, 0.5, 0.9, 1.4)]
        await asyncio.gather(*map(wait, moments))
        assert all(moment - 1e-5 <= at <= moment + TICK for moment, at in woken)
        assert len({at for _, at in woken}) == 2

    run(story())


def test_an_alarm_may_be_rung_before_its_time_and_rings_once() -> None:
    async def story() -> None:
        loop, wheel = asyncio.get_running_loop(), SharedTimer()
        began = loop.time()
        alarm = wheel.alarm(began + 60)
        ring(alarm)
        await alarm
        assert loop.time() == began
        await wheel.alarm(began + 60)
        assert loop.time() >= began + 60

    run(story())


def test_who_gave_up_waiting_does_not_stop_the_others() -> None:
    async def story() -> None:
        loop, wheel = asyncio.get_running_loop(), SharedTimer()
        moment = loop.time() + 1.0
        first, second = wheel.alarm(moment), wheel.alarm(moment)
        first.cancel()
        await second
        assert loop.time() >= moment

    run(story())
