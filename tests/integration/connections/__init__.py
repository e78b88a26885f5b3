"""Integration tests: one connection and the pool."""
