"""Lists over HTTP: the same JSON however many rows there are."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from gridws.storage.rows import Repair
from gridws.web.json_lists import as_list


@pytest.mark.parametrize("count", [0, 1, 200, 201, 1_000])
async def test_a_list_is_whole_however_long_it_is(count: int) -> None:
    app = Starlette()
    app.state.one_encoding = asyncio.Lock()
    rows = [Repair(number, 7, 1, 5, 6, None, None) for number in range(count)]

    answer = await as_list(Request({"type": "http", "app": app}), rows)

    assert json.loads(bytes(answer.body)) == [row._asdict() for row in rows]
