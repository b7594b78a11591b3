"""A pytest plug-in for continuous integration: a test that skips, for want of a tool, is a failure there.

Loaded with `-p nothing_skipped`, so that no test has to remember it.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def turn_into_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be skipped here: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    turn_into_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    turn_into_failure(report)
    return report
