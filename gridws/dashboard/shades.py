"""When a turbine was broken, and when somebody repaired it: what is shaded behind its power. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from ..storage.rows import Repair

Kind = Literal["broken", "repair"]

MOST: Final = 300
"""Shades of a kind that can be told apart in a chart: those nearer to each other become one."""


class Shade(NamedTuple):
    """One stretch, in ms UTC."""

    kind: Kind
    begin: int
    end: int


def shades_of(repairs: Iterable[Repair], broken_at: int | None, begin: int, end: int) -> list[Shade]:
    """Return what is to be shaded from `begin` to `end`, of these repairs in any order.

    `broken_at` is since when it has been broken, where it is now; nobody is there where no repair is running.
    """
    rows = sorted(repairs, key=lambda row: row.assigned_at)
    shades = [*_of_repairs(rows, end)]
    if broken_at is not None and not any(row.ended_at is None for row in rows):
        last = max((row.ended_at or 0 for row in rows), default=0)
        shades.append(Shade("broken", max(broken_at, last), end))
    cut = [Shade(kind, max(at, begin), min(until, end)) for kind, at, until in shades]
    seen = [shade for shade in cut if shade.begin < shade.end]
    near = (end - begin) // MOST
    return [*_joined(seen, "broken", near), *_joined(seen, "repair", near)]


def _of_repairs(rows: Sequence[Repair], end: int) -> Iterator[Shade]:
    left = 0
    for row in rows:
        # An earlier engineer may have been there for the same failure.
        yield Shade("broken", max(row.broken_at, left), row.assigned_at)
        left = end if row.ended_at is None else row.ended_at
        yield Shade("repair", row.assigned_at, left)


def _joined(shades: Sequence[Shade], kind: Kind, near: int) -> list[Shade]:
    joined: list[Shade] = []
    for shade in shades:
        if shade.kind != kind:
            continue
        if joined and shade.begin - joined[-1].end < near:
            joined[-1] = joined[-1]._replace(end=shade.end)
        else:
            joined.append(shade)
    return joined
