"""What changes in a monitor's database while it runs, seen from outside by asking the file the same again and again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from gridws.storage.sqlite.reader import open_reader

COMMITTED: Final = "PRAGMA data_version"
"""Has another answer after each commit of somebody else."""
OLDEST: Final = "SELECT second FROM metrics ORDER BY second LIMIT 1"
"""Has another answer when the readings of a second were deleted by age."""
EVERY: Final = 0.02
"""Seconds between two looks."""


@contextlib.contextmanager
def changes_in(database: Path, sql: str) -> Iterator[list[float]]:
    """Ask for as long as this lasts; the list gets begin, moments of a new answer, and end (s since 1970)."""
    changed, stop = [time.time()], threading.Event()
    with open_reader(database) as connection:
        answer = connection.execute(sql).fetchone()

    def run() -> None:
        with open_reader(database) as connection:
            last = answer
            while not stop.wait(EVERY):
                found = connection.execute(sql).fetchone()
                if found != last:
                    changed.append(time.time())
                    last = found

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield changed
    finally:
        stop.set()
        thread.join()
        changed.append(time.time())


def longest_pause(moments: Sequence[float]) -> float:
    """Return the longest time between two moments, in seconds."""
    return round(max((after - before for before, after in pairwise(moments)), default=0.0), 2)


def by_second(moments: Sequence[float]) -> Counter[int]:
    """Return in which seconds (since 1970) how many moments lie that are between the first and the last."""
    return Counter(map(int, moments[1:-1]))
