"""An answer in writing: a table for people, JSON and CSV for machines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

from .answer import Answer
from .intervals import Mean, quantile
from .model import YEAR
from .pools import Pool, one_more

NOTHING: Final = "–"  # noqa: RUF001 - as the report has it

BY_ITS_LAWS: Final = "gridws plan --turbines 50 --mtbf 300h --repair 20h"
"""How a fleet of which nothing is recorded is planned."""

EXPLANATION: Final = """\
How `gridws plan` comes to its figures

Each turbine runs for a life drawn from its law, breaks, waits for an engineer, is repaired and begins a new life. Who
goes where is decided by the dispatcher that the monitor itself runs on, event for event: first broken, first served.

available    time in which turbines were ok ÷ time in which that is known, and not planned; ± is half of a 95 % interval
             over the runs
at work      time of engineers at turbines, travel included ÷ their rostered time; above 100 % they finish after it
wait         from a failure until an engineer is on the way; p50 and p95: half, and 95 %, of all waits were not longer
lost MWh/a   time in which turbines were broken times --power, scaled to a year
cost/a       rostered time and overtime times --engineer-cost + lost energy times --price, scaled to a year
one more     what one engineer more adds to the availability, run by run on the same failures, which tells it far
             better than the difference of the two figures
theory       the finite-source model M/M/c//N: for exponential repairs, one cause, no shift, no travel, in the long run

From a record: lives are counted in operating time, without each turbine's first one, which began before anybody
looked, unless there are fewer than 30 others; the lives that still go on count as at least so long (Kaplan-Meier).
Below 30 complete lives only the rate of failures is known, and each run draws it anew. Each run also draws its turbines
with replacement, each with its own repairs. Several tries at one failure are one repair, as long as the try that ended
it. Link outages and holds come where they were: nobody is sent there meanwhile, and time held and not ok is planned, in
no figure. Times in which there was no engineer at all, as at night, come again, too, unless --shift says otherwise;
whatever else the roster was is what is compared.

