"""A pytest plug-in: what a test does to signals and loggers of this process ends with it.

A command that was run in this process leaves signals ignored, which every process that a later test starts would
inherit, and loggers with a level and a handler of its own. Nor do tests inherit what `nohup` or a shell's `&` ignores.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from typing import Final

import pytest

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def pytest_configure() -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def keep_loggers() -> Iterator[None]:
    # Not before: a plug-in is loaded earlier than coverage begins to measure.
    from gridws.process.logs import LOGGERS

    loggers = [logging.getLogger(name) for name in (None, *LOGGERS, "websockets", "uvicorn.error")]
    before = [(logger.level, logger.disabled, logger.propagate) for logger in loggers]
    yield
    for logger, (level, disabled, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.disabled, logger.propagate = disabled, propagate
