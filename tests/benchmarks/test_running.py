"""What the benchmark starts: peers that store all that they are sent, and ways of an engineer that end."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Final

import pytest

from scripts.benchmarks.contest import Opening
from scripts.benchmarks.dispatch import dispatch
from scripts.benchmarks.frames import gridws
from scripts.benchmarks.peers import storing
from scripts.benchmarks.processes import load

pytestmark = pytest.mark.slow

TURBINES: Final = 5
READINGS: Final = 50
PATIENCE: Final = 60.0


@pytest.fixture(params=["gridws", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def opening(request: pytest.FixtureRequest) -> Opening:
    return gridws if request.param == "gridws" else storing.mosquitto()


def test_a_peer_stores_all_that_it_is_sent(opening: Opening, tmp_path: Path) -> None:
    with opening(tmp_path) as server, load(server.port, server.protocol) as generator:
        generator.ask(do="open", first=1, count=TURBINES, hello=False)
        sent = generator.ask(do="send", rate=READINGS / 0.2, seconds=0.2)["sent"]
        assert server.database is not None
        wait_until_stored(server.database, sent)


def wait_until_stored(database: Path, readings: int) -> None:
    until = time.monotonic() + PATIENCE
    with contextlib.closing(sqlite3.connect(database)) as connection:
        while (stored := connection.execute("SELECT count(*) FROM metrics").fetchone()[0]) < readings:
            assert time.monotonic() < until, f"{stored} of {readings} are stored"
            time.sleep(0.02)
    assert stored == readings


def test_an_engineer_comes_each_way() -> None:
    echo, broken, cut = dispatch(rounds=1)
    assert echo.ratio == 1.0
    assert broken.ratio
    assert cut.ratio


def test_a_program_that_is_missing_is_said_with_what_brings_it() -> None:
    with pytest.raises(storing.Missing, match=r"there is no no-such-server \(apt-get install no-such\)"):
        storing.find_program("no-such-server", "no-such")
