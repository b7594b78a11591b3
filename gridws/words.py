"""Words that everybody shares: how a turbine is, how an assignment ended, and what a person did."""

from __future__ import annotations

from enum import StrEnum


class OperationalStatus(StrEnum):
    """Whether a turbine works; a broken one waits for an engineer."""

    ok = "ok"
    broken = "broken"


class Outcome(StrEnum):
    """How an assignment ended."""

    repaired = "repaired"
    disconnected = "disconnected"
    superseded = "superseded"
    timed_out = "timed_out"
    held = "held"
    monitor_stopped = "monitor_stopped"


class Deed(StrEnum):
    """What a person did; `gridws.storage.Event` tells which of its values each kind has."""

    roster = "roster"
    hold = "hold"
    hold_ended = "hold_ended"
    next = "next"
    name = "name"
    note = "note"
    forgotten = "forgotten"
    erased = "erased"
