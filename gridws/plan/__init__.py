"""How many engineers: the dispatcher that works live, run in virtual time. Pure."""
