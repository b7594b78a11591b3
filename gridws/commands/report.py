"""`gridws report`: what a database collected in a range of time, with or without a monitor running."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import OptionError
from ..settings import MAX_TURBINE_NUMBER, MonitorSettings
from .databases import Database, open_records, shown

DEFAULTS = MonitorSettings()
_LAST_DAY = "24h"

Since = Annotated[
    str | None,
    typer.Option(help="How far back from now, or from --to: 90s, 30m, 24h, 7d or 2w.", metavar="LENGTH"),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", help="Where it begins: an ISO 8601 date or time, local without a zone.", metavar="TIME"
    ),
]
To = Annotated[
    str | None, typer.Option("--to", help="Where it ends, exclusive; now unless given.", metavar="TIME")
]
Turbine = Annotated[int | None, typer.Option(min=1, max=MAX_TURBINE_NUMBER, help="This turbine only.")]


def say_nothing_of(turbine: int) -> None:
    """Say that an answer is empty, where a number that was mistyped would look like a turbine without news."""
    typer.echo(f"gridws: there is nothing of turbine {turbine} in this range", err=True)


def report(
    since: Since = None,
    begin: From = None,
    end: To = None,
    turbine: Turbine = None,
    site: Annotated[
        str | None,
        typer.Option(metavar="SITE", help="The turbines of this site only; `gridws names` names them."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every turbine, not only 20 that need attention.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, with the fields of /api/v1/report.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="As CSV, a row for each turbine and the fleet.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say how each figure is made, and end.")] = False,
    database: Database = DEFAULTS.database,
) -> None:
    """Show availability, energy, failures and repairs of the last 24 hours, or another range."""
    from ..report.text import EXPLANATION

    if as_json and as_csv:
        raise OptionError("--json and --csv exclude each other")
    if explain:
        typer.echo(EXPLANATION, nl=False)
        return
    import time

    from ..report.reporting import report_of
    from ..report.text import as_csv as csv_of
    from ..report.text import as_json as json_of
    from ..report.text import as_table
    from ..spans import Span, parse_span

    now = time.time_ns() // 1_000_000
    span = parse_span(since, begin, end, now=now, default=_LAST_DAY)
    if span.since >= now:
        raise OptionError("the range begins in the future")
    with open_records(database) as records:
        whole = Span(span.since, min(span.until, now))
        found = report_of(records, whole, now=now, turbine_number=turbine, site=site)
    if turbine is not None and not found.turbines:
        say_nothing_of(turbine)
    if as_json:
        text = json_of(found) + "\n"
    elif as_csv:
        text = csv_of(found, fleet=turbine is None)
    else:
        text = as_table(found, database=shown(database), everything=everything, fleet=turbine is None)
    typer.echo(text, nl=False)
