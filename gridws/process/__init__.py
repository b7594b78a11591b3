"""How a process runs, listens, logs and writes files whole.

`lifetime` is what every long command runs in: an event loop that Ctrl-C and SIGTERM end cleanly.
"""
