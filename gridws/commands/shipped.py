"""`gridws grafana`, `alerts` and `haproxy`: files for other programs, which lie in `gridws/watching/`."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import typer

DASHBOARD: Final = "dashboard.json"
RULES: Final = "gridws.rules.yml"
BALANCER: Final = "haproxy.cfg"


def shipped(name: str) -> str:
    """Return the text of a file that comes with the package."""
    return files("gridws").joinpath("watching", name).read_text(encoding="utf-8")


def grafana() -> None:
    """Print a dashboard for Grafana, over a Prometheus that reads the monitor's /metrics.

    In Grafana: Dashboards, New, Import.
    """
    typer.echo(shipped(DASHBOARD), nl=False)


def alerts() -> None:
    """Print alert rules for Prometheus, to be named in its `rule_files`.

    Its job that reads the monitor's /metrics is called gridws.
    """
    typer.echo(shipped(RULES), nl=False)


def haproxy() -> None:
    """Print a configuration for HAProxy, which gives several monitors one address.

    It takes their addresses from the variables MONITOR_A and MONITOR_B.
    """
    typer.echo(shipped(BALANCER), nl=False)
