"""Monitors that share a pool must make the same of its log: rules that differ must say so."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from dispatch_history import Draws, history

from gridws.dispatch import Connected, Disconnected, MonitorStarted, MonitorStopped, StatusReported, check
from gridws.moments import Moment
from gridws.several.entries import Entry, Joined, Left, Linked, LogEvent, Lost, encode_events
from gridws.several.replica import RULES, Earlier, Replica, next_chain

RECORDED: Final = 3002, "6c00f4838d4338ac"
"""The rules, and the digest of what they come to in `told`."""


def told() -> list[tuple[int, list[LogEvent]]]:
    """Return entries in which everything happens that can happen, of members that come, go and come again."""
    draws, entries = Draws(), list[tuple[int, list[LogEvent]]]()
    members, next_member, batch = list[int](), 1, list[LogEvent]()
    for event, now in history():
        if not members or draws.below(60) == 0:
            replaces = (members[draws.below(len(members))],) if members and draws.below(3) == 0 else ()
            entries.append((next_member, [Joined(next_member, "", replaces, 6.0, 200.0, 300.0)]))
            members = [*(m for m in members if m not in replaces), next_member]
            next_member += 1
        author = members[draws.below(len(members))]
        if draws.below(80) == 0:
            gone = members.pop(draws.below(len(members)))
            entries.append((gone, [Left()]) if draws.below(2) else (author, [Lost(gone)]))
            continue
        match event:
            case MonitorStarted() | MonitorStopped():
                continue
            case Connected(number, session):
                batch.append(Linked(number, session, now.seconds - draws.below(30)))
            case StatusReported() | Disconnected():
                batch.append(event)
            case _:
                batch.append(event)  # type: ignore[arg-type]
        if draws.below(2):
            entries.append((author, batch))
            batch = []
    return entries


def test_a_log_that_comes_to_something_else_has_rules_of_its_own() -> None:
    pool = Replica.born(3, Earlier(), Moment(0.0, 0), repair_timeout=200.0, place_kept_for=300.0)
    came_to = sha256()
    for place, (author, events) in enumerate(told()):
        member = pool.members.get(author)
        text = encode_events(member.number + 1 if member else 0, events)
        entry = Entry(
            pool.position + 1, place * 10.0, place * 10_000, author, text, next_chain(pool.chain, text)
        )
        step = pool.apply(entry)
        came_to.update(repr((step.commands, step.is_void)).encode())
    check(pool.dispatcher)
    came_to.update(pool.to_text().encode())

    assert (RULES, came_to.hexdigest()[:16]) == RECORDED, (
        "the log comes to something else than before: raise LOG_VERSION, and record it with this digest"
    )
