"""Half of what a monitor can store, for minutes, on a database full of readings past their age: `--soak`.

Engineers are sent all the while, and how long each took is told by the second of the minute, since a minute's sums
are due at its end, and by whether retention was deleting then.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from .capacity import Stand, rates, stand
from .figures import percentile, print_facts, print_table
from .file_watch import COMMITTED, OLDEST, by_second, changes_in, longest_pause
from .filling import fill
from .overload import lost, said

SOAK: Final = 10.0
"""Minutes of a soak when none are named."""
SHARE: Final = 0.5
KEPT_IN_MINUTES: Final = 10
"""Age at which this monitor deletes readings; what is older lies in its file at the start."""
OLD_FOR_EACH_MINUTE: Final = 5
"""Minutes of the fleet that are past their age for each minute of the soak: about what retention deletes in it."""
MOST_OLD_MINUTES: Final = 50
MINUTE: Final = 60
AROUND: Final = 5
"""Seconds before and after the full minute that are told one by one."""
LATENCIES: Final = {
    "what": "engineers sent",
    "count": "count",
    "ratio": "ratio",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "slowest": "slowest ms",
}

Dispatches = Sequence[tuple[float, float]]
"""When an engineer came (s since 1970), and after how long (s)."""


def print_soak(minutes: float, links: int) -> dict[str, list[dict[str, object]]]:
    """Print how it went, and return it."""
    with stand(links=links, numbered=True) as where:
        best = where.best()
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        database = Path(folder) / "old.db"
        _fill(database, minutes, links)
        options = ["--retain", f"{KEPT_IN_MINUTES}m"]
        with stand(links=links, numbered=True, database=database, options=options) as where:
            whole, dispatches, slices = _soak(where, SHARE * best, minutes * 60)
    return {
        "by second": print_table(LATENCIES, by_second_of_minute(dispatches)),
        "by retention": print_table(LATENCIES, by_retention(dispatches, slices)),
        "whole": print_facts(f"{links:,} links, {minutes:g} minutes at {SHARE:.0%} of the best", whole),
    }


def _fill(database: Path, minutes: float, links: int) -> None:
    old = min(MOST_OLD_MINUTES, max(1, round(minutes * OLD_FOR_EACH_MINUTE)))
    begin = int(time.time()) // 60 - KEPT_IN_MINUTES - old
    fill(database, turbines=links, begin=begin, minutes=KEPT_IN_MINUTES + old)


def _soak(where: Stand, rate: float, seconds: float) -> tuple[dict[str, object], Dispatches, Counter[int]]:
    """Return what there is to say of the whole time, the engineers sent, and in which seconds how many slices went."""
    first = len(where.watching.seconds)
    where.probe.tell(do="probe", seconds=seconds)
    with changes_in(where.database, COMMITTED) as commits, changes_in(where.database, OLDEST) as deletions:
        went = where.send(rate, seconds)
    looks = where.watching.seconds[first:]
    stored = rates(looks)
    dispatches = [(at, took) for at, took in where.probe.answer()]
    acked = where.flood.ask(do="acked")["acked"]
    whole = {
        "offered a second": round(went["offered"]),
        "stored of it": round(statistics.mean(stored) / rate, 3),
        "worst second of it": round(min(stored) / rate, 2),
        "longest without a commit s": longest_pause(commits),
        "slowest health and metrics s": round(max(each.answered_in for each in looks), 2),
        "said": said(looks),
        "memory MiB, at first and at last": [round(each.memory / 2**20) for each in (looks[0], looks[-1])],
        "resyncs": went["resyncs"],
        "links lost": went["links_lost"],
        "acknowledged and lost": lost(where.database, acked, all_kept=False),
        "seconds in which old readings went": len(by_second(deletions)),
    }
    return whole, dispatches, by_second(deletions)


def by_second_of_minute(dispatches: Dispatches) -> list[dict[str, object]]:
    """Return a row for each second around the full minute, compared with all other seconds, which come first."""
    around: dict[int, list[float]] = {offset: [] for offset in range(-AROUND, AROUND + 1)}
    others: list[float] = []
    for at, took in dispatches:
        offset = (int(at) + MINUTE // 2) % MINUTE - MINUTE // 2
        around.get(offset, others).append(took)
    rows = {"all other seconds": others} | {f"second {offset:+}": times for offset, times in around.items()}
    return _latencies(rows)


def by_retention(dispatches: Dispatches, slices: Mapping[int, int]) -> list[dict[str, object]]:
    """Return rows for the seconds in which no reading was deleted, those in which one slice was, and several."""
    rows: dict[str, list[float]] = {
        "while nothing is deleted": [],
        "while a second's readings go each second": [],
        "while all that are old go, slice by slice": [],
    }
    kinds = list(rows.values())
    for at, took in dispatches:
        kinds[min(slices.get(int(at), 0), 2)].append(took)
    return _latencies(rows)


def _latencies(rows: Mapping[str, Sequence[float]]) -> list[dict[str, object]]:
    first = next((percentile(times, 0.5) for times in rows.values() if times), None)
    return [
        {
            "what": what,
            "count": len(times),
            "ratio": round(p50 / first, 2) if (p50 := percentile(times, 0.5)) and first else None,
            "p50": p50,
            "p99": percentile(times, 0.99),
            "slowest": percentile(times, 1.0),
        }
        for what, times in rows.items()
    ]
