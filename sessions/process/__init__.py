"""Child processes: their environment, and how they end with their parent."""
