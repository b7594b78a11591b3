"""Tells other programs over HTTP what happens in the grid, as it is told to viewers.

Each receiver has a bounded queue and a task of its own: one that is slow, dead or lying disturbs nobody. A message goes
out again, with growing delays, until the receiver answers that it took it or will never; the oldest go when too many
wait, and are counted. One message may come twice, and its `X-Gridws-Delivery` is the same then. They come in order.
What waits when the monitor ends goes out within a bounded time; what is not taken by then is counted and told.
"""
