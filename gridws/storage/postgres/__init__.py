"""A store that several monitors share: PostgreSQL, as its owner runs it.

Each process that writes is a writer, with a row of its own in `writers` and an advisory lock that the database drops
with its session. A stream of readings has an owner, the writer that took its last `hello`: readings of a stream that
another one owns meanwhile are refused and never acknowledged, so when turbines change monitors none is lost or kept
twice.

`connections` is the one seam for what can go wrong with the database; `schema` has the tables and how they come to be,
`batches` and `cursors` what a commit does, `rollup` and `retention` the upkeep, `history` and `records` what is read.
"""
