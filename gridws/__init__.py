"""gridws watches wind turbines over WebSockets, keeps every reading and sends engineers to the broken ones.

The words, the same everywhere: in code, on the wire, in the database and in what people read.

* turbine, `turbine_number`: one wind turbine and its number, from 1 to 2,147,483,647.
* engineer, `engineer_id`: one of the pool, numbered from 1; a new one takes the lowest number that nobody has.
* metrics, reading: one measurement of one turbine. `power_output_in_kwh` is the energy of an hour at the present rate,
  so its number is the power in kW; the name is the assignment's.
* frame: one message on a WebSocket; up is from the turbine to the monitor, down the other way.
* link: the connection between a turbine and the monitor, as a fact: up or lost.
* session: the monitor's side of one link; its id is never used again.
* event, command: what the dispatcher is told, in the past tense, and what it wants done, in the imperative.
* assignment, `assignment_id`: one engineer at one turbine, from assigned to ended; a row of `repairs` with the same id.
* stream, `sequence`: the readings of one run of a turbine, numbered 1, 2, 3 …
* viewer: whoever watches: the dashboard, `gridws watch`, a script.

The house. Monitor, turbines and viewers are three columns that share the wire, and no column imports another.

* The words everybody shares are the modules here; each package's first lines say what it is for and where to begin.
* Monitor: `dispatch` decides who goes where, `storage` keeps, `monitor` brings both together without a network,
  `server` has its sockets, `web` its HTTP. Turbines: `turbines`. Viewers: `viewers`, `dashboard`.
* Between them: `wire` (frames), `client` (how a monitor is reached), `access` (who may what), `report` (figures out of
  rows), `process` (how a process runs). `commands` puts programs together, and nothing imports it but `cli`.

Who may import whom is one list, `MAY_IMPORT` in `tests/test_layers.py`. What it keeps true:

* The dispatcher is pure: no clock, no I/O, no asyncio, no randomness, no logging, nothing from outside.
* A session is synchronous and talks to a `Link`; it and the monitor know no web framework.
* Nobody outside `storage` and `commands` names a database.
* No import goes in a circle, also none inside a function or behind `TYPE_CHECKING`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which is not imported: until `__main__` runs, Ctrl-C has a traceback
if TYPE_CHECKING:
    from .monitor.monitor import GridMonitor
    from .turbines.turbine import WindTurbine
    from .wire.frames import TurbineMetrics
    from .words import OperationalStatus

__all__ = ["GridMonitor", "OperationalStatus", "TurbineMetrics", "WindTurbine"]

_LATER = {
    "GridMonitor": ".monitor.monitor",
    "OperationalStatus": ".words",
    "TurbineMetrics": ".wire.frames",
    "WindTurbine": ".turbines.turbine",
}


def __getattr__(name: str) -> object:
    # Imported when asked for, so that `gridws --help` and a turbine start at once, and the dispatcher stays pure.
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
