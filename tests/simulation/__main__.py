"""`scripts/simulate`: long runs, and one seed at a time with all that happens in it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pool

from .several import story as several
from .story import Result, simulate

AnyResult = Result | several.Result


def main() -> int:
    """Play the seeds; return 1 if any failed."""
    options = _options()
    began, failed = time.monotonic(), 0
    one_of = " --several" if options.several else ""
    for seed, result in _results(options):
        if result.failures:
            failed += 1
            print(f"seed {seed} fails; see scripts/simulate{one_of} --first {seed} --seeds 1 --verbose")
            print("".join(f"  {sentence}\n" for sentence in result.failures[:5]), end="", flush=True)
        if options.verbose:
            print(result)
    seconds = time.monotonic() - began
    pace = options.seeds / seconds * 60
    print(f"{options.seeds} seeds in {seconds:.1f} s ({pace:.0f} a minute), {failed} failed")
    return min(failed, 1)


def _results(options: argparse.Namespace) -> Iterator[tuple[int, AnyResult]]:
    play = several.simulate if options.several else simulate
    seeds = range(options.first, options.first + options.seeds)
    if options.verbose:
        yield from ((seed, play(seed, print)) for seed in seeds)
        return
    with Pool(options.jobs) as pool:
        yield from zip(seeds, pool.imap(play, seeds, chunksize=8), strict=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds to play")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at the same time")
    parser.add_argument(
        "--several", action="store_true", help="have two or three monitors that share a pool, instead of one"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print all that happens, one seed after the other"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
