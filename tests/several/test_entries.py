"""The text of entries: whatever is written is read as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.several.entries import Joined, Left, Lost, decode_events, encode_events

from .test_replica_machine import EVENTS

LETTERS = st.text(max_size=8)
ALL = EVENTS | st.builds(
    Joined, st.integers(), LETTERS, st.lists(st.integers()).map(tuple), *map(st.just, (6.0, 1.5, 2.0))
)


@given(number=st.integers(0), events=st.lists(ALL, max_size=5))
def test_events_are_read_as_they_were_written(number: int, events: list[Joined | Left | Lost]) -> None:
    text = encode_events(number, events)

    assert decode_events(text) == (number, events)
    assert text.isascii()


@pytest.mark.parametrize(
    "text",
    ["", "7", "[]", '[1,["gone"]]', '[1,["left",5]]', '[1,"left"]', '[1,["status",1,2,"so so"]]', "{}"],
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no entry"):
        decode_events(text)
