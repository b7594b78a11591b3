"""What every command that runs for months has below it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest
from virtual_time import run

from gridws.process.lifetime import COLLECT_EVERY, spared


class Viewer:
    """One of two that refer to each other."""

    other: Viewer


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_old_cycles_are_freed_within_the_hour() -> None:
    async def story() -> None:
        one, two = Viewer(), Viewer()
        one.other, two.other = two, one
        gc.collect()  # they are old now
        gone = weakref.ref(one)
        del one, two
        assert gone() is not None
        await asyncio.sleep(COLLECT_EVERY + 1)
        assert gone() is None

    run(spared(story()))
