"""`gridws` as a process of its own, beside a monitor in this one."""

from __future__ import annotations

import asyncio
import sys

from live_monitor import LiveMonitor


async def gridws(monitor: LiveMonitor, *words: str) -> tuple[int | None, str, str]:
    """Run a command against the monitor; return its exit code, and what it wrote to both streams."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gridws", *words, "--monitor", monitor.url("")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
