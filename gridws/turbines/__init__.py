"""The turbines' process: what breaks, reports and is repaired.

`turbine` is one turbine, `fleet` many in one process. Readings go from a turbine to its `uplink`, which keeps those not
acknowledged in its `backlog` and sends them over a `MonitorLink`; `websocket_link` is the real one, made by `dialing`.
"""
