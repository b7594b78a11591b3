"""The fan-out to viewers: a replica that is fed by it shows what is known, however slow it was."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from watching_world import World, drained_into, seen, taken

from gridws.monitor.delta import EVENTS_KEPT
from gridws.monitor.fan_out import FleetWatch, FrameTap, Viewer
from gridws.viewers.replica import Replica
from gridws.wire.frames import (
    Changes,
    FramesSkipped,
    LinkedElsewhere,
    Snapshot,
    WatchFrame,
    encode,
    parse_seen,
    parse_watch,
)
from gridws.words import OperationalStatus

NUMBERS = st.integers(1, 8)
VIEWERS = st.integers(0, 2)


class CountingWorld(World):
    """Counts what the watch has made for its viewers."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []
        state = self.fleet_state

        class View:
            def snapshot(view, events):  # type: ignore[no-untyped-def]  # noqa: N805
                self.made.append("snapshot")
                return state.snapshot(events)

            def changes(view, delta):  # type: ignore[no-untyped-def]  # noqa: N805
                self.made.append("changes")
                return state.changes(delta)

        self.watch = FleetWatch(View())


class Watched(RuleBasedStateMachine):
    """Turbines do whatever they like, viewers are slow, go and come back: each shows the fleet in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World(engineers=1)
        # Some wait from the start: the line is what is hard to follow.
        for number in range(1, 7):
            self.world.connect(number)
            self.world.report(number, OperationalStatus.broken)
        self.replicas = [Replica() for _ in range(3)]
        self.viewers = [self.world.watch.open() for _ in range(3)]

    @rule(number=NUMBERS)
    def connect(self, number: int) -> None:
        self.world.connect(number)

    @rule(number=NUMBERS)
    def lose(self, number: int) -> None:
        if self.world.is_online(number):
            self.world.lose(number)

    @rule(number=NUMBERS, status=st.sampled_from(OperationalStatus))
    def report(self, number: int, status: OperationalStatus) -> None:
        if self.world.is_online(number):
            self.world.report(number, status)

    @rule(number=NUMBERS, power=st.floats(-1e15, 1e15))
    def read(self, number: int, power: float) -> None:
        if self.world.is_online(number):
            self.world.read(number, power)

    @rule(seconds=st.sampled_from([0.5, 20.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(count=st.integers(0, 2))
    def change_roster(self, count: int) -> None:
        self.world.change_roster(count)

    @rule(reason=st.sampled_from([None, "the disk is full"]))
    def degrade(self, reason: str | None) -> None:
        self.world.fleet_state.storage_changed(reason)

    @rule()
    def forget_offline(self) -> None:
        self.world.forget_offline()

    @rule()
    def deliver(self) -> None:
        self.world.watch.deliver()

    @rule(viewer=VIEWERS)
    def take(self, viewer: int) -> None:
        frame = self.runner.run(taken_soon(self.viewers[viewer]))
        if frame is not None:
            self.replicas[viewer].apply(frame)

    @rule(viewer=VIEWERS)
    def reconnect(self, viewer: int) -> None:
        self.world.watch.close(self.viewers[viewer])
        self.viewers[viewer] = self.world.watch.open()

    @precondition(lambda self: self.world.watch.watched)
    @rule()
    def catch_up(self) -> None:
        self.runner.run(self._catch_up())

    async def _catch_up(self) -> None:
        self._drain()
        self.world.watch.deliver()
        self._drain()
        truth = Replica()
        viewer = self.world.watch.open()
        drained_into(truth, viewer)
        self.world.watch.close(viewer)
        for replica in self.replicas:
            assert seen(replica) == seen(truth)

    def _drain(self) -> None:
        for replica, viewer in zip(self.replicas, self.viewers, strict=True):
            drained_into(replica, viewer)

    def teardown(self) -> None:
        self.catch_up()
        self.runner.close()


async def taken_soon(viewer: Viewer) -> WatchFrame | None:
    return taken(viewer)


TestWatched = Watched.TestCase
TestWatched.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


async def test_a_viewer_gets_a_snapshot_first_and_then_what_changed() -> None:
    world = World()
    world.connect(1)
    viewer = world.watch.open()
    first, nothing = taken(viewer), taken(viewer)
    world.connect(2)

    world.watch.deliver()

    then = taken(viewer)
    assert isinstance(first, Snapshot)
    assert [state.turbine_number for state in first.turbines] == [1]
    assert nothing is None
    assert isinstance(then, Changes)
    assert [state.turbine_number for state in then.turbines] == [2]


async def test_updates_for_a_slow_viewer_are_merged_into_the_newest() -> None:
    world = World()
    world.connect(1)
    viewer = world.watch.open()
    world.read(1, 100.0)
    world.watch.deliver()
    world.read(1, 200.0)
    world.watch.deliver()
    snapshot, pause = taken(viewer), taken(viewer)

    world.watch.deliver()

    merged, nothing = taken(viewer), taken(viewer)
    assert isinstance(snapshot, Snapshot)
    assert isinstance(merged, Changes)
    assert [reading[2] for reading in merged.readings] == [200.0]
    assert (pause, nothing) == (None, None)


async def test_a_text_that_was_not_taken_yet_is_never_replaced() -> None:
    world = World()
    viewer = world.watch.open()
    taken(viewer)
    taken(viewer)
    world.connect(1)
    world.watch.deliver()
    world.connect(2)

    world.watch.deliver()

    first = taken(viewer)
    assert isinstance(first, Changes)
    assert [state.turbine_number for state in first.turbines] == [1]


async def test_viewers_that_are_up_to_date_share_one_encoding() -> None:
    world = CountingWorld()
    viewers = [world.watch.open() for _ in range(50)]
    frames = [(taken(viewer), taken(viewer)) for viewer in viewers]

    world.watch.deliver()

    assert len(frames) == 50
    assert world.made == ["snapshot", "changes"]


async def test_viewers_with_the_same_gap_share_one_encoding() -> None:
    world = CountingWorld()
    viewers = [world.watch.open() for _ in range(50)]
    world.watch.deliver()
    frames = [(taken(viewer), taken(viewer)) for viewer in viewers]

    world.watch.deliver()

    assert len(frames) == 50
    assert world.made == ["snapshot", "changes"]


async def test_viewers_with_many_different_gaps_share_one_encoding_too() -> None:
    world = CountingWorld()
    viewers = [world.watch.open() for _ in range(10)]
    replicas = [Replica() for _ in viewers]
    for slow in range(10):
        for replica, viewer in list(zip(replicas, viewers, strict=True))[slow:]:
            drained_into(replica, viewer)
        world.connect(slow + 1)
        world.watch.deliver()
    for replica, viewer in zip(replicas, viewers, strict=True):
        drained_into(replica, viewer)
    world.made.clear()

    world.watch.deliver()

    assert len(world.made) <= 5
    truth = Replica()
    drained_into(truth, world.watch.open())
    for replica, viewer in zip(replicas, viewers, strict=True):
        drained_into(replica, viewer)
        assert seen(replica) == seen(truth)


async def test_a_gap_becomes_small_again_when_nothing_changes_any_more() -> None:
    world = World()
    viewers = [world.watch.open() for _ in range(2)]
    for number in range(1, 101):
        world.connect(number)
    sizes = []

    for turn in range(40):
        frame = taken(viewers[turn // 2 % 2])
        sizes.append(len(frame.turbines) if isinstance(frame, Changes) else 0)
        taken(viewers[turn // 2 % 2])
        world.connect(1)
        world.watch.deliver()

    assert max(sizes) == 100
    assert max(sizes[-20:]) == 1


async def test_a_turbine_that_comes_makes_a_new_snapshot_for_the_next_viewer() -> None:
    world = World()
    world.watch.open()
    world.connect(1)

    snapshot = taken(world.watch.open())

    assert isinstance(snapshot, Snapshot)
    assert [state.turbine_number for state in snapshot.turbines] == [1]


async def test_nothing_is_collected_while_nobody_watches() -> None:
    world = World()
    viewer = world.watch.open()

    world.watch.close(viewer)

    assert not world.watch.watched


async def test_a_new_viewer_is_told_the_last_events_only() -> None:
    world = World()
    for _ in range(EVENTS_KEPT):
        world.connect(1)
    world.connect(2)

    snapshot = taken(world.watch.open())

    assert isinstance(snapshot, Snapshot)
    assert len(snapshot.events) == EVENTS_KEPT
    assert snapshot.events[-1].turbine_number == 2


async def test_the_frames_of_the_watch_are_those_that_are_documented() -> None:
    world = World()
    world.connect(1)

    snapshot = world.fleet_state.snapshot([])

    assert parse_watch(encode(snapshot)) == snapshot


async def test_a_tap_shows_one_turbines_frames_to_who_asked_for_it() -> None:
    tap = FrameTap(size=2)
    viewer = tap.open(7)
    tap.show(8, "up", "not for this viewer", 1)

    tap.show(7, "up", "for this one", 2)

    assert '"text":"for this one"' in await viewer.next()


async def test_a_tap_says_first_that_there_are_other_links_elsewhere() -> None:
    tap = FrameTap(size=2)
    viewer = tap.open(7, elsewhere=["http://b:8787"])
    tap.show(7, "up", "here after all", 2)

    assert parse_seen(await viewer.next()) == LinkedElsewhere(turbine_number=7, monitors=["http://b:8787"])
    assert '"text":"here after all"' in await viewer.next()


async def test_a_tap_says_how_many_frames_a_slow_viewer_missed() -> None:
    tap = FrameTap(size=2)
    viewer = tap.open(None)
    tap.show(1, "up", "a", 1)
    tap.show(1, "up", "b", 1)

    tap.show(1, "up", "c", 1)

    assert await viewer.next() == '{"type":"frames_skipped","count":1}'
    assert '"text":"b"' in await viewer.next()
    assert tap.skipped == 1


async def test_a_slow_viewer_keeps_only_so_much_however_large_the_frames_are() -> None:
    tap = FrameTap(size=1_000)
    viewer = tap.open(None)
    for _ in range(100):
        tap.show(1, "up", "x" * 50_000, 1)

    assert await viewer.next() == encode(FramesSkipped(count=81))
    assert tap.skipped == 81


async def test_a_viewer_that_left_holds_nothing() -> None:
    tap = FrameTap(size=1_000)
    viewer = tap.open(None)
    tap.show(1, "up", "x", 1)

    tap.close(viewer)

    assert taken(viewer) is None
