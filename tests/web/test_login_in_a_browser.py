"""The login and the documentation in a real browser: what our policies forbid is felt only there."""

from __future__ import annotations

import pytest
from chromium import Chromium
from identities import OPERATOR, SECRET
from live_monitor import served

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

PASTE = "document.querySelector('input').value = '{}'; document.querySelector('input').focus()"
CHANGE = """fetch('/api/v1/engineers', {
    method: 'PUT', headers: {'Content-Type': 'application/json'}, body: '{"count": 5}'
}).then(answer => answer.status)"""
WATCH = """new Promise(resolve => {
    const socket = new WebSocket(`ws://${location.host}/ws/watch`);
    socket.onmessage = message => resolve(JSON.parse(message.data).type);
    socket.onerror = () => resolve('refused');
})"""


async def test_a_person_logs_in_reads_the_docs_and_changes_the_roster() -> None:
    async with served(secret=SECRET) as live, Chromium() as browser:
        page = await browser.open(f"http://127.0.0.1:{live.port}/docs")
        await page.until(
            "location.pathname == '/login' && !!document.querySelector('form input[type=password]')"
        )
        await page.evaluate(PASTE.format(OPERATOR))
        await page.press("Enter")
        await page.until("location.pathname == '/docs' && !!document.querySelector('.opblock')")

        assert await page.evaluate("document.cookie") == ""
        assert await page.evaluate(WATCH) == "snapshot"
        assert await page.evaluate(CHANGE) == 200
        assert live.monitor.engineer_count == 5
        assert page.errors == []
