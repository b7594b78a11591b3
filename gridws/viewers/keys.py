"""Keys that are typed at a live view: they count at once, and are not echoed."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

STDIN: Final = 0


@contextmanager
def key_typed(key: str, terminal: int = STDIN) -> Iterator[asyncio.Event]:
    """Give an event that is set once this key is typed; where there is no terminal to read from, it never is."""
    typed = asyncio.Event()
    if not _may_read(terminal):
        yield typed
        return
    loop, before = asyncio.get_running_loop(), termios.tcgetattr(terminal)

    def read() -> None:
        keys = os.read(terminal, 1_024)
        if key.encode() in keys:
            typed.set()
        if not keys:  # its end: it would be readable for ever
            loop.remove_reader(terminal)

    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield typed
    finally:
        loop.remove_reader(terminal)
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _may_read(terminal: int) -> bool:
    """Return whether it is a terminal, and this process not in its background, where it would be halted."""
    if not os.isatty(terminal):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # it is a terminal that controls nobody here
        return True
