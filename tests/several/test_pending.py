"""What waits for the log: little of each link, and nothing that would change what it comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.dispatch import Disconnected, RosterChanged, StatusReported, TimePassed
from gridws.several import pending
from gridws.several.entries import Linked
from gridws.several.pending import OwnLink, Pending
from gridws.words import OperationalStatus

OK, BROKEN = OperationalStatus.ok, OperationalStatus.broken


def linked(waiting: Pending, link_id: int = 70, *, number: int = 7, is_member: bool = True) -> None:
    waiting.connected(OwnLink(number, link_id, 1.0, is_pool_time=True), is_member=is_member)


def says(waiting: Pending, *statuses: OperationalStatus, is_member: bool = True) -> None:
    for status in statuses:
        waiting.reported(StatusReported(7, 70, status), is_member=is_member)


def taken(waiting: Pending) -> list[object]:
    return list(waiting.take(1_000).values())


def in_words(events: list[object]) -> list[str]:
    return [event.operational_status.value for event in events if isinstance(event, StatusReported)]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([OK], ["ok"]),
        ([BROKEN, BROKEN], ["broken"]),
        ([BROKEN, OK], ["ok"]),
        ([OK, BROKEN], ["ok", "broken"]),
        ([BROKEN, OK, BROKEN, OK, BROKEN], ["ok", "broken"]),
    ],
)
def test_of_what_a_turbine_said_the_last_word_is_kept_and_that_it_was_ok_before(
    said: list[OperationalStatus], kept: list[str]
) -> None:
    waiting = Pending()
    linked(waiting)
    taken(waiting)

    says(waiting, *said)

    assert in_words(taken(waiting)) == kept


def test_a_link_that_came_and_went_unheard_is_none() -> None:
    waiting = Pending()
    linked(waiting)
    says(waiting, BROKEN)

    waiting.disconnected(Disconnected(7, 70), is_member=True)

    assert taken(waiting) == []
    assert waiting.links == {}


def test_a_newer_link_of_a_turbine_takes_the_place_of_an_older_one() -> None:
    waiting = Pending()
    linked(waiting)
    taken(waiting)
    linked(waiting, 80)
    linked(waiting, 90)

    waiting.disconnected(Disconnected(7, 80), is_member=True)
    says(waiting, BROKEN)

    assert taken(waiting) == [Linked(7, 90, 1.0)]
    assert [link.link_id for link in waiting.links.values()] == [90]


def test_the_end_of_a_link_that_was_heard_of_is_told() -> None:
    waiting = Pending()
    linked(waiting)
    taken(waiting)
    says(waiting, OK)

    waiting.disconnected(Disconnected(7, 70), is_member=True)
    waiting.disconnected(Disconnected(7, 70), is_member=True)

    assert taken(waiting) == [StatusReported(7, 70, OK), Disconnected(7, 70)]


def test_who_joins_tells_of_the_links_that_are_up_and_of_what_people_said() -> None:
    waiting = Pending()
    linked(waiting, is_member=False)
    says(waiting, OK, BROKEN, is_member=False)
    linked(waiting, 80, number=8, is_member=False)
    waiting.disconnected(Disconnected(8, 80), is_member=False)
    waiting.said(RosterChanged(4))

    waiting.begin_anew()

    assert taken(waiting) == [RosterChanged(4), Linked(7, 70, 1.0), StatusReported(7, 70, BROKEN)]


def test_what_people_said_waits_again_at_its_place_where_nothing_was_heard_of_it() -> None:
    waiting = Pending()
    waiting.said(RosterChanged(1))
    waiting.said(RosterChanged(2))
    under_way = waiting.take(2)
    waiting.said(RosterChanged(3))

    waiting.put_back(under_way)

    assert waiting.first_place == 1
    assert taken(waiting) == [RosterChanged(1), RosterChanged(2), RosterChanged(3)]
    assert waiting.first_place == waiting.last_place + 1


def test_deadlines_are_looked_at_once() -> None:
    waiting = Pending()
    waiting.time_passed()
    waiting.time_passed()

    assert taken(waiting) == [TimePassed()]


def test_what_people_say_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST_ORDERS", 3)
    waiting = Pending()
    for count in range(5):
        waiting.said(RosterChanged(count))

    assert taken(waiting) == [RosterChanged(2), RosterChanged(3), RosterChanged(4)]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["up", "ok", "broken", "down", "take"])), max_size=30
    )
)
def test_a_link_never_has_more_than_a_few_events_that_wait(acts: list[tuple[int, str]]) -> None:
    waiting, up, gone = Pending(), set[int](), set[int]()
    for link_id, act in acts:
        match act:
            case "up" if link_id not in gone | up:
                up.add(link_id)
                linked(waiting, link_id, number=link_id + 1)
            case "down":
                gone.add(link_id)
                up.discard(link_id)
                waiting.disconnected(Disconnected(link_id + 1, link_id), is_member=True)
            case "take":
                waiting.take(2)
            case "ok" | "broken":
                waiting.reported(StatusReported(link_id + 1, link_id, OperationalStatus(act)), is_member=True)
        assert len(waiting) <= 3 * (len(up) + sum(act == "down" for _, act in acts))
    while len(waiting):
        waiting.take(1)
    assert not waiting._of_link
