"""The write queue: group commits, and what a failing disk means for each kind of row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest
from doubles import SOME_DAY, LoopClock
from virtual_time import run

from gridws.clock import Belief
from gridws.errors import StoreFailed
from gridws.monitor.pace import Pace
from gridws.monitor.stream import Stream
from gridws.monitor.waiting_rows import RECORDS_KEPT
from gridws.monitor.write_queue import COMMIT_ROWS, WriteQueue
from gridws.monitor.writer_watch import HUNG_AFTER
from gridws.settings import WINDOW, MonitorSettings
from gridws.storage import Opened, Written
from gridws.storage.batches import Batch
from gridws.storage.rows import Event, LinkRow, Reading, Repair, StatusChange


def reading(turbine_number: int = 7) -> Reading:
    return Reading(turbine_number, SOME_DAY, 8.0, 400.0, "ok", SOME_DAY)


class Disk:
    """A store of which only the writing matters; it can fail, and it can hang."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.cursors: dict[tuple[int, str], int] = {}
        self.failure: str | None = None
        self.refused: frozenset[tuple[int, str]] = frozenset()
        self.seconds = self.upkeep_seconds = 0.0
        self.step = 0.0
        """Seconds between two signs of progress of a slow commit; none for one that hangs."""
        self.progress = 0
        self.maintained = 0
        self.maintained_at = 0
        self.notes: list[str] = []

    async def write(self, batch: Batch) -> Written:
        await self._take_time()
        if self.failure:
            raise StoreFailed("grid.db", self.failure)
        self.batches.append(batch)
        self.cursors.update((cursor.key, to) for cursor, to in batch.cursors.items())
        return Written({key: self.cursors.get(key) for key in batch.wanted}, refused=self.refused)

    async def _take_time(self) -> None:
        for _ in range(int(self.seconds / self.step) if self.step else 0):
            await asyncio.sleep(self.step)
            self.progress += 1
        await asyncio.sleep(0 if self.step else self.seconds)

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        self.maintained += 1
        self.maintained_at = now
        await asyncio.sleep(self.upkeep_seconds)
        return None

    @property
    def readings(self) -> int:
        return sum(len(batch.readings) for batch in self.batches)


class Notes:
    """Writes down what the queue tells."""

    def __init__(self) -> None:
        self.acknowledgeable: dict[Stream, int] = {}
        self.welcomes: list[tuple[Stream, int | None]] = []
        self.to_resync: list[Stream] = []
        self.readings_lost = 0
        self.jumps: list[int] = []
        self.health: list[str | None] = []

    def committed(self, cursors: Mapping[Stream, int], *, readings: int, seconds: float, now: float) -> None:
        self.acknowledgeable |= cursors

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        self.welcomes.append((stream, last_sequence))
        stream.open(last_sequence)

    def lost(self, readings: int) -> None:
        self.readings_lost += readings

    def jumped(self, skipped: int) -> None:
        self.jumps.append(skipped)

    def stalled(self, streams: Iterable[Stream]) -> None:
        self.to_resync.extend(streams)

    def degraded(self, reason: str | None) -> None:
        self.health.append(reason)


class Desk:
    """A queue, its disk, and a stream that is open."""

    def __init__(self, **limits: int) -> None:
        self.disk, self.notes = Disk(), Notes()
        settings = MonitorSettings(**limits)  # type: ignore[arg-type]
        self.clock = LoopClock()
        self.queue = WriteQueue(
            self.disk,  # type: ignore[arg-type]
            self.notes,
            settings=settings,
            clock=self.clock,
            pace=Pace(),
        )
        self.stream = Stream((7, "a"))
        self.stream.open(None)

    def numbered(self, *sequences: int) -> list[bool]:
        return [self.takes(reading(), self.stream, sequence) for sequence in sequences]

    def takes(self, row: Reading, stream: Stream | None = None, sequence: int = 0) -> bool:
        """Return whether the queue has one reading more now."""
        rows = self.queue.rows
        self.queue.append(row, stream, sequence)
        return self.queue.rows > rows

    async def looked_after(self, seconds: float) -> None:
        """Let so much time pass, with the looks at the writer that the monitor's rounds take."""
        for _ in range(round(seconds * 4)):
            await asyncio.sleep(0.25)
            self.queue.look_after(self.clock.now().seconds)

    async def running(self, seconds: float) -> None:
        task = asyncio.create_task(self.queue.run())
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_is_queued_is_committed_within_a_tick_and_then_acknowledgeable() -> None:
    async def story() -> None:
        desk = Desk()
        desk.numbered(1, 2, 3)
        assert desk.notes.acknowledgeable == {}
        await desk.running(0.3)
        assert desk.disk.readings == 3
        assert desk.notes.acknowledgeable == {desk.stream: 3}
        assert desk.queue.rows == 0

    run(story())


