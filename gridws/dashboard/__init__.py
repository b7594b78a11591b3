"""The control-room page: a process of its own, a viewer of the monitor like any other.

`room` knows the fleet and asks the monitor for what was, `page` shows it to one visitor, the rest are the
parts of a page. Live state comes from the mirror only, history and the roster from the monitor's HTTP API.
"""
