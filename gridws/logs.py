"""Log lines: coloured on a terminal, plain in a pipe, JSON where machines read them. They go to standard error.

A line that nobody takes, because a terminal or a pager is halted, is dropped: nothing waits for a log, unless a
single line has more than 4 KiB.
"""

from __future__ import annotations

import json
import logging
import select
import sys
import time
from contextlib import suppress
from enum import StrEnum

from .frames import Event


class LogLevel(StrEnum):
    """How much is said."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class LogFormat(StrEnum):
    """How it is said; `text` has colours on a terminal."""

    text = "text"
    json = "json"


def configure(level: LogLevel = LogLevel.info, style: LogFormat = LogFormat.text) -> None:
    """Send the log lines of gridws, and the warnings of the libraries below it, to standard error."""
    if style is LogFormat.json:
        handler: logging.Handler = logging.StreamHandler()
        handler.setFormatter(_JsonFormatter())
    elif sys.stderr.isatty():
        handler = _TerminalHandler()
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    handler.addFilter(_Unread())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("gridws").setLevel(level.upper())
    # The WebSocket library tells of every peer that breaks the protocol; the frame counters do so in one number.
    logging.getLogger("websockets").setLevel(logging.ERROR)


class _Unread(logging.Filter):
    """Drops lines while standard error takes none, and says how many as soon as it does again."""

    def __init__(self) -> None:
        super().__init__()
        self._dropped = 0

    def filter(self, _record: logging.LogRecord) -> bool:
        with suppress(ValueError, TypeError, OSError):  # it may be closed, or have no descriptor
            if not select.select([], [sys.stderr], [], 0)[1]:
                self._dropped += 1
                return False
        if self._dropped:
            count, self._dropped = self._dropped, 0
            logging.getLogger("gridws").warning("%s log lines were dropped: nobody took them", f"{count:,}")
        return True


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            line |= event.model_dump(mode="json", exclude_none=True, exclude={"id"})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


_STYLES = {
    "broke": "red",
    "waiting": "bold red",
    "assigned": "yellow",
    "repaired": "green",
    "healed": "green",
    "lost": "magenta",
    "engineer_back": "cyan",
    "withdrawn": "bold yellow",
    "storage_failed": "bold red",
    "storage_recovered": "bold green",
}


class _TerminalHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self._console.print(Text.assemble((clock, "dim"), " ", (record.getMessage(), _style(record))))
        if record.exc_info:
            self._console.print(Text(logging.Formatter().formatException(record.exc_info), "dim"))


def _style(record: logging.LogRecord) -> str:
    event = getattr(record, "event", None)
    if isinstance(event, Event):
        return _STYLES.get(event.kind, "default")
    if record.levelno >= logging.ERROR:
        return "bold red"
    return "yellow" if record.levelno >= logging.WARNING else "default"
