"""Every figure of the README's table in one command, each beside a peer from the same run.

Absolute times are of the machine at hand; what we promise is the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
from pathlib import Path
from typing import Final

from .cases import Figure, all_cases, as_json
from .stages import print_stages

COLUMNS: Final = {
    "what": "what",
    "links": "links",
    "rate": "frames/s",
    "cpu_us_a_frame": "µs a frame",
    "cores": "cores",
    "kib_a_link": "KiB a link",
    "sent": "sent",
    "stored": "stored",
    "late_s": "late s",
    "round_trip_ms_50": "dispatch p50 ms",
    "round_trip_ms_99": "p99 ms",
    "bytes_on_disk_a_reading": "B a reading",
    "bytes_written_a_reading": "B written",
    "ms": "ms",
}


def table_row(values: dict[str, object], *, fill: str = " ") -> str:
    """Return one line of the table, which is Markdown and can be read as it is."""
    cells = []
    for name, title in COLUMNS.items():
        value = values.get(name, "")
        text = "" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)
        cells.append(f"{text:{fill}<44}" if name == "what" else f"{text:{fill}>{len(title)}}")
    return "| " + " | ".join(cells) + " |"


def machine() -> dict[str, object]:
    """Return what the figures depend on besides us."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Run the cases, print the table, write it as JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each case is loaded")
    parser.add_argument(
        "--only", help="one group: frames, dispatch, fleets, turbines, history or starts (several: a,b)"
    )
    parser.add_argument(
        "--history-minutes", type=int, default=60, help="minutes of readings of 10,000 turbines"
    )
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    parser.add_argument("--profile", action="store_true", help="show where a frame's time goes, and no more")
    options = parser.parse_args()
    if options.profile:
        print_stages()
        return
    groups = all_cases(options.seconds, options.history_minutes)
    chosen = options.only.split(",") if options.only else list(groups)
    unknown = [name for name in chosen if name not in groups]
    if unknown:
        parser.error(f"there is no group {unknown[0]}; there are {', '.join(groups)}")
    print(f"{table_row(dict(COLUMNS))}\n{table_row({}, fill='-')}", flush=True)
    figures: list[Figure] = []
    for name in chosen:
        for figure in groups[name]():
            figures.append(figure)
            print(table_row(vars(figure)), flush=True)
    options.output.write_text(as_json(figures, machine()))


if __name__ == "__main__":
    main()
