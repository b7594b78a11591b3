"""What entries of the log come to, told as stories of a few monitors and turbines."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gridws.dispatch import (
    Assign,
    ChosenNext,
    Disconnected,
    Forget,
    Held,
    Hold,
    Named,
    Naming,
    Noted,
    Release,
    RosterChanged,
    SeenElsewhere,
    StatusReported,
    Superseded,
    TimePassed,
    ToldToForget,
    check,
)
from gridws.moments import Moment
from gridws.several.entries import Entry, Joined, Left, Linked, LogEvent, Lost, encode_events
from gridws.several.replica import Earlier, LogSplit, Replica, next_chain
from gridws.several.steps import News, Step
from gridws.storage import rows
from gridws.words import OperationalStatus, Outcome

OK, BROKEN = OperationalStatus.ok, OperationalStatus.broken
A, B, C = 1, 2, 3


@dataclass
class Story:
    """A log that is written by hand, and a replica that follows it."""

    engineers: int = 1
    seconds: float = 0.0
    numbers: dict[int, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = born(self.engineers)

    def append(self, author: int, *events: LogEvent, number: int | None = None) -> Step:
        """Apply an entry of the author's, by default with the number that it has to have."""
        if number is None:
            number = 0 if isinstance(events[0], Joined) else self.numbers.get(author, -1) + 1
        self.numbers[author] = number
        text = encode_events(number, events)
        chain = next_chain(self.pool.chain, text)
        entry = Entry(self.pool.position + 1, self.seconds, round(self.seconds * 1000), author, text, chain)
        self.entries.append(entry)
        step = self.pool.apply(entry)
        check(self.pool.dispatcher)
        return step

    def join(self, *authors: int) -> None:
        for author in authors:
            self.append(author, joined(author))

    def link(self, author: int, turbine: int, link_id: int, made: float | None = None) -> Step:
        return self.append(author, Linked(turbine, link_id, self.seconds if made is None else made))

    def says(self, author: int, turbine: int, link_id: int, status: OperationalStatus) -> Step:
        return self.append(author, StatusReported(turbine, link_id, status))

    def engineer_at(self, turbine: int) -> int | None:
        assignment = self.pool.dispatcher.assignment_of(turbine)
        return assignment.engineer_id if assignment else None


def born(engineers: int, earlier: Earlier | None = None) -> Replica:
    return Replica.born(
        engineers, earlier or Earlier(), Moment(0.0, 0), repair_timeout=100.0, place_kept_for=1000.0
    )


def joined(writer: int = 1, *replaces: int, repair_timeout: float = 100.0) -> Joined:
    return Joined(writer, f"http://monitor-{writer}", replaces, 6.0, repair_timeout, 1000.0)


@pytest.fixture
def two() -> Story:
    story = Story()
    story.join(A, B)
    return story


def outcomes(step: Step) -> list[tuple[int, Outcome]]:
    return [(c.assignment.turbine_number, c.outcome) for c in step.commands if isinstance(c, Release)]


def superseded(step: Step) -> list[tuple[int, int]]:
    return [
        (each.member_id, each.seen.session_id)
        for each in step.commands
        if isinstance(each, News) and isinstance(each.seen, Superseded)
    ]


def seen(step: Step) -> list[SeenElsewhere]:
    return [
        each.seen for each in step.commands if isinstance(each, News) and isinstance(each.seen, SeenElsewhere)
    ]


def sent(step: Step) -> list[int]:
    return [c.assignment.turbine_number for c in step.commands if isinstance(c, Assign)]


def test_an_engineer_that_comes_free_at_one_monitor_goes_to_the_turbine_at_the_other(two: Story) -> None:
    two.link(A, 7, 70)
    two.link(B, 8, 80)
    first = two.says(A, 7, 70, BROKEN)
    second = two.says(B, 8, 80, BROKEN)

    freed = two.says(A, 7, 70, OK)

    assert (sent(first), sent(second)) == ([7], [])
    assert outcomes(freed) == [(7, Outcome.repaired)]
    assert sent(freed) == [8]


def test_a_turbine_that_comes_to_another_monitor_leaves_its_older_link_there(two: Story) -> None:
    two.link(A, 7, 70)
    two.says(A, 7, 70, BROKEN)
    two.seconds = 5.0

    moved = two.link(B, 7, 80)
    late = two.says(A, 7, 70, OK)
    again = two.says(B, 7, 80, BROKEN)

    assert superseded(moved) == [(A, 70)]
    assert outcomes(moved) == [(7, Outcome.superseded)]
    assert late.commands == []
    assert sent(again) == [7]


def test_the_late_word_of_a_frozen_monitor_does_not_close_the_right_link(two: Story) -> None:
    two.seconds = 20.0
    two.link(B, 7, 80)
    two.says(B, 7, 80, BROKEN)

    late = two.link(A, 7, 70, made=3.0)

    assert superseded(late) == [(A, 70)]
    assert seen(late) == [SeenElsewhere(7, "http://monitor-2", BROKEN, 20_000)]
    assert len(late.commands) == 2
    assert two.engineer_at(7) == 1


def test_the_end_of_an_older_link_ends_nothing(two: Story) -> None:
    two.link(A, 7, 70)
    two.link(B, 7, 80)
    two.says(B, 7, 80, BROKEN)

    late = two.append(A, Disconnected(7, 70))

    assert late.commands == []
    assert two.engineer_at(7) == 1


def test_nobody_speaks_for_the_link_of_another(two: Story) -> None:
    two.link(A, 7, 70)

    step = two.says(B, 7, 70, BROKEN)

    assert step.commands == []


def test_what_a_monitor_says_that_is_no_member_is_void() -> None:
    story = Story()
    story.join(A)

    step = story.link(B, 7, 80)

    assert step.is_void
    assert story.pool.link_of(7) is None


