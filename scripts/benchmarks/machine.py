"""What figures depend on besides us: the machine, how busy it is, and how quick it is just now.

The same machine is two and a half times as quick in one hour as in another, so every table says both.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from typing import Final

LOOPS: Final = 300_000
TRIES: Final = 5


def machine() -> dict[str, object]:
    """Return what the figures depend on besides us."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "calibration_ms": calibration(),
    }


def calibration() -> float:
    """Return the milliseconds of CPU that a fixed loop of Python takes: the median of a few tries."""
    times = sorted(_loop() for _ in range(TRIES))
    return round(times[TRIES // 2] * 1000, 1)


def _loop() -> float:
    began, number = time.process_time(), 1
    for _ in range(LOOPS):
        number = number * 1_103_515_245 % 2_147_483_647
    return time.process_time() - began


def machine_in_words() -> str:
    """Return how busy the machine is and how quick, the line that each table begins with."""
    facts = machine()
    return (
        f"load {facts['load']} on {facts['cores']} cores, calibration loop {facts['calibration_ms']} ms,"
        f" Python {facts['python']}, SQLite {facts['sqlite']}"
    )
