"""Monitors that share a pool decide by one history, each for itself: rules that differ must say so."""

from __future__ import annotations

from dataclasses import astuple
from hashlib import sha256

from dispatch_history import history

from gridws.dispatch import RULES_VERSION, Dispatcher, check

RECORDED = 3, "ddbf50e140d26b2d"
"""The version of the rules, and the digest of what they decide in `history`."""


def test_rules_that_decide_otherwise_have_a_version_of_their_own() -> None:
    dispatcher = Dispatcher(3, repair_timeout=200.0, place_kept_for=300.0)
    decided = sha256()
    for event, now in history():
        for command in dispatcher.tell(event, now):
            decided.update(repr((type(command).__name__, astuple(command))).encode())
    check(dispatcher)

    assert (RULES_VERSION, decided.hexdigest()[:16]) == RECORDED, (
        "the dispatcher decides otherwise than before: raise RULES_VERSION, and record it with this digest"
    )
