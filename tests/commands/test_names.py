"""`gridws names` and `gridws note` against a monitor that runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_monitor import served
from shell import gridws

from gridws.storage.rows import Name

pytestmark = pytest.mark.slow


async def test_names_come_from_a_file_and_go_into_one(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_text(
        'turbine_number,engineer_id,name,site\n7,,West 3,Westermarsch\n8,,,Norden\n,2,"Ann, M.",\n'
    )
    async with served() as monitor:
        said = await gridws(monitor, "names", str(file))
        printed = await gridws(monitor, "names")

        assert said == (0, f"3 names set, as {file} says\n", "")
        assert printed == (0, file.read_text(), "")
        assert monitor.monitor.fleet_state.names.engineers == {2: Name("Ann, M.", None)}


async def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    rows = [f"{number};West {number}" for number in range(1, 251)]
    file.write_text("\r\n".join(["\ufeffturbine_number;name", *rows, ""]), encoding="utf-8")
    async with served() as monitor:
        code, said, _ = await gridws(monitor, "names", str(file))

        assert (code, said) == (0, f"250 names set, as {file} says\n")
        assert monitor.monitor.fleet_state.names.turbines[250] == Name("West 250", None)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "it is empty; the first line names columns"),
        ("number,name\n7,West", "there is no column number; the first line names columns"),
        (
            "turbine_number,name\n7,West\n7th,West",
            "line 3: turbine_number '7th' is no number from 1 to 2147483647",
        ),
        ("turbine_number,name\n,West", "line 2: give either turbine_number or engineer_id"),
        ("turbine_number,name\n7,West,3", "line 2: there are more cells than columns"),
    ],
)
async def test_a_file_with_a_mistake_names_nothing_and_says_where(
    tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "names.csv"
    file.write_text(content)
    async with served() as monitor:
        code, _, complaint = await gridws(monitor, "names", str(file))

        assert code == 2
        assert sentence in complaint
        assert monitor.monitor.fleet_state.names.turbines == {}


async def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    async with served() as monitor:
        code, _, complaint = await gridws(monitor, "names", str(tmp_path / "none.csv"))

        assert code == 2
        assert complaint.startswith("gridws: cannot read ")


async def test_a_note_is_kept() -> None:
    async with served() as monitor:
        done = await gridws(monitor, "note", "7", "crane on Tuesday")
        events = await monitor.monitor.store.events(limit=9)

        assert done == (0, "noted of turbine 7\n", "")
        assert [(event.kind, event.turbine_number, event.text) for event in events] == [
            ("note", 7, "crane on Tuesday")
        ]