def test_a_full_batch_is_committed_at_once() -> None:
    async def story() -> None:
        desk = Desk(batch_rows=3)
        desk.numbered(1, 2, 3)
        await desk.running(0.001)
        assert desk.disk.readings == 3

    run(story())


def test_rows_that_come_during_a_commit_make_the_next_batch() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 0.1
        desk.numbered(1)
        running = asyncio.create_task(desk.running(1))
        await asyncio.sleep(0.3)
        desk.numbered(2, 3)
        await running
        assert [len(batch.readings) for batch in desk.disk.batches] == [1, 2]

    run(story())


def test_nothing_is_written_while_nothing_is_queued() -> None:
    async def story() -> None:
        desk = Desk()
        await desk.running(60)
        assert desk.disk.batches == []
        assert desk.disk.maintained > 50

    run(story())


def test_a_cursor_no_longer_wanted_does_not_come_back_with_a_batch_that_failed() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds, desk.disk.failure = 0.1, "locked"
        desk.queue.want(desk.stream)
        running = asyncio.create_task(desk.running(10))
        await asyncio.sleep(0.3)
        desk.queue.unwant(desk.stream)
        desk.disk.failure = None
        await running
        assert desk.notes.welcomes == []

    run(story())


def test_a_cursor_is_read_behind_the_readings_already_queued() -> None:
    async def story() -> None:
        desk = Desk()
        desk.numbered(1, 2)
        again = Stream((7, "a"))
        desk.queue.want(again)
        await desk.running(0.3)
        assert desk.notes.welcomes == [(again, 2)]

    run(story())


def test_a_full_queue_refuses_and_stalls_the_stream() -> None:
    desk = Desk(queue_rows=2)
    assert desk.numbered(1, 2, 3) == [True, True, False]
    assert desk.stream.stalled
    assert desk.notes.to_resync == [desk.stream]
    assert desk.queue.room == 0


def test_a_stream_that_another_monitor_took_over_is_not_acknowledged() -> None:
    async def story() -> None:
        desk = Desk()
        other = Stream((8, "b"))
        other.open(None)
        desk.numbered(1, 2)
        desk.takes(reading(8), other, 1)
        desk.disk.refused = frozenset({desk.stream.key})

        await desk.running(0.3)

        assert desk.notes.acknowledgeable == {other: 1}
        assert desk.notes.to_resync == [desk.stream]
        assert desk.numbered(3) == [False]
        assert desk.disk.batches[0].numbered == 3

    run(story())


def test_a_full_queue_loses_what_nobody_will_send_again() -> None:
    desk = Desk(queue_rows=1)
    desk.queue.append(reading())
    desk.queue.append(reading())
    assert desk.notes.readings_lost == 1


def test_a_jump_ahead_is_taken_and_told() -> None:
    desk = Desk()
    assert desk.numbered(1, 5) == [True, True]
    assert (desk.notes.jumps, desk.notes.readings_lost) == ([3], 0)


def test_a_wrong_reading_after_a_jump_is_lost_and_its_jump_is_told() -> None:
    desk = Desk()
    desk.numbered(1)
    desk.queue.pass_over(desk.stream, 2)
    desk.queue.pass_over(desk.stream, 5)
    assert (desk.notes.jumps, desk.notes.readings_lost) == ([2], 2)


def test_nothing_numbered_is_taken_before_the_welcome() -> None:
    desk = Desk()
    assert not desk.takes(reading(), Stream((7, "b")), 1)


def test_once_a_reading_was_refused_nothing_is_stored_until_the_next_hello() -> None:
    async def story() -> None:
        desk = Desk(queue_rows=2)
        desk.numbered(1, 2, 3)
        await desk.running(0.5)
        assert desk.queue.room == 2
        assert desk.numbered(3, 4) == [False, False]
        assert desk.notes.to_resync == [desk.stream]

    run(story())


def test_a_failed_commit_drops_every_numbered_reading_also_those_queued_meanwhile() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure, desk.disk.seconds = "full", 0.1
        desk.numbered(1, 2)
        running = asyncio.create_task(desk.running(0.5))
        await asyncio.sleep(0.3)
        desk.numbered(3)
        await running
        desk.disk.failure = None
        await desk.running(2)
        assert desk.disk.readings == 0
        assert desk.stream.stalled
        assert desk.notes.acknowledgeable == {}
        assert desk.queue.rows == 0

    run(story())


