"""The embedded store: one SQLite file.

`store` is the `Store`, `schema` has the tables and migrations, `database` the one connection that writes, `batches` how
rows get in, `history` and `records` (reports by `collected`, exports by `slices`) how they get out, `retention` what
goes, `exchanged` and `succession` what happens when the file is another one.
"""