def test_a_member_that_is_lost_loses_its_turbines_and_no_others(two: Story) -> None:
    two.append(A, RosterChanged(3))
    for turbine, author in ((5, A), (9, A), (7, B)):
        two.link(author, turbine, 10 * turbine)
        two.says(author, turbine, 10 * turbine, BROKEN)

    lost = two.append(B, Lost(A))
    again = two.append(B, Lost(A))
    late = two.says(A, 5, 50, OK)

    assert outcomes(lost) == [(5, Outcome.disconnected), (9, Outcome.disconnected)]
    assert again.commands == []
    assert late.is_void
    assert two.engineer_at(7) == 3


def test_a_member_that_stops_ends_its_own_repairs_only(two: Story) -> None:
    two.append(A, RosterChanged(2))
    for turbine, author in ((5, A), (7, B)):
        two.link(author, turbine, 10 * turbine)
        two.says(author, turbine, 10 * turbine, BROKEN)

    step = two.append(A, Left())

    assert outcomes(step) == [(5, Outcome.monitor_stopped)]
    assert two.engineer_at(7) == 2
    assert list(two.pool.members) == [B]


def test_who_joins_anew_gives_up_what_it_was_before(two: Story) -> None:
    two.link(A, 7, 70)
    two.says(A, 7, 70, BROKEN)

    step = two.append(C, joined(1, A), Linked(7, 70, 0.0), StatusReported(7, 70, BROKEN))

    assert outcomes(step) == [(7, Outcome.disconnected)]
    assert sent(step) == [7]
    assert list(two.pool.members) == [B, C]


def test_a_joining_that_comes_after_a_later_one_is_void() -> None:
    story = Story()
    story.join(B)

    step = story.append(A, joined(), Linked(7, 70, 0.0))

    assert step.is_void
    assert list(story.pool.members) == [B]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_entry_with_another_number_than_the_next_is_void(number: int) -> None:
    story = Story()
    story.join(A)
    story.append(A, RosterChanged(5))

    step = story.append(A, RosterChanged(6), number=number)

    assert step.is_void
    assert story.pool.dispatcher.engineer_count == 5


def test_an_append_that_is_said_again_counts_once(two: Story) -> None:
    two.append(A, RosterChanged(2), number=1)
    two.append(B, RosterChanged(3))

    again = two.append(A, RosterChanged(2), number=1)

    assert again.is_void
    assert two.pool.dispatcher.engineer_count == 3


def test_an_entry_of_another_history_is_refused(two: Story) -> None:
    text = encode_events(1, [TimePassed()])
    state = two.pool.to_text()

    with pytest.raises(LogSplit, match="another history"):
        two.pool.apply(Entry(3, 0.0, 0, A, text, "0" * 32))
    with pytest.raises(LogSplit, match="entry 4 comes after 2"):
        two.pool.apply(Entry(4, 0.0, 0, A, text, next_chain(two.pool.chain, text)))
    with pytest.raises(LogSplit, match="cannot be read"):
        two.pool.apply(Entry(3, 0.0, 0, A, "[1,[8]]", next_chain(two.pool.chain, "[1,[8]]")))

    assert two.pool.to_text() == state


def test_the_settings_of_who_comes_first_into_an_empty_pool_count() -> None:
    story = Story()
    story.append(A, joined(repair_timeout=7.0))
    story.append(B, joined(repair_timeout=900.0))
    story.link(B, 7, 70)
    story.says(B, 7, 70, BROKEN)

    story.seconds = 7.0
    step = story.append(B, TimePassed())

    assert outcomes(step) == [(7, Outcome.timed_out)]


def test_what_people_said_outlives_every_monitor(two: Story) -> None:
    two.append(A, RosterChanged(0, "ann"), Held(9, None, "works", "ann"), Noted("storm ahead"))
    two.append(A, Named((Naming(7, None, "West 3", "Westermarsch"), Naming(None, 1, "Lin", None)), "ann"))
    for turbine in (7, 8):
        two.link(A, turbine, 10 * turbine)
        two.says(A, turbine, 10 * turbine, BROKEN)
    two.append(A, ChosenNext(8))
    two.append(A, Left())
    two.append(B, Left())

    story = Story(engineers=0)
    story.pool = Replica.from_text(two.pool.to_text())
    story.seconds = 500.0
    story.join(C)
    for turbine in (7, 8):
        story.link(C, turbine, 100 * turbine)
        story.says(C, turbine, 100 * turbine, BROKEN)
    step = story.append(C, RosterChanged(1))

    held = story.pool.dispatcher.hold_of(9)
    assert held == Hold(9, 0, None, "works", "ann")
    assert [naming.name for naming in story.pool.names.values()] == ["West 3", "Lin"]
    assert sent(step) == [8]


def test_a_turbine_that_is_forgotten_has_no_name_any_more(two: Story) -> None:
    two.append(A, Named((Naming(7, None, "West 3", None), Naming(8, None, "West 4", None))))
    two.append(A, Named((Naming(8, None, None, None),)))

    step = two.append(B, ToldToForget(7, by="ann"))

    assert step.commands == [Forget(7, erases=False, by="ann")]
    assert two.pool.names == {}


def test_a_pool_is_born_with_what_was_known_before() -> None:
    earlier = Earlier(41, 2, {9: rows.Hold(5, 60_000, None, None)}, (Naming(7, None, "West 3", None),))

    pool = born(3, earlier)

    assert pool.dispatcher.engineer_count == 2
    assert pool.dispatcher.hold_of(9) == Hold(9, 5, Moment(60.0, 60_000), None, None)
    assert list(pool.names.values()) == [Naming(7, None, "West 3", None)]
