"""What systemd is told of a service, as sd_notify(3) and sd_watchdog_enabled(3) describe it; elsewhere nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import socket

_log = logging.getLogger("gridws")


def notify(state: str) -> None:
    """Tell whoever supervises this process one of the states of sd_notify, such as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
    except OSError as error:
        _log.warning("cannot tell %s to systemd: %s", state, error)


async def prove_life() -> None:
    """Tell the watchdog, where there is one, twice in each of its intervals that the event loop runs."""
    interval = _watchdog_interval()
    while interval is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval / 2)


def _watchdog_interval() -> float | None:
    """Return the seconds that the supervisor waits for a sign of life; None where nobody does, or of another."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not (microseconds.isascii() and microseconds.isdecimal()) or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None
