"""Files that are read again, asked or unasked."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from virtual_time import run

from gridws.errors import OptionError
from gridws.process.reloading import LOOK_EVERY, Reloads, Renewable


class Words:
    """What a file holds, as it was last read; a file that says `wrong` cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads: list[str] = []

    def renew(self) -> None:
        words = self.path.read_text()
        if words == "wrong":
            raise OptionError("this is wrong")
        self.reads.append(words)

    def write(self, words: str) -> None:
        """Put another file in the place of this one, as whoever renews certificates does."""
        new = self.path.with_suffix(".new")
        new.write_text(words)
        new.replace(self.path)


@pytest.fixture
def words(tmp_path: Path) -> Words:
    (tmp_path / "words").write_text("first")
    return Words(tmp_path / "words")


@pytest.fixture
def reloads(words: Words) -> Reloads:
    return Reloads([Renewable("words", (words.path,), words.renew)])


def test_what_is_asked_for_is_read_although_nothing_changed(words: Words, reloads: Reloads) -> None:
    reloads.reload()

    assert words.reads == ["first"]


def test_only_what_changed_is_read_again_by_itself(words: Words, reloads: Reloads) -> None:
    reloads.look()
    words.write("second")
    reloads.look()
    reloads.look()

    assert words.reads == ["second"]


def test_what_cannot_be_read_is_said_once_and_changes_nothing(
    words: Words, reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    words.write("wrong")
    reloads.look()
    reloads.look()

    assert words.reads == []
    assert caplog.messages == ["this is wrong: what was read before stays in force"]


def test_a_file_that_is_away_for_a_moment_is_read_when_it_is_back(words: Words, reloads: Reloads) -> None:
    words.path.rename(words.path.with_suffix(".old"))
    words.write("second")
    reloads.look()

    assert words.reads == ["second"]


def test_it_is_looked_at_within_a_minute(words: Words, reloads: Reloads) -> None:
    async def story() -> None:
        watching = asyncio.create_task(reloads.watch())
        words.write("second")
        await asyncio.sleep(LOOK_EVERY + 1)
        watching.cancel()

    run(story())

    assert words.reads == ["second"]
    assert LOOK_EVERY < 60


def test_who_has_no_files_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Reloads([]).reload()

    assert caplog.messages == ["SIGHUP: there are no files to read again"]
