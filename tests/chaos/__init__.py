"""Real processes, sockets and files, and what a bad day does to them."""
