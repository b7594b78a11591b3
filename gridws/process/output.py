"""Standard output and error, on which every command may rely: there, and writable whatever their encoding."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Final, TextIO

_STANDING_IN: Final = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)
"""How /dev/null takes the place of a closed descriptor 0, 1 or 2: whoever writes to a closed output is told so."""


def prepare_streams() -> None:
    """Take care of closed descriptors, whose numbers a database or socket would get, and of other encodings."""
    for descriptor, mode in enumerate(_STANDING_IN):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest free number, which is this one
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - stays open to the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - as above
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def hush_output() -> None:
    """Send what is still buffered nowhere: Python flushes at its end, and would complain then."""
    _hush(sys.stdout)


def hush_errors_nobody_reads() -> None:
    """Do the same with errors that cannot be written, to a terminal that was closed: the exit code tells enough."""
    try:
        sys.stderr.flush()
    except OSError:
        _hush(sys.stderr)


def _hush(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    with suppress(OSError):
        stream.flush()
