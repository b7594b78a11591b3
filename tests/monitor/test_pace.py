"""How links are read while more comes than can be stored: in equal shares, and never more than there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.monitor.pace import MOST_A_ROUND, QUEUE_SHORT, QUEUE_WANTED, TURN, Pace


class Turn:
    """A session that writes down when it was read on."""

    def __init__(self) -> None:
        self.read_on_at: list[float] = []

    def read_on(self, now: float) -> None:
        self.read_on_at.append(now)


@pytest.fixture
def pace() -> Pace:
    pace = Pace()
    pace.next_round(QUEUE_WANTED, 0.0)
    return pace


def test_nobody_is_held_back_while_the_queue_is_short() -> None:
    pace = Pace()
    pace.next_round(QUEUE_WANTED - 1, 0.0)
    assert not pace.holds_back


def test_links_are_held_back_when_the_queue_is_long_enough(pace: Pace) -> None:
    assert pace.holds_back


@pytest.mark.parametrize(
    ("links", "words"),
    [
        (0, "20,000 readings wait to be committed"),
        (1, "1 link waits to be read, turbines keep the rest"),
        (1_200, "1,200 links wait to be read, turbines keep the rest"),
    ],
)
def test_it_says_who_waits(pace: Pace, links: int, words: str) -> None:
    for _ in range(links):
        pace.wait(Turn())
    assert pace.who_waits(QUEUE_WANTED) == words


def test_nobody_is_read_on_while_there_is_no_room(pace: Pace) -> None:
    pace.wait(turn := Turn())
    pace.next_round(QUEUE_WANTED, 1.0)
    assert turn.read_on_at == []


def test_those_that_wait_longest_are_read_on_as_far_as_there_is_room(pace: Pace) -> None:
    turns = [Turn(), Turn(), Turn()]
    for turn in turns:
        pace.wait(turn)
    pace.next_round(QUEUE_WANTED - 2 * TURN, 1.0)
    pace.next_round(QUEUE_WANTED - TURN, 2.0)
    assert [turn.read_on_at for turn in turns] == [[1.0], [1.0], [2.0]]


def test_all_have_the_same_share_of_the_room(pace: Pace) -> None:
    for _ in range(4):
        pace.wait(Turn())
    pace.next_round(QUEUE_WANTED - 42, 1.0)
    assert pace.turn == 10


def test_a_turn_is_worth_going_on_for(pace: Pace) -> None:
    for _ in range(QUEUE_WANTED):
        pace.wait(Turn())
    pace.next_round(QUEUE_WANTED - TURN, 1.0)
    assert pace.turn == TURN
    assert len(pace) == QUEUE_WANTED - 1


def test_no_round_holds_up_an_engineer_for_what_a_commit_made_room_for(pace: Pace) -> None:
    for _ in range(QUEUE_WANTED):
        pace.wait(Turn())
    pace.next_round(0, 1.0)
    assert len(pace) == QUEUE_WANTED - MOST_A_ROUND // TURN
    assert pace.holds_back


def test_they_are_held_back_until_the_queue_is_short(pace: Pace) -> None:
    pace.next_round(QUEUE_SHORT, 1.0)
    assert pace.holds_back
    pace.next_round(QUEUE_SHORT - 1, 2.0)
    assert not pace.holds_back


def test_who_has_ended_is_not_read_on(pace: Pace) -> None:
    pace.wait(turn := Turn())
    pace.forget(turn)
    pace.next_round(0, 1.0)
    assert turn.read_on_at == []
    assert len(pace) == 0


def test_it_is_over_when_nobody_waits_any_more(pace: Pace) -> None:
    pace.wait(Turn())
    pace.next_round(0, 1.0)
    pace.next_round(0, 2.0)
    assert not pace.holds_back


@given(
    links=st.integers(1, 300),
    stored=st.lists(st.integers(0, 5_000), min_size=1, max_size=60),
)
def test_the_queue_never_grows_beyond_a_reading_for_each_link_more_than_is_wanted(
    links: int, stored: list[int]
) -> None:
    pace, queued = Pace(), QUEUE_WANTED
    turns = [Turn() for _ in range(links)]
    reading = set(turns)
    for now, done in enumerate(stored):
        read_on = {turn: len(turn.read_on_at) for turn in turns}
        pace.next_round(queued := max(0, queued - done), float(now))
        reading |= {turn for turn in turns if len(turn.read_on_at) > read_on[turn]}
        # Every link has more to send than it may, and sends its turn or one; then it waits.
        in_turn = sum(len(turn.read_on_at) > read_on[turn] for turn in reading)
        others = len(reading) - in_turn
        queued += in_turn * pace.turn + others if pace.holds_back else 0
        for turn in reading if pace.holds_back else ():
            pace.wait(turn)
        reading = set() if pace.holds_back else reading
        assert queued <= QUEUE_WANTED + links
