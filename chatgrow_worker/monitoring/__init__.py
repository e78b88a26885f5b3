"""What a worker counts, and how that is served."""
