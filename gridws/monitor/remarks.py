"""What people say that sends nobody anywhere: names, sites and notes.

It goes by the dispatch port, so that all who share a pool hear it, and is told, kept and shown when it comes back.
Numbers stay the identity: two turbines may bear one name, and a name may change.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dispatch import DispatchPort, Named, Naming, Noted, Remark
from ..moments import Moment
from ..storage.rows import NAMELESS, Event, Name, Names
from ..words import Deed
from .chronicle import Chronicle
from .fan_out import FleetWatch
from .write_queue import WriteQueue

__all__ = ["Naming", "Remarks"]


class Remarks:
    """Takes names into `names`, which others read, and notes."""

    def __init__(self, names: Names, port: DispatchPort, *, queue: WriteQueue, watch: FleetWatch) -> None:
        self._names = names
        self._port = port
        self._queue = queue
        self._watch = watch

    def recall(self, names: Names) -> None:
        """Know what earlier runs were told; where that is found late, what people said since then is newer."""
        for known, earlier in zip(self._names, names, strict=True):
            for number, name in earlier.items():
                known.setdefault(number, name)

    def name(self, namings: Sequence[Naming], now: Moment, *, by: str | None = None) -> None:
        """Call turbines and engineers so; those that bear the name already are passed over."""
        news = tuple(naming for naming in namings if self._is_news(naming))
        if news:
            self._port.tell(Named(news, by), now)

    def note(
        self, text: str, now: Moment, *, turbine_number: int | None = None, by: str | None = None
    ) -> None:
        """Take down what somebody says of a turbine or, None, of the fleet."""
        self._port.tell(Noted(text, turbine_number, by), now)

    def take(self, remark: Remark, now: Moment, chronicle: Chronicle, *, keep: bool) -> None:
        """Have it known, told by this chronicle and, unless another monitor does, kept."""
        if isinstance(remark, Named):
            self._take_names(remark, now, chronicle, keep=keep)
            return
        if keep:
            self._queue.put_event(
                Event(now.at, Deed.note, remark.turbine_number, text=remark.text, by=remark.by)
            )
        chronicle.note(remark.text, remark.turbine_number, remark.by, now)

    def _take_names(self, named: Named, now: Moment, chronicle: Chronicle, *, keep: bool) -> None:
        news = [naming for naming in named.namings if self._is_news(naming)]
        for naming in news:
            number, engineer, name, site = naming
            # Also where it takes a name away: what is recalled later is older.
            if number is not None:
                self._names.turbines[number] = Name(name, site)
                self._watch.turbine_changed(number)
            elif engineer is not None:
                self._names.engineers[engineer] = Name(name, site)
                self._watch.engineers_changed()
            if keep:
                self._queue.put_event(
                    Event(now.at, Deed.name, number, engineer, name=name, site=site, by=named.by)
                )
        if len(news) == 1:
            chronicle.named(news[0], named.by, now)
        elif news:
            chronicle.many_named(len(news), named.by, now)

    def _is_news(self, naming: Naming) -> bool:
        number, engineer, name, site = naming
        if number is not None:
            return self._names.turbines.get(number, NAMELESS) != (name, site)
        return engineer is not None and self._names.engineers.get(engineer, NAMELESS) != (name, site)
