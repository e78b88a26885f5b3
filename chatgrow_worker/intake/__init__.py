"""What comes to the worker through Redis: rings, and arq jobs."""
