"""Files: stored, sent and received."""
