"""Replicas that apply the same entries are equal, whenever each does so, and wherever a snapshot was between.

Entries are of all kinds and authors: of members and of monitors that were never any, sensible and not, said twice, of
links that are gone. Nothing that anybody appends may break an invariant of the pool.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gridws.dispatch import (
    ChosenNext,
    Disconnected,
    Held,
    HoldEnded,
    Named,
    Naming,
    RosterChanged,
    StatusReported,
    TimePassed,
    ToldToForget,
    check,
)
from gridws.moments import Moment
from gridws.several.entries import Entry, Joined, Left, Linked, LogEvent, Lost, encode_events
from gridws.several.replica import Earlier, Replica, next_chain
from gridws.words import OperationalStatus

MEMBERS = st.integers(1, 6)
TURBINES = st.integers(1, 5)
LINKS = st.integers(1, 8)
TIMES = st.integers(0, 60).map(float)

EVENTS: st.SearchStrategy[LogEvent] = st.one_of(
    st.builds(Linked, TURBINES, LINKS, TIMES),
    st.builds(Linked, TURBINES, LINKS, TIMES),
    st.builds(StatusReported, TURBINES, LINKS, st.sampled_from(OperationalStatus)),
    st.builds(StatusReported, TURBINES, LINKS, st.sampled_from(OperationalStatus)),
    st.builds(Disconnected, TURBINES, LINKS),
    st.just(TimePassed()),
    st.just(Left()),
    st.builds(Lost, MEMBERS),
    st.builds(RosterChanged, st.integers(-1, 4)),
    st.builds(Held, TURBINES, st.none() | st.builds(Moment, TIMES, st.just(0))),
    st.builds(HoldEnded, TURBINES),
    st.builds(ChosenNext, TURBINES),
    st.builds(ToldToForget, TURBINES),
    st.builds(Named, st.tuples(st.builds(Naming, TURBINES, st.none(), st.sampled_from([None, "a", "b"]), st.none()))),
)  # fmt: skip


def born() -> Replica:
    return Replica.born(2, Earlier(), Moment(0.0, 0), repair_timeout=10.0, place_kept_for=30.0)


class ReplicaMachine(RuleBasedStateMachine):
    """One log, three replicas that follow it each at its own pace, and one that has applied all of it."""

    @initialize()
    def begin(self) -> None:
        self.log: list[Entry] = []
        self.seconds = 0.0
        self.ahead = born()
        self.replicas = [born() for _ in range(3)]
        self.states = [self.ahead.to_text()]
        self.next_member = 1
        self.counted: set[Entry] = set()

    def append(self, author: int, number: int, events: list[LogEvent]) -> None:
        text = encode_events(number, events)
        chain = next_chain(self.ahead.chain, text)
        self.log.append(Entry(len(self.log) + 1, self.seconds, 0, author, text, chain))
        if not self.ahead.apply(self.log[-1]).is_void:
            self.counted.add(self.log[-1])
        self.states.append(self.ahead.to_text())

    def number_of(self, author: int) -> int:
        member = self.ahead.members.get(author)
        return member.number + 1 if member else 0

    @rule(data=st.data(), events=st.lists(EVENTS, max_size=3))
    def somebody_joins(self, data: st.DataObject, events: list[LogEvent]) -> None:
        before = data.draw(st.lists(MEMBERS, max_size=2))
        self.append(self.next_member, 0, [Joined(1, "", tuple(before), 6.0, 10.0, 30.0), *events])
        self.next_member += 1

    @precondition(lambda self: self.ahead.members)
    @rule(data=st.data(), events=st.lists(EVENTS, min_size=1, max_size=6))
    def a_member_appends(self, data: st.DataObject, events: list[LogEvent]) -> None:
        author = data.draw(st.sampled_from(sorted(self.ahead.members)))
        self.append(author, self.number_of(author), events)

    @precondition(lambda self: self.ahead.members)
    @rule(data=st.data(), turbine=TURBINES)
    def a_turbine_comes_and_is_broken(self, data: st.DataObject, turbine: int) -> None:
        author = data.draw(st.sampled_from(sorted(self.ahead.members)))
        link = 1000 * author + len(self.log)
        broken = StatusReported(turbine, link, OperationalStatus.broken)
        self.append(author, self.number_of(author), [Linked(turbine, link, self.seconds), broken])

    @precondition(lambda self: any(self.ahead.links()))
    @rule(data=st.data(), status=st.none() | st.sampled_from(OperationalStatus))
    def a_link_says_something_or_ends(self, data: st.DataObject, status: OperationalStatus | None) -> None:
        link = data.draw(st.sampled_from(sorted(self.ahead.links(), key=lambda each: each.turbine_number)))
        number, link_id = link.turbine_number, link.link_id
        event = StatusReported(number, link_id, status) if status else Disconnected(number, link_id)
        self.append(link.member_id, self.number_of(link.member_id), [event])

    @rule(author=MEMBERS, number=st.integers(0, 5), events=st.lists(EVENTS, min_size=1, max_size=4))
    def anybody_appends_anything(self, author: int, number: int, events: list[LogEvent]) -> None:
        self.append(author, number, events)

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def an_entry_is_said_again(self, data: st.DataObject) -> None:
        said = data.draw(st.sampled_from(self.log))
        text, chain = said.events, next_chain(self.ahead.chain, said.events)
        self.log.append(Entry(len(self.log) + 1, self.seconds, 0, said.member_id, text, chain))
        is_member = said.member_id in self.ahead.members
        state = self.ahead.dispatcher.engineers()
        step = self.ahead.apply(self.log[-1])
        self.states.append(self.ahead.to_text())
        if is_member and said in self.counted:
            assert step.is_void
            assert self.ahead.dispatcher.engineers() == state

    @rule(seconds=st.integers(0, 12))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds

    @rule(which=st.integers(0, 2), count=st.integers(1, 8))
    def a_replica_follows(self, which: int, count: int) -> None:
        replica = self.replicas[which]
        for entry in self.log[replica.position : replica.position + count]:
            replica.apply(entry)
        assert replica.to_text() == self.states[replica.position]

    @rule(which=st.integers(0, 2))
    def a_replica_begins_with_a_snapshot(self, which: int) -> None:
        self.replicas[which] = Replica.from_text(self.replicas[which].to_text())

    @rule(data=st.data(), which=st.integers(0, 2))
    def a_replica_loads_a_snapshot_of_another_time(self, data: st.DataObject, which: int) -> None:
        position = data.draw(st.integers(0, len(self.log)))
        self.replicas[which] = Replica.from_text(self.states[position])

    @invariant()
    def no_invariant_of_the_pool_is_broken(self) -> None:
        check(self.ahead.dispatcher)

    @invariant()
    def every_link_is_a_members_and_the_dispatchers_session(self) -> None:
        links = {link.turbine_number: link for link in self.ahead.links()}
        live = {n for n, t in self.ahead.dispatcher._turbines.items() if t.state.name != "offline"}
        assert links.keys() == live
        assert all(link.member_id in self.ahead.members for link in links.values())

    def teardown(self) -> None:
        for replica in self.replicas:
            for entry in self.log[replica.position :]:
                replica.apply(entry)
            assert replica.to_text() == self.states[-1]


TestReplicaMachine = ReplicaMachine.TestCase
TestReplicaMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
