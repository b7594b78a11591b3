"""Many turbines in one process."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import OptionError
from ..settings import MAX_TURBINE_NUMBER, TurbineSettings, WindKind
from .dialing import Dialer
from .link import Dial, News
from .shared_timer import SharedTimer
from .turbine import Utc, WindTurbine, utc_now
from .turbine_news import TOGETHER_FROM, EachTurbine, ManyTurbines
from .turbine_tokens import TokenOf, token_source
from .wind import FarmWind, StaticWind, TurbineWind, Wind, chance_of

BAR_FROM: Final = 51
"""Turbines from which connecting takes long enough to look at."""
FILES_BESIDES: Final = 64
"""File descriptors for everything that is not a link."""

_log = logging.getLogger("gridws")


async def run_fleet(
    settings: TurbineSettings,
    *,
    console: Console | None = None,
    dial: Dial | None = None,
    token_of: TokenOf | None = None,
    utc: Utc = utc_now,
) -> None:
    """Run turbines until cancelled, and raise what the first of them raises.

    `console` shows a bar while many connect, if it is a terminal. `dial` replaces the network, `token_of` what
    the settings say of tokens, `utc` the wall clock. Raises `OptionError` for settings that cannot work, before
    anything is started.
    """
    check(settings)
    if dial is None:
        raise_file_limit(settings.count)
        dial = Dialer(
            settings.monitor, token=token_of or token_source(settings), ca_file=settings.ca_file
        ).dial
    connecting = Connecting(_news(settings), settings.count, console or Console(stderr=True))
    try:
        async with asyncio.TaskGroup() as tasks:
            for turbine in build(settings, dial=dial, news=connecting, utc=utc):
                tasks.create_task(turbine.run())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        connecting.close()


def build(settings: TurbineSettings, *, dial: Dial, news: News, utc: Utc = utc_now) -> Iterator[WindTurbine]:
    """Yield the turbines, their second readings spread evenly over one interval."""
    farm = FarmWind(chance_of(settings.seed, "farm"))
    delays = random.Random()  # noqa: S311  # shared and never seeded: see `Uplink`
    wheel = SharedTimer()
    for place in range(settings.count):
        turbine_number = settings.first_number + place
        chance = chance_of(settings.seed, turbine_number)
        yield WindTurbine(
            turbine_number,
            settings.upload_frequency,
            settings.time_to_fail,
            settings.time_to_repair,
            settings.monitor,
            wind=_wind(settings, farm, chance),
            chance=chance,
            dial=dial,
            delays=delays,
            buffer=settings.buffer,
            utc=utc,
            news=news,
            wheel=wheel,
            first_gap_in_seconds=settings.upload_frequency * (place + 1) / settings.count,
        )


def check(settings: TurbineSettings) -> None:
    """Raise `OptionError` when these settings cannot work."""
    if settings.count < 1:
        raise OptionError("--count must be at least 1")
    last = settings.first_number + settings.count - 1
    if settings.first_number < 1 or last > MAX_TURBINE_NUMBER:
        raise OptionError(f"turbine numbers go from 1 to {MAX_TURBINE_NUMBER}: choose another --first-number")
    if settings.buffer < 1:
        raise OptionError("--buffer must be at least 1")
    for option, seconds in _durations(settings):
        if not 0.0 < seconds < float("inf"):
            raise OptionError(f"{option} must be more than 0 seconds")


def raise_file_limit(count: int) -> None:
    """Let this process open as many links; raise `OptionError` when the system does not."""
    wanted = count + FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    if wanted > hard != resource.RLIM_INFINITY:
        raise OptionError(
            f"{count} turbines need {wanted} open files and this system allows {hard}: see `ulimit -Hn`"
        )
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:
        raise OptionError(
            f"{count} turbines need {wanted} open files and this system allows {soft}: see `ulimit -n`"
        ) from error


class Connecting:
    """Passes news on, and counts the turbines until each has had its first link."""

    def __init__(self, news: EachTurbine | ManyTurbines, count: int, console: Console) -> None:
        self._news = news
        self._missing = count
        self._count = count
        self._seen: set[int] = set()
        self._began = asyncio.get_running_loop().time()
        self._bar = _bar(console, count) if count >= BAR_FROM and console.is_terminal else None

    def linked(self, turbine_number: int) -> None:
        """Count the first link of a turbine."""
        self._news.linked(turbine_number)
        if self._missing and turbine_number not in self._seen:
            self._seen.add(turbine_number)
            self._missing -= 1
            if self._bar is not None:
                self._bar.advance(self._bar.task_ids[0])
            if not self._missing:
                self._all_linked()

    def link_lost(self, turbine_number: int, reason: str) -> None:
        """Pass it on."""
        self._news.link_lost(turbine_number, reason)

    def happened(self, text: str) -> None:
        """Pass it on."""
        self._news.happened(text)

    def close(self) -> None:
        """Take the bar away and be silent."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._news.close()

    def _all_linked(self) -> None:
        self._seen.clear()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._count >= TOGETHER_FROM:
            seconds = asyncio.get_running_loop().time() - self._began
            _log.info("all %d turbines are linked, after %.1f s", self._count, seconds)


def _bar(console: Console, count: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, refresh_per_second=4)
    bar.add_task("turbines linked", total=count)
    bar.start()
    return bar


def _news(settings: TurbineSettings) -> EachTurbine | ManyTurbines:
    return ManyTurbines() if settings.count >= TOGETHER_FROM else EachTurbine()


def _wind(settings: TurbineSettings, farm: FarmWind, chance: random.Random) -> Wind:
    return StaticWind() if settings.wind is WindKind.static else TurbineWind(farm, chance)


def _durations(settings: TurbineSettings) -> Iterator[tuple[str, float]]:
    yield "--upload-frequency", settings.upload_frequency
    yield "--time-to-fail", 1.0 if settings.time_to_fail is None else settings.time_to_fail
    yield "--time-to-repair", 1.0 if settings.time_to_repair is None else settings.time_to_repair