def test_everything_else_is_kept_while_the_disk_fails() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.queue.append(reading())
        desk.queue.put_repair(Repair(1, 7, 2, 10, 11))
        desk.queue.put_link(LinkRow(5, 7, 10))
        desk.queue.put_event(Event(10, "hold", 7))
        hello = Stream((8, "b"))
        desk.queue.want(hello)
        await desk.running(5)
        desk.queue.put_repair(Repair(1, 7, 2, 10, 11, 12, "repaired"))
        desk.disk.failure = None
        await desk.running(2)
        assert desk.disk.readings == 1
        assert desk.disk.batches[0].repairs == [Repair(1, 7, 2, 10, 11, 12, "repaired")]
        assert desk.disk.batches[0].links == [LinkRow(5, 7, 10)]
        assert desk.disk.batches[0].events == [Event(10, "hold", 7)]
        assert desk.notes.welcomes == [(hello, None)]

    run(story())


def test_no_numbered_reading_is_taken_while_the_disk_fails() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.queue.put_link(LinkRow(5, 7, 10))
        await desk.running(0.5)
        assert desk.numbered(1) == [False]
        assert desk.takes(reading())

    run(story())


def test_trouble_is_told_once_when_it_starts_and_once_when_it_ends() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.numbered(1)
        await desk.running(30)
        desk.disk.failure = None
        await desk.running(30)
        assert desk.notes.health == ["full", None]

    run(story())


def test_recovery_needs_nobody_to_send_anything() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.numbered(1)
        await desk.running(1)
        desk.disk.failure = None
        await desk.running(1.1)
        assert desk.queue.degraded is None

    run(story())


def test_a_commit_that_hangs_is_noticed() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 2 * HUNG_AFTER
        desk.numbered(1)
        running = asyncio.create_task(desk.running(60))
        await desk.looked_after(HUNG_AFTER + 1)
        assert desk.notes.health == ["the disk does not answer"]
        assert desk.numbered(2) == [False]
        await running
        assert desk.notes.health == ["the disk does not answer", None]
        assert desk.disk.readings == 1

    run(story())


def test_a_commit_that_is_slow_but_gets_on_is_no_failing_disk() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds, desk.disk.step = 6 * HUNG_AFTER, HUNG_AFTER / 2
        desk.numbered(1)
        running = asyncio.create_task(desk.running(7 * HUNG_AFTER))
        await desk.looked_after(5 * HUNG_AFTER)
        assert desk.notes.health == []
        await running
        assert desk.notes.acknowledgeable == {desk.stream: 1}

    run(story())


def test_a_loop_that_stood_still_accuses_nobody() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 2 * HUNG_AFTER
        desk.numbered(1)
        running = asyncio.create_task(desk.running(3 * HUNG_AFTER))
        await asyncio.sleep(HUNG_AFTER + 1)
        desk.queue.look_after(desk.clock.now().seconds)
        assert desk.notes.health == []
        await running

    run(story())


def test_a_commit_has_a_bounded_number_of_readings_in_their_order() -> None:
    async def story() -> None:
        desk = Desk()
        desk.numbered(*range(1, 2 * COMMIT_ROWS + 1_001))
        desk.queue.put_repair(Repair(1, 7, 2, 10, 11))
        await desk.running(1)
        assert [len(batch.readings) for batch in desk.disk.batches] == [COMMIT_ROWS, COMMIT_ROWS, 1_000]
        cursors = [batch.cursors[desk.stream] for batch in desk.disk.batches]
        assert cursors == [COMMIT_ROWS, 2 * COMMIT_ROWS, 2 * COMMIT_ROWS + 1_000]
        assert desk.disk.batches[0].repairs == [Repair(1, 7, 2, 10, 11)]
        assert desk.queue.rows == 0

    run(story())


def test_commits_get_smaller_where_they_take_long() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 2.0
        desk.numbered(*range(1, COMMIT_ROWS + 1))
        await desk.running(2.3)
        desk.numbered(*range(COMMIT_ROWS + 1, 2 * COMMIT_ROWS + 1))
        await desk.running(9.0)
        sizes = [len(batch.readings) for batch in desk.disk.batches]
        assert sizes[:3] == [COMMIT_ROWS, 2_000, 2_000]

    run(story())


