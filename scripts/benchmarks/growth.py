"""How the cost grows with the number of links, up to the limit of open files, and with the rate, to the capacity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gridws.server.server import BACKLOG, KEPT_DESCRIPTORS

from .capacity import stand
from .figures import Figure, columns, percentile
from .frames import whole_way
from .load import raise_file_limit

RATE_COLUMNS: Final = columns(
    "links", "rate", "stored", "ratio", "cpu_us_a_frame", "cores", "round_trip_ms_50", "round_trip_ms_99"
)

FIRST: Final = 500
NOT_LINKS: Final = 50
"""Connections that are no link of the fleet, generously: probes, and those who look at the monitor."""
FAR_FROM_MOST: Final = 0.8
"""The share of the largest fleet up to which sizes double: above it a size would tell nothing new."""
RATE: Final = 12_000
LINKS: Final = 6_000
"""Links among which a growing rate is shared: each may send 20 frames a second."""


def fleet_sizes(files: int) -> list[int]:
    """Return the sizes of fleets up to the largest that a monitor with so many open files takes."""
    most = files - KEPT_DESCRIPTORS - min(BACKLOG, files // 4) - NOT_LINKS
    sizes = [FIRST]
    while sizes[-1] * 2 < most * FAR_FROM_MOST:
        sizes.append(sizes[-1] * 2)
    return [*sizes, most] if most > sizes[-1] else sizes


def with_links(seconds: float) -> Iterator[Figure]:
    """Yield what the same rate costs over more and more links."""
    first = None
    sizes = fleet_sizes(files := raise_file_limit())
    for links in sizes:
        (figure,) = whole_way(links=links, rate=RATE, seconds=seconds, probe=True)
        if links == sizes[-1]:
            figure.what += f", the most that {files:,} open files allow"
        first = first or figure
        figure.compare(first)
        yield figure


def with_rate() -> Iterator[Figure]:
    """Yield what more and more costs until the monitor no longer keeps up; what it stored then is its capacity."""
    first = None
    with stand(links=LINKS, numbered=True) as where:
        for step in where.climb():
            figure = Figure(
                what="gridws keeps up" if step.kept_up else "gridws is at its capacity",
                links=LINKS,
                rate=round(step.rate),
                stored=round(step.stored),
                cores=round(step.cores, 2),
                cpu_us_a_frame=round(step.cores / step.stored * 1e6, 1),
                round_trip_ms_50=percentile(step.dispatches, 0.5),
                round_trip_ms_99=percentile(step.dispatches, 0.99),
            )
            first = first or figure
            figure.compare(first)
            yield figure
