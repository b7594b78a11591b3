from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gridws.dashboard.wording import (
    State,
    Zone,
    deed_in_words,
    duration,
    in_words,
    percent,
    repair_in_words,
    state_of,
)
from gridws.storage.rows import Event
from gridws.wire.frames import HoldState, TurbineState
from gridws.words import Deed, OperationalStatus, Outcome

NOON = 1_790_000_000_000
"""2026-09-21T14:13:20 UTC."""


def turbine(**known: Any) -> TurbineState:
    state = TurbineState(
        turbine_number=7,
        online=True,
        operational_status=OperationalStatus.ok,
        wind_speed=8.0,
        power_output_in_kwh=600.0,
        measured_at=NOON,
        since=NOON - 65_000,
        broken_at=None,
        waiting_place=None,
        engineer_id=None,
        assignment_id=None,
    )
    return replace(state, **known)


HOLD = HoldState(since=NOON - 60_000, until=None, reason="gearbox exchange", by="ann")
BROKEN = {"operational_status": OperationalStatus.broken, "broken_at": NOON - 12_000}


@pytest.mark.parametrize(
    ("known", "state", "sentence"),
    [
        ({}, State.ok, "ok for 1 min 5 s"),
        (
            {**BROKEN, "waiting_place": 3},
            State.waiting,
            "waits for an engineer for 12 s: place 3 of 27",
        ),
        ({**BROKEN, "engineer_id": 2}, State.repair, "engineer 2 repairs it for 1 min 5 s"),
        ({**BROKEN, "online": False}, State.offline, "offline for 1 min 5 s"),
        ({**BROKEN, "hold": HOLD}, State.held, "held, broken for 1 min 5 s"),
        (
            {"online": False, "operational_status": None, "hold": HOLD},
            State.held,
            "held, offline for 1 min 5 s",
        ),
        ({"hold": HOLD}, State.ok, "ok for 1 min 5 s"),
        ({"operational_status": None}, State.unknown, "online for 1 min 5 s, has not said yet how it is"),
    ],
)
def test_a_turbines_state_is_told_in_words(known: dict[str, object], state: State, sentence: str) -> None:
    assert state_of(turbine(**known)) is state
    assert in_words(turbine(**known), NOON, waiting=27) == sentence


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (None, "engineer 2 is at work"),
        (Outcome.repaired, "engineer 2 repaired it in 12 s"),
        (Outcome.disconnected, "engineer 2 left after 12 s: the link was lost"),
        (Outcome.superseded, "engineer 2 left after 12 s: the turbine connected anew"),
        (Outcome.timed_out, "engineer 2 left after 12 s: it took too long"),
        (Outcome.monitor_stopped, "engineer 2 left after 12 s: the monitor stopped"),
        ("of_a_later_version", "engineer 2 left after 12 s: of a later version"),
    ],
)
def test_what_became_of_a_repair_is_told_in_a_sentence(outcome: str | None, sentence: str) -> None:
    assert repair_in_words(2, outcome, 12_300) == sentence


@pytest.mark.parametrize(
    ("deed", "known", "sentence"),
    [
        (Deed.hold, {"until": NOON, "text": "gearbox"}, "held until noon: gearbox"),
        (Deed.hold, {}, "held until somebody ends it"),
        (Deed.hold_ended, {}, "held no longer"),
        (Deed.next, {"text": "strong wind"}, "goes first: strong wind"),
        (Deed.name, {"name": "Anna", "site": "North"}, "is called Anna · North"),
        (Deed.name, {}, "has no name"),
        (Deed.note, {"text": "crane on Tuesday"}, "crane on Tuesday"),
        (Deed.forgotten, {}, "forgotten"),
    ],
)
def test_what_people_did_is_told_in_words(deed: Deed, known: dict[str, Any], sentence: str) -> None:
    row = Event(at=NOON, kind=deed, turbine_number=7, **known)

    assert deed_in_words(row, "noon" if row.until else None) == sentence


def test_every_state_is_told_apart_without_colour() -> None:
    assert len({state.sign for state in State}) == len({state.letter for state in State}) == len(State)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (-5, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min 0 s"),
        (7_500_000, "2 h 5 min"),
        (100_000_000, "1 d 3 h"),
    ],
)
def test_a_duration_has_the_two_units_that_matter(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(None, "\N{EN DASH}"), (1.0, "100"), (0.9999, "99.9"), (0.5, "50.0"), (0.0, "0.0")]
)
def test_a_percentage_is_never_rounded_up_to_all(ratio: float | None, text: str) -> None:
    assert percent(ratio) == text


def test_times_are_the_visitors() -> None:
    zone = Zone("Asia/Kolkata")

    assert zone.clock(NOON) == "19:43:20"
    assert zone.since(NOON, NOON) == "19:43:20"
    assert zone.since(NOON - 86_400_000, NOON) == "20 Sep 19:43"
    assert zone.since(NOON - 366 * 86_400_000, NOON) == "2025-09-20 19:43"
    assert (NOON - zone.midnight(NOON)) // 1000 == 19 * 3600 + 43 * 60 + 20


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "x" * 300])
def test_an_unknown_time_zone_is_shown_as_utc(name: str) -> None:
    zone = Zone(name)

    assert (zone.name, zone.clock(NOON)) == ("UTC", "14:13:20")


def test_what_an_input_shows_is_what_it_gives_back() -> None:
    zone = Zone("America/New_York")

    assert zone.from_input(zone.for_input(NOON)) == NOON - 20_000  # inputs show minutes


@pytest.mark.parametrize("text", ["", "yesterday", "None"])
def test_an_input_without_a_moment_gives_none(text: str) -> None:
    assert Zone().from_input(text) is None
