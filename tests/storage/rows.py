"""Rows for tests."""

from __future__ import annotations

from collections.abc import Mapping

from gridws.storage.rows import Cursor, Reading, StreamKey

from .conftest import NOW

ALWAYS = {"since": 0, "until": 2**53, "limit": 10_000}


def reading(turbine_number: int = 7, after: int = 0, **changes: object) -> Reading:
    """Return a reading measured and received `after` ms after the beginning."""
    row = Reading(turbine_number, NOW + after, 8.5, 1250.25, "ok", NOW + after)
    return row._replace(**changes)  # type: ignore[arg-type]


def moved(to: Mapping[StreamKey, int]) -> dict[Cursor, int]:
    """Return the cursors of these streams, moved to these sequences."""
    return {Cursor(key): sequence for key, sequence in to.items()}
