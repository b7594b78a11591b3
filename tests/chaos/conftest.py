"""A site for each test, whose programs end with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import Site, site


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made
