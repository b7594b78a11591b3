"""The operator's numbers for Prometheus: reads the plain counters when `/metrics` is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from .monitor import GridMonitor
from .numbers import Histogram


def exposition(monitor: GridMonitor) -> bytes:
    """Return all numbers in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(monitor))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, monitor: GridMonitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._gauges()
        numbers = self._monitor.numbers
        yield _by("gridws_links_lost", "Links that ended, by reason.", "reason", numbers.links_lost)
        yield _by("gridws_assignments_ended", "Assignments that ended.", "outcome", numbers.assignments_ended)
        yield _histogram("gridws_commit_seconds", "Time of one commit.", numbers.commits)
        yield _histogram(
            "gridws_dispatch_seconds",
            "From the frame that made it possible to engineer_assigned on its way.",
            numbers.dispatches,
        )

    def _counters(self) -> Iterator[Metric]:
        n, queue = self._monitor.numbers, self._monitor.queue
        for name, text, value in (
            ("links_opened", "Links of turbines opened.", n.links),
            ("frames_received", "Frames received from turbines.", n.frames),
            ("invalid_frames", "Frames that broke the protocol.", n.invalid_frames),
            ("readings_stored", "Readings committed to disk.", n.readings_stored),
            ("readings_lost", "Readings that can never be stored.", n.readings_lost),
            ("readings_repeated", "Numbered readings that were stored already.", n.readings_repeated),
            ("readings_rejected", "Readings that the database would not take.", queue.rejected),
            ("records_lost", "Repairs and links given up while the disk failed.", queue.records_lost),
            ("resyncs", "Turbines asked for readings that could not be kept.", n.resyncs),
            ("assignments", "Engineers sent to turbines.", n.assignments),
            ("viewers_cut", "Viewers cut since they read nothing.", n.viewers_cut),
            ("viewers_refused", "Viewers refused since there were too many.", n.viewers_refused),
            ("viewer_frames_skipped", "Frames not shown to slow viewers.", self._monitor.tap.skipped),
        ):
            yield CounterMetricFamily(f"gridws_{name}", text, value=value)

    def _gauges(self) -> Iterator[Metric]:
        totals, queue = self._monitor.register.totals(), self._monitor.queue
        for name, text, value in (
            ("turbines_online", "Turbines with a live link.", totals.online),
            ("turbines_broken", "Online turbines that are broken.", totals.broken),
            ("turbines_waiting", "Broken turbines that wait for an engineer.", totals.waiting),
            ("engineers", "Engineers on the roster.", totals.engineers),
            ("engineers_free", "Engineers without work.", totals.engineers_free),
            ("viewers", "Viewers connected.", self._monitor.numbers.viewers),
            ("power_watts", "Power of the turbines online.", totals.power_output_in_kwh * 1000),
            ("queue_rows", "Readings that wait for a commit.", queue.rows),
            ("queue_room_rows", "Readings that still fit into the queue.", queue.room),
            ("degraded", "1 while readings cannot be committed.", int(queue.degraded is not None)),
            ("loop_lag_seconds", "How late the event loop is.", self._monitor.numbers.loop_lag),
        ):
            yield GaugeMetricFamily(f"gridws_{name}", text, value=value)


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
