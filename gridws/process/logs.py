"""Log lines: coloured on a terminal, plain in a pipe, JSON where machines read them; to standard error or a file.

A line that nobody takes, because a terminal or a pager is halted, is dropped: nothing waits for a log, unless a
single line has more than 4 KiB. What happens to turbines is said by the logger `gridws.grid`, so that it can be turned
down and what concerns the operator stays.
"""

from __future__ import annotations

import json
import logging
import select
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final, TextIO

from ..errors import OptionError, OutputFailed, system_words
from ..printable import printable
from ..wire.frames import Event

LEVELS: Final = ("debug", "info", "warning", "error")
LOGGERS: Final = (
    "gridws",
    "gridws.dashboard",
    "gridws.grid",
    "gridws.guard",
    "gridws.server",
    "gridws.web",
    "gridws.websocket",
)
"""Who says something; a level for `gridws` is one for all of which no other is said."""
LONGEST_TEXT: Final = 10_000
"""Characters: whoever has more to say would fill the disk with few lines."""


class LogFormat(StrEnum):
    """How it is said; `text` has colours on a terminal."""

    text = "text"
    json = "json"


def configure(
    levels: Iterable[str] = (), style: LogFormat = LogFormat.text, file: Path | None = None
) -> None:
    """Send the log lines of gridws, and the warnings of the libraries below it, to a file or standard error.

    A level is one of `LEVELS` for all of gridws, or LOGGER=LEVEL; raises `OptionError` for what is neither, and
    `OutputFailed` for a file that cannot be written. A file that is moved away is begun anew at the next line.
    """
    by_logger = {"gridws": "info"} | dict(map(_parsed, levels))
    logging.basicConfig(level=logging.WARNING, handlers=[_handler(style, file)], force=True)
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(by_logger.get(logger, "notset").upper())
    # The WebSocket library tells of every peer that breaks the protocol; the frame counters do so in one number.
    logging.getLogger("websockets").setLevel(logging.ERROR)


def _parsed(text: str) -> tuple[str, str]:
    logger, equals, level = text.rpartition("=")
    logger = logger if equals else "gridws"
    if level not in LEVELS or logger not in LOGGERS:
        raise OptionError(
            f"--log-level: {text!r} is not one of {', '.join(LEVELS)}, nor LOGGER=LEVEL with one of the loggers "
            f"{', '.join(LOGGERS)}"
        )
    return logger, level


def _handler(style: LogFormat, file: Path | None) -> logging.Handler:
    formatter = _JsonFormatter() if style is LogFormat.json else _TextFormatter()
    if file is not None:
        handler: logging.Handler = _opened(file)
    elif style is LogFormat.text and sys.stderr.isatty():
        handler = _TerminalHandler()
    else:
        handler = _StreamHandler()
    handler.setFormatter(formatter)
    if file is None:
        handler.addFilter(_Unread())
    return handler


def _opened(file: Path) -> logging.Handler:
    try:
        return _FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputFailed(f"--log-file {file}", system_words(error)) from error


class _NeverFails(logging.Handler):
    """Loses a line that cannot be written, on a full disk or a closed terminal, instead of writing a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _StreamHandler(_NeverFails, logging.StreamHandler[TextIO]):
    """To standard error, in a pipe or a file."""


class _FileHandler(_NeverFails, WatchedFileHandler):
    """To a file of its own."""

    def close(self) -> None:
        """Close it; what a full disk did not take is lost."""
        with suppress(OSError):
            super().close()


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


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(
            record.created
        ).astimezone()  # with its zone: machines' logs are read together
        line = f"{at.isoformat(' ', 'milliseconds')} {record.levelname:<7} {_text_of(record)}"
        return f"{line}\n{_traceback_of(record)}" if record.exc_info else line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _text_of(record),
        }
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            line |= event.model_dump(mode="json", exclude_none=True, exclude={"id", "at", "text"})
        if record.exc_info:
            line["traceback"] = _traceback_of(record)
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
    "clock_off": "bold yellow",
    "storage_failed": "bold red",
    "storage_recovered": "bold green",
    "monitor_lost": "bold red",
}


class _TerminalHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # the terminal was closed
            self._print(record)

    def _print(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self._console.print(Text.assemble((clock, "dim"), " ", (_text_of(record), _style(record))))
        if record.exc_info:
            self._console.print(Text(_traceback_of(record), "dim"))


def _text_of(record: logging.LogRecord) -> str:
    """Return what a record says, in one line that no terminal obeys: peers' words may be in it."""
    return printable(record.getMessage().rstrip(), longest=LONGEST_TEXT)


def _traceback_of(record: logging.LogRecord) -> str:
    lines = "".join(traceback.format_exception(record.exc_info[1])) if record.exc_info else ""
    return "\n".join(map(printable, lines.rstrip().split("\n")))


def _style(record: logging.LogRecord) -> str:
    event = getattr(record, "event", None)
    if isinstance(event, Event):
        return _STYLES.get(event.kind, "default")
    if record.levelno >= logging.ERROR:
        return "bold red"
    return "yellow" if record.levelno >= logging.WARNING else "default"
