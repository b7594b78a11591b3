"""The write queue: group commits, and what a failing disk means for each kind of row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest
from doubles import SOME_DAY, LoopClock
from virtual_time import run

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Batch, LinkRow, Reading, Repair, StatusChange, Written
from gridws.storage.queue import HUNG_AFTER, RECORDS_KEPT, WriteQueue
from gridws.stream import Stream


def reading(turbine_number: int = 7) -> Reading:
    return Reading(turbine_number, SOME_DAY, 8.0, 400.0, "ok", SOME_DAY)


class Disk:
    """A store of which only the writing matters; it can fail, and it can hang."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.cursors: dict[tuple[int, str], int] = {}
        self.failure: str | None = None
        self.seconds = self.upkeep_seconds = 0.0
        self.maintained = 0
        self.maintained_at = 0

    async def write(self, batch: Batch) -> Written:
        await asyncio.sleep(self.seconds)
        if self.failure:
            raise StoreFailed("grid.db", self.failure)
        self.batches.append(batch)
        self.cursors.update(batch.cursors)
        return Written({key: self.cursors.get(key) for key in batch.wanted})

    async def maintain(self, *, now: int) -> None:
        self.maintained += 1
        self.maintained_at = now
        await asyncio.sleep(self.upkeep_seconds)

    @property
    def readings(self) -> int:
        return sum(len(batch.readings) for batch in self.batches)


class Notes:
    """Writes down what the queue tells."""

    def __init__(self) -> None:
        self.acknowledgeable: dict[Stream, int] = {}
        self.welcomes: list[tuple[Stream, int | None]] = []
        self.to_resync: list[Stream] = []
        self.health: list[str | None] = []

    def committed(self, cursors: Mapping[Stream, int], *, readings: int, seconds: float, now: float) -> None:
        self.acknowledgeable |= cursors

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        self.welcomes.append((stream, last_sequence))
        stream.open(last_sequence)

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
        self.queue = WriteQueue(self.disk, self.notes, settings=settings, clock=self.clock)  # type: ignore[arg-type]
        self.stream = Stream((7, "a"))
        self.stream.open(None)

    def numbered(self, *sequences: int) -> list[bool]:
        return [self.queue.append(reading(), self.stream, sequence) for sequence in sequences]

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
        hello = Stream((8, "b"))
        desk.queue.want(hello)
        await desk.running(5)
        desk.queue.put_repair(Repair(1, 7, 2, 10, 11, 12, "repaired"))
        desk.disk.failure = None
        await desk.running(2)
        assert desk.disk.readings == 1
        assert desk.disk.batches[0].repairs == [Repair(1, 7, 2, 10, 11, 12, "repaired")]
        assert desk.disk.batches[0].links == [LinkRow(5, 7, 10)]
        assert desk.notes.welcomes == [(hello, None)]

    run(story())


def test_no_numbered_reading_is_taken_while_the_disk_fails() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.failure = "full"
        desk.queue.put_link(LinkRow(5, 7, 10))
        await desk.running(0.5)
        assert desk.numbered(1) == [False]
        assert desk.queue.append(reading())

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
        await asyncio.sleep(HUNG_AFTER + 1)
        desk.queue.look_after(LoopClock().now().seconds)
        assert desk.notes.health == ["the disk does not answer"]
        assert desk.numbered(2) == [False]
        await running
        assert desk.notes.health == ["the disk does not answer", None]
        assert desk.disk.readings == 1

    run(story())


def test_upkeep_that_hangs_is_noticed() -> None:
    async def story() -> None:
        desk = Desk()
        desk.disk.upkeep_seconds = 2 * HUNG_AFTER
        running = asyncio.create_task(desk.running(60))
        await asyncio.sleep(HUNG_AFTER + 3)
        desk.queue.look_after(LoopClock().now().seconds)
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
    kept = desk.queue._pending.statuses
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
        desk.queue.pass_over(desk.stream, 2)
        await desk.running(0.3)
        assert desk.notes.acknowledgeable == {desk.stream: 2}
        assert desk.disk.readings == 1

    run(story())
