"""Several monitors that share a pool, each on a machine of its own, and turbines that go from one to the other.

`machines` has the time, `ways` and `tables` the log and the database that the monitors share, `grid` everything there
is, `schedule` what goes wrong when, `witness` what is seen at every step, `replay` follows the log beside all of them,
and `verdict` judges when all has calmed down.
"""
