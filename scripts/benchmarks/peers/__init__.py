"""What gridws is measured beside: bare servers, and others' ways to get a fleet's readings into SQLite."""