def test_whoever_waits_for_a_commit_hears_of_the_one_with_all_that_was_put_before() -> None:
    async def story(desk: Desk) -> None:
        event = Event(SOME_DAY, "roster", engineers=4)
        desk.disk.seconds = 1.0
        desk.takes(reading())
        await asyncio.sleep(0.5)  # the first commit is under way
        desk.queue.put_event(event)
        await desk.queue.committed()
        assert [batch.events for batch in desk.disk.batches] == [[], [event]]
        desk.disk.failure = "the disk is full"
        with pytest.raises(StoreFailed, match="the disk is full"):
            await desk.queue.committed()
        desk.disk.failure = None
        await desk.queue.committed()
        assert not desk.queue.degraded

    async def stories() -> None:
        desk = Desk()
        await asyncio.gather(desk.running(20), story(desk))

    run(stories())


def test_what_waits_in_many_chunks_is_kept_or_dropped_as_one() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "the disk is full"
        desk.numbered(*range(1, COMMIT_ROWS + 1_001))
        desk.queue.put_link(LinkRow(1, 7, 10))
        unnumbered = [desk.takes(reading(8)) for _ in range(COMMIT_ROWS)]
        await desk.running(0.9)
        assert all(unnumbered)
        assert desk.queue.rows == COMMIT_ROWS
        assert desk.notes.to_resync.count(desk.stream) >= 1
        desk.disk.failure = None
        await desk.running(1.5)
        assert desk.disk.readings == COMMIT_ROWS
        assert [batch.links for batch in desk.disk.batches if batch.links] == [[LinkRow(1, 7, 10)]]
        assert desk.disk.cursors == {}

    run(story())


def test_upkeep_that_hangs_is_noticed() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.upkeep_seconds = 2 * HUNG_AFTER
        running = asyncio.create_task(desk.running(60))
        await desk.looked_after(HUNG_AFTER + 3)
        assert desk.notes.health == ["the disk does not answer"]
        desk.disk.upkeep_seconds = 0.0
        await running
        assert desk.notes.health == ["the disk does not answer", None]

    run(story())


def test_a_wall_clock_that_jumps_ahead_makes_nothing_old() -> None:
    async def story() -> None:
        desk = Desk()
        await desk.running(10)
        desk.clock.ahead = 1_000 * 24 * 3_600.0
        await desk.running(10)
        assert desk.disk.maintained_at < SOME_DAY + 60_000

    run(story())


def test_status_changes_are_bounded_also_while_a_commit_hangs() -> None:
    desk = Desk()
    for at in range(RECORDS_KEPT + 5):
        desk.queue.put_status(StatusChange(7, at, "ok", None))
    kept = desk.queue._records.statuses
    assert len(kept) <= RECORDS_KEPT
    assert kept[-1].at == RECORDS_KEPT + 4
    assert desk.queue.records_lost == RECORDS_KEPT // 10


def test_finish_commits_what_is_queued_and_waits_for_the_commit_in_hand() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 0.5
        desk.numbered(1)
        await desk.running(0.3)
        desk.numbered(2)
        assert await desk.queue.finish()
        assert desk.disk.readings == 2

    run(story())


def test_finish_gives_up_on_a_disk_that_hangs() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.seconds = 3600
        desk.numbered(1)
        assert not await desk.queue.finish()
        assert desk.queue.degraded == "the disk does not answer"

    run(story())


def test_finish_tells_that_a_failing_disk_left_rows_behind() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.queue.put_repair(Repair(1, 7, 2, 10, 11))
        assert not await desk.queue.finish()

    run(story())


def test_an_error_that_nobody_expected_ends_the_run() -> None:
    class Broken(Disk):
        async def write(self, batch: Batch) -> Written:
            raise ZeroDivisionError

    async def story() -> None:
        desk = Desk()
        desk.queue._store = Broken()  # type: ignore[assignment]
        desk.numbered(1)
        with pytest.raises(ZeroDivisionError):
            await desk.running(1)

    run(story())


def test_a_reading_that_was_passed_over_moves_the_cursor() -> None:
    async def story() -> None:
        desk = Desk()
        desk.numbered(1)
        desk.queue.pass_over(desk.stream, 3)
        await desk.running(0.3)
        assert desk.notes.acknowledgeable == {desk.stream: 3}
        assert desk.disk.readings == 1

    run(story())


@pytest.mark.parametrize("sequence", [1, 2 + WINDOW])
def test_a_reading_that_cannot_be_the_next_is_not_passed_over(sequence: int) -> None:
    desk = Desk()
    desk.numbered(1)
    desk.queue.pass_over(desk.stream, sequence)
    assert desk.stream.last_sequence == 1
    assert desk.notes.readings_lost == 0
