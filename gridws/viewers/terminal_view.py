"""What the fleet looks like on a terminal: a screen that fits its window.

Every state is told in words; colour only helps to find it. Whatever text came over the network loses its control
characters, and none of it is read as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..printable import printable
from ..wire.frames import EngineerState, Event, EventKind, TurbineState
from ..words import OperationalStatus
from .fleet_words import (
    LONGEST_NAME,
    STYLES,
    by_urgency,
    counted,
    kind_of,
    lasted,
    name_of,
    parts_of_totals,
    reading_of,
    whereabouts,
    who,
    words_of,
)
from .mirror import Mirror
from .staffing import broken_for

WIDE: Final = 120
"""Columns from which engineers and events stand beside the turbines instead of below them."""

NARROW: Final = 64
"""Columns below which the headline takes three rows and the wind is left out: all the rest can be read then."""

ROOMY: Final = 140
"""Columns from which each broken turbine says for how long it has been broken, whoever was there meanwhile."""

NAME_COLUMN: Final = LONGEST_NAME + 4
WITHOUT_NAME: Final = 61
"""Columns that turbines' names take at the most, and that all else of a turbine needs."""

LOUD: Final = "bold white on red"
_MARKS: Final = {"waiting": "!", "repair": "+", "held": "=", "offline": "x", "unknown": "?", "ok": " "}
_EVENT_STYLES: Final = {
    EventKind.broke: "red",
    EventKind.waiting: "bold red",
    EventKind.lost: "magenta",
    EventKind.withdrawn: "bold red",
    EventKind.clock_off: "yellow",
    EventKind.monitor_lost: "bold red",
    EventKind.storage_failed: LOUD,
}


