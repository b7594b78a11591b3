"""`gridws plan`: how many engineers are enough, from what was recorded or from a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from ..errors import OptionError, StoreUnusable
from ..settings import MAX_ENGINEERS, MonitorSettings
from .databases import Database, open_records
from .report import From, Since, To

if TYPE_CHECKING:
    from ..plan.answer import Answer, Question
    from ..plan.model import Cause, Model, RecordedShifts
    from ..plan.record import Record
    from ..storage.records import Records

DEFAULTS = MonitorSettings()
_SIZES: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_RECORD, _STEADY, _NEW = "record", "steady", "new"
MOST_TURBINES: Final = 100_000


class Preset(StrEnum):
    """Fleets that are known: a reference offshore wind farm, and what `gridws turbines` draws."""

    dinwoodie = "dinwoodie"
    demo = "demo"


class _How(NamedTuple):
    """How a fleet is played, as the options say it."""

    travel: str | None
    shift: str | None
    horizon: str | None
    start: str


def plan(
    database: Database = DEFAULTS.database,
    since: Since = None,
    begin: From = None,
    end: To = None,
    turbines: Annotated[
        int | None, typer.Option(min=1, max=MOST_TURBINES, help="How many; as many as recorded unless given.")
    ] = None,
    mtbf: Annotated[
        str | None,
        typer.Option(help="Mean time between failures of one turbine, such as 300h.", metavar="LENGTH"),
    ] = None,
    repair: Annotated[
        str | None, typer.Option(help="Mean time of a repair, such as 20h.", metavar="LENGTH")
    ] = None,
    life: Annotated[
        str,
        typer.Option(help="The law of lives: exponential, fixed, weibull:1.5 or erlang:2.", metavar="LAW"),
    ] = "exponential",
    repair_law: Annotated[
        str, typer.Option(help="The law of repairs, one of the same.", metavar="LAW")
    ] = "exponential",
    preset: Annotated[Preset | None, typer.Option(help="Failures and repairs of a known fleet.")] = None,
    engineers: Annotated[
        str | None,
        typer.Option(
            help="Which pools, such as 3 or 1-6; those around the targets unless given.", metavar="N-M"
        ),
    ] = None,
    travel: Annotated[
        str | None, typer.Option(help="The way to a turbine, before each repair.", metavar="LENGTH")
    ] = None,
    shift: Annotated[
        str | None, typer.Option(help="When engineers begin work, such as 07-19.", metavar="FROM-TO")
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            help="The period: a length, steady (a long run), or record (as long as recorded); 365d for a model.",
            metavar="LENGTH",
        ),
    ] = None,
    start: Annotated[
        str, typer.Option(help="new: all turbines begin a life; steady: long after that.", metavar="HOW")
    ] = _NEW,
    power: Annotated[
        float | None, typer.Option(min=0, help="The mean power of a running turbine.", metavar="KW")
    ] = None,
    price: Annotated[
        float | None, typer.Option(min=0, help="What energy is worth.", metavar="PER_KWH")
    ] = None,
    engineer_cost: Annotated[
        float | None, typer.Option(min=0, help="What an engineer costs.", metavar="PER_HOUR")
    ] = None,
    target_availability: Annotated[
        float | None, typer.Option(min=0, max=100, help="Availability to reach.", metavar="PERCENT")
    ] = None,
    target_wait: Annotated[
        str | None, typer.Option(help="A wait that 95 % shall not exceed.", metavar="LENGTH")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    precision: Annotated[
        float, typer.Option(min=0.001, help="How sure: half an interval of availability.", metavar="PERCENT")
    ] = 0.1,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="How long it may take, sure or not.", metavar="SECONDS")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, a row for each pool.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say how each figure is made, and end.")] = False,
) -> None:
    """Say how many engineers are enough: from what was recorded, or for a fleet of which the laws are known.

    Without --mtbf and --preset it is the recorded fleet; the dispatcher that works live decides who goes where.
    """
    from ..plan.text import EXPLANATION, as_table
    from ..plan.text import as_csv as csv_of
    from ..plan.text import as_json as json_of

    if as_json and as_csv:
        raise OptionError("--json and --csv exclude each other")
    if explain:
        typer.echo(EXPLANATION, nl=False)
        return
    question = _question(
        engineers=engineers,
        availability=target_availability,
        wait=target_wait,
        prices=(power, price, engineer_cost),
        seed=seed,
        precision=precision,
        seconds=seconds,
    )
    causes = _causes(preset, mtbf, repair, life, repair_law)
    how = _How(travel, shift, horizon, start)
    if causes is not None:
        if turbines is None:
            raise OptionError("--turbines is missing: how many turbines the fleet has")
        answer = _by_model(turbines, causes, question, how)
    else:
        record = _recorded(database, since, begin, end)
        answer = _by_record(record, turbines or len(record.turbines), repair, question, how)
    typer.echo(json_of(answer) if as_json else csv_of(answer) if as_csv else as_table(answer), nl=False)


def _question(
    *,
    engineers: str | None,
    availability: float | None,
    wait: str | None,
    prices: tuple[float | None, float | None, float | None],
    seed: int,
    precision: float,
    seconds: float,
) -> Question:
    import time

    from ..plan.answer import Question
    from ..plan.model import seconds_of
    from ..plan.pools import Prices
    from ..plan.recommendation import Targets

    until = time.monotonic() + seconds
    return Question(
        sizes=None if engineers is None else parse_sizes(engineers),
        targets=Targets(
            None if availability is None else availability / 100,
            None if wait is None else seconds_of(wait, option="--target-wait"),
        ),
        prices=Prices(*prices),
        seed=seed,
        precision=precision / 100,
        gives_up=lambda: time.monotonic() > until,
    )


def parse_sizes(text: str) -> range:
    """Return the pools that `3` or `1-6` names; raise `OptionError`."""
    found = _SIZES.fullmatch(text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not first <= last <= MAX_ENGINEERS or last - first >= 100:
        raise OptionError(f"--engineers {text!r} is no range of at most 100 pools; write 3 or 1-6")
    return range(first, last + 1)


def _causes(
    preset: Preset | None, mtbf: str | None, repair: str | None, life: str, repair_law: str
) -> tuple[Cause, ...] | None:
    """Return why turbines break; None: as recorded."""
    from ..plan.laws import parse_law
    from ..plan.model import Cause, demo, dinwoodie, seconds_of

    if preset is not None:
        if mtbf is not None or repair is not None:
            raise OptionError(
                "--preset says when turbines break and how long repairs take; leave out --mtbf and --repair"
            )
        return dinwoodie() if preset is Preset.dinwoodie else demo()
    if mtbf is None:
        return None
    if repair is None:
        raise OptionError("--mtbf says when turbines break; say with --repair how long a repair takes")
    lives = parse_law(life, seconds_of(mtbf, option="--mtbf"), option="--life")
    repairs = parse_law(repair_law, seconds_of(repair, option="--repair"), option="--repair-law")
    return (Cause(lives, repairs),)


def _by_model(
    turbines: int,
    causes: tuple[Cause, ...],
    question: Question,
    how: _How,
) -> Answer:
    from ..plan.answer import answer_from_model

    if how.horizon == _RECORD:
        raise OptionError("--horizon record goes with a record; write a length such as 365d, or steady")
    return answer_from_model(_model(turbines, causes, how, how.horizon or "365d"), question)


def _by_record(
    record: Record,
    turbines: int,
    repair: str | None,
    question: Question,
    how: _How,
) -> Answer:
    from ..plan.answer import answer_from_record
    from ..plan.laws import Law
    from ..plan.model import Cause, seconds_of
    from ..plan.record import estimate

    known = estimate(record)
    mean_repair = known.repair_mean_in_seconds
    if mean_repair is None and repair is not None:
        mean_repair = seconds_of(repair, option="--repair")
    if known.mtbf_in_seconds is None or mean_repair is None:
        return answer_from_record(record, None, question)
    causes = (Cause(Law("exponential", known.mtbf_in_seconds), Law("exponential", mean_repair)),)
    length = f"{record.seconds:.3f}s" if how.horizon in {None, _RECORD} else how.horizon
    return answer_from_record(record, _model(turbines, causes, how, length or "", record.shifts), question)


def _model(
    turbines: int,
    causes: tuple[Cause, ...],
    how: _How,
    horizon: str,
    recorded: RecordedShifts | None = None,
) -> Model:
    from ..plan.answer import steady
    from ..plan.model import Model, parse_shift, seconds_of

    if how.start not in {_NEW, _STEADY}:
        raise OptionError(f"--start {how.start!r} is neither new nor steady")
    model = Model(
        turbines=turbines,
        causes=causes,
        horizon=1.0 if horizon == _STEADY else seconds_of(horizon, option="--horizon"),
        travel=0.0 if how.travel is None else seconds_of(how.travel, option="--travel"),
        shift=recorded if how.shift is None else parse_shift(how.shift),
    )
    return steady(model, start=how.start == _STEADY, horizon=horizon == _STEADY)


@contextmanager
def _readable(database: str) -> Iterator[Records]:
    from ..plan.text import BY_ITS_LAWS

    try:
        with open_records(database) as records:
            yield records
    except StoreUnusable as error:
        reason = f"{error.reason}; a fleet without a record is planned by its laws: {BY_ITS_LAWS}"
        raise StoreUnusable(error.path, reason) from error


def _recorded(database: str, since: str | None, begin: str | None, end: str | None) -> Record:
    import time

    from ..plan.record import recorded
    from ..spans import Span, parse_span

    now = time.time_ns() // 1_000_000
    span = parse_span(since, begin, end, now=now, default=None)
    with _readable(database) as records:
        known, rows = records.report_rows(Span(span.since, min(span.until, now)), now=now)
        first, last = known.since or now, known.until or now
        return recorded(rows, Span(max(span.since, first), min(span.until, now)), last, records.roster())
