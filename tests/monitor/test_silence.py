"""A link is looked at when it could be silent, and not before."""

from __future__ import annotations

from doubles import HandClock, ListLink, frame

from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.monitor.silence import GRAIN, Silence


def watched(silence: Silence, clock: HandClock) -> Session:
    session = GridMonitor(clock=clock).connect(7, ListLink())
    silence.watch(session)
    return session


def test_a_link_is_silent_when_its_time_is_over_and_not_before() -> None:
    silence, clock = Silence(), HandClock()
    session = watched(silence, clock)
    assert silence.found(clock.seconds + 60 - GRAIN / 2) == []
    assert silence.found(clock.seconds + 60) == [session]


def test_a_link_that_spoke_meanwhile_has_its_whole_time_again() -> None:
    silence, clock = Silence(), HandClock()
    session = watched(silence, clock)
    clock.pass_time(59)
    session.receive(frame("status", operational_status="ok"))
    assert silence.found(clock.seconds + 1) == []
    assert silence.found(clock.seconds + 60) == [session]


def test_a_shorter_time_out_counts_at_once() -> None:
    silence, clock = Silence(), HandClock()
    session = watched(silence, clock)
    session.receive(frame("hello", stream="a", upload_frequency_in_seconds=2))
    silence.watch(session)
    assert silence.found(clock.seconds + 6) == [session]


def test_nobody_looks_for_a_session_that_has_ended() -> None:
    silence, clock = Silence(), HandClock()
    silence.forget(watched(silence, clock))
    assert silence.found(clock.seconds + 61) == []
