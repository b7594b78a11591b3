"""The whole answer: which pools were played, what came of each, which one to take."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal, NamedTuple

from .model import Model
from .play import Failures, Interruptions, Played, drawn_failures, play, uninterrupted
from .pools import Pool, Prices, compare, one_more
from .recommendation import WORTH_IT, Recommendation, Targets, recommend
from .record import Estimates, Fleet, Record, estimate
from .theory import Theory, finite_source

MOST_POOLS: Final = 8
"""Pools looked at where nobody says which."""
LITTLE: Final = 0.0005
"""Availability that one engineer more adds by theory where looking for larger pools ends."""
NOTHING: Final = LITTLE / 50
"""The same where a target is not met yet: no number of engineers meets it then."""
CYCLES_TO_FORGET: Final = 10
"""Lives and repairs after which nothing is left of the beginning."""
CYCLES_OF_A_LONG_RUN: Final = 200
MOSTLY: Final = 0.75
"""Of the waiting so much has to be left with the largest pool to be called the rest that no engineer changes."""
CHECKED_RUNS: Final = 1
"""Runs of each pool in which the dispatcher's invariants are checked now and then."""
CHECK_EVERY: Final = 5_000
"""Events between two checks, each of which looks at every turbine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked beside the fleet: which pools (None: those around the targets), and how sure the answer shall be.

    `precision` is half the width of an interval of availability, as a share. `gives_up` says that time is over.
    """

    sizes: Sequence[int] | None = None
    targets: Targets = field(default_factory=Targets)
    prices: Prices = field(default_factory=Prices)
    seed: int = 1
    precision: float = 0.001
    gives_up: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it; `pools` is empty where nothing could be played, and the recommendation says why."""

    source: Literal["model", "record"]
    turbines: int
    horizon: float
    seed: int
    recommendation: Recommendation
    pools: Sequence[Pool] = ()
    estimates: Estimates | None = None
    precision: float = 0.0
    is_sure: bool = True
    notes: Sequence[str] = field(default=())


class Fleets(NamedTuple):
    """Where the failures of each run come from."""

    failures_of: Callable[[int], Callable[[int], Failures]]
    interruptions_of: Callable[[int], Interruptions]


def steady(model: Model, *, start: bool = False, horizon: bool = False) -> Model:
    """Return the model played from its steady state on, or for a run long enough to be all there is."""
    cycle = model.mean_life + model.mean_repair + model.travel
    if model.shift is not None:
        cycle = max(cycle, model.shift.period)
    length = CYCLES_OF_A_LONG_RUN * cycle if horizon else model.horizon
    warm_up = CYCLES_TO_FORGET * cycle if start or horizon else 0.0
    if model.shift is not None:
        warm_up = math.ceil(warm_up / model.shift.period) * model.shift.period
    return Model(
        turbines=model.turbines,
        causes=model.causes,
        horizon=length,
        warm_up=warm_up,
        travel=model.travel,
        shift=model.shift,
    )


def answer_from_model(model: Model, question: Question) -> Answer:
    """Return what so many engineers would make of a fleet by its laws."""
    fleets = Fleets(
        lambda run: partial(drawn_failures, model, question.seed, run), lambda _run: uninterrupted
    )
    return _answer("model", model, question, fleets, None)


def answer_from_record(record: Record, model: Model | None, question: Question) -> Answer:
    """Return what so many engineers would have made of a recorded fleet; `model` says how it is to be played.

    Without a model nothing can be played, and the answer says what is missing.
    """
    known = estimate(record)
    if model is None:
        return Answer(
            source="record",
            turbines=len(record.turbines),
            horizon=record.seconds,
            seed=question.seed,
            recommendation=Recommendation(None, _missing(known)),
            estimates=known,
        )
    fleets: dict[int, Fleet] = {}

    def fleet(run: int) -> Fleet:
        if run not in fleets:
            fleets.clear()
            fleets[run] = Fleet(record, question.seed, run, model.turbines)
        return fleets[run]

    sources = Fleets(lambda run: fleet(run).failures_of, lambda run: fleet(run).interruptions_of)
    answer = _answer("record", model, question, sources, known)
    return replace(answer, notes=[*answer.notes, *_nobody_there(record, model)])


def _nobody_there(record: Record, model: Model) -> Iterator[str]:
    shifts = record.shifts
    if shifts is not None and model.shift is shifts:
        nobody = f"{(1 - shifts.share) * 100:.0f} %"
        yield (
            f"for {nobody} of the time nobody was on the roster, and so it is in each of these pools; "
            "--shift 00-24 plays them with engineers at all times"
        )


def _missing(known: Estimates) -> str:
    if not known.lives:
        return "nothing of a turbine is recorded in this range"
    if known.mtbf_in_seconds is None:
        return (
            "no turbine broke in this range, so there is nothing to repair; the mean time between failures is at least "
            f"{known.mtbf_low_in_seconds / 3600:.3g} h"
        )
    return "no repair ended in this range, so nobody knows how long one takes; say it with --repair"


def _answer(
    source: Literal["model", "record"],
    model: Model,
    question: Question,
    fleets: Fleets,
    estimates: Estimates | None,
) -> Answer:
    sizes = question.sizes or sizes_around(model, question.targets)
    pools = [Pool(size, question.prices, _theory(model, size) if not estimates else None) for size in sizes]

    def play_one(run: int, engineers: int) -> Played:
        return play(
            model,
            engineers,
            fleets.failures_of(run),
            interruptions_of=fleets.interruptions_of(run),
            check_every=CHECK_EVERY if run < CHECKED_RUNS else 0,
        )

    def enough(pools: Sequence[Pool]) -> bool:
        return _is_sure(pools, recommend(pools, question.targets), question.precision)

    for _ in compare(pools, play_one, enough=enough, gives_up=question.gives_up):
        pass
    advice = recommend(pools, question.targets)
    return Answer(
        source=source,
        turbines=model.turbines,
        horizon=model.horizon,
        seed=question.seed,
        recommendation=_and_why_no_more(advice, pools, model, question.targets),
        pools=pools,
        precision=question.precision,
        estimates=estimates,
        is_sure=_is_sure(pools, advice, question.precision),
        notes=[note for pool in pools if (note := _disagreement(pool))],
    )


def _and_why_no_more(
    advice: Recommendation, pools: Sequence[Pool], model: Model, targets: Targets
) -> Recommendation:
    """Return the advice with what engineers cannot change: repairs take their time, and nobody works at night."""
    if advice.engineers is None and targets:
        most = model.mean_life / (model.mean_life + model.mean_repair + model.travel)
        if targets.availability is not None and most < targets.availability:
            return advice._replace(
                reason=f"{advice.reason}: with one there at once each time it would be {most * 100:.2f} %"
            )
    taken = next((pool for pool in pools if pool.engineers == advice.engineers), pools[0])
    # The largest pool hardly waits for one another: what is waited there is waited for the morning.
    if model.shift is None or taken is pools[-1] or not _adds_little(pools):
        return advice
    if advice.engineers is not None and pools[-1].waiting_share < MOSTLY * taken.waiting_share:
        return advice
    return advice._replace(reason=f"{advice.reason}. The rest of the waiting is {model.shift.off}")


def _adds_little(pools: Sequence[Pool]) -> bool:
    """Return whether the largest pool has what more engineers can bring."""
    return len(pools) > 1 and one_more(pools[-2], pools[-1]).value < WORTH_IT


def _is_sure(pools: Sequence[Pool], advice: Recommendation, precision: float) -> bool:
    """Return whether the recommended pool and the next one are known well enough; the largest, where none is."""
    places = [place for place, pool in enumerate(pools) if pool.engineers == advice.engineers] or [
        len(pools) - 1
    ]
    return all(pool.availability.half_width <= precision for pool in pools[places[0] : places[0] + 2])


def sizes_around(model: Model, targets: Targets) -> Sequence[int]:
    """Return pools from about as many as are always at work up to where theory says that one more adds nothing."""
    repair = model.mean_repair + model.travel
    share = model.work_share
    needed = model.turbines * repair / (model.mean_life + repair) / share
    first = max(1, min(model.turbines, math.floor(needed)))

    def is_enough(size: int) -> bool:
        less, more = (_by_means(model, each, share).availability for each in (size, size + 1))
        is_met = targets.availability is None or more >= targets.availability
        return more - less < (LITTLE if is_met else NOTHING)

    # More engineers are never worse, and each adds less than the one before.
    sizes = range(first, model.turbines)
    last = first + bisect_left(sizes, x=True, key=is_enough) + 1
    return range(max(first, last - MOST_POOLS + 1), min(last, model.turbines) + 1)


def _by_means(model: Model, engineers: int, share: float) -> Theory:
    """Return the long run where who is there for a share of the time takes so much longer for everything."""
    return finite_source(
        model.turbines, engineers, model.mean_life, (model.mean_repair + model.travel) / share
    )


def _theory(model: Model, engineers: int) -> Theory | None:
    """Return the long run by theory, where one holds."""
    if len(model.causes) > 1 or model.shift is not None or model.travel or not model.warm_up:
        return None
    if not model.causes[0].repair.is_exponential and engineers < model.turbines:
        return None
    return finite_source(model.turbines, engineers, model.mean_life, model.mean_repair)


def _disagreement(pool: Pool) -> str | None:
    seen, theory = pool.availability, pool.theory
    if theory is None or abs(seen.value - theory.availability) <= 2 * seen.half_width:
        return None
    return (
        f"with {pool.engineers} engineers theory says {theory.availability * 100:.2f} % and the runs "
        f"{seen.value * 100:.2f} %: take neither before you know why"
    )
