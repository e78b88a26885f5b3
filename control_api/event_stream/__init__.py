"""Server-sent events: read once for the process, followed by many."""
