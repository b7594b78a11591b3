"""A key at a terminal, seen without Enter, and the terminal as it was before."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
from collections.abc import Iterator
from select import select

import pytest

from gridws.viewers.keys import key_typed

PATIENCE = 10.0


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


async def test_a_key_counts_without_enter(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)

    with key_typed("q", theirs) as typed:
        os.write(ours, b"xyzq")
        async with asyncio.timeout(PATIENCE):
            await typed.wait()

    assert termios.tcgetattr(theirs) == before


async def test_other_keys_do_nothing(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with key_typed("q", theirs) as typed:
        os.write(ours, b"Q w")
        async with asyncio.timeout(PATIENCE):
            while select([theirs], [], [], 0)[0]:  # noqa: ASYNC110 - a terminal tells nobody that all was read
                await asyncio.sleep(0)

    assert not typed.is_set()


async def test_where_there_is_no_terminal_nothing_is_read() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", buffering=0) as writer:
        with key_typed("q", read_end) as typed:
            writer.write(b"q")
            await asyncio.sleep(0)
        writer.close()

        assert not typed.is_set()
        assert reader.read() == b"q"
