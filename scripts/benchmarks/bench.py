"""Every figure of `gridws manual speed` in one command, each beside a peer from the same run.

Absolute times are of the machine at hand; what we promise is the ratios.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from . import clients, dispatch, frames, growth, starts
from .archive import history
from .figures import Figure, Group, as_json, columns, print_group
from .overload import print_overload
from .several import print_several
from .soak import SOAK, print_soak
from .stages import print_stages

Tables = dict[str, list[dict[str, object]]]


def default_groups(seconds: float, history_minutes: int) -> dict[str, Group]:
    """Return what is measured when nothing else is asked for, by its name."""

    def archive() -> list[Figure]:
        return [
            Figure(what=what, ms=value) for what, value in history(turbines=10_000, minutes=history_minutes)
        ]

    return {
        "frames": Group(lambda: frames.frames(seconds), frames.FRAME_COLUMNS),
        "dispatch": Group(dispatch.dispatch, dispatch.COLUMNS),
        "fleets": Group(lambda: frames.fleets(seconds), frames.FLEET_COLUMNS),
        "turbines": Group(lambda: clients.turbines(seconds), clients.COLUMNS),
        "history": Group(archive, columns("ms")),
        "starts": Group(starts.starts, starts.COLUMNS),
    }


def asked_for(options: argparse.Namespace) -> list[Callable[[], Tables]]:
    """Return what the options ask for instead of the default groups; each prints its tables."""
    asked: list[Callable[[], Tables]] = []
    if options.peers:
        peers = Group(lambda: frames.peers(options.seconds), frames.FRAME_COLUMNS)
        asked.append(lambda: printed({"peers": peers}))
    if options.growth:
        groups = {
            "links": Group(lambda: growth.with_links(options.seconds), frames.FLEET_COLUMNS),
            "rate": Group(growth.with_rate, growth.RATE_COLUMNS),
        }
        asked.append(lambda: printed(groups))
    if options.several:
        asked.append(lambda: print_several(options.seconds))
    if options.overload:
        asked.append(lambda: print_overload(options.overload, options.links))
    if options.soak:
        asked.append(lambda: print_soak(options.soak, options.links))
    return asked


def printed(groups: dict[str, Group]) -> Tables:
    """Print these groups, and return their tables."""
    return {name: print_group(group) for name, group in groups.items()}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=8.0, help="how long each case is loaded")
    add("--only", help="groups, with commas: frames, dispatch, fleets, turbines, history, starts")
    add("--history-minutes", type=int, default=60, help="minutes of readings of 10,000 turbines")
    add("--output", type=Path, default=Path("bench.json"))
    others = parser.add_argument_group("instead of the groups")
    add = others.add_argument
    add(
        "--peers",
        action="store_true",
        help="compare with Node, Go, mosquitto and NATS, as far as they are here",
    )
    add("--growth", action="store_true", help="more and more links, then a higher and higher rate")
    add("--several", action="store_true", help="monitors that share a PostgreSQL")
    add("--overload", type=float, metavar="SECONDS", help="offer twice what it can store for so long")
    add(
        "--soak",
        type=float,
        nargs="?",
        const=SOAK,
        metavar="MINUTES",
        help="half of what it can store for so long",
    )
    add("--links", type=int, default=6_000, help="turbines of --overload and --soak")
    add("--profile", action="store_true", help="show where a frame's time goes")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for, print its tables, write them as JSON."""
    options = parser().parse_args(arguments)
    if options.profile:
        print_stages()
        return
    tables: Tables = {}
    asked = asked_for(options)
    for run in asked:
        tables |= run()
    if not asked:
        groups = default_groups(options.seconds, options.history_minutes)
        chosen = options.only.split(",") if options.only else list(groups)
        unknown = [name for name in chosen if name not in groups]
        if unknown:
            parser().error(f"there is no group {unknown[0]}; there are {', '.join(groups)}")
        tables = printed({name: groups[name] for name in chosen})
    options.output.write_text(as_json(tables))


if __name__ == "__main__":
    main()
