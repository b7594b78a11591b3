"""How any client reaches a monitor, or why not: turbines, viewers and the dashboard dial through `reaching`."""
