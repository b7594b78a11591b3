"""What the fleet looks like on a terminal: as a screen that fits its window, and as plain lines for scripts.

What needs somebody comes first: waiting turbines by their place, then those under repair, offline, without a
status, and last those that are ok. Every state is told in words; colour only helps to find it. Whatever text came
over the network loses its control characters, and none of it is read as markup.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from .frames import EngineerState, Event, EventKind, OperationalStatus, TurbineState
from .mirror import Mirror

WIDE: Final = 120
"""Columns from which engineers and events stand beside the turbines instead of below them."""

NARROW: Final = 64
"""Columns below which the headline takes three rows and the wind is left out: all the rest can be read then."""

LOUD: Final = "bold white on red"
_STYLES: Final = {
    "waiting": "bold red",
    "repair": "yellow",
    "offline": "magenta",
    "unknown": "cyan",
    "ok": "",
}
_MARKS: Final = {"waiting": "!", "repair": "+", "offline": "x", "unknown": "?", "ok": " "}
_RANKS: Final = {kind: rank for rank, kind in enumerate(_STYLES)}
_EVENT_STYLES: Final = {
    EventKind.broke: "red",
    EventKind.waiting: "bold red",
    EventKind.lost: "magenta",
    EventKind.withdrawn: "bold red",
    EventKind.storage_failed: LOUD,
}


class FleetScreen:
    """The mirror's fleet, as much of it as the window holds."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

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
        title = _row(("gridws", "bold"), (f"  {clean(mirror.monitor_url)}  {state}", "dim"))
        totals = _totals_in_rows(mirror) if width < NARROW else [_totals(mirror)]
        return [title, *(_row((text, style)) for text, style in _alarms(mirror)), *totals, _row()]

    def _body(self, width: int, height: int) -> list[RenderableType]:
        if self._mirror.started_at is None:
            return [_row(("waiting for the monitor's first word", "dim"))] if height else []
        if width < WIDE:
            return self._stacked(width, height)
        grid = Table.grid(padding=(0, 3), expand=True)
        grid.add_column(ratio=3)
        grid.add_column(ratio=2)
        engineers = self._engineers(max(3, height // 3))
        events = self._events(height - len(engineers))
        grid.add_row(self._turbines(width, height), Group(*engineers, *events))
        return [grid]

    def _stacked(self, width: int, height: int) -> list[RenderableType]:
        engineers = self._engineers(4 if height < 30 else 8)
        events = self._events(max(4, height // 4))
        rest = height - len(engineers) - len(events) - 1
        # In a window too low for all the turbines stay: they are what it is about.
        below = [*engineers, *events] if rest >= 4 else []
        table = self._turbines(width, rest if below else height)
        return [table, _row(), *below] if below else [table]

    def _turbines(self, width: int, height: int) -> Table:
        states, now = self._mirror.turbines, self._mirror.monitor_now or 0
        shown = max(0, height - 1)
        if len(states) > shown:
            shown -= 1
        narrow = width < NARROW
        gap = 1 if narrow else 2
        table = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", show_edge=False, pad_edge=False)
        table.add_column("turbine", justify="right", no_wrap=True)
        table.add_column("state", no_wrap=True, min_width=None if narrow else 22)
        for title in ("for", "kW") if narrow else ("for", "wind m/s", "power kW"):
            table.add_column(title, justify="right", no_wrap=True)
        for state in by_urgency(states.values(), max(0, shown)):
            style = _STYLES[kind_of(state)]
            number = f"{_MARKS[kind_of(state)]} {state.turbine_number}"
            reading = _reading(state)[1:] if narrow else _reading(state)
            cells = (number, words_of(state), lasted(now - state.since), *reading)
            table.add_row(*(Text(cell, style=style) for cell in cells))
        if len(states) > shown:
            table.add_row("", Text(f"and {len(states) - max(0, shown):,} more", style="dim"))
        return table

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
        newest = list(self._mirror.events)[::-1][: max(0, height - 1)]
        return [_row(("last events", "dim")), *map(_event, newest)] if height > 1 else []


def plain_lines(mirror: Mirror) -> Iterator[str]:
    """Yield the fleet as a table without colour: columns of fixed width, and every turbine a line."""
    now = mirror.monitor_now or 0
    if mirror.degraded:
        yield f"degraded: {clean(mirror.degraded)}"
    yield _totals(mirror).plain
    yield ""
    turbines = by_urgency(mirror.turbines.values(), len(mirror.turbines))
    yield from _columns(
        ("turbine", "state", "for", "wind m/s", "power kW"),
        [
            (str(state.turbine_number), words_of(state), lasted(now - state.since), *_reading(state))
            for state in turbines
        ],
    )
    yield ""
    yield from _columns(
        ("engineer", "state", "for"),
        [(str(each.engineer_id), _whereabouts(each), lasted(now - each.since)) for each in mirror.engineers],
    )


def by_urgency(states: Iterable[TurbineState], count: int) -> list[TurbineState]:
    """Return the `count` turbines that need somebody most, the most urgent first."""
    return heapq.nsmallest(count, states, key=_urgency)


def kind_of(state: TurbineState) -> str:
    """Return in one word what a turbine's state means for who looks at it."""
    if not state.online:
        return "offline"
    if state.engineer_id is not None:
        return "repair"
    if state.operational_status is None:
        return "unknown"
    return "ok" if state.operational_status is OperationalStatus.ok else "waiting"


def words_of(state: TurbineState) -> str:
    """Return a turbine's state in a few words."""
    match kind_of(state):
        case "repair":
            return f"broken, engineer {state.engineer_id}"
        case "waiting":
            return f"broken, waiting at {state.waiting_place}" if state.waiting_place else "broken"
        case "unknown":
            return "online, no status yet"
        case kind:
            return kind


def lasted(milliseconds: int) -> str:
    """Return a duration in its largest unit, rounded down."""
    seconds = max(0, milliseconds) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def clean(text: str) -> str:
    """Return the text without what moves the cursor, changes colours or turns the line around."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _urgency(state: TurbineState) -> tuple[int, int, int]:
    return (_RANKS[kind_of(state)], state.waiting_place or 0, state.turbine_number)


def _alarms(mirror: Mirror) -> Iterator[tuple[str, str]]:
    if mirror.refused:
        yield f" the monitor refuses this viewer: {clean(mirror.refused)}{_old(mirror)} ", LOUD
    elif mirror.stale and (mirror.trouble or mirror.started_at is not None):
        why = f" ({clean(mirror.trouble)})" if mirror.trouble else ""
        yield f" disconnected from the monitor{why}, trying again{_old(mirror)} ", LOUD
    if mirror.degraded:
        yield f" readings are not stored: {clean(mirror.degraded)} ", LOUD


def _old(mirror: Mirror) -> str:
    return "" if mirror.age is None else f"; shown is {lasted(int(mirror.age * 1000))} old"


def _totals(mirror: Mirror) -> Text:
    return _row(*_parts_of_totals(mirror))


def _totals_in_rows(mirror: Mirror) -> list[Text]:
    parts = _parts_of_totals(mirror)
    rows = (parts[:2], parts[2:4], parts[4:])
    # Each part but the first begins with a mark and a space that part it from the one before.
    return [_row((row[0][0].lstrip(",; "), row[0][1]), *row[1:]) for row in rows]


def _parts_of_totals(mirror: Mirror) -> list[tuple[str, str]]:
    totals = mirror.totals
    offline = totals.turbines - totals.online
    return [
        (f"{_count(totals.turbines, 'turbine')}, {totals.online:,} online", ""),
        (f", {offline:,} offline" if offline else "", "magenta"),
        (f", {totals.broken:,} broken", "yellow" if totals.broken else ""),
        (f", {totals.waiting:,} waiting", "bold red" if totals.waiting else ""),
        (f"; {_count(totals.engineers, 'engineer')}, {totals.engineers_free:,} free", ""),
        (f"; {totals.power_output_in_kwh:,.0f} kW", ""),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _reading(state: TurbineState) -> tuple[str, str]:
    # What an offline turbine sent last is history, and nobody shall add it up.
    if not state.online or state.wind_speed is None or state.power_output_in_kwh is None:
        return "-", "-"
    return _number(state.wind_speed, 1), _number(state.power_output_in_kwh, 0)


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if abs(value) < 1e9 else f"{value:.1e}"


def _engineer(engineer: EngineerState, now: int) -> str:
    return f"{engineer.engineer_id:>3}  {_whereabouts(engineer)}, {lasted(now - engineer.since)}"


def _whereabouts(engineer: EngineerState) -> str:
    return "free" if engineer.turbine_number is None else f"at turbine {engineer.turbine_number}"


def _event(event: Event) -> Text:
    at = datetime.fromtimestamp(event.at / 1000).astimezone()
    return _row((f"{at:%H:%M:%S}  ", "dim"), (clean(event.text), _EVENT_STYLES.get(event.kind, "")))


def _row(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
