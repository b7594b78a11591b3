"""The address of a monitor, or those of several that share their engineers, with commas between them.

Rule: a client begins with the address that its number falls on, so that a fleet is spread over all of them, and takes
the next one after each failure.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from .reaching import tls_options, websocket_base


class Address(NamedTuple):
    """One monitor's base, and what to connect to it with."""

    base: str
    tls: dict[str, Any]


class Monitors:
    """Addresses in the order in which they were given; raises `OptionError` for what cannot be one."""

    def __init__(self, monitors: str, ca_file: Path | None = None) -> None:
        bases = [websocket_base(each) for each in re.split(r"[,\s]+", monitors.strip(", "))]
        self._addresses = [Address(base, tls_options(base, ca_file)) for base in bases]

    def __len__(self) -> int:
        return len(self._addresses)

    def address(self, turn: int) -> Address:
        """Return the address of this turn; they go round."""
        return self._addresses[turn % len(self._addresses)]
