"""A replica of the fleet for whoever watches, and the fleet on a terminal.

`mirror` holds the connection and feeds a `replica`, which is pure; `terminal` shows it, and so does the dashboard.
"""
