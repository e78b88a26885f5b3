"""A process: how it starts, what its children get, and how they end with it."""
