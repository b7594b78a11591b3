"""Tables as Parquet, for pandas, DuckDB and their like: typed columns, times as timestamps in UTC.

Row groups are written one after the other, so that memory holds one of them, however long the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..storage.records import COLUMNS, Table
from .exporting import Rows, WriteRows

_GROUP: Final = 100_000
"""Rows of a group: some 10 MiB of memory, and large enough for columns to shrink well."""

_FLOATS: Final = {"wind_speed", "power_output_in_kwh"}
_TEXTS: Final = {"operational_status", "outcome", "reason"}


@contextmanager
def parquet_writer(file: BinaryIO, table: Table) -> Iterator[WriteRows]:
    """Give a function that writes rows of the table to the file, which is whole at the end only."""
    schema = pa.schema([(name, _type_of(name)) for name in COLUMNS[table]])
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def write(rows: Rows) -> None:
            columns = list(zip(*rows, strict=True)) or [()] * len(schema)
            arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
            waiting.append(pa.Table.from_arrays(arrays, schema=schema))
            if sum(part.num_rows for part in waiting) >= _GROUP:
                flush()

        def flush() -> None:
            if waiting:
                writer.write_table(pa.concat_tables(waiting))
                waiting.clear()

        yield write
        flush()


def _type_of(column: str) -> pa.DataType:
    if column.endswith("_at"):
        return pa.timestamp("ms", tz="UTC")
    if column in _FLOATS:
        return pa.float64()
    return pa.string() if column in _TEXTS else pa.int64()
