"""gridws watches wind turbines over WebSockets, keeps every reading and sends engineers to the broken ones."""

from __future__ import annotations

from importlib import import_module

from .frames import OperationalStatus, TurbineMetrics

__all__ = ["GridMonitor", "OperationalStatus", "TurbineMetrics", "WindTurbine"]

_LATER = {"GridMonitor": ".monitor", "WindTurbine": ".turbine"}


def __getattr__(name: str) -> object:
    # The two big ones are imported when asked for, so that `gridws --help` and a turbine start at once.
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
