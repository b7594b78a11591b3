"""Takes the README's picture: a monitor, a fleet that breaks now and then, and the page in a Chromium."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

HERE = Path(__file__).parent
HEIGHT = 980
"""Pixels: the whole page of a fleet of cards."""
sys.path.insert(0, str(HERE.parent / "tests"))

from chromium import Chromium  # noqa: E402 - it drives the browser of the tests too
from processes import Command, dashboard, start_monitor  # noqa: E402


async def fleet(monitor: Command, count: int) -> asyncio.subprocess.Process:
    """Start turbines of which some are always broken, so that there is something to see."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gridws", "turbines", "--count", str(count), "--monitor", monitor.url),
        *("--time-to-repair", "3", "--seed", "7", "--log-level", "error"),
    )


async def take(path: Path, *, count: int, engineers: int, seconds: float, width: int, dark: bool) -> None:
    """Run it all for a while, then write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        monitor = await start_monitor(Path(folder), engineers=engineers)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(monitor.end)
            turbines = await fleet(monitor, count)
            stack.push_async_callback(turbines.wait)
            stack.callback(turbines.terminate)
            server = await stack.enter_async_context(dashboard(monitor.url, Path(folder)))
            browser = await stack.enter_async_context(Chromium())
            page = await browser.open(server.url, width, HEIGHT, dark=dark)
            await asyncio.sleep(seconds)
            picture = await page.screenshot()
    await asyncio.to_thread(path.write_bytes, picture)


def main() -> None:
    """Read the options and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=HERE / "dashboard.png")
    parser.add_argument("--count", type=int, default=60, help="turbines")
    parser.add_argument("--engineers", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=200, help="how long to wait before the picture")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--dark", action="store_true")
    options = vars(parser.parse_args())
    asyncio.run(take(options.pop("path"), **options))


if __name__ == "__main__":
    main()
