"""What a monitor that starts is told: from the file that it begins on, or from one that it cannot write to yet.

No id is used twice, also where none can be set aside because nothing can be written: such a run begins with ids of
its own, far ahead of all others and later than those of the last such run.
"""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Final

from .. import Opened
from . import events, mending
from .reader import open_still

_IDS_A_MILLISECOND: Final = 1_000
_LATEST: Final = 2**52 // _IDS_A_MILLISECOND
"""Whatever the clock says: ids go over the wire, where numbers end at 2^53."""
_SCATTERED: Final = 1_000_000_000
"""For a clock that says the same at each start: runs then begin as far apart as chance will have it."""


def opened(
    connection: sqlite3.Connection, meta: dict[str, int], *, ids: tuple[int, int], oldest: int
) -> Opened:
    """Return what the file holds; turbines not seen since `oldest` (ms) are not shown any more."""
    last = mending.last_readings(connection, meta)
    seen = mending.last_seen(connection, last)
    shown = {number: at for number, at in seen.items() if at >= oldest}
    return Opened(
        *ids,
        {number: reading for number, reading in last.items() if number in shown},
        shown,
        mending.belief_in(meta),
        engineers=meta.get("engineers"),
        holds=events.holds(connection),
        names=events.names(connection),
    )


def opened_in_trouble(path: Path, *, now: int, oldest: int) -> Opened:
    """Return what can be read of a file that cannot be written, be it nothing at all."""
    ahead, _ = ids_ahead(now)
    try:
        with open_still(path) as connection:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            ids = [_behind(meta, kind, ahead) for kind in ("assignment", "link")]
            return opened(connection, meta, ids=(ids[0], ids[1]), oldest=oldest)
    except (sqlite3.Error, OSError):
        return Opened(ahead, ahead, {}, {})


def ids_ahead(now: int) -> tuple[int, int]:
    """Return ids of assignments and links that lie far behind all that earlier runs can have used."""
    ahead = min(max(now, 0), _LATEST) * _IDS_A_MILLISECOND + random.randrange(_SCATTERED)  # noqa: S311
    return ahead, ahead


def _behind(meta: dict[str, int], kind: str, ahead: int) -> int:
    return max(ahead, meta.get(f"reserved_{kind}_id", 0))
