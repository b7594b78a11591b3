"""Tables as Parquet."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from an_hour import REPAIRS, at

from gridws.report import parquet
from gridws.report.exporting import Rows
from gridws.report.parquet import parquet_writer
from gridws.storage.records import COLUMNS, Table
from gridws.storage.rows import LinkRow, Reading


def written(table: Table, *pieces: Rows) -> pq.ParquetFile:
    file = io.BytesIO()
    with parquet_writer(file, table) as write:
        for piece in pieces:
            write(piece)
    file.seek(0)
    return pq.ParquetFile(file)


def test_readings_come_back_with_times_as_times() -> None:
    row = Reading(7, at(0) + 5, 0.1 + 0.2, 1200.0, "ok", at(0) + 12)

    (found,) = written(Table.metrics, [row]).read().to_pylist()

    moment = datetime(2023, 11, 14, 22, 13, 0, 5_000, UTC)
    assert found == row._asdict() | {"measured_at": moment, "received_at": moment.replace(microsecond=12_000)}


def test_a_running_repair_has_nulls() -> None:
    running = REPAIRS[7][1]._replace(ended_at=None, outcome=None)

    found = written(Table.repairs, [running], REPAIRS[8]).read()

    assert found["outcome"].to_pylist() == [None, "repaired"]
    assert found["ended_at"].null_count == 1


def test_rows_go_out_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP", 4)
    rows = [LinkRow(n, 7, at(n)) for n in range(10)]

    found = written(Table.links, rows[:3], rows[3:6], rows[6:10])

    assert [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)] == [6, 4]
    assert found.read()["id"].to_pylist() == list(range(10))


@pytest.mark.parametrize("table", Table)
def test_an_empty_table_has_its_columns(table: Table) -> None:
    assert written(table).read().column_names == list(COLUMNS[table])
