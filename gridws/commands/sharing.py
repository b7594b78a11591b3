"""A monitor with what its database makes of it: alone on a file, or one of several on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import SystemClock
from ..monitor.monitor import GridMonitor
from ..settings import MonitorSettings
from ..storage.sqlite.store import SqliteStore
from .databases import asyncpg_wanted, file_of


def make_monitor(settings: MonitorSettings, address: str) -> tuple[GridMonitor, Callable[[], bool]]:
    """Return the monitor, and whether its disk hangs; `address` is where other monitors of its pool find it."""
    file = file_of(settings.database)
    if file is None:
        return _one_of_several(settings, address), lambda: False
    store = SqliteStore(file, settings=settings)
    return GridMonitor(settings.engineers, store, settings=settings), lambda: store.is_hung


def _one_of_several(settings: MonitorSettings, address: str) -> GridMonitor:
    with asyncpg_wanted():
        from ..several.postgres_log import PostgresLog
        from ..several.shared_dispatch import SharedDispatch
        from ..storage.postgres.store import PostgresStore
    clock, url = SystemClock(), settings.database
    store = PostgresStore(url, settings=settings)
    port = SharedDispatch(
        PostgresLog(url, lease=settings.lease),
        settings=settings,
        clock=clock,
        url=address,
        writer=lambda: store.writer_id,
    )
    return GridMonitor(
        settings.engineers, store, settings=settings, clock=clock, port=port, shared_readings=store
    )
