"""A prompt with a line editor and its history, above which other lines are printed while somebody types.

Python's readline has no way to be called when a key is there, so a thread waits in it. It is never joined: whoever
ends while it waits must call `close`, which gives the terminal back as it was.
"""

from __future__ import annotations

import asyncio
import readline
import shutil
import sys
import termios
import threading
from collections.abc import AsyncIterator, Callable
from typing import Final

PROMPT: Final = "> "
UP: Final = "\033[A"
CLEAR: Final = "\r\033[J"
"""From the beginning of this row to the end of the screen."""


class Prompt:
    """The only reader of a terminal's standard input, and the only writer of its standard output."""

    def __init__(self, as_sent: Callable[[str], str]) -> None:
        """Begin; `as_sent` says how a line looks once it was typed."""
        self._as_sent = as_sent
        self._before = termios.tcgetattr(sys.stdin)
        self._typing = False
        readline.parse_and_bind("set disable-completion on")

    async def lines(self) -> AsyncIterator[str]:
        """Yield each line that is not empty, until Ctrl-D."""
        typed: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop, typed), daemon=True).start()
        while (line := await typed.get()) is not None:
            yield line

    def print_above(self, line: str) -> None:
        """Print a line, and below it what is being typed as it was."""
        typed = f"{PROMPT}{readline.get_line_buffer()}" if self._typing else ""
        sys.stdout.write(f"{_rows_up(typed)}{CLEAR}{line}\n{typed}")
        sys.stdout.flush()

    def close(self) -> None:
        """Give the terminal back as it was, the cursor on a row of its own."""
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        if self._typing:
            sys.stdout.write("\n")
            sys.stdout.flush()

    def _read(self, loop: asyncio.AbstractEventLoop, typed: asyncio.Queue[str | None]) -> None:
        while (line := self._next()) is not None:
            if line.strip():
                loop.call_soon_threadsafe(typed.put_nowait, line)
        loop.call_soon_threadsafe(typed.put_nowait, None)

    def _next(self) -> str | None:
        self._typing = True
        try:
            line = input(PROMPT)
        except (EOFError, OSError):  # Ctrl-D, or the terminal was closed
            return None
        finally:
            self._typing = False
        # It stands there without its time, now that Enter was typed.
        sys.stdout.write(
            f"{UP}{_rows_up(PROMPT + line)}{CLEAR}" + (f"{self._as_sent(line)}\n" if line.strip() else "")
        )
        sys.stdout.flush()
        return line


def _rows_up(text: str) -> str:
    """Return what moves the cursor from the end of a text, which the terminal may have wrapped, to its first row."""
    return UP * (max(0, len(text) - 1) // shutil.get_terminal_size().columns)
