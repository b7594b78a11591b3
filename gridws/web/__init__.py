"""The monitor's HTTP API, its documents and its login page.

`app` puts all routes together, `api` has those under `/api/v1`, `prometheus` the numbers of `/metrics`; every refusal
and mistake becomes a sentence in `problems`.
"""
