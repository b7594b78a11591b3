"""The operator's numbers for Prometheus: reads the plain counters when `/metrics` is asked for.

Of monitors that share a pool each tells the same of turbines and engineers, namely all of them. Links, power and clocks
are of the turbines that are linked to this one, so those of all monitors add up; so do all counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from ..monitor.counters import Histogram
from ..monitor.monitor import GridMonitor
from ..webhook.webhooks import Webhooks
from ..words import Outcome

LOST: Final = ("disconnected", "silent", "superseded", "no_pong", "not_reading", "flood", "invalid_frames")
REFUSED: Final = (400, 401, 403, 404, 429, 503)
"""What is counted from 0 on: a rate does not see how a number begins that was not there before."""


def exposition(monitor: GridMonitor, webhooks: Webhooks | None = None) -> bytes:
    """Return all numbers in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Numbers(monitor, webhooks))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, monitor: GridMonitor, webhooks: Webhooks | None) -> None:
        self._monitor = monitor
        self._webhooks = webhooks

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._gauges()
        yield from self._disk()
        yield from self._messages()
        yield from self._pool()
        yield InfoMetricFamily("gridws_build", "What runs here.", {"version": version("gridws")})
        numbers = self._monitor.counters
        lost = dict.fromkeys(LOST, 0) | numbers.links_lost
        yield _by("gridws_links_lost", "Links that ended, by reason.", "reason", lost)
        refused = dict.fromkeys(map(str, REFUSED), 0)
        refused |= {str(int(status)): count for status, count in numbers.links_refused.items()}
        yield _by(
            "gridws_links_refused", "Links that turbines were refused, by HTTP status.", "status", refused
        )
        ended = {outcome.value: 0 for outcome in Outcome} | numbers.assignments_ended
        yield _by("gridws_assignments_ended", "Assignments that ended.", "outcome", ended)
        yield _histogram("gridws_commit_seconds", "Time of one commit.", numbers.commits)
        yield _histogram(
            "gridws_dispatch_seconds",
            "From the frame that made it possible to engineer_assigned on its way.",
            numbers.dispatches,
        )

    def _counters(self) -> Iterator[Metric]:
        n, queue = self._monitor.counters, self._monitor.queue
        for name, text, value in (
            ("links_opened", "Links of turbines opened.", n.links),
            ("frames_received", "Frames received from turbines.", n.frames),
            ("invalid_frames", "Frames that broke the protocol.", n.invalid_frames),
            ("readings_stored", "Readings committed to disk.", n.readings_stored),
            ("readings_lost", "Readings that can never be stored.", n.readings_lost),
            ("sequence_jumps", "Streams that went on behind numbers that never came.", n.sequence_jumps),
            ("readings_repeated", "Numbered readings that were stored already.", n.readings_repeated),
            (
                "readings_rejected",
                "Rows that no database takes, nearly all of them readings.",
                queue.rejected,
            ),
            (
                "records_lost",
                "Repairs, links, changes and events given up while the disk failed.",
                queue.records_lost,
            ),
            ("resyncs", "Turbines asked for readings that could not be kept.", n.resyncs),
            ("assignments", "Engineers sent to turbines.", n.assignments),
            ("connections_refused", "Connections reset since there were too many.", n.connections_refused),
            ("viewers_cut", "Viewers cut since they read nothing.", n.viewers_cut),
            ("viewers_refused", "Viewers refused since there were too many.", n.viewers_refused),
            ("viewer_frames_skipped", "Frames not shown to slow viewers.", self._monitor.tap.skipped),
        ):
            yield CounterMetricFamily(f"gridws_{name}", text, value=value)

    def _gauges(self) -> Iterator[Metric]:
        fleet, queue = self._monitor.fleet_state, self._monitor.queue
        totals = fleet.totals()
        overloaded = self._monitor.overloaded is not None
        for name, text, value in (
            ("links", "Turbines linked to this monitor.", len(self._monitor.sessions)),
            ("turbines_known", "Turbines seen within the days that they are listed.", totals.turbines),
            ("turbines_offline", "Known turbines without a link.", totals.turbines - totals.online),
            ("turbines_held", "Known turbines to which nobody is sent.", fleet.held_count),
            ("longest_wait_seconds", "Since the first of those that wait broke.", fleet.longest_wait()),
            (
                "turbines_online",
                "Turbines with a live link, to whichever monitor of the pool.",
                totals.online,
            ),
            ("turbines_broken", "Online turbines that are broken.", totals.broken),
            (
                "turbines_clock_off",
                "Turbines linked to this monitor whose clock is far off.",
                fleet.clocks_off,
            ),
            ("turbines_waiting", "Broken turbines that wait for an engineer.", totals.waiting),
            ("engineers", "Engineers on the roster.", totals.engineers),
            ("engineers_free", "Engineers without work.", totals.engineers_free),
            ("viewers", "Viewers connected.", self._monitor.counters.viewers),
            ("power_watts", "Power of the turbines linked to this monitor.", fleet.power_here() * 1000),
            ("queue_rows", "Readings that wait for a commit.", queue.rows),
            ("queue_room_rows", "Readings that still fit into the queue.", queue.room),
            ("degraded", "1 while readings cannot be committed.", int(queue.degraded is not None)),
            (
                "overloaded",
                "1 while links are read more slowly than they send.",
                int(overloaded),
            ),
            ("loop_lag_seconds", "How late the event loop is.", self._monitor.counters.loop_lag),
        ):
            yield _gauge(name, text, value)

    def _messages(self) -> Iterator[Metric]:
        hooks = self._webhooks
        sent, dropped, waiting = (hooks.sent, hooks.dropped, hooks.waiting) if hooks else (0, 0, 0)
        yield CounterMetricFamily("gridws_webhooks_sent", "Messages that webhooks took.", value=sent)
        yield CounterMetricFamily(
            "gridws_webhooks_dropped", "Messages that no webhook will get.", value=dropped
        )
        yield _gauge("webhooks_waiting", "Messages that webhooks have not taken yet.", waiting)

    def _pool(self) -> Iterator[Metric]:
        for name, text, grows, value in self._monitor.pool_numbers():
            yield (
                CounterMetricFamily(f"gridws_{name}", text, value=value)
                if grows
                else _gauge(name, text, value)
            )

    def _disk(self) -> Iterator[Metric]:
        space, found = self._monitor.store.space, self._monitor.forecast
        if space is not None:
            yield _gauge("database_bytes", "What the database takes of the disk.", space.database_bytes)
            yield _gauge("database_log_bytes", "What its log takes besides.", space.log_bytes)
            yield _gauge("disk_free_bytes", "What is free on that disk.", space.free_bytes)
        if found is not None:
            yield _gauge("stored_bytes_per_day", "What a day adds at the present rate.", found.bytes_a_day)
        if found is not None and found.full_at is not None:
            yield _gauge(
                "disk_full_timestamp_seconds", "When the disk is full, if ever.", found.full_at / 1000
            )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"gridws_{name}", text, value=value)


def _by(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in sorted(counts.items()):
        family.add_metric([key], value)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    below, buckets = 0, []
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else repr(bound), below))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)
