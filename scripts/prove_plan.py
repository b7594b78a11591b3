"""How well `gridws plan` predicts: one fleet recorded with two engineers, predicted and run with other numbers."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

COUNT: Final = 30
RECORDED: Final = 2
PREDICTED: Final = (1, 3, 4)
GRIDWS: Final = (sys.executable, "-m", "gridws")


def run(engineers: int, database: Path, seconds: float, seed: int) -> None:
    """Run the product for so long."""
    where = ("--port", "0", "--database", str(database), "--log-level", "error")
    with subprocess.Popen(
        [*GRIDWS, "monitor", *where, "--engineers", str(engineers)], stdout=subprocess.PIPE, text=True
    ) as monitor:
        assert monitor.stdout is not None  # noqa: S101 - it is a pipe
        port = monitor.stdout.readline().split("localhost:")[1].split()[0]
        fleet = ("--count", str(COUNT), "--seed", str(seed), "--upload-frequency", "0.5")
        url = ("--monitor", f"ws://localhost:{port}", "--log-level", "error")
        with subprocess.Popen([*GRIDWS, "turbines", *fleet, *url]) as turbines:
            time.sleep(seconds)
            turbines.terminate()
        monitor.terminate()


def report(database: Path) -> dict[str, Any]:
    """Return what the fleet made of it."""
    command = [*GRIDWS, "report", "--json", "--since", "1d", "--database", str(database)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def predict(database: Path, engineers: int) -> dict[str, Any]:
    """Return what the plan says of so many engineers, from this file alone."""
    command = [*GRIDWS, "plan", "--json", "--database", str(database), "--engineers", str(engineers)]
    options = ["--precision", "0.1", "--seconds", "20"]
    answer = subprocess.run([*command, *options], capture_output=True, check=True).stdout
    pool: dict[str, Any] = json.loads(answer)["pools"][0]
    return pool


def interval_of_one_run(pool: dict[str, Any]) -> float:
    """Return half the width of an interval in which one more run lies, by that of the mean of those played."""
    return float(pool["availability_half_width"] * math.sqrt(pool["replications"] + 1))


def main() -> None:
    """Record, predict, run, compare."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 150.0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gridws-plan-")))
        print(f"recording {COUNT} turbines with {RECORDED} engineers for {seconds:g} s …", flush=True)
        recorded = folder / "recorded.db"
        run(RECORDED, recorded, seconds, seed=1)
        print(
            "| engineers | availability predicted | 95 % of runs | seen | engineers at work, predicted | seen |"
        )
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for engineers in PREDICTED:
            said = predict(recorded, engineers)
            seen_in = folder / f"{engineers}.db"
            run(engineers, seen_in, seconds, seed=1 + engineers)
            seen = report(seen_in)
            middle, half = said["availability"] * 100, interval_of_one_run(said) * 100
            work = sum(each["utilisation"] or 0 for each in seen["engineers"]) / engineers
            print(
                f"| {engineers} | {middle:.2f} % | {middle - half:.2f} to {middle + half:.2f} % "
                f"| {seen['fleet']['availability'] * 100:.2f} % "
                f"| {said['utilisation'] * 100:.1f} % | {work * 100:.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