Recommended are the fewest engineers that meet the targets with the lower end of the interval; without targets the least
cost, fewer where the difference may as well be nothing; without prices the first pool to which one engineer more adds
less than 0.1 % of availability.
"""


def as_dict(answer: Answer) -> dict[str, Any]:
    """Return the answer as JSON has it; null where a thing is not known."""
    return {
        "source": answer.source,
        "turbines": answer.turbines,
        "horizon_in_seconds": _number(answer.horizon),
        "seed": answer.seed,
        "recommended": answer.recommendation.engineers,
        "reason": answer.recommendation.reason,
        "pools": [pool_as_dict(pool) for pool in answer.pools],
        "estimates": None if answer.estimates is None else asdict(answer.estimates),
    }


def as_json(answer: Answer) -> str:
    """Return the answer as a JSON text."""
    return json.dumps(as_dict(answer), indent=2, allow_nan=False) + "\n"


def pool_as_dict(pool: Pool) -> dict[str, Any]:
    """Return one pool; failures, waits and energy are those of one period, the mean over the replications."""
    available, waits, runs = pool.availability, pool.waits, len(pool.runs)
    costs = [cost for run in pool.runs if (cost := pool.cost(run)) is not None]
    losses = [lost for run in pool.runs if (lost := pool.lost_energy(run)) is not None]
    return {
        "engineers": pool.engineers,
        "availability": available.value,
        "availability_half_width": _number(available.half_width),
        "availability_by_energy": available.value if losses else None,
        "utilisation": pool.utilisation,
        "wait_mean_in_seconds": sum(waits) / len(waits) if waits else None,
        "wait_p50_in_seconds": quantile(waits, 0.5),
        "wait_p95_in_seconds": quantile(waits, 0.95),
        "waiting_share": pool.waiting_share,
        "replications": runs,
        "failures": pool.mean("failures"),
        "repaired": pool.mean("repaired"),
        "still_waiting": pool.mean("still_waiting"),
        "overtime_in_seconds": pool.mean("overtime"),
        "lost_energy_in_kwh": sum(losses) / runs if losses else None,
        "cost": sum(costs) / runs if costs else None,
        "theory": None
        if pool.theory is None
        else {
            "availability": pool.theory.availability,
            "utilisation": pool.theory.utilisation,
            "wait_mean_in_seconds": pool.theory.wait_mean,
            "wait_p95_in_seconds": pool.theory.wait_p95,
        },
    }


def as_csv(answer: Answer) -> str:
    """Return a row for each pool, with the names of the JSON."""
    rows = [_flat(pool_as_dict(pool)) for pool in answer.pools]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["engineers"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(pool: dict[str, Any]) -> dict[str, Any]:
    theory = pool.pop("theory") or dict.fromkeys(
        ("availability", "utilisation", "wait_mean_in_seconds", "wait_p95_in_seconds")
    )
    return pool | {f"theory_{name}": value for name, value in theory.items()}


def as_table(answer: Answer) -> str:
    """Return the answer for people: what it is made from, a line for each pool, the advice."""
    lines = [_about(answer), *_known(answer), ""]
    if answer.pools:
        lines += [*_aligned(_rows(answer)), ""]
    lines += [*(f"Beware: {note}." for note in answer.notes), _advice(answer)]
    if answer.pools and not answer.is_sure:
        wanted, runs = _percent(answer.precision), len(answer.pools[0].runs)
        lines.append(
            f"Time was over after {runs} runs, before it was as sure as ± {wanted}: --seconds gives it more."
        )
    if answer.estimates is not None and not answer.estimates.lives:
        lines.append(f"A fleet without a record is planned by its laws: {BY_ITS_LAWS}")
    return "\n".join(lines) + "\n"


def _about(answer: Answer) -> str:
    made = "as recorded" if answer.source == "record" else "by their laws"
    turbines = f"{answer.turbines:,} turbine{'' if answer.turbines == 1 else 's'}"
    runs = f", {len(answer.pools[0].runs):,} runs" if answer.pools else ""
    return f"{turbines} {made}, {span(answer.horizon)}{runs}"


def _known(answer: Answer) -> list[str]:
    known = answer.estimates
    if known is None:
        return []
    low, high = span(known.mtbf_low_in_seconds), span(known.mtbf_high_in_seconds)
    failures = f"mean time between failures {span(known.mtbf_in_seconds)} ({low} to {high})"
    complete, going_on = known.complete_lives, known.censored_lives
    lives = f"{complete:,} complete {'life' if complete == 1 else 'lives'}"
    lives += f", {going_on:,} {'goes' if going_on == 1 else 'go'} on"
    return [f"{failures}, mean repair {span(known.repair_mean_in_seconds)}; {lives}"]


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cells: Sequence[str]


def _rows(answer: Answer) -> list[_Column]:
    pools, scale = answer.pools, YEAR / answer.horizon
    rows = [pool_as_dict(pool) for pool in pools]
    more = [_gain(one_more(a, b)) if b.engineers == a.engineers + 1 else NOTHING for a, b in pairwise(pools)]
    columns = [
        _Column("engineers", [str(pool.engineers) for pool in pools]),
        _Column("available", [_with_width(pool.availability) for pool in pools]),
        _Column("at work", [_percent(row["utilisation"], 0) for row in rows]),
        _Column("wait p50", [span(row["wait_p50_in_seconds"]) for row in rows]),
        _Column("p95", [span(row["wait_p95_in_seconds"]) for row in rows]),
        _Column("lost MWh/a", [_scaled(row["lost_energy_in_kwh"], scale / 1000) for row in rows]),
        _Column("cost/a", [_scaled(row["cost"], scale) for row in rows]),
        _Column("one more", [*more, NOTHING]),
        _Column("theory", [_percent(pool.theory and pool.theory.availability) for pool in pools]),
    ]
    return [column for column in columns if set(column.cells) != {NOTHING} or column.title == "one more"]


def _aligned(columns: Sequence[_Column]) -> list[str]:
    widths = [max(map(len, (column.title, *column.cells))) for column in columns]
    heads = [column.title for column in columns]
    lines = [heads, *zip(*(column.cells for column in columns), strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]


def _advice(answer: Answer) -> str:
    advice = answer.recommendation
    if advice.engineers is None:
        return f"{advice.reason[:1].upper()}{advice.reason[1:]}."
    return f"Take {advice.engineers}: {advice.reason}."


def span(seconds: float | None) -> str:
    """Return a length of time in the unit that suits it, with two or three digits."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return (
                f"{seconds / length:.3g} {unit}"
                if seconds < 1000 * length
                else f"{seconds / length:,.0f} {unit}"
            )
    return f"{seconds:.3g} s"


def _with_width(mean: Mean) -> str:
    return f"{mean.value * 100:.2f} ± {_percent(mean.half_width)}"


def _gain(mean: Mean) -> str:
    return f"{mean.value * 100:+.2f} ± {_percent(mean.half_width)}"


def _percent(share: float | None, digits: int = 2) -> str:
    return NOTHING if share is None or not math.isfinite(share) else f"{share * 100:.{digits}f} %"


def _scaled(value: float | None, scale: float) -> str:
    if value is None:
        return NOTHING
    whole = value * scale
    return f"{whole / 1e6:.2f} M" if abs(whole) >= 1e6 else f"{whole:,.0f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
