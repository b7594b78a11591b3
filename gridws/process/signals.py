"""What signals mean to a command.

SIGHUP: a terminal that is closed ends a command, as SIGTERM does; a service, which has none, reads files again. A
command that `nohup` started does not hear it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from functools import cache


@cache
def has_terminal() -> bool:
    """Return whether a terminal controlled this process at its start."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def listen_to_signals(*, service: bool) -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `KeyboardInterrupt`, but for those that this process shall ignore.

    A `service` without a terminal passes over SIGHUP until it has something to reload.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            passes_over = number is signal.SIGHUP and service and not has_terminal()
            signal.signal(number, _nothing if passes_over else signal.default_int_handler)


def on_hangup(*, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """From now on, and as long as the running loop does, let SIGHUP call one of these two."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        chosen = stop if has_terminal() else reload
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, chosen)


def _nothing(*_: object) -> None:
    """Be a handler, which a program started from here would not inherit."""
