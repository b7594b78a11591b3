"""Rows for tests."""

from __future__ import annotations

from gridws.storage import Reading

from .conftest import NOW

ALWAYS = {"since": 0, "until": 2**53, "limit": 10_000}


def reading(turbine_number: int = 7, after: int = 0, **changes: object) -> Reading:
    """Return a reading measured and received `after` ms after the beginning."""
    row = Reading(turbine_number, NOW + after, 8.5, 1250.25, "ok", NOW + after)
    return row._replace(**changes)  # type: ignore[arg-type]
