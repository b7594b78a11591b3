"""What a running command takes up anew from its files: when SIGHUP asks for it, and when they change by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import GridError

LOOK_EVERY: Final = 30.0
"""Seconds between two looks at the files: a renewed certificate counts within a minute."""

_log = logging.getLogger("gridws")

_Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Renewable:
    """Something that comes from `files`; `renew` reads them again and raises `GridError` for what cannot be."""

    name: str
    files: tuple[Path, ...]
    renew: Callable[[], None]


class Reloads:
    """All that one command can take up anew; what fails stays as it was, and the log says so."""

    def __init__(self, renewables: Iterable[Renewable]) -> None:
        self._seen = {each: _signature(each) for each in renewables}

    def reload(self) -> None:
        """Take up everything anew."""
        if not self._seen:
            _log.info("SIGHUP: there are no files to read again")
        for each in self._seen:
            self._renew(each)

    def look(self) -> None:
        """Take up anew what has changed since it was read last."""
        for each, seen in self._seen.items():
            if _signature(each) != seen:
                self._renew(each)

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

    def _renew(self, each: Renewable) -> None:
        self._seen[each] = _signature(each)  # before it is read: what changes meanwhile is read once more
        try:
            each.renew()
        except GridError as error:
            _log.error("%s: what was read before stays in force", error)
        else:
            _log.info("%s read again", each.name)


def _signature(renewable: Renewable) -> _Signature:
    return tuple(map(_signature_of_file, renewable.files))


def _signature_of_file(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
