"""The files for Grafana and Prometheus: each read by what it is for, each metric in them one that there is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from full_monitor import FullMonitor
from typer.testing import CliRunner

from gridws.cli import app
from gridws.commands.shipped import BALANCER, DASHBOARD, RULES, shipped
from gridws.web.prometheus import exposition

NAME = re.compile(r"\b(?:gridws|process)_[a-z_]+\b")


def metrics_there_are() -> set[str]:
    lines = exposition(FullMonitor()).decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}


def expressions_in(part: Any) -> Iterator[str]:
    """Yield the queries of a dashboard."""
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        for each in part.values():
            yield from expressions_in(each)
    if isinstance(part, list):
        for each in part:
            yield from expressions_in(each)


def test_every_metric_of_the_dashboard_is_there() -> None:
    expressions = list(expressions_in(json.loads(shipped(DASHBOARD))))

    assert len(expressions) > 30
    assert {name for each in expressions for name in NAME.findall(each)} <= metrics_there_are()


def test_every_metric_of_the_alerts_is_there() -> None:
    expressions = re.findall(r"^ +expr: (.*)$", shipped(RULES), re.MULTILINE)

    assert len(expressions) > 8
    assert {name for each in expressions for name in NAME.findall(each)} <= metrics_there_are()


@pytest.mark.needs("promtool")
def test_prometheus_takes_the_alerts(tmp_path: Path) -> None:
    file = tmp_path / RULES
    file.write_text(shipped(RULES))

    checked = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", str(file)], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.needs("promtool")
def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = [
        each.replace("$__rate_interval", "5m").replace("$instance", ".*")
        for each in expressions_in(json.loads(shipped(DASHBOARD)))
    ]
    rules = [{"record": f"a:query_{place}", "expr": query} for place, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    checked = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.needs("promtool")
def test_prometheus_finds_nothing_to_complain_about_in_the_metrics() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(FullMonitor()), capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in json.loads(shipped(DASHBOARD))["panels"]]

    cells = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    ("command", "file"), [("grafana", DASHBOARD), ("alerts", RULES), ("haproxy", BALANCER)]
)
def test_a_command_prints_the_file_as_it_is(command: str, file: str) -> None:
    assert CliRunner().invoke(app, [command]).stdout == shipped(file)
