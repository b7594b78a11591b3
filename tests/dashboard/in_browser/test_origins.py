"""Whose pages the dashboard serves."""

from __future__ import annotations

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from .seen import Grid

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/", {"Host": "evil.example"}, 403, id="another name that means this machine"),
        pytest.param("/", {"Origin": "http://evil.example"}, 403, id="a page of another site"),
        pytest.param(
            "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"Origin": "http://a.b"}, 403, id="a poll"
        ),
        pytest.param("/healthz", {}, 200, id="a probe"),
    ],
)
async def test_only_the_pages_own_origin_is_served(
    grid: Grid, path: str, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(grid.page.url + path, headers=headers)

    assert answer.status_code == status


async def test_another_sites_page_opens_no_websocket(grid: Grid) -> None:
    url = grid.page.url.replace("http", "ws", 1) + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"

    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin=Origin("http://evil.example"), proxy=None)

    assert refused.value.response.status_code == 403
