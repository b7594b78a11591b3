"""The OpenAPI document, and requests of all kinds made from it: whatever is asked, no answer is a 500."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from identities import OPERATOR, SECRET, bearer
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gridws.monitor.monitor import GridMonitor
from gridws.web.app import create_app

DOCUMENT = create_app(GridMonitor()).openapi()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a monitor that asks for tokens; return its address."""
    database = tmp_path_factory.mktemp("openapi") / "gridws.db"
    command = [sys.executable, "-m", "gridws", "monitor", "--port", "0", "--database", str(database)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDWS_")}
    with subprocess.Popen(
        command, env=environment | {"GRIDWS_SECRET": SECRET}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        (port,) = re.findall(r"localhost:(\d+) ", process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.slow
# Each plan is a process of its own: tests/web/test_plan_api.py asks for some.
@SCHEMA.exclude(path="/api/v1/plan").parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_request_is_answered_as_the_document_says(case: Case[Any], monitor: str) -> None:
    case.call_and_validate(
        base_url=monitor,
        headers=bearer(OPERATOR),
        timeout=10,
        # That `since` lies before `until` is nothing that the document can say.
        excluded_checks=[positive_data_acceptance],
    )


@cache
def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation_says_what_it_is_for_and_what_goes_wrong(path: str, method: str) -> None:
    responses = operation(path, method)["responses"]

    assert operation(path, method)["description"]
    assert "403" in responses
    assert responses.keys() & {"200", "204"}
    assert [
        status
        for status, response in responses.items()
        if int(status) >= 400 and "application/problem+json" not in response["content"] and path != "/readyz"
    ] == []


@pytest.mark.parametrize(
    ("path", "method"), [each for each in OPERATIONS if each[0] not in {"/healthz", "/readyz"}]
)
def test_an_operation_that_is_guarded_says_so(path: str, method: str) -> None:
    assert {"bearer": []} in operation(path, method)["security"]
    assert {"401", "429"} <= operation(path, method)["responses"].keys()


@pytest.mark.parametrize("name", ["TurbineState", "EngineerState", "ReadingRow", "RepairRow"])
def test_a_row_has_an_example(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]

    (example,) = schema["examples"]

    assert set(example) == set(schema["properties"])
