"""The whole assignment in twenty lines, within this process: read this test first."""

from __future__ import annotations

from starlette.testclient import TestClient

from gridws import GridMonitor
from gridws.storage.memory import MemoryStore
from gridws.web.app import create_app


def reading(turbine_number: int, status: str) -> dict[str, object]:
    values = {"wind_speed": 100.0, "power_output_in_kwh": 3000.0, "operational_status": status}
    return {"type": "metrics", "turbine_number": turbine_number, **values}


def test_an_engineer_repairs_a_turbine_and_comes_back_from_one_that_goes_offline() -> None:
    store = MemoryStore()
    app = create_app(GridMonitor(engineer_count=1, store=store))
    with TestClient(app, base_url="http://localhost:8787") as monitor:
        with monitor.websocket_connect("ws://localhost:8787/ws/turbines/1") as turbine:
            turbine.send_json(reading(1, "ok"))
            turbine.send_json(reading(1, "broken"))
            assert turbine.receive_json()["type"] == "engineer_assigned"
            turbine.send_json(reading(1, "ok"))  # repaired: the only engineer is free again
            turbine.send_json(reading(1, "broken"))
            assert turbine.receive_json()["assignment_id"] == 2
        # Turbine 1 went offline while the engineer was there, who is free at once for the next one.
        with monitor.websocket_connect("ws://localhost:8787/ws/turbines/2") as turbine:
            turbine.send_json(reading(2, "broken"))
            assert turbine.receive_json()["engineer_id"] == 1
    assert [row.operational_status for row in store.kept] == ["ok", "broken", "ok", "broken", "broken"]
    assert [row.outcome for row in store.repair_rows.values()] == ["repaired", "disconnected", "disconnected"]
