"""What is told of a file, while a monitor writes to it and after it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from an_hour import HOUR, REPAIRS, STATUSES, at

from gridws.errors import StoreUnusable
from gridws.report.reporting import Report, report_of
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow
from gridws.storage.sqlite import records as sqlite_records
from gridws.storage.sqlite.records import open_records
from gridws.storage.sqlite.store import SqliteStore


def report_from(path: Path) -> Report:
    with open_records(path) as records:
        return report_of(records, HOUR, now=at(60))


async def test_a_closed_database_reads_like_an_open_one(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=at(-40))
    await store.write(
        Batch(
            links=[LinkRow(1, 7, at(-30))],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
        )
    )
    await store.maintain(now=at(60))
    await store.write(Batch())
    while_open = report_from(path)
    await store.close()

    assert report_from(path) == while_open


async def test_a_file_that_is_gone_is_told_of(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no such file"):
        report_from(path)


async def test_a_long_statement_can_be_given_up(
    path: Path, sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_records, "_ASK_EVERY", 1)

    with (
        pytest.raises(StoreUnusable, match="interrupted"),
        open_records(path, given_up=lambda: True) as records,
    ):
        records.report_rows(HOUR, now=at(60))
