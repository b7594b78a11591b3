"""A pytest plug-in: files with slow tests come first, so that at the end no core waits for the other's slow file."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)  # once it is known which tests run
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