class FleetScreen:
    """The mirror's fleet, as much of it as the window holds."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.utilisation: float | None = None
        """The share of the last hour that the engineers were at work, None while it is not known."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.size.height
        header = self._header(width)
        lines = [*header, *self._body(width, max(0, height - len(header)))]
        rows = console.render_lines(Group(*lines), options.update(height=None), pad=False)
        # A window of any size: what is too much is cut at the bottom, and no row ever wraps or scrolls.
        for number, row in enumerate(rows[:height]):
            if number:
                yield Segment.line()
            yield from row

    def _header(self, width: int) -> list[RenderableType]:
        mirror = self._mirror
        state = "connected" if not mirror.stale else "disconnected"
        where = (
            f", site {printable(mirror.site)}: {counted(len(mirror.shown), 'turbine')}" if mirror.site else ""
        )
        title = _row(("gridws", "bold"), (f"  {printable(mirror.monitor_url)}  {state}{where}", "dim"))
        totals = _in_rows(parts_of_totals(mirror, self.utilisation), width)
        return [title, *(_row((text, style)) for text, style in _alarms(mirror)), *totals, _row()]

    def _body(self, width: int, height: int) -> list[RenderableType]:
        if self._mirror.started_at is None:
            return [_row(("waiting for the monitor's first word", "dim"))] if height else []
        if width < WIDE + (NAME_COLUMN if self._named else 0):
            return self._stacked(width, height)
        grid = Table.grid(padding=(0, 3), expand=True)
        # The turbines take what they need; sentences get all the rest.
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        engineers = self._engineers(max(3, height // 3))
        events = self._events(height - len(engineers))
        grid.add_row(self._turbines(width, height), Group(*engineers, *events))
        return [grid]

    def _stacked(self, width: int, height: int) -> list[RenderableType]:
        engineers = self._engineers(4 if height < 30 else 8)
        beside_turbines = height - len(engineers) - len(self._mirror.shown) - 2
        events = self._events(max(4, height // 4, beside_turbines))
        rest = height - len(engineers) - len(events) - 1
        # In a window too low for all the turbines stay: they are what it is about.
        below = [*engineers, *events] if rest >= 4 else []
        table = self._turbines(width, rest if below else height)
        return [table, _row(), *below] if below else [table]

    def _turbines(self, width: int, height: int) -> Table:
        states, now = self._mirror.shown, self._mirror.monitor_now or 0
        shown = max(0, height - 1)
        if len(states) > shown:
            shown -= 1
        narrow = width < NARROW
        gap = 1 if narrow else 2
        table = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", show_edge=False, pad_edge=False)
        named = not narrow and self._named
        table.add_column("turbine", justify="right", no_wrap=True)
        if named:
            table.add_column("name", no_wrap=True, max_width=max(1, width - WITHOUT_NAME))
        table.add_column("state", no_wrap=True, min_width=None if narrow else 22)
        roomy = ("broken for",) if width >= ROOMY else ()
        for title in ("for", "kW") if narrow else ("for", *roomy, "wind m/s", "power kW"):
            table.add_column(title, justify="right", no_wrap=True)
        for state in by_urgency(states.values(), max(0, shown)):
            style = STYLES[kind_of(state)]
            number = f"{_MARKS[kind_of(state)]} {state.turbine_number}"
            reading = reading_of(state)[1:] if narrow else reading_of(state)
            name = [name_of(state)] if named else []
            broken = [_broken(state, now)] if roomy else []
            cells = (number, *name, words_of(state), lasted(now - state.since), *broken, *reading)
            table.add_row(*(Text(cell, style=style) for cell in cells))
        if len(states) > shown:
            more = Text(f"and {len(states) - max(0, shown):,} more", style="dim")
            table.add_row("", *([""] if named else []), more)
        return table

    @property
    def _named(self) -> bool:
        return any(state.name or state.site for state in self._mirror.shown.values())

    def _engineers(self, height: int) -> list[RenderableType]:
        now = self._mirror.monitor_now or 0
        # Those at work first: where there are more than fit, the free ones look all alike.
        everybody = sorted(
            self._mirror.engineers, key=lambda each: (each.turbine_number is None, each.engineer_id)
        )
        shown = everybody if len(everybody) < height else everybody[: max(0, height - 2)]
        rows = [_row((_engineer(each, now), "yellow" if each.turbine_number else "")) for each in shown]
        if len(shown) < len(everybody):
            rows.append(_row((f"and {len(everybody) - len(shown):,} more", "dim")))
        return [_row(("engineers", "dim")), *rows]

    def _events(self, height: int) -> list[RenderableType]:
        newest = list(filter(self._mirror.shows, self._mirror.events))[::-1][: max(0, height - 1)]
        return [_row(("last events", "dim")), *map(_event, newest)] if height > 1 else []


def _broken(state: TurbineState, now: int) -> str:
    broken = state.operational_status is OperationalStatus.broken
    return lasted(broken_for(state, now)) if broken else ""


def _alarms(mirror: Mirror) -> Iterator[tuple[str, str]]:
    if mirror.refused:
        yield f" the monitor refuses this viewer: {printable(mirror.refused)}{_old(mirror)} ", LOUD
    elif mirror.stale and (mirror.trouble or mirror.started_at is not None):
        why = f" ({printable(mirror.trouble)})" if mirror.trouble else ""
        yield f" disconnected from the monitor{why}, trying again{_old(mirror)} ", LOUD
    if mirror.degraded:
        yield f" readings are not stored: {printable(mirror.degraded)} ", LOUD


def _old(mirror: Mirror) -> str:
    return "" if mirror.age is None else f"; shown is {lasted(int(mirror.age * 1000))} old"


def _in_rows(parts: Sequence[tuple[str, str]], width: int) -> list[Text]:
    """Return the totals in as few rows as they fit into, those of turbines and of engineers apart."""
    rows = [parts[:2], parts[2:4], parts[4:]] if width < NARROW else [parts[:4], parts[4:]]
    if sum(len(text) for text, _ in parts) <= width:
        rows = [parts]
    # Each part but the first begins with a mark and a space that part it from the one before.
    return [_row((row[0][0].lstrip(",; "), row[0][1]), *row[1:]) for row in rows]


def _engineer(engineer: EngineerState, now: int) -> str:
    number = f"{engineer.engineer_id:>3}"
    called = who(engineer).removeprefix(str(engineer.engineer_id))
    return f"{number}{called}  {whereabouts(engineer)}, {lasted(now - engineer.since)}"


def _event(event: Event) -> Text:
    at = datetime.fromtimestamp(event.at / 1000).astimezone()
    return _row((f"{at:%H:%M:%S}  ", "dim"), (printable(event.text), _EVENT_STYLES.get(event.kind, "")))


def _row(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
