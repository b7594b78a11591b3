"""A real headless Chromium, driven over its DevTools protocol: what people see, without a driver to install.

async with Chromium() as browser:
    page = await browser.open("http://localhost:8788")
    await page.until("document.body.innerText.includes('online')")
    await page.press("ArrowRight")
    assert page.errors == []
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE: Final = 60.0
"""Seconds that any single wait may take; only a failing test ever waits so long."""
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
KEYS: Final = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "End": 35,
    "/": 191,
}

Message = dict[str, Any]


def find_chromium() -> str | None:
    """Return the browser's program, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One tab: `errors` is what its console complained about, `urls` whatever it asked a network for."""

    def __init__(self, target: str, session: str, call: Any) -> None:
        self.target = target
        self.errors: list[str] = []
        self.urls: list[str] = []
        self.loads = 0
        self._session = session
        self._call_browser = call

    async def call(self, method: str, **params: Any) -> Message:
        answer: Message = await self._call_browser(method, params, self._session)
        return answer

    def hear(self, method: str, params: Message) -> None:
        if method in {"Network.requestWillBeSent", "Network.webSocketCreated"}:
            self.urls.append(params["request"]["url"] if "request" in params else params["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(str(params["entry"]))

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until an expression is true, and return its value; show the page's text if it never is."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (value := await self.evaluate(condition)):  # noqa: ASYNC110 - pages tell nobody
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never true: {condition}\n\n{await self.text()}") from None
        return value

    async def load(self, method: str = "Page.reload", **params: Any) -> None:
        """Load the page, by default once more; between two documents there is nothing to evaluate in."""
        before = self.loads
        await self.call(method, **params)
        async with asyncio.timeout(PATIENCE):
            while self.loads == before:  # noqa: ASYNC110 - pages tell nobody
                await asyncio.sleep(0.02)

    async def text(self) -> str:
        """Return what the page says to its reader."""
        return str(await self.evaluate("document.body.innerText"))

    async def until_said(self, words: str) -> None:
        await self.until(f"document.body?.innerText.includes({json.dumps(words)})")

    async def click(self, selector: str) -> None:
        await self.until(f"!!document.querySelector({json.dumps(selector)})")
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=KEYS[key],
                **(text if kind == "keyDown" else {}),
            )

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def look(self, width: int = 1440, height: int = 900, *, dark: bool = False) -> None:
        """Set the window's size and the theme that the system prefers."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


class Chromium:
    """The browser and its tabs; it ends with the block."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._pages: dict[str, Page] = {}
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0

    async def __aenter__(self) -> Self:
        program = find_chromium()
        assert program is not None, "there is no Chromium: apt-get install chromium"
        self._process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={self._folder.name}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        port, path = await self._address()
        self._link = await connect(
            f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None, proxy=None
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await self._link.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def open(self, url: str, width: int = 1440, height: int = 900, *, dark: bool = False) -> Page:
        """Open a tab and load the page."""
        target = (await self._call("Target.createTarget", {"url": "about:blank"}))["targetId"]
        session = (await self._call("Target.attachToTarget", {"targetId": target, "flatten": True}))[
            "sessionId"
        ]
        page = self._pages[session] = Page(target, session, self._call)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.call(f"{domain}.enable")
        await page.look(width, height, dark=dark)
        await page.load("Page.navigate", url=url)
        return page

    async def close_pages(self) -> None:
        """Close all tabs that were opened: each goes on showing what happens, and takes its time for that."""
        for page in self._pages.values():
            await self._call("Target.closeTarget", {"targetId": page.target})
        self._pages.clear()

    async def _address(self) -> tuple[int, str]:
        async with asyncio.timeout(PATIENCE):
            while not (found := self._read_address()):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
        return int(found[0]), found[1]

    def _read_address(self) -> list[str]:
        with suppress(FileNotFoundError):
            return Path(self._folder.name, "DevToolsActivePort").read_text(encoding="utf-8").split()
        return []

    async def _call(self, method: str, params: Message, session: str | None = None) -> Message:
        self._last_id += 1
        answer = self._answers[self._last_id] = asyncio.get_running_loop().create_future()
        message: Message = {"id": self._last_id, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        await self._link.send(json.dumps(message))
        async with asyncio.timeout(PATIENCE):
            result: Message = await answer
        return result

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._link:
                self._take(json.loads(text))

    def _take(self, message: Message) -> None:
        if "id" in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(AssertionError(message["error"]))
            elif not answer.done():
                answer.set_result(message["result"])
        elif page := self._pages.get(message.get("sessionId", "")):
            page.hear(message["method"], message["params"])
